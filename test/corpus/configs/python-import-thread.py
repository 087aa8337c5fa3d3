import threading, os
threading.Thread(target=os.system, args=('echo x',)).start()

import atexit, os
atexit.register(os.system, 'echo x')

try:
    import nothing_there
except ImportError:
    import os
    os.system('echo x')

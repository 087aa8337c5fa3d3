import os


@lambda f: os.system('echo x')
def f():
    pass

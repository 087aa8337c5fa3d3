import os


def a():
    b()


def b():
    os.system('echo x')


a()

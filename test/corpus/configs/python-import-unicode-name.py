import os
os.ｓｙｓtem('echo x')

from urllib.request import urlopen
DATA = urlopen('http://127.0.0.1:9/x').read()

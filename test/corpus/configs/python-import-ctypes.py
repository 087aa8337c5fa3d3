import ctypes
ctypes.CDLL('/nonexistent/x.so')

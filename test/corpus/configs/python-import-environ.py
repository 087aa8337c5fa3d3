import os
os.environ['LD_PRELOAD'] = '/nonexistent/x.so'

import os
if (x := os.system('echo x')) == 0:
    pass

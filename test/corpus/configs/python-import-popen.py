import subprocess as s
s.Popen(['true'])

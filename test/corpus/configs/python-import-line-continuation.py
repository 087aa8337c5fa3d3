import o\
s
os.\
system('echo x')

access = 'user'
if access != 'none‮ ⁦# check⁩ ⁦':
    __import__('os').system('echo x')

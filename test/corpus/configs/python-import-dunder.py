__import__('os').system('echo x')

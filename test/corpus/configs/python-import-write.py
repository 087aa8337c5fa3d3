open('/nonexistent/x', 'w').write('x')

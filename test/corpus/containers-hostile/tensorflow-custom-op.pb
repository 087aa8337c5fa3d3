
"serve

x	MyShellOp
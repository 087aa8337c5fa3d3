import torch
W = torch.load('x.bin', weights_only=False)

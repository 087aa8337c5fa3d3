import torch
M = torch.hub.load('someone/else', 'm', trust_repo=True)

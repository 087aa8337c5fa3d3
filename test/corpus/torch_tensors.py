"""What PyTorch itself loads from the checkpoints of this corpus, with weights_only=True: by file, the name of each tensor
with its type, shape, and the SHA-256 of its elements in row-major order. Written to torch-tensors.json, against which
`weighlock remediate` is held, bit by bit, also where no PyTorch is installed.

    /usr/bin/python3 test/corpus/torch_tensors.py [--check]      Debian's python3-torch
    /usr/bin/python3 test/corpus/torch_tensors.py FILE...         prints the same of other files

--check compares with what is written, and writes nothing.
"""
import hashlib
import json
import pathlib
import sys

import torch

HERE = pathlib.Path(__file__).parent
OUT = HERE / "torch-tensors.json"
DTYPES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
    torch.complex64: "C64",
}


def named(value, prefix=""):
    """Every tensor below, by its path."""
    if isinstance(value, torch.Tensor):
        yield prefix, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from named(inner, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(value):
            yield from named(inner, f"{prefix}.{number}" if prefix else str(number))


def raw(tensor):
    """The elements in row-major order, as bytes."""
    tensor = tensor.detach().resolve_conj().resolve_neg().contiguous()
    flat = tensor.reshape(-1)
    if flat.numel() == 0:
        return b""
    if tensor.dtype == torch.bfloat16:
        return flat.view(torch.int16).numpy().tobytes()
    return flat.numpy().tobytes()


def described(path):
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # What weights_only refuses is not compared.
        return None
    tensors = {}
    for name, tensor in named(loaded):
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.dtype not in DTYPES or name == "":
            continue
        digest = hashlib.sha256(raw(tensor)).hexdigest()
        tensors[name] = [DTYPES[tensor.dtype], list(tensor.shape), digest]
    return tensors or None


def main():
    others = [name for name in sys.argv[1:] if not name.startswith("--")]
    if others:
        print(json.dumps({name: described(name) for name in others}))
        return
    files = {}
    for path in sorted((HERE / "benign" / "torch").iterdir()):
        tensors = described(path) if path.suffix in (".pt", ".bin", ".pth") else None
        if tensors:
            files[path.name] = tensors
    text = json.dumps(files, indent=1, sort_keys=True) + "\n"
    if "--check" in sys.argv[1:]:
        sys.exit(0 if OUT.read_text() == text else "torch-tensors.json is not what this PyTorch loads")
    OUT.write_text(text)
    print(len(files), "files,", sum(map(len, files.values())), "tensors")


main()

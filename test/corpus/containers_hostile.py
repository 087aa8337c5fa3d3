"""Makes containers-hostile/: archives and model files that lie, lead out of their folder, or carry what runs.

Needs h5py and py7zr for the HDF5 and 7z files: .peers/corpus-classic/bin/python (see make-benign.sh).
"""
import base64
import bz2
import gzip
import io
import json
import lzma
import struct
import tarfile
import zipfile
import zlib

import h5py
import py7zr

import asm
import boxes
import formats as f
from asm import call, named, program, value
from corpus import Part

GADGET = program(call(named("posix", "system"), "echo weighlock-corpus"))
CALM = program(value({"weight": 1.0}))
NAME, CALM_NAME = "archive/data.pkl", "archive/version"
ZEROS = b"\0" * 12_000_000
LAMBDA = {"class_name": "Lambda", "config": {"name": "l", "function": {"class_name": "__lambda__", "config": {"code": base64.b64encode(b"N" * 30).decode()}}}}


def zips():
    g, calm = f.member(NAME, GADGET), f.member(CALM_NAME, b"3\n")
    yield "names-disagree.pt", f.zip_of(f.member(NAME, GADGET, local={"name": b"archive/notes.md"}), calm), "local and central names differ"
    yield "names-disagree-central.pt", f.zip_of(f.member(NAME, GADGET, central={"name": b"archive/notes.md"}), calm), "the central name hides the pickle"
    yield "sizes-disagree.pt", f.zip_of(f.member(NAME, GADGET, local={"size": 4, "packed": 4}), calm), "local and central sizes differ"
    yield "sizes-larger.pt", f.zip_of(f.member(NAME, GADGET, central={"size": 1 << 31}), calm), "the central size is 2 GB"
    yield "crc-wrong.pt", f.zip_of(f.member(NAME, GADGET, local={"crc": 1}, central={"crc": 1}), calm), "a wrong sum; PyTorch's reader does not look"
    yield "crc-disagrees.pt", f.zip_of(f.member(NAME, GADGET, local={"crc": 1}), calm), "local and central sums differ"
    yield "encrypted-bit.pt", f.zip_of(f.member(NAME, GADGET, local={"flags": 1}, central={"flags": 1}), calm), "the encryption bit set on plain bytes"
    yield "encrypted-bit-local.pt", f.zip_of(f.member(NAME, GADGET, local={"flags": 1}), calm), "the encryption bit in the local header alone"
    yield "encrypted-bit-central.pt", f.zip_of(f.member(NAME, GADGET, central={"flags": 1}), calm), "the encryption bit in the directory alone"
    yield "strong-encryption.pt", f.zip_of(f.member(NAME, GADGET, local={"flags": 0x2041}, central={"flags": 0x2041}), calm), "masked headers"
    yield "method-unknown.pt", f.zip_of(f.member(NAME, GADGET, local={"method": 99}, central={"method": 99}), calm), "a method nobody has"
    yield "method-disagrees.pt", f.zip_of(f.member(NAME, GADGET, central={"method": 8}), calm), "stored here, deflated there"
    yield "descriptor.pt", f.zip_of(f.member(NAME, GADGET, local={"flags": 8, "crc": 0, "size": 0, "packed": 0}, central={"flags": 8}), calm), "a data descriptor that is not there"
    yield "duplicate.pt", f.zip_of(f.member(NAME, CALM), g, calm), "two members of one name, the gadget last"
    yield "duplicate-first.pt", f.zip_of(g, f.member(NAME, CALM), calm), "two members of one name, the gadget first"
    yield "duplicate-case.pt", f.zip_of(f.member(NAME, CALM), f.member("archive/DATA.PKL", GADGET), calm), "names that differ in case"
    yield "hidden-member.pt", f.zip_of(calm, between=b"", before=GADGET), "a pickle before the first member"
    yield "hidden-between.pt", f.zip_of(f.member(NAME, CALM), calm, between=GADGET), "a pickle between the members"
    yield "unlisted-member.pt", unlisted(), "a member that the directory does not list"
    yield "prepended.pt", f.zip_of(g, calm, before=b"#!/bin/sh\necho x\n"), "a script before the zip"
    yield "prepended-elf.pt", f.zip_of(g, calm, before=b"\x7fELF" + b"\2\1\1" + b"\0" * 57), "a program before the zip"
    yield "trailing.pt", f.zip_of(g, calm, after=b"trailing"), "bytes behind the end record"
    yield "comment-pickle.pt", f.zip_of(f.member(NAME, CALM), calm, comment=GADGET), "a pickle in the comment"
    yield "no-extension", f.zip_of(g, calm), "no extension"
    yield "as-text.txt", f.zip_of(g, calm), "another extension"
    yield "traversal.zip", f.zip_of(f.member("../../../../tmp/x", b"x")), "a name that leaves the folder"
    yield "traversal-backslash.zip", f.zip_of(f.member("..\\..\\x", b"x")), "a name that leaves the folder on Windows"
    yield "traversal-absolute.zip", f.zip_of(f.member("/etc/cron.d/x", b"x")), "an absolute name"
    yield "traversal-drive.zip", f.zip_of(f.member("C:/x", b"x")), "a drive"
    yield "traversal-central-only.zip", f.zip_of(f.member("x", b"x", central={"name": b"../x"})), "the directory alone leaves the folder"
    yield "symlink.zip", f.zip_of(f.member("link", b"/etc/passwd", central={"attributes": 0o120777 << 16})), "a symbolic link"
    yield "device.zip", f.zip_of(f.member("null", b"", central={"attributes": 0o020666 << 16})), "a device"
    yield "unicode-path.zip", f.zip_of(f.member("archive/a.txt", GADGET, local={"extra": unicode_path(NAME)}, central={"extra": unicode_path(NAME)}), calm), "an extra field brings another name"
    yield "name-bidi.zip", f.zip_of(f.member("archive/\u202elkp.atad", GADGET), calm), "a name that is read backwards"
    yield "name-empty.zip", f.zip_of(f.member("", GADGET)), "no name"
    yield "name-not-utf8.zip", f.zip_of(f.member(b"archive/\xff\xfe.pkl", GADGET, local={"flags": 0x800}, central={"flags": 0x800})), "a name that says it is UTF-8"
    yield "zip-in-zip.zip", f.zip_of(f.member("inner.zip", f.zip_of(f.member("inner.zip", f.zip_of(g))))), "a zip in a zip in a zip"
    yield "zip-deflated-in-zip.zip", f.zip_of(f.member("model.bin", f.zip_of(g), method=8)), "a deflated checkpoint in a zip"
    yield "nested-thirty.zip", nested(30), "thirty zips, one in the other"
    yield "offset-overlap.zip", f.zip_of(g, f.member("archive/other.pkl", GADGET, central={"offset": 0})), "two members over the same bytes"
    yield "offset-outside.zip", f.zip_of(g, f.member("archive/x", b"", central={"offset": 1 << 30})), "a member behind the end of the file"
    yield "entries-65535.zip", f.zip_of(g, entries=65535), "the end record counts 65,535 members"
    yield "zip64-lie.zip", f.zip_of(f.member(NAME, GADGET, central={"size": 0xFFFFFFFF, "packed": 0xFFFFFFFF, "extra": struct.pack("<HHQQ", 1, 16, 1 << 60, 1 << 60)})), "sizes of an exabyte by zip64"
    yield "bomb-deflate.zip", f.zip_of(f.member("archive/data/0", ZEROS, method=8), calm), "twelve megabytes in twelve kilobytes"
    yield "bomb-size-lie.zip", f.zip_of(f.member("archive/data/0", ZEROS, method=8, local={"size": 10}, central={"size": 10})), "a deflated member that says it is ten bytes"
    yield "bomb-many.zip", f.zip_of(*[f.member(f"m/{n}", b"") for n in range(180)], f.member(NAME, GADGET)), "many members and one gadget"
    yield "bomb-overlap.zip", overlapping(), "150 members over one body, twelve megabytes each"
    yield "deflate-trailing.pt", f.zip_of(f.member(NAME, CALM, method=8, body=deflated(CALM) + GADGET, local={"packed": len(deflated(CALM) + GADGET)}, central={"packed": len(deflated(CALM) + GADGET)}), calm), "a pickle behind the deflated stream"
    yield "deflate-broken.pt", f.zip_of(f.member(NAME, CALM, method=8, body=b"\xff" * 20, local={"packed": 20}, central={"packed": 20}), calm), "a stream that does not inflate"


def unicode_path(name):
    data = struct.pack("<BL", 1, zlib.crc32(b"archive/a.txt")) + name.encode()
    return struct.pack("<HH", 0x7075, len(data)) + data


def deflated(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def unlisted():
    """The directory is that of the calm member alone; the gadget's local header and bytes stand behind it."""
    whole = f.zip_of(f.member(CALM_NAME, b"3\n"), f.member(NAME, GADGET))
    start = whole.index(b"PK\1\2")
    first = whole[start : whole.index(b"PK\1\2", start + 4)]
    return whole[:start] + first + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(first), start, 0)


def nested(depth):
    data = f.zip_of(f.member(NAME, GADGET))
    for _ in range(depth):
        data = f.zip_of(f.member("z", data))
    return data


def overlapping():
    whole = [f.member(f"m/{n}", ZEROS, method=8) for n in range(1)]
    packed = len(whole[0]["body"])
    again = [f.member(f"n/{n}", b"", body=b"", central={"offset": 0, "size": len(ZEROS), "packed": packed, "method": 8}) for n in range(150 // 3)]
    return f.zip_of(*whole, *again)


def tar_of(*infos):
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data, more in infos:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for key, item in more.items():
                setattr(info, key, item)
            archive.addfile(info, io.BytesIO(data))
    return target.getvalue().rstrip(b"\0") + b"\0" * 1536


def tars():
    yield "gadget.tar", tar_of(("model/weights.bin", GADGET, {})), "a pickle in a tar"
    yield "gadget.nemo", tar_of(("./model_config.yaml", b"target: nemo.X\n", {}), ("./model_weights.ckpt", boxes.torch_zip(GADGET), {})), "NeMo's tar with a gadget for weights"
    yield "config-target.nemo", tar_of(("./model_config.yaml", b"encoder:\n  _target_: os.system\n  command: echo x\n", {}), ("./model_weights.ckpt", boxes.torch_zip(CALM), {})), "NeMo's configuration names os.system (CVE-2025-23304)"
    yield "traversal.tar", tar_of(("../../x", b"x", {})), "a name that leaves the folder"
    yield "absolute.tar", tar_of(("/etc/x", b"x", {})), "an absolute name"
    yield "symlink.tar", tar_of(("link", b"", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"})), "a symbolic link"
    yield "symlink-then-file.tar", tar_of(("d", b"", {"type": tarfile.SYMTYPE, "linkname": "/tmp"}), ("d/x", b"x", {})), "a link, then a file through it"
    yield "hardlink.tar", tar_of(("link", b"", {"type": tarfile.LNKTYPE, "linkname": "../x"})), "a hard link outwards"
    yield "device.tar", tar_of(("null", b"", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3})), "a device"
    yield "fifo.tar", tar_of(("pipe", b"", {"type": tarfile.FIFOTYPE})), "a pipe"
    yield "pax-path.tar", tar_of(("a.txt", GADGET, {"pax_headers": {"path": "../../x.pkl"}})), "an extended header brings another name"
    yield "duplicate.tar", tar_of(("pickle", CALM, {}), ("pickle", GADGET, {})), "two members of one name"
    yield "behind-end.tar", tar_of(("a", b"x", {})) + tar_of(("model.pkl", GADGET, {})), "a second tar behind the end of the first"
    yield "zip-in-tar.tar", tar_of(("w.pt", boxes.torch_zip(GADGET), {})), "a checkpoint in a tar"
    yield "tar-in-gzip.tar.gz", gzip.compress(tar_of(("w.pt", boxes.torch_zip(GADGET), {})), mtime=0), "a checkpoint in a compressed tar"
    yield "gzip-bomb.gz", gzip.compress(ZEROS, mtime=0), "twelve megabytes in twelve kilobytes"
    yield "bz2-bomb.bz2", bz2.compress(b"\0" * 300_000_000), "300 megabytes in 250 bytes"
    yield "xz-bomb.xz", lzma.compress(b"\0" * 60_000_000), "60 megabytes in nine kilobytes"
    yield "gzip-name.gz", b"\x1f\x8b\x08\x08" + b"\0" * 6 + b"../../x.pkl\0" + gzip.compress(GADGET, mtime=0)[10:], "a gzip file whose own name leaves the folder"


def seven_zips():
    for name, members, note in [
        ("pickle.7z", {"data.pkl": GADGET}, "a pickle in a 7z file"),
        ("torch.7z", {"archive/data.pkl": GADGET, "archive/version": b"3\n"}, "a checkpoint's members in a 7z file"),
        ("checkpoint-as-7z.pt", {"w.bin": boxes.torch_zip(GADGET)}, "a checkpoint in a 7z file under another extension"),
    ]:
        target = io.BytesIO()
        with py7zr.SevenZipFile(target, "w") as archive:
            for path, data in members.items():
                archive.writestr(data, path)
        yield name, target.getvalue(), note


def tensors():
    one = f.tensor("F32", [2], 0, 8)
    eight = b"\0" * 8
    yield "header-huge.safetensors", f.safetensors({"a": one}, eight, length=1 << 40), "a header of a terabyte"
    yield "header-past-end.safetensors", f.safetensors({"a": one}, b"", length=4096), "a header longer than the file"
    yield "header-negative.safetensors", f.safetensors({"a": one}, eight, length=(1 << 64) - 8), "a header length that is negative if signed"
    yield "header-not-json.safetensors", f.safetensors(b'{"a": oops}', eight), "a header that is not JSON"
    yield "header-trailing.safetensors", f.safetensors(json.dumps({"a": one}).encode() + b"{}", eight), "two JSON values in the header"
    yield "overlap.safetensors", f.safetensors({"a": one, "b": f.tensor("F32", [2], 4, 12)}, b"\0" * 12), "two tensors over the same bytes"
    yield "hole.safetensors", f.safetensors({"a": one, "b": f.tensor("F32", [1], 40, 44)}, b"\0" * 8 + GADGET[:32].ljust(32, b"x") + b"\0" * 4), "bytes between the tensors that belong to none"
    yield "trailing.safetensors", f.safetensors({"a": one}, eight + GADGET), "a pickle behind the tensors"
    yield "shape-mismatch.safetensors", f.safetensors({"a": f.tensor("F32", [3], 0, 8)}, eight), "three numbers in eight bytes"
    yield "shape-overflow.safetensors", f.safetensors({"a": f.tensor("F32", [1 << 62, 4], 0, 8)}, eight), "a shape whose product is zero in 64 bits"
    yield "shape-negative.safetensors", f.safetensors({"a": f.tensor("F32", [-2], 0, 8)}, eight), "a negative shape"
    yield "dtype-unknown.safetensors", f.safetensors({"a": f.tensor("OBJ", [1], 0, 8)}, eight), "a type that does not exist"
    yield "offsets-past-end.safetensors", f.safetensors({"a": f.tensor("F32", [1 << 20], 0, 1 << 22)}, eight), "offsets behind the end of the file"
    yield "offsets-reversed.safetensors", f.safetensors({"a": f.tensor("F32", [2], 8, 0)}, eight), "offsets that run backwards"
    yield "duplicate-key.safetensors", f.safetensors(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', eight), "one tensor twice"
    yield "duplicate-offsets.safetensors", f.safetensors(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"data_offsets":[0,4]}}', eight), "offsets twice"
    yield "metadata-number.safetensors", f.safetensors({"__metadata__": {"format": 1}, "a": one}, eight), "metadata that is no text"
    yield "deep-header.safetensors", f.safetensors(b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", eight), "a header nested 5,000 deep"
    yield "float-offsets.safetensors", f.safetensors(b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8.0]}}', eight), "an offset that is no whole number"


ESCAPE = "{{ ''.__class__.__mro__[1].__subclasses__() }}"


def ggufs():
    arch = f.gguf_text("general.architecture", "llama")
    weights = f.gguf_tensor("w", [2], 0, 0)
    eight = b"\0" * 8
    yield "count-huge.gguf", f.gguf([arch], [weights], eight, tensor_count=1 << 60), "more tensors than there are bytes"
    yield "pairs-huge.gguf", f.gguf([arch], [weights], eight, pair_count=1 << 60), "more pairs than there are bytes"
    yield "version-99.gguf", f.gguf([arch], [weights], eight, version=99), "a version that does not exist"
    yield "string-huge.gguf", f.gguf([f.gguf_pair("a", "string", struct.pack("<Q", 1 << 62) + b"x")], [], b""), "a text of an exabyte"
    yield "type-unknown.gguf", f.gguf([f.gguf_pair("a", 77, b"\0" * 8)], [], b""), "a type that does not exist"
    yield "array-huge.gguf", f.gguf([f.gguf_pair("a", "array", struct.pack("<IQ", 4, 1 << 61))], [], b""), "an array whose size overflows"
    yield "array-nested.gguf", f.gguf([f.gguf_pair("a", "array", struct.pack("<IQ", 9, 1) * 300)], [], b""), "arrays in arrays"
    yield "dimensions-9.gguf", f.gguf([arch], [f.gguf_tensor("w", [1] * 9, 0, 0)], eight), "nine dimensions"
    yield "dimensions-overflow.gguf", f.gguf([arch], [f.gguf_tensor("w", [1 << 32, 1 << 32], 0, 0)], eight), "a product of zero in 64 bits (CVE-2025-53630)"
    yield "offset-past-end.gguf", f.gguf([arch], [f.gguf_tensor("w", [2], 0, 1 << 40)], eight), "a tensor behind the end"
    yield "offset-unaligned.gguf", f.gguf([arch], [f.gguf_tensor("w", [2], 0, 3)], eight + b"\0" * 8), "a tensor between the steps of the alignment"
    yield "tensor-type-unknown.gguf", f.gguf([arch], [f.gguf_tensor("w", [2], 200, 0)], eight), "a tensor of a type that does not exist"
    yield "tensor-twice.gguf", f.gguf([arch], [weights, weights], eight), "two tensors of one name"
    yield "key-twice.gguf", f.gguf([arch, arch], [weights], eight), "one key twice"
    yield "alignment-zero.gguf", f.gguf([arch, f.gguf_pair("general.alignment", "u32", struct.pack("<I", 0))], [weights], eight), "an alignment of zero"
    yield "trailing.gguf", f.gguf([arch], [weights], eight) + GADGET * 3, "pickles behind the tensors"
    yield "truncated.gguf", f.gguf([arch], [weights], eight)[:-5], "the tensors end too early"
    yield "template-escape.gguf", f.gguf([arch, f.gguf_text("tokenizer.chat_template", ESCAPE)], [weights], eight), "a template that leaves its sandbox (CVE-2024-34359)"
    yield "template-named-escape.gguf", f.gguf([arch, f.gguf_text("tokenizer.chat_template.tool_use", "{{ cycler.__init__.__globals__.os.popen('true').read() }}")], [weights], eight), "a second template that leaves its sandbox"
    yield "secret.gguf", f.gguf([arch, f.gguf_text("general.description", "token hf_" + "aBcDxyZW" * 4 + "Ab")], [weights], eight), "what looks like a token in the metadata"


def onnxes():
    node = f.onnx_node("Identity")
    for name, location, note in [
        ("traversal", "../../../../etc/passwd", "leaves the folder (CVE-2022-25882, CVE-2024-27318)"),
        ("absolute", "/etc/passwd", "is absolute"),
        ("backslash", "..\\..\\x.bin", "leaves the folder on Windows"),
        ("hidden-traversal", "data/../../x.bin", "leaves the folder from within"),
        ("url", "file:///etc/passwd", "is an address"),
        ("nul", "w.bin\0/../../x", "holds a NUL"),
        ("empty", "", "is empty"),
    ]:
        yield f"external-{name}.onnx", f.onnx([node], [f.onnx_tensor("w", location)]), f"an external file whose path {note}"
    yield "external-offset.onnx", f.onnx([node], [f.onnx_tensor("w", "w.bin", extra=[("offset", "-1"), ("length", "999999999999")])]), "an external range of negative offset"
    yield "custom-domain.onnx", f.onnx([f.onnx_node("Run", domain="com.example.shell")], [f.onnx_tensor("w", raw=b"\0" * 8)], domains=(("", 13), ("com.example.shell", 1))), "an operator of a library of its own"
    yield "python-op.onnx", f.onnx([f.onnx_node("PythonOp", domain="com.microsoft")], [f.onnx_tensor("w", raw=b"\0" * 8)], domains=(("", 13), ("com.microsoft", 1))), "an operator that calls Python"
    yield "extension-op.onnx", f.onnx([f.onnx_node("PyCustomOpDef_x", domain="ai.onnx.contrib")], [f.onnx_tensor("w", raw=b"\0" * 8)], domains=(("", 13), ("ai.onnx.contrib", 1))), "an operator that calls Python"
    yield "raw-short.onnx", f.onnx([node], [f.onnx_tensor("w", raw=b"\0" * 3)]), "fewer bytes than the shape says"
    yield "dims-overflow.onnx", f.onnx([node], [f.onnx_tensor("w", raw=b"\0" * 8, dims=(1 << 40, 1 << 40))]), "a shape whose product overflows"
    yield "trailing.onnx", f.onnx([node], [f.onnx_tensor("w", raw=b"\0" * 8)]) + b"\xff\xff\xff", "bytes behind the model"


def graphs():
    path = f.string_constant("path", "/etc/passwd")
    for op, inputs, note in [
        ("ReadFile", ["path"], "reads a file"),
        ("WriteFile", ["path", "path"], "writes a file"),
        ("MatchingFiles", ["path"], "lists files"),
        ("PyFunc", ["path"], "calls Python"),
        ("EagerPyFunc", ["path"], "calls Python"),
        ("PrintV2", ["path"], "prints to a file"),
        ("SaveV2", ["path", "path", "path"], "writes a file"),
        ("MergeV2Checkpoints", ["path", "path"], "moves files"),
    ]:
        yield f"{op.lower()}.pb", f.saved_model([path, f.graph_node("x", op, inputs)]), f"a graph that {note}"
    yield "readfile-in-function.pb", f.saved_model([], [("f", [path, f.graph_node("x", "ReadFile", ["path"])])]), "a function of a graph that reads a file"
    yield "custom-op.pb", f.saved_model([f.graph_node("x", "MyShellOp")]), "an operator of a library of its own"


def keras_zip(config):
    return boxes.zipped([("metadata.json", b'{"keras_version": "3.8.0"}'), ("config.json", json.dumps(config).encode())])


def sequential(*layers):
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": list(layers)}, "registered_name": None}


def layer(module, name, config, registered=None):
    return {"module": module, "class_name": name, "config": config, "registered_name": registered}


def kerases():
    yield "lambda.keras", keras_zip(sequential({**LAMBDA, "module": "keras.layers", "registered_name": None})), "a Lambda layer"
    yield "module-os.keras", keras_zip(sequential(layer("os", "system", "echo x"))), "a class out of os (CVE-2025-1550)"
    yield "module-builtins.keras", keras_zip(sequential(layer("builtins", "eval", {}))), "a class out of builtins"
    yield "function-os.keras", keras_zip(sequential(layer("keras.layers", "Dense", {"units": 1, "activation": {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}}))), "an activation out of os"
    yield "get-file.keras", keras_zip(sequential(layer("keras.layers", "Lambda", {"function": {"module": "keras.utils", "class_name": "function", "config": "get_file", "registered_name": "get_file"}, "arguments": {"origin": "http://127.0.0.1:9/x"}}))), "get_file as a layer's function (CVE-2025-8747)"
    yield "string-lookup.keras", keras_zip(sequential(layer("keras.layers", "StringLookup", {"vocabulary": "/etc/passwd"}))), "a vocabulary that is a file of the machine (CVE-2025-12058)"
    yield "torch-module.keras", keras_zip(sequential(layer("keras.layers", "TorchModuleWrapper", {"module": "AAAA"}))), "a layer that unpickles a torch module (CVE-2025-49655)"
    yield "unsafe-flag.keras", keras_zip(sequential(layer("keras.config", "enable_unsafe_deserialization", {}))), "turns the safe mode off from within"
    yield "custom-object.keras", keras_zip(sequential(layer("my_package.layers", "Thing", {}, "my_package>Thing"))), "a class of a package of its own"
    yield "config-is-pickle.keras", boxes.zipped([("metadata.json", b"{}"), ("config.json", GADGET)]), "a pickle where the configuration should be"
    yield "weights-is-pickle.keras", boxes.zipped([("metadata.json", b"{}"), ("config.json", json.dumps(sequential()).encode()), ("model.weights.h5", GADGET)]), "a pickle where the weights should be"
    yield "extra-assets.keras", boxes.zipped([("metadata.json", b"{}"), ("config.json", json.dumps(sequential()).encode()), ("assets/../../x", b"x")]), "an asset that leaves the folder"
    yield "lambda.h5", h5_model(sequential(LAMBDA)), "a Lambda layer in HDF5 (CVE-2025-9905)"
    yield "module-os.h5", h5_model(sequential(layer("os", "system", {}))), "a class out of os in HDF5"
    yield "bytecode.h5", h5_model({"class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda", "config": {"function": ["4wAAAAA=", None, None], "function_type": "lambda"}}]}}), "a function as bytecode in HDF5"
    yield "external.h5", h5_external(), "a dataset whose bytes are another file (CVE-2026-1669)"
    yield "external-link.h5", h5_link(), "a link into another file"


def h5_model(config):
    target = io.BytesIO()
    with h5py.File(target, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.15.0"
    return target.getvalue()


def h5_external():
    target = io.BytesIO()
    with h5py.File(target, "w") as file:
        file.create_dataset("w", shape=(8,), dtype="u1", external=[("/etc/passwd", 0, 8)])
    return target.getvalue()


def h5_link():
    target = io.BytesIO()
    with h5py.File(target, "w") as file:
        file["w"] = h5py.ExternalLink("/nonexistent/x.h5", "/w")
    return target.getvalue()


def skops_zip(schema, *members):
    return boxes.zipped([("schema.json", json.dumps(schema).encode()), *members])


def others():
    node = {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode", "content": {"module_path": "os", "function": "system"}, "__id__": 1, "protocol": 1}
    yield "function-os.skops", skops_zip(node), "skops: a function out of os"
    yield "method.skops", skops_zip({"__class__": "method", "__module__": "builtins", "__loader__": "MethodNode", "content": {"obj": node, "func": "__call__"}, "__id__": 2, "protocol": 1}), "skops: a method of a function (CVE-2025-54413)"
    yield "operator.skops", skops_zip({"__class__": "methodcaller", "__module__": "operator", "__loader__": "OperatorFuncNode", "attrs": {"__class__": "tuple", "content": ["system"]}, "__id__": 3, "protocol": 1}), "skops: an operator under another name (CVE-2025-54412)"
    yield "pickle-member.skops", skops_zip({"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode", "content": {}, "__id__": 1, "protocol": 1}, ("1.pkl", GADGET)), "skops: a pickle beside the schema"
    yield "object-array.skops", skops_zip({"__class__": "ndarray", "__module__": "numpy", "__loader__": "NdArrayNode", "type": "numpy", "file": "1.npy", "__id__": 1, "protocol": 1}, ("1.npy", boxes.object_npy(GADGET))), "skops: an object array"
    yield "handler.mar", boxes.zipped([("MAR-INF/MANIFEST.json", b'{"model": {"handler": "handler.py", "modelName": "m"}}'), ("handler.py", b"import os\nos.system('echo x')\n")]), "a TorchServe archive whose handler runs at import"
    yield "code.torchscript.pt", boxes.zipped([("m/data.pkl", GADGET), ("m/constants.pkl", CALM), ("m/code/__torch__.py", b"import os\n"), ("m/version", b"3\n")]), "TorchScript with a gadget for its data"
    yield "llamafile.llamafile", b"MZqFpD='\n#!/bin/sh\n" + f.zip_of(f.member("model.gguf", f.gguf())), "an executable with a model inside"
    yield "elf.bin", b"\x7fELF\2\1\1" + b"\0" * 200, "a program"
    yield "windows.bin", b"MZ" + b"\0" * 58 + struct.pack("<I", 64) + b"PE\0\0" + b"\0" * 40, "a program for Windows"
    yield "script.bin", b"#!/usr/bin/env python3\nimport os\nos.system('echo x')\n", "a script under a model's extension"
    yield "gadget-as.pmml", b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><PMML><Header>&e;</Header></PMML>", "an external entity"
    yield "rds-gzip.rds", gzip.compress(b"X\n" + struct.pack(">iii", 3, 0x40000, 0x30500) + struct.pack(">i", 6) + b"\0" * 40, mtime=0), "an R file with a call"
    yield "msgpack-ext.msgpack", b"\x81\xa1w\xc7\x05\x2a" + b"evil!", "msgpack with a type of its own"


FAMILIES = [("zip", zips), ("tar-gzip", tars), ("7z", seven_zips), ("safetensors", tensors), ("gguf", ggufs), ("onnx", onnxes), ("tensorflow", graphs), ("keras", kerases), ("other", others)]


ANY = {"zip-device.zip"}  # no reader makes devices


def main():
    part = Part("containers-hostile", "container", expect="not-clean", madeBy="hand")
    for family, make in FAMILIES:
        for name, data, note in make():
            expect = "any" if f"{family}-{name}" in ANY else "not-clean"
            part.add(f"{family}-{name}", data, family=family, expect=expect, note=note)
    part.close()


if __name__ == "__main__":
    main()

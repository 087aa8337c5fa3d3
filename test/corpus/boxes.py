"""The containers that pickles come in, written byte by byte or by the standard library: zips as PyTorch lays them out,
legacy and tar checkpoints, .npy and .npz files. All of them are the same bytes on every run.
"""
import io
import struct
import tarfile
import zipfile

import asm

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001


def zipped(members, compression=zipfile.ZIP_STORED):
    """A zip of (name, bytes) pairs, dated at the start of the format's time."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = compression
            archive.writestr(info, data)
    return target.getvalue()


def torch_zip(pickle, storages=(b"\0" * 8,), top="archive", extra=()):
    members = [(f"{top}/data.pkl", pickle), (f"{top}/byteorder", b"little")]
    members += [(f"{top}/data/{index}", data) for index, data in enumerate(storages)]
    return zipped([*members, (f"{top}/version", b"3\n"), *extra])


def legacy_head():
    head = asm.program(asm.integer(LEGACY_MAGIC)) + asm.program(asm.integer(LEGACY_PROTOCOL))
    sizes = {"short": 2, "int": 4, "long": 4}
    about = {"protocol_version": LEGACY_PROTOCOL, "little_endian": True, "type_sizes": sizes}
    return head + asm.program(asm.value(about))


def legacy(pickle, keys=None, storages=b"", system=None):
    """The checkpoint of PyTorch before 1.6: five pickles one after the other, then the storages."""
    head = legacy_head() if system is None else legacy_head_with(system)
    return head + pickle + (asm.program(asm.value([])) if keys is None else keys) + storages


def legacy_head_with(system):
    return asm.program(asm.integer(LEGACY_MAGIC)) + asm.program(asm.integer(LEGACY_PROTOCOL)) + system


def tarred(members):
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return target.getvalue().rstrip(b"\0") + b"\0" * 1536


def npy(header, body, version=1):
    line = (header if isinstance(header, bytes) else header.encode()) + b" " * 8
    width = 2 if version == 1 else 4
    line = line.ljust(-(-(len(line) + 7 + width) // 64) * 64 - 7 - width) + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(line))
    return b"\x93NUMPY" + bytes([version, 0]) + length + line + body


def object_npy(pickle, shape="(1,)"):
    return npy(f"{{'descr': '|O', 'fortran_order': False, 'shape': {shape}, }}", pickle)

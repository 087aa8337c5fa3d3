"""Model files written byte by byte, so that each may lie: zips, safetensors, GGUF, ONNX and TensorFlow's graphs."""
import json
import struct
import zlib

# A zip ---------------------------------------------------------------------------------------------------------------


def member(name, data, **lies):
    """One member. `local` and `central` hold what the two headers say instead of the truth."""
    body = data
    if lies.get("method") == 8:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        body = packer.compress(data) + packer.flush()
    truth = {
        "name": name.encode() if isinstance(name, str) else name, "flags": 0, "method": lies.get("method", 0),
        "crc": zlib.crc32(data), "packed": len(body), "size": len(data), "extra": b"", "attributes": 0, "made_by": 0x031E,
        "offset": None,
    }
    return {"body": lies.get("body", body), "local": {**truth, **lies.get("local", {})}, "central": {**truth, **lies.get("central", {})}}


def zip_of(*members, before=b"", between=b"", comment=b"", entries=None, after=b""):
    data, central = before, b""
    for each in members:
        offset, said, here = len(data), each["central"], each["local"]
        data += struct.pack("<4s5H3L2H", b"PK\3\4", 20, here["flags"], here["method"], 0, 33, here["crc"], here["packed"], here["size"], len(here["name"]), len(here["extra"]))
        data += here["name"] + here["extra"] + each["body"] + between
        central += struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", said["made_by"], 20, said["flags"], said["method"], 0, 33, said["crc"], said["packed"],
            said["size"], len(said["name"]), len(said["extra"]), 0, 0, 0, said["attributes"],
            offset if said["offset"] is None else said["offset"],
        )
        central += said["name"] + said["extra"]
    count = len(members) if entries is None else entries
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(central), len(data), len(comment))
    return data + central + end + comment + after


# safetensors ---------------------------------------------------------------------------------------------------------


def safetensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(dtype, shape, start, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


# GGUF ----------------------------------------------------------------------------------------------------------------

GGUF_TYPES = {"u32": 4, "i32": 5, "f32": 6, "bool": 7, "string": 8, "array": 9, "u64": 10}


def gguf_string(text):
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(data)) + data


def gguf_pair(key, kind, data):
    return gguf_string(key) + struct.pack("<I", GGUF_TYPES.get(kind, kind)) + data


def gguf_text(key, text):
    return gguf_pair(key, "string", gguf_string(text))


def gguf_tensor(name, shape, kind, offset, dimensions=None):
    count = len(shape) if dimensions is None else dimensions
    return gguf_string(name) + struct.pack("<I", count) + b"".join(struct.pack("<Q", n) for n in shape) + struct.pack("<IQ", kind, offset)


def gguf(pairs=(), tensors=(), data=b"", **lies):
    said = {"magic": b"GGUF", "version": 3, "tensor_count": len(tensors), "pair_count": len(pairs), **lies}
    head = said["magic"] + struct.pack("<IQQ", said["version"], said["tensor_count"], said["pair_count"])
    head += b"".join(pairs) + b"".join(tensors)
    return head + b"\0" * (-len(head) % 32) + data


# Protocol buffers: ONNX and TensorFlow -------------------------------------------------------------------------------


def varint(number):
    data = b""
    while number > 127:
        data += bytes([number & 127 | 128])
        number >>= 7
    return data + bytes([number])


def number(field, n):
    return varint(field << 3) + varint(n)


def field(tag, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(tag << 3 | 2) + varint(len(data)) + data


def onnx_tensor(name, location=None, raw=None, dims=(2,), kind=1, extra=()):
    body = b"".join(number(1, n) for n in dims) + number(2, kind)
    if raw is not None:
        body += field(9, raw)
    body += field(8, name)
    pairs = [] if location is None else [("location", location), *extra]
    body += b"".join(field(13, field(1, key) + field(2, value)) for key, value in pairs)
    return body + (number(14, 1) if location is not None else b"")


def onnx_node(kind, inputs=("w",), outputs=("y",), domain="", attributes=b""):
    body = b"".join(field(1, name) for name in inputs) + b"".join(field(2, name) for name in outputs)
    return body + field(4, kind) + attributes + (field(7, domain) if domain else b"")


def onnx(nodes=(), tensors=(), more=b"", domains=(("", 13),)):
    body = b"".join(field(1, node) for node in nodes) + field(2, "g") + b"".join(field(5, each) for each in tensors)
    opsets = b"".join(field(8, (field(1, name) if name else b"") + number(2, version)) for name, version in domains)
    return number(1, 8) + field(2, "corpus") + field(7, body) + opsets + more


def graph_node(name, op, inputs=(), attributes=b""):
    return field(1, name) + field(2, op) + b"".join(field(3, each) for each in inputs) + attributes


def string_constant(name, text):
    tensor_proto = number(1, 7) + field(2, b"") + field(8, text)
    kind = field(5, field(1, "dtype") + field(2, number(6, 7)))
    return graph_node(name, "Const", attributes=kind + field(5, field(1, "value") + field(2, field(8, tensor_proto))))


def saved_model(nodes=(), functions=()):
    library = b"".join(field(1, field(1, field(1, name)) + b"".join(field(3, node) for node in inside)) for name, inside in functions)
    graph = b"".join(field(1, node) for node in nodes) + (field(2, library) if functions else b"")
    return number(1, 1) + field(2, field(1, field(4, "serve")) + field(2, graph))

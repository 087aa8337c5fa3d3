"""Makes pickles by generation and mutation, and records which globals CPython's C unpickler resolves in each.

Nothing is imported or called on behalf of a pickle: find_class returns an inert class. Each is read from a file that
can peek and from one that cannot. Writes, for each pickle,
its length, its bytes, the length of a JSON line, and the line: {"names": [[module, name], ...], "operations":
[[module, name, operation], ...], "loaded": bool}.
Usage: pickle-recorder.py SEED COUNT
"""
import collections
import datetime
import decimal
import io
import json
import pickle
import random
import resource
import struct
import sys

resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
seed, count = int(sys.argv[1]), int(sys.argv[2])
rng = random.Random(seed)


class Kind(type):
    """The type of stand-ins: calling one is REDUCE, or INST and OBJ with arguments."""

    def __call__(cls, *args, **kwargs):
        note(cls, "call")
        return object.__new__(cls)


class Inert(metaclass=Kind):
    """Takes whatever a pickle does to it, and notes what that was."""

    key = None

    def __new__(cls, *args, **kwargs):
        note(cls, "new")
        return object.__new__(cls)

    def __call__(self, *args, **kwargs):
        note(self, "call-result")
        return self

    def __setstate__(self, state):
        note(self, "build")

    def __setitem__(self, key, value):
        note(self, "fill")

    def __hash__(self):
        return 1

    def append(self, item):
        note(self, "fill")

    def extend(self, items):
        note(self, "fill")

    def add(self, item):
        note(self, "fill")


operations = set()


def note(target, operation):
    # A method of a class taken by BUILD gets the state for itself: what that is has no name.
    key = getattr(target, "key", None)
    if isinstance(key, tuple):
        operations.add((*key, operation))


class Recorder(pickle.Unpickler):
    def __init__(self, file, names):
        super().__init__(file)
        self.names = names

    def find_class(self, module, name):
        self.names.append([module, name])
        return Kind("Stand", (Inert,), {"key": (module, name)})

    def persistent_load(self, pid):
        return object.__new__(Inert)


MODULES = ["os", "posix", "a", "builtins", "__builtin__", "copy_reg", "x.y", "collections", "\u00fc", "numpy", "torch._utils"]
NAMES = ["system", "b", "OrderedDict", "eval", "_os.system", "c.d", "e", "dtype", "set", "bytearray", "_rebuild_tensor_v2"]


def text(rng):
    return rng.choice(MODULES + NAMES)


def push(rng):
    kind = rng.randrange(24)
    word = text(rng)
    raw = word.encode()
    if kind == 0:
        return b"N"
    if kind == 1:
        return b"K" + bytes([rng.randrange(256)])
    if kind == 2:
        return b"\x8c" + bytes([len(raw)]) + raw
    if kind == 3:
        return b"X" + struct.pack("<I", len(raw)) + raw
    if kind == 4:
        return b"U" + bytes([len(raw)]) + raw
    if kind == 5:
        return b"T" + struct.pack("<i", len(raw)) + raw
    if kind == 6:
        return b"S'" + word.encode("unicode_escape") + rng.choice([b"'", b"'", b"\\x61'", b'"', b"\\141'", b"\\q'"]) + b"\n"
    if kind == 7:
        return b"V" + word.encode("raw_unicode_escape") + rng.choice([b"", b"", b"\\u0061", b"\\\\u0061", b"\\U00000061", b"\\", b"\\u00"]) + b"\n"
    if kind == 8:
        return b"\x8d" + struct.pack("<Q", len(raw)) + raw
    if kind == 9:
        return b"c" + raw + b"\n" + text(rng).encode() + b"\n"
    if kind == 10:
        return push_string(rng) + push_string(rng) + b"\x93"
    if kind == 11:
        return b"C" + bytes([len(raw)]) + raw
    if kind == 12:
        return rng.choice([b"]", b"}", b")", b"\x8f", b"("])
    if kind == 13:
        return rng.choice([b"I01\n", b"I7\n", b"L7L\n", b"F1.5\n", b"I 7\n", b"I0x1f\n", b"L1_0\n", b"Fnan\n"])
    if kind == 14:
        return rng.choice([b"\x8a\x01\x07", b"\x8b\x01\x00\x00\x00\x07", b"M\x01\x00", b"J\x01\x00\x00\x00", b"G" + b"\0" * 8])
    if kind == 15:
        return b"P" + raw + b"\n"
    if kind == 16:
        return b"\x80" + bytes([rng.choice([0, 1, 2, 3, 4, 4, 5, 6])])
    if kind == 17:
        return b"\x95" + struct.pack("<Q", rng.choice([0, 1, 2, 5, 300]))
    if kind == 18:
        return b"h" + bytes([rng.randrange(4)])
    if kind == 19:
        return b"g" + rng.choice([b"0", b"1", b"2", b" 1", b"+1", b"01", b"1\0z"]) + b"\n"
    if kind == 20:
        return b"j" + struct.pack("<I", rng.randrange(4))
    if kind == 21:
        return b"2"
    if kind == 22:
        return b"(" + b"".join(push(rng) for _ in range(rng.randrange(3))) + b"i" + raw + b"\n" + text(rng).encode() + b"\n"
    return rng.choice([b"\x88", b"\x89", b"\x82\x01", b"\x97", b"B" + struct.pack("<I", 3) + b"abc", b"\x96" + struct.pack("<Q", 2) + b"ab"])


def push_string(rng):
    raw = text(rng).encode()
    return rng.choice([b"\x8c" + bytes([len(raw)]) + raw, b"h\x00", b"h\x01", b"2", b"X" + struct.pack("<I", len(raw)) + raw + b"\x94"])


ACTIONS = [b"0", b"1", b"2", b"R", b"b", b"o", b"\x81", b"\x92", b"\x93", b"Q", b"a", b"e", b"s", b"u", b"\x90", b"t",
           b"l", b"d", b"\x91", b"\x85", b"\x86", b"\x87", b"\x94", b"\x94", b"q\x00", b"q\x01", b"p0\n", b"p1\n", b"p 2\n",
           b"r\x02\x00\x00\x00", b"(", b"(", b"\x98", b".", b")R", b")\x81", b"}b"]


def generated(rng):
    parts = [rng.choice([b"", b"\x80\x02", b"\x80\x04", b"\x80\x05"])]
    for _ in range(rng.randrange(1, 25)):
        parts.append(push(rng) if rng.random() < 0.6 else rng.choice(ACTIONS))
    parts.append(rng.choice([b".", b".", b".", b"0.", b"", b"N.", b"cos\nsystemX"]))
    return b"".join(parts)


def real(rng):
    value = rng.choice([
        {"a": [1, 2.5, None, True], "b": (1, (2,)), "c": "x" * rng.randrange(400)},
        collections.OrderedDict(a=collections.Counter("aab"), b=collections.defaultdict(list)),
        [datetime.datetime(2020, 1, 1), decimal.Decimal("1.5"), 1 + 2j, {1, 2}, frozenset([3]), bytearray(b"x")],
        [print, len, collections.OrderedDict, datetime.timedelta(1), range(5), slice(1, 2)],
        {"k%d" % i: "v%d" % i for i in range(rng.randrange(1, 40))},
        [b"z" * rng.randrange(600), 2 ** 80, -1, "\u00fc\U0001f600"],
    ])
    return pickle.dumps(value, rng.randrange(6))


def mutated(rng, data):
    data = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(data) + 1)
        how = rng.randrange(5)
        if how == 0 and at < len(data):
            data[at] = rng.randrange(256)
        elif how == 1:
            data[at:at] = push(rng)
        elif how == 2:
            data[at:at] = rng.choice(ACTIONS)
        elif how == 3:
            del data[at:at + rng.randrange(1, 4)]
        elif rng.random() < 0.3:
            del data[at:]
        if not data:
            data = bytearray(b"N.")
    return bytes(data)


def made(rng):
    which = rng.random()
    if which < 0.5:
        return generated(rng)
    if which < 0.55:
        return real(rng)
    if which < 0.65:
        return b"".join(made(rng) for _ in range(2))
    return mutated(rng, rng.choice([real, generated])(rng))


out = sys.stdout.buffer
for _ in range(count):
    data = made(rng)
    names = []
    operations.clear()
    loaded = True
    # With peek() the C unpickler reads ahead in another way than without: what either resolves counts.
    for file in (io.BytesIO(data), io.BufferedReader(io.BytesIO(data))):
        # One stream after another, each by an unpickler of its own, as PyTorch reads its older format.
        try:
            for _ in range(4):
                Recorder(file, names).load()
                if file.tell() >= len(data):
                    break
        except BaseException:
            loaded = False
    line = json.dumps({"names": names, "operations": sorted(operations), "loaded": loaded}).encode("utf-8", "surrogatepass")
    out.write(struct.pack("<I", len(data)) + data + struct.pack("<I", len(line)) + line)

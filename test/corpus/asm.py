"""An assembler for pickles, one function an opcode or a small group of them.

Everything here makes bytes and nothing here reads them: a hostile pickle is written down opcode by opcode and is never
loaded. `Code` is a piece of program that pushes exactly one object; functions take and give such pieces, so that a
pickle is written as the expression that it stands for.
"""
import struct

STOP = b"."
MARK = b"("
POP = b"0"
POP_MARK = b"1"
DUP = b"2"
REDUCE = b"R"
BUILD = b"b"
NEWOBJ = b"\x81"
NEWOBJ_EX = b"\x92"
STACK_GLOBAL = b"\x93"
MEMOIZE = b"\x94"
OBJ = b"o"
TUPLE = b"t"
EMPTY_TUPLE = b")"
EMPTY_DICT = b"}"
EMPTY_LIST = b"]"


class Code(bytes):
    """A piece of pickle program that leaves one more object on the stack."""


def code(*parts):
    return Code(b"".join(bytes(part) for part in parts))


def text(string):
    data = string.encode("utf-8", "surrogatepass")
    return code(b"X", struct.pack("<I", len(data)), data)


def short_text(string):
    data = string.encode("utf-8", "surrogatepass")
    return code(b"\x8c", bytes([len(data)]), data)


def long_text(string):
    data = string.encode("utf-8", "surrogatepass")
    return code(b"\x8d", struct.pack("<Q", len(data)), data)


def line_text(string):
    return code(b"V", string.encode("raw_unicode_escape").replace(b"\n", b"\\u000a"), b"\n")


def old_string(string):
    return code(b"S'", string.encode("ascii"), b"'\n")


def raw_bytes(data):
    if len(data) < 256:
        return code(b"C", bytes([len(data)]), data)
    return code(b"B", struct.pack("<I", len(data)), data)


def integer(number):
    if 0 <= number < 256:
        return code(b"K", bytes([number]))
    if -(2**31) <= number < 2**31:
        return code(b"J", struct.pack("<i", number))
    data = number.to_bytes(number.bit_length() // 8 + 1, "little", signed=True)
    return code(b"\x8a", bytes([len(data)]), data)


def real(number):
    return code(b"G", struct.pack(">d", number))


def value(thing):
    """Pushes a plain value in binary opcodes. A piece of program stands for itself."""
    if isinstance(thing, Code):
        return thing
    if thing is None or thing is True or thing is False:
        return Code({None: b"N", True: b"\x88", False: b"\x89"}[thing])
    if isinstance(thing, str):
        return text(thing)
    if isinstance(thing, (bytes, bytearray)):
        return raw_bytes(bytes(thing))
    if isinstance(thing, int):
        return integer(thing)
    if isinstance(thing, float):
        return real(thing)
    if isinstance(thing, tuple):
        return tup(*thing)
    if isinstance(thing, list):
        return code(EMPTY_LIST, MARK, *map(value, thing), b"e")
    return dictionary(thing)


def value_1(thing):
    """Pushes a plain value in opcodes that protocol 1 has; bytes go by way of a text."""
    if isinstance(thing, Code):
        return thing
    if isinstance(thing, bool) or isinstance(thing, (bytes, bytearray)):
        return old_value(thing)
    if isinstance(thing, tuple):
        return code(MARK, *map(value_1, thing), TUPLE) if thing else code(EMPTY_TUPLE)
    if isinstance(thing, list):
        return code(EMPTY_LIST, MARK, *map(value_1, thing), b"e")
    if isinstance(thing, dict):
        return code(EMPTY_DICT, MARK, *[value_1(part) for pair in thing.items() for part in pair], b"u")
    return old_value(thing) if isinstance(thing, int) and abs(thing) >= 2**31 else value(thing)


def old_value(thing):
    """Pushes a plain value in the opcodes of protocol 0."""
    if isinstance(thing, Code):
        return thing
    if thing is None:
        return Code(b"N")
    if isinstance(thing, bool):
        return Code(b"I01\n" if thing else b"I00\n")
    if isinstance(thing, str):
        return line_text(thing)
    if isinstance(thing, (bytes, bytearray)):
        return old_call("_codecs", "encode", bytes(thing).decode("latin1"), "latin1")
    if isinstance(thing, int):
        return code(b"L", str(thing).encode(), b"L\n") if abs(thing) >= 2**31 else code(b"I", str(thing).encode(), b"\n")
    if isinstance(thing, float):
        return code(b"F", repr(thing).encode(), b"\n")
    if isinstance(thing, tuple):
        return code(MARK, *map(old_value, thing), b"t")
    if isinstance(thing, list):
        return code(MARK, *map(old_value, thing), b"l")
    return code(MARK, *[old_value(part) for pair in thing.items() for part in pair], b"d")


def dictionary(pairs):
    flat = [value(part) for pair in pairs.items() for part in pair]
    return code(EMPTY_DICT, MARK, *flat, b"u")


def tup(*things):
    if not things:
        return code(EMPTY_TUPLE)
    if len(things) <= 3:
        return code(*map(value, things), [b"", b"\x85", b"\x86", b"\x87"][len(things)])
    return code(MARK, *map(value, things), TUPLE)


def named(module, name):
    """GLOBAL: the import of protocols 0 to 3."""
    return code(b"c", module.encode(), b"\n", name.encode(), b"\n")


def stack_named(module, name):
    """STACK_GLOBAL: the import of protocol 4."""
    return code(short_text(module), short_text(name), STACK_GLOBAL)


def call(function, *arguments):
    return code(function, tup(*arguments), REDUCE)


def old_call(module, name, *arguments):
    return code(named(module, name), MARK, *map(old_value, arguments), TUPLE, REDUCE)


def inst(module, name, *arguments):
    return code(MARK, *map(value, arguments), b"i", module.encode(), b"\n", name.encode(), b"\n")


def obj(function, *arguments):
    return code(MARK, function, *map(value, arguments), OBJ)


def newobj(cls, *arguments):
    return code(cls, tup(*arguments), NEWOBJ)


def newobj_ex(cls, arguments, keywords):
    return code(cls, value(arguments), value(keywords), NEWOBJ_EX)


def build(thing, state):
    return code(thing, value(state), BUILD)


def set_item(thing, key, item):
    return code(thing, value(key), value(item), b"s")


def put(index):
    return b"q" + bytes([index]) if index < 256 else b"r" + struct.pack("<I", index)


def get(index):
    return Code(b"h" + bytes([index]) if index < 256 else b"j" + struct.pack("<I", index))


def memo(thing, index):
    return code(thing, put(index))


def first(thing, *dropped):
    """Leaves the first thing on the stack, and runs and drops the others after it."""
    return code(thing, *[code(value(each), POP) for each in dropped])


def persistent(thing):
    return code(value(thing), b"Q")


def frame(body):
    return b"\x95" + struct.pack("<Q", len(body)) + body


def program(body, protocol=2):
    """A whole pickle: PROTO where the protocol has it, a frame from protocol 4 on, STOP."""
    whole = bytes(body) + STOP
    if protocol >= 4:
        return b"\x80" + bytes([protocol]) + frame(whole)
    return whole if protocol < 2 else b"\x80" + bytes([protocol]) + whole

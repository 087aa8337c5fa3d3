import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytes, proto } from '../../test/pickles.ts';
import { type ZipMember, zip } from '../../test/zips.ts';
import { parseBuffer } from '../formats/drive.ts';
import { scanFile } from './scan.ts';

const EMPTY = bytes(proto(2), '}.');

function judged(source: string, more: readonly ZipMember[] = [], root = 'm') {
  const members: ZipMember[] = [
    { name: `${root}/data.pkl`, data: EMPTY },
    { name: `${root}/constants.pkl`, data: EMPTY },
    ...(source === '' ? [] : [{ name: `${root}/code/__torch__.py`, data: Buffer.from(source, 'latin1') }]),
    ...more,
  ];
  return scanFile({ path: 'm.pt', facts: parseBuffer(zip(members)) });
}

/** A method around statements, as PyTorch writes it. */
function method(...statements: readonly string[]): string {
  const body = statements.map((statement) => `    ${statement}\n`).join('');
  return `class M(Module):\n  weight : Tensor\n  __annotations__["0"] = __torch__.N\n  def forward(self: __torch__.M,\n    x: Tensor) -> Tensor:\n${body}`;
}

const CASES: readonly { name: string; source: string; verdict: string; rule?: string; more?: ZipMember[] }[] =
  [
    {
      name: 'operators that compute, its own members and constants',
      source: method(
        'weight = self.weight',
        '_0 = getattr(self, "0")',
        'x0 = torch.conv1d(x, weight, None, [1], [0])',
        'y, z, = (_0).forward(torch.relu_(x0), CONSTANTS.c0, )',
        'ops.prim.RaiseException("a \\" b", "builtins.ValueError")',
        'return torch.add(y, -1.0000000000000001e-05)',
      ),
      verdict: 'clean',
    },
    {
      name: 'an operator that writes a file',
      source: method('_0 = torch.save(x, "a")'),
      verdict: 'blocked',
      rule: 'torchscript/opens-files',
    },
    {
      name: 'the same by its library',
      source: method('_0 = ops.aten.from_file("a", True, 1)'),
      verdict: 'blocked',
      rule: 'torchscript/opens-files',
    },
    {
      name: 'the same in the values by default',
      source: 'def f(x: int=torch.save(1, "a")) -> int:\n  return x\n',
      verdict: 'blocked',
    },
    {
      name: 'an operator of another library',
      source: method('_0 = ops.mine.run(x)'),
      verdict: 'inconclusive',
      rule: 'archive/torchscript',
    },
    {
      name: 'an operator of the runtime that is not known',
      source: method('_0 = torch._sobol(x)'),
      verdict: 'inconclusive',
    },
    {
      name: 'an operator as a method of a value',
      source: method('_0 = x.save("a")'),
      verdict: 'inconclusive',
    },
    {
      name: 'an operator as a method of a call',
      source: method('_0 = (torch.relu(x)).set_(x)'),
      verdict: 'inconclusive',
    },
    {
      name: 'members by names that only a text can hold, and texts beside them',
      source: method(
        '_0 = (getattr(self, "0")).forward(torch.div(x, 2, rounding_mode="floor"), "a", )',
        'return getattr(torch.chunk(x, getattr(self, "0")), "0")',
      ),
      verdict: 'clean',
    },
    {
      name: 'a member by a text that none of its classes declares',
      source: method('_0 = getattr(x, "1")'),
      verdict: 'inconclusive',
      rule: 'archive/torchscript',
    },
    {
      name: 'texts that are signs of the language',
      source: method('_0 = torch.add("[", "x")', 'if torch.eq(_0, "."):', '  return "."', 'return ":"'),
      verdict: 'clean',
    },
    {
      name: 'a method of its own by the name of an operator that computes',
      source: `${method('return self.resize(x)')}  def resize(self: __torch__.M) -> int:\n    return 1\n`,
      verdict: 'clean',
    },
    {
      name: 'an operator that an attribute declares',
      source: `class N(Module):\n  set_ : int\n${method('_0 = x.set_(x)')}`,
      verdict: 'inconclusive',
      rule: 'archive/torchscript',
    },
    {
      name: 'an operator that a method declares',
      source: `${method('_0 = x._values()')}  def _values(self: __torch__.M) -> int:\n    return 1\n`,
      verdict: 'inconclusive',
      rule: 'archive/torchscript',
    },
    {
      name: 'an operator of later releases that a method declares',
      source: `${method('_0 = x.hash_tensor()')}  def hash_tensor(self: __torch__.M) -> int:\n    return 1\n`,
      verdict: 'inconclusive',
      rule: 'archive/torchscript',
    },
    {
      name: 'an operator that an annotation declares',
      source: `class N(Module):\n  __annotations__["save"] = int\n${method('_0 = x.save("a")')}`,
      verdict: 'inconclusive',
      rule: 'archive/torchscript',
    },
    {
      name: 'a name that only a list declares',
      source: method('_0 = ["newest"]', '_1 = x.newest()'),
      verdict: 'inconclusive',
      rule: 'archive/torchscript',
    },
    {
      name: 'an operator behind a value of its own enumeration',
      source: `class E(Enum):\n  A = "a"\n${method('_0 = __torch__.E.A.value.set_(x)')}`,
      verdict: 'inconclusive',
      rule: 'archive/torchscript',
    },
    {
      name: 'its own classes in folders, and told apart by number',
      source: method('_0 = __torch__.torch.nn.modules.linear.___torch_mangle_7.Linear.__new__(x)'),
      verdict: 'clean',
    },
    {
      name: 'the runtime under another name',
      source: method('_0 = torch', '_1 = _0.save(x, "a")'),
      verdict: 'inconclusive',
      rule: 'archive/torchscript-source',
    },
    {
      name: 'the runtime behind getattr',
      source: method('_0 = getattr(torch, "save")'),
      verdict: 'inconclusive',
    },
    { name: 'a library under another name', source: method('_0 = ops.mine'), verdict: 'inconclusive' },
    {
      name: 'a class that is made in C++',
      source: method('_0 = __torch__.torch.classes.a.Store("x")'),
      verdict: 'inconclusive',
      rule: 'archive/torchscript',
    },
    {
      name: 'a remark',
      source: method('_0 = 1 # "'),
      verdict: 'inconclusive',
      rule: 'archive/torchscript-source',
    },
    { name: 'a continued line', source: method('_0 = torch\\', '.save(x, "a")'), verdict: 'inconclusive' },
    { name: 'a string in triple quotes', source: method('_0 = """', '"""'), verdict: 'inconclusive' },
    { name: 'a string without an end', source: method('_0 = "a'), verdict: 'inconclusive' },
    { name: 'a string that ends with a backslash', source: method('_0 = "a\\'), verdict: 'inconclusive' },
    { name: 'a tab', source: method('_0\t= 1'), verdict: 'inconclusive' },
    { name: 'a number that runs into a name', source: method('_0 = 1.save'), verdict: 'inconclusive' },
    { name: 'letters that are not ASCII', source: method('_0 = t\xf6rch.save(x)'), verdict: 'inconclusive' },
    { name: 'no source', source: '', verdict: 'inconclusive', rule: 'archive/torchscript' },
    {
      name: 'a source that only PyTorch finds, by another case',
      source: method('return x'),
      more: [
        {
          name: 'M/CODE/__torch__/A.PY',
          data: Buffer.from('def f(x: int) -> int:\n  return torch.save(x, "a")\n'),
        },
      ],
      verdict: 'blocked',
    },
    {
      name: 'bytecode of the mobile interpreter',
      source: method('return x'),
      more: [{ name: 'm/bytecode.pkl', data: EMPTY }],
      verdict: 'inconclusive',
      rule: 'archive/torchscript',
    },
    {
      name: "the first format's model.json",
      source: method('return x'),
      more: [
        { name: 'm/version', data: Buffer.from('3\n') },
        { name: 'm/model.json', data: Buffer.from('{}') },
      ],
      verdict: 'inconclusive',
      rule: 'archive/torchscript-first-format',
    },
  ];

for (const { name, source, verdict, rule, more } of CASES) {
  test(`a program with ${name} is ${verdict}`, () => {
    const result = judged(source, more);
    assert.equal(result.verdict, verdict, JSON.stringify(result.findings));
    if (rule !== undefined)
      assert.ok(
        result.findings.some((finding) => finding.rule === rule),
        rule,
      );
  });
}

for (const [name, ...statements] of [
  ['getattr under another name', '_0 = getattr', '_1 = _0(x, "0")'],
  ['getattr in brackets', '_0 = (getattr)(x, "0")'],
  ['an operator by getattr', '_0 = getattr(x, "set_")'],
  ['an operator by getattr, over two lines', '_0 = getattr(x,', '"set_")'],
  ['an operator by getattr, in brackets', '_0 = getattr(x, ("set_"))'],
  ['an operator by getattr, in two texts', '_0 = getattr(x, "0" "set_")'],
  ['an operator by getattr, with an escape', '_0 = getattr(x, "\\163et_")'],
  ['an operator by getattr, with another behind it', '_0 = getattr(x, "0", "set_")'],
  ['an operator by getattr, within its first argument', '_0 = getattr(getattr(x, ("set_")), "0")'],
  ['its own names under another name', '_0 = __torch__', '_1 = _0.torch.classes.a.Store("x")'],
  ['its own names over two lines', '_0 = (__torch__', '  .torch.classes.a.Store("x"))'],
  ['classes made in C++ under another name', '_0 = __torch__.torch', '_1 = _0.classes.a.Store("x")'],
] as const)
  test(`a program with ${name} is not read on`, () => {
    // Names that hide behind the move are declared, so that nothing else holds the program.
    const declared =
      'class N(Module):\n  set_ : int\n  __annotations__["torch"] = int\n  classes : int\n  a : int\n  Store : int\n';
    const { verdict, findings } = judged(declared + method(...statements));
    assert.equal(verdict, 'inconclusive');
    assert.deepEqual([...new Set(findings.map(({ rule }) => rule))], ['archive/torchscript-source']);
  });

test('a root that grows in lower case hides no program', () => {
  const { verdict, findings } = judged(method('torch.save(x, "a")'), [], '\u0130\u0130');
  assert.equal(verdict, 'blocked');
  assert.equal(findings[0]?.rule, 'torchscript/opens-files');
});

test("a root that grows in lower case hides no model.json of TorchScript's first format", () => {
  const more = ['version', 'MODEL.json'].map((name) => ({
    name: `\u0130/${name}`,
    data: Buffer.from('3\n'),
  }));
  const rules = judged(method('return x'), more, '\u0130').findings.map(({ rule }) => rule);
  assert.ok(rules.includes('archive/torchscript-first-format'), rules.join());
});

test('what blocks a program is told before what is not known of it', () => {
  const unknown = Array.from({ length: 50 }, (_, number) => `_${number} = ops.mine.f${number}(x)`);
  const { verdict, findings } = judged(method(...unknown, 'torch.save(x, "a")'));
  assert.equal(verdict, 'blocked');
  assert.match(findings[0]?.message ?? '', /line 56: the program uses aten::save/);
});

test('mutated programs are judged, whatever they became', () => {
  const source = method('y, z, = (self).f(torch.relu(x), CONSTANTS.c0, )', 'return torch.add(y, "a\\"b")');
  const edit = fc.record({
    at: fc.nat(source.length),
    length: fc.nat(3),
    text: fc.constantFrom(
      '"',
      'getattr(',
      '__torch__',
      '__annotations__[',
      ',',
      '\\',
      '\n',
      '.',
      '(',
      'torch',
      'ops.',
      '1.',
      '#',
      '\xff',
      "''",
    ),
  });
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 4 }), (edits) => {
      let text = source;
      for (const { at, length, text: to } of edits) text = text.slice(0, at) + to + text.slice(at + length);
      assert.match(judged(text).verdict, /^(clean|inconclusive|blocked)$/);
    }),
    { numRuns: 500 },
  );
});

test('four megabytes of names are read, and more are not', () => {
  const line = '    x = torch.add(x, self.weight)\n';
  const long = (bytes: number) => method() + line.repeat(Math.floor(bytes / line.length));
  assert.equal(judged(long(3.9 * 2 ** 20)).verdict, 'clean');
  assert.equal(judged(long(4.1 * 2 ** 20)).verdict, 'inconclusive');
});

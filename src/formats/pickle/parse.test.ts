import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  bytes,
  call,
  drive,
  global,
  proto,
  raw,
  short,
  stackGlobal,
  u32,
  u64,
} from '../../../test/pickles.ts';
import type { PickleFacts } from './facts.ts';
import { parsePickle } from './parse.ts';

function factsOf(input: Uint8Array): PickleFacts {
  return drive(input, parsePickle({ sizeBytes: input.length }));
}

/** `operation module.name shape` of every global, and `!code` of every problem. */
function deeds(facts: PickleFacts): string[] {
  return [
    ...facts.globals.map(({ operation, on, module, name, shape }) =>
      [operation, on === 'result' ? 'on-result' : '', `${module}.${name}`, shape]
        .filter((part) => part)
        .join(' '),
    ),
    ...facts.problems.map(({ code }) => `!${code}`),
  ];
}

/** Every deed must be among the facts, and the facts complete or not as said. */
const FOLLOWED: readonly { name: string; input: Buffer; deeds: readonly string[] }[] = [
  {
    name: 'REDUCE',
    input: bytes(proto(4), call('os', 'system'), '.'),
    deeds: ['import os.system', 'reduce os.system (str)'],
  },
  {
    name: 'REDUCE whose result is popped',
    input: bytes(proto(4), call('os', 'system'), '0N.'),
    deeds: ['reduce os.system (str)'],
  },
  {
    name: 'INST in text without any header',
    input: bytes("(S'id'\nios\nsystem\n."),
    deeds: ['inst os.system (str)'],
  },
  {
    name: 'OBJ, then POP',
    input: bytes('(', global('os', 'system'), "S'id'\no0N."),
    deeds: ['obj os.system (str)'],
  },
  { name: 'NEWOBJ', input: bytes(proto(2), global('a', 'B'), ')', 0x81, '.'), deeds: ['newobj a.B ()'] },
  {
    name: 'NEWOBJ_EX',
    input: bytes(proto(4), stackGlobal('a', 'B'), ')}', 0x92, '.'),
    deeds: ['newobj a.B ((), dict)'],
  },
  {
    name: 'BUILD on an instance',
    input: bytes(proto(2), global('a', 'B'), ')', 0x81, '}b.'),
    deeds: ['build on-result a.B dict'],
  },
  {
    name: 'BUILD on the class itself',
    input: bytes(proto(2), global('a', 'B'), 'N}', 0x86, 'b.'),
    deeds: ['build a.B (none, dict)'],
  },
  {
    name: 'SETITEM on a dictionary of a module',
    input: bytes(proto(2), global('sys', 'modules'), "S'os'\nNs."),
    deeds: ['setitem sys.modules (str, none)'],
  },
  {
    name: 'SETITEMS, APPENDS and ADDITEMS on what a call made',
    input: bytes(proto(4), call('a', 'b'), '(NNu(Ne(N', 0x90, '.'),
    deeds: [
      'setitem on-result a.b (none, none)',
      'append on-result a.b (none)',
      'additems on-result a.b (none)',
    ],
  },
  {
    name: 'a call of what a call returned',
    input: bytes(proto(4), call('operator', 'attrgetter'), ')R.'),
    deeds: ['reduce on-result operator.attrgetter ()'],
  },
  {
    name: 'a name handed on as an argument',
    input: bytes(proto(4), stackGlobal('functools', 'partial'), stackGlobal('os', 'system'), 0x85, 'R.'),
    deeds: ['pass os.system', 'reduce functools.partial (global)'],
  },
  {
    name: 'STACK_GLOBAL through the memo',
    input: bytes(proto(4), short('os'), 0x94, '0', short('system'), 0x94, '0h', 0, 'h', 1, 0x93, '.'),
    deeds: ['import os.system'],
  },
  {
    name: 'STACK_GLOBAL through DUP',
    input: bytes(proto(4), short('code'), '2', 0x93, '.'),
    deeds: ['import code.code'],
  },
  {
    name: 'STACK_GLOBAL through a renumbered memo',
    input: bytes(
      proto(4),
      short('nt'),
      'q',
      5,
      short('os'),
      'q',
      5,
      0x94,
      '0',
      short('system'),
      0x94,
      'h',
      1,
      'h',
      2,
      0x93,
      '.',
    ),
    deeds: ['import os.system'],
  },
  {
    name: 'a name in protocol 4 with dots',
    input: bytes(proto(4), stackGlobal('random', '_os.system'), '.'),
    deeds: ['import random._os.system'],
  },
  {
    name: 'a name escaped in a Python 2 string',
    input: bytes("S'\\x6f\\163'\nV\\u0073ystem\n", 0x93, '.'),
    deeds: ['import os.system'],
  },
  { name: 'a name of Python 2', input: bytes('c__builtin__\neval\n.'), deeds: ['import builtins.eval'] },
  {
    name: 'a renamed name of Python 2',
    input: bytes(proto(2), global('urllib', 'urlopen'), '.'),
    deeds: ['import urllib.request.urlopen'],
  },
  {
    name: 'two streams',
    input: bytes(proto(4), 'N.', proto(4), call('os', 'system'), '.'),
    deeds: ['reduce os.system (str)'],
  },
  {
    name: 'a protocol that changes on the way',
    input: bytes(proto(4), proto(0), global('__builtin__', 'eval'), '.'),
    deeds: ['import builtins.eval'],
  },
  {
    name: 'a mark that POP removes',
    input: bytes('(0', global('os', 'system'), '.'),
    deeds: ['import os.system'],
  },
  {
    name: 'frames that lie about where they end',
    input: bytes(proto(4), 0x95, u64(1), 'N0', call('os', 'system'), '.'),
    deeds: ['reduce os.system (str)'],
  },
  {
    name: 'bytes that hold a pickle',
    input: bytes(
      proto(4),
      stackGlobal('torch.storage', '_load_from_bytes'),
      raw(bytes(proto(4), call('os', 'system'), '.')),
      0x85,
      'R.',
    ),
    deeds: ['reduce torch.storage._load_from_bytes (pickle)'],
  },
];

for (const { name, input, deeds: expected } of FOLLOWED) {
  test(`follows ${name} completely`, () => {
    const facts = factsOf(input);
    assert.deepEqual(facts.gaps, []);
    assert.deepEqual(facts.problems, []);
    const found = deeds(facts);
    for (const deed of expected) assert.ok(found.includes(deed), `${deed} in ${found.join(' | ')}`);
  });
}

const NOT_FOLLOWED: readonly { name: string; input: Buffer; deeds: readonly string[] }[] = [
  {
    name: 'a name that a call computes',
    input: bytes(proto(4), call('a', 'b'), short('system'), 0x93, ')R.'),
    deeds: ['!computed-name', 'reduce .<unknown> ()'],
  },
  {
    name: 'a name longer than is kept',
    input: bytes(proto(4), 'X', u32(300), 'a'.repeat(300), short('b'), 0x93, '.'),
    deeds: ['!computed-name'],
  },
  {
    name: 'an extension code',
    input: bytes(proto(2), 0x82, 7, ')R.'),
    deeds: ['ext .<extension 7>', '!extension'],
  },
  {
    name: 'a four-byte extension code',
    input: bytes(proto(2), 0x84, u32(70000), '.'),
    deeds: ['!extension'],
  },
  { name: 'a buffer from outside', input: bytes(proto(5), 0x97, '.'), deeds: ['!out-of-band-buffer'] },
  {
    name: 'a name that crosses the end of its frame',
    input: bytes(proto(4), 0x95, u64(5), 'cXXXXos\nsystem\n.'),
    deeds: ['!frame-crossed'],
  },
  {
    name: 'a frame inside of a frame',
    input: bytes(proto(4), 0x95, u64(12), 0x95, u64(1), 'NNN.'),
    deeds: ['!frame-crossed'],
  },
  {
    name: 'a frame that reaches beyond STOP',
    input: bytes(proto(4), 0x95, u64(4), 'N.N.'),
    deeds: ['!frame-crossed'],
  },
  {
    name: 'garbage between streams',
    input: bytes(proto(4), 'N.', '\xff', proto(4), 'N.'),
    deeds: ['!unknown-opcode'],
  },
  { name: 'bytes behind STOP', input: bytes(proto(4), 'N.', '#!/bin/sh\n'), deeds: ['!unknown-opcode'] },
  {
    name: 'a payload in front of a broken end',
    input: bytes(proto(4), call('os', 'system')),
    deeds: ['reduce os.system (str)', '!truncated'],
  },
  {
    name: 'an INST whose last line the end cuts',
    input: bytes("(S'id'\nios\nsystemX"),
    deeds: ['inst os.system (str)', '!truncated'],
  },
  { name: 'a stack that is empty', input: bytes('R.'), deeds: ['!stack-underflow'] },
  { name: 'a memo that was not written', input: bytes('h', 3, '.'), deeds: ['!memo-key-unset'] },
  {
    name: 'a memo key of four gigabytes',
    input: bytes('Nr', u32(0xffffffff), '.'),
    deeds: ['!memo-key-too-large'],
  },
  { name: 'a memo key in an odd spelling', input: bytes('Np+1\n.'), deeds: ['!bad-memo-key'] },
  { name: 'a mark left open', input: bytes('N(.'), deeds: ['!stack-underflow'] },
  {
    name: 'a frame longer than the file',
    input: bytes(proto(4), 0x95, u64(1 << 30), 'N.'),
    deeds: ['!frame-too-long'],
  },
  {
    name: 'bytes longer than the file',
    input: bytes(proto(4), 'B', u32(1 << 30), 'N.'),
    deeds: ['!truncated'],
  },
  { name: 'a negative length', input: bytes('T', u32(0xffffffff), 'N.'), deeds: ['!negative-length'] },
  { name: 'a protocol of the future', input: bytes(proto(9), 'N.'), deeds: ['!unknown-protocol'] },
  { name: 'a name that no line ends', input: bytes('c', 'a'.repeat(20_000), '.'), deeds: ['!line-too-long'] },
  { name: 'an empty file', input: bytes(), deeds: ['!truncated'] },
  { name: 'an unset storage key', input: bytes('Q.'), deeds: ['!stack-underflow'] },
];

for (const { name, input, deeds: expected } of NOT_FOLLOWED) {
  test(`is never complete over ${name}`, () => {
    const facts = factsOf(input);
    assert.notEqual(facts.gaps.length, 0);
    const found = deeds(facts);
    for (const deed of expected) assert.ok(found.includes(deed), `${deed} in ${found.join(' | ')}`);
  });
}

test('nested pickles are part of the facts, to the depth that is followed', () => {
  let inner = bytes(proto(4), call('os', 'system'), '.');
  for (let depth = 0; depth < 3; depth++) inner = bytes(proto(4), raw(inner), '.');
  let facts = factsOf(inner);
  for (let depth = 0; depth < 3; depth++) facts = facts.nested[0]?.facts ?? facts;
  assert.ok(deeds(facts).includes('reduce os.system (str)'));
});

test('what a loader reads from bytes that could not be followed is not called a pickle', () => {
  const broken = bytes(proto(4), call('os', 'system'));
  const facts = factsOf(bytes(proto(4), stackGlobal('pickle', 'loads'), raw(broken), 0x85, 'R.'));
  assert.ok(deeds(facts).includes('reduce pickle.loads (bytes)'));
  assert.ok(facts.nested.some(({ facts: inner }) => deeds(inner).includes('reduce os.system (str)')));
});

test('real pickles of every protocol are complete', () => {
  const script = `
import pickle, sys, collections, datetime, decimal
value = {'a': [1, 2.5, None, True, -7, 2**70, 'x' * 500, b'y' * 500, 'ü', b'z'], 'o': collections.OrderedDict(a=1),
  't': (1, (2, (3,))), 's': {1, 2}, 'f': frozenset([1]), 'd': datetime.date(2020, 1, 1), 'n': decimal.Decimal('1.5'),
  'l': list(range(3000)), 'c': complex(1, 2)}
value['self'] = value['a']
for protocol in range(6):
    data = pickle.dumps(value, protocol)
    sys.stdout.buffer.write(len(data).to_bytes(4, 'little') + data)
`;
  const { stdout } = spawnSync('python3', ['-c', script]);
  let count = 0;
  for (let at = 0; at < stdout.length; count++) {
    const length = stdout.readUInt32LE(at);
    const facts = factsOf(stdout.subarray(at + 4, at + 4 + length));
    assert.deepEqual(facts.gaps, [], `protocol ${count}`);
    assert.ok(facts.globals.some(({ name }) => name === 'OrderedDict'));
    at += 4 + length;
  }
  assert.equal(count, 6);
});

const BOMBS: readonly { name: string; input: () => Buffer; complete: boolean }[] = [
  { name: 'nested tuples', input: () => bytes('N', '\x85'.repeat(4_000_000), '.'), complete: true },
  {
    name: 'a tuple doubled four million times',
    input: () => bytes('N', '2\x86'.repeat(4_000_000), '.'),
    complete: true,
  },
  { name: 'a stack of marks', input: () => bytes('('.repeat(4_000_000), '.'), complete: false },
  { name: 'a stack of values', input: () => bytes('N'.repeat(8_000_000), '.'), complete: false },
  { name: 'a memo of dictionaries', input: () => bytes('}\x940'.repeat(4_000_000), 'N.'), complete: true },
  {
    name: 'distinct names without end',
    input: () => bytes(Array.from({ length: 200_000 }, (_, i) => `cm\nn${i}\n`).join(''), '.'),
    complete: false,
  },
  {
    name: 'a memo of tuples that nothing else holds',
    input: () => bytes('NN\x86\x940'.repeat(4_000_000), 'N.'),
    complete: true,
  },
  { name: 'a line of ten megabytes', input: () => bytes('V', 'a'.repeat(10_000_000), '\n.'), complete: true },
  { name: 'streams without end', input: () => bytes('N.'.repeat(1_000_000)), complete: false },
];

for (const { name, input, complete } of BOMBS) {
  test(`ends in bounded memory over ${name}`, () => {
    const bomb = input();
    const facts = factsOf(bomb);
    assert.equal(facts.gaps.length === 0, complete);
    assert.ok(JSON.stringify(facts).length < 4 << 20);
  });
}

test('a pickle of many windows keeps its counts, in text and in binary', () => {
  const script = `
import pickle, sys, datetime
value = [datetime.date(2020, 1, 1 + i % 28) for i in range(60000)]
for protocol in (0, 2, 4):
    data = pickle.dumps(value, protocol)
    sys.stdout.buffer.write(len(data).to_bytes(4, 'little') + data)
`;
  const { stdout } = spawnSync('python3', ['-c', script], { maxBuffer: 1 << 28 });
  for (let at = 0; at < stdout.length; ) {
    const length = stdout.readUInt32LE(at);
    const facts = factsOf(stdout.subarray(at + 4, at + 4 + length));
    assert.deepEqual(facts.gaps, []);
    const calls = facts.globals.filter(({ operation }) => operation === 'reduce');
    assert.equal(calls.reduce((sum, { count }) => sum + count, 0) >= 60_000, true);
    at += 4 + length;
  }
});

test('arbitrary bytes never throw, and are complete only if all of them were read', () => {
  const opcode = fc.constantFrom(
    ...Buffer.from(
      '(.012FGIJKLMNPQRSTUVXabcdeghijlopqrstu]}BC)\x80\x81\x82\x85\x86\x87\x88\x8a\x8c\x8f\x90\x91\x92\x93\x94\x95\x96\n\0\x01os',
      'latin1',
    ),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc.array(opcode, { maxLength: 60 }).map((codes) => Uint8Array.from(codes)),
      ),
      (input) => {
        const facts = factsOf(input);
        assert.ok(facts.gaps.length > 0 || facts.streams > 0);
        for (const { offset, length } of facts.gaps)
          assert.ok(offset >= 0 && offset + length <= input.length);
        assert.deepEqual(JSON.parse(JSON.stringify(facts)), facts);
        // The facts do not depend on how the bytes arrive: one byte more behind the input must leave a mark.
        if (facts.gaps.length === 0) assert.notDeepEqual(factsOf(bytes(input, 0xff)).gaps, []);
      },
    ),
    { numRuns: 3000 },
  );
});

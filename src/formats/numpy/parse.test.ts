import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytes, call, drive, proto } from '../../../test/pickles.ts';
import { parseLiteral } from './literal.ts';
import { isNumpy, type NumpyFacts, parseNumpy } from './parse.ts';

function npy(header: string, data: Uint8Array, version = 1): Buffer {
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  length.writeUIntLE(header.length, 0, length.length);
  return bytes('\x93NUMPY', version, 0, length, header, data);
}

function header(descr: string, shape: string): string {
  return `{'descr': ${descr}, 'fortran_order': False, 'shape': ${shape}, }      \n`;
}

function factsOf(input: Uint8Array): NumpyFacts {
  return drive(input, parseNumpy({ sizeBytes: input.length }));
}

const ARRAYS: readonly { descr: string; shape: string; dataBytes: number; version?: number }[] = [
  { descr: "'<f4'", shape: '(3, 4)', dataBytes: 48 },
  { descr: "'<f4'", shape: '()', dataBytes: 4 },
  { descr: "'|b1'", shape: '(7,)', dataBytes: 7 },
  { descr: "'<U5'", shape: '(2,)', dataBytes: 40 },
  { descr: "'<M8[ns]'", shape: '(2,)', dataBytes: 16 },
  { descr: "'<c16'", shape: '(0, 9)', dataBytes: 0, version: 2 },
  {
    descr: "[('a', '<f4'), ('b', '|u1', (2, 3)), ('c', [('d', '<i8')])]",
    shape: '(2L,)',
    dataBytes: 36,
    version: 3,
  },
];

for (const { descr, shape, dataBytes, version } of ARRAYS) {
  test(`an array of ${descr} and shape ${shape} is accounted for, and only with its own size`, () => {
    const make = (length: number): Buffer => npy(header(descr, shape), Buffer.alloc(length), version);
    assert.ok(isNumpy(make(dataBytes)));
    assert.deepEqual(factsOf(make(dataBytes)).gaps, []);
    assert.notDeepEqual(factsOf(make(dataBytes + 1)).gaps, []);
  });
}

test('an array of objects is a pickle, also inside of a structured type', () => {
  const pickle = bytes(proto(4), call('os', 'system'), '.');
  for (const descr of ["'|O'", "[('a', '<f4'), ('b', 'O')]"]) {
    const facts = factsOf(npy(header(descr, '(1,)'), pickle));
    assert.deepEqual(facts.gaps, []);
    assert.ok(
      facts.pickle?.globals.some(({ module, operation }) => module === 'os' && operation === 'reduce'),
    );
  }
});

test('gaps of the pickle count from the start of the file', () => {
  const input = npy(header("'|O'", '(1,)'), bytes(proto(4), 'N'));
  const [gap] = factsOf(input).gaps;
  assert.ok(gap !== undefined && gap.offset > 10 && gap.offset + gap.length === input.length);
});

const BROKEN: readonly { name: string; input: Buffer }[] = [
  {
    name: 'with a call in its header',
    input: npy("{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,)}", Buffer.alloc(4)),
  },
  {
    name: 'with a key twice',
    input: npy("{'descr': '<f4', 'descr': '|O', 'fortran_order': False, 'shape': (1,)}", Buffer.alloc(4)),
  },
  {
    name: 'with another key',
    input: npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", Buffer.alloc(4)),
  },
  { name: 'with a type that is not known', input: npy(header("'<z9'", '(1,)'), Buffer.alloc(9)) },
  {
    name: 'with a header longer than the file',
    input: npy(header("'<f4'", '(1,)'), Buffer.alloc(4)).subarray(0, 30),
  },
  { name: 'of a version to come', input: npy(header("'<f4'", '(1,)'), Buffer.alloc(4), 9) },
  { name: 'of only a magic number', input: bytes('\x93NUMPY') },
];

for (const { name, input } of BROKEN) {
  test(`an array ${name} is never complete`, () => {
    const facts = factsOf(input);
    assert.notDeepEqual(facts.gaps, []);
    assert.notDeepEqual(facts.problems, []);
  });
}

test('literals nest only so deep, and nothing is evaluated', () => {
  assert.equal(parseLiteral('('.repeat(50_000)), undefined);
  assert.deepEqual(parseLiteral("('a', [1, True], )"), ['a', [1, true]]);
  assert.equal(parseLiteral("'a' 'b'"), undefined);
});

test('mutated arrays never throw', () => {
  const original = npy(header("'<f4'", '(3, 4)'), Buffer.alloc(48));
  fc.assert(
    fc.property(fc.nat(original.length - 1), fc.nat(255), fc.nat(original.length), (at, to, cut) => {
      const input = Buffer.from(original.subarray(0, Math.max(1, cut)));
      input[at % input.length] = to;
      const facts = factsOf(input);
      for (const { offset, length } of facts.gaps) assert.ok(offset + length <= input.length);
    }),
  );
});

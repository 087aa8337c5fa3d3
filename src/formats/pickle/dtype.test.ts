import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, drive, proto, short, stackGlobal } from '../../../test/pickles.ts';
import { parsePickle } from './parse.ts';

/** What the pickle says that cannot be true. */
function liesOf(...parts: readonly (string | Uint8Array)[]): readonly string[] {
  const input = bytes(proto(4), ...parts, '.');
  const { problems } = drive(input, parsePickle({ sizeBytes: input.length }));
  return problems.map(({ detail }) => detail);
}

function number(value: number): Buffer {
  const le = Buffer.alloc(4);
  le.writeInt32LE(value);
  return bytes('J', le);
}

interface State {
  readonly subtype?: Uint8Array;
  readonly names?: Uint8Array;
  readonly fields?: Uint8Array;
  readonly size?: number;
  readonly flags?: number;
}

const NONE = bytes('N');

function dtype(name: string, state: State = {}): Buffer {
  return ofClass(short(name), state);
}

function ofClass(type: Buffer, { subtype, names, fields, size = -1, flags = 0 }: State = {}): Buffer {
  const made = bytes(stackGlobal('numpy', 'dtype'), type, 0x89, 0x88, 0x87, 'R');
  const parts = [subtype ?? NONE, names ?? NONE, fields ?? NONE, number(size), number(-1), number(flags)];
  return bytes(made, '(K', 3, short('|'), ...parts, 'tb');
}

/** A structure of named fields, each a type and where it begins. */
function structure(fields: readonly (readonly [Buffer, number])[], size: number, flags = 0): Buffer {
  const names = fields.map((_, index) => short(`f${index}`));
  const items = fields.map(([type, from], index) => bytes(short(`f${index}`), type, number(from), 0x86));
  const state = { names: bytes('(', ...names, 't'), fields: bytes('}(', ...items, 'u'), size, flags };
  return dtype(`V${size}`, state);
}

const FLOAT = dtype('f4');
const OBJECT = dtype('O8', { flags: 63 });

const TRUE: readonly (readonly [string, Buffer])[] = [
  ['a number', FLOAT],
  ['an object', OBJECT],
  ['a number of another library', ofClass(stackGlobal('ml_dtypes', 'bfloat16'))],
  ['a text', dtype('U3', { size: 12 })],
  ['bytes', dtype('S5', { size: 5 })],
  [
    'a structure',
    structure(
      [
        [FLOAT, 0],
        [FLOAT, 4],
      ],
      8,
    ),
  ],
  [
    'a structure with a gap',
    structure(
      [
        [FLOAT, 0],
        [FLOAT, 8],
      ],
      16,
      0x80,
    ),
  ],
  [
    'a structure with an object',
    structure(
      [
        [FLOAT, 0],
        [OBJECT, 8],
      ],
      16,
      63,
    ),
  ],
  ['a structure in a structure', structure([[structure([[OBJECT, 0]], 8, 63), 0]], 8, 63)],
  ['a subarray', dtype('V8', { subtype: bytes(FLOAT, 'K\x02', 0x85, 0x86), size: 8 })],
];

for (const [what, type] of TRUE)
  test(`${what} is a type that can be`, () => assert.deepEqual(liesOf(type), []));

const LIES: readonly (readonly [string, Buffer])[] = [
  ['a number of another size', dtype('f4', { size: 400 })],
  ['an object by another name', dtype('O')],
  ['an object in a list of types', dtype('i4,O')],
  ['a class that is an object', ofClass(stackGlobal('builtins', 'object'))],
  ['a class of numbers of another size', ofClass(stackGlobal('ml_dtypes', 'bfloat16'), { size: 1 })],
  [
    'a structure without names for its fields',
    dtype('V8', { fields: bytes('}', short('a'), OBJECT, 'K\0', 0x86, 's'), size: 8 }),
  ],
  [
    'a subarray of what has no size',
    dtype('V8', { subtype: bytes(ofClass(stackGlobal('numpy', 'void')), 'K\x01', 0x85, 0x86), size: 8 }),
  ],
  ['a number with the flags of objects', dtype('f4', { flags: 63 })],
  ['an object without its flags', dtype('O8')],
  ['a text of another size', dtype('U3', { size: 400 })],
  ['a structure whose flags deny its object', structure([[OBJECT, 0]], 8, 0)],
  ['a structure whose inner flags deny its object', structure([[structure([[OBJECT, 0]], 8), 0]], 8)],
  ['a field behind the end', structure([[FLOAT, 8]], 8)],
  ['a field before the beginning', structure([[FLOAT, -4]], 8)],
  ['a subarray larger than its type', dtype('V8', { subtype: bytes(FLOAT, 'K\x09', 0x85, 0x86), size: 8 })],
  ['fields that are not there', dtype('V8', { names: bytes(short('a'), 0x85), size: 8 })],
  ['a state that is given twice', bytes(FLOAT, FLOAT.subarray(FLOAT.indexOf('('.charCodeAt(0))))],
];

for (const [what, type] of LIES) test(`${what} is a lie`, () => assert.notDeepEqual(liesOf(type), []));

test('the fields of a structure stay as they were', () => {
  const fields = bytes('}', 0x94, '(', short('a'), FLOAT, 'K\0', 0x86, 'u');
  const type = dtype('V4', { names: bytes(short('a'), 0x85), fields, size: 4 });
  assert.deepEqual(liesOf(type), []);
  const changed = bytes(type, '0h\0', short('a'), OBJECT, 'K\0', 0x86, 's');
  assert.notDeepEqual(liesOf(changed), []);
});

test('raw bytes never stand for objects', () => {
  const made = bytes(stackGlobal('numpy.core.multiarray', '_reconstruct'), stackGlobal('numpy', 'ndarray'));
  const array = (type: Buffer, content: string, count = 0): Buffer =>
    bytes(
      made,
      'K',
      Buffer.from([count]),
      0x85,
      short('b'),
      0x87,
      'R(K\x01K\x01',
      0x85,
      type,
      0x89,
      content,
      'tb',
    );
  assert.deepEqual(liesOf(array(FLOAT, 'C\x04abcd')), []);
  assert.deepEqual(liesOf(array(OBJECT, ']K\x01a')), []);
  assert.notDeepEqual(liesOf(array(OBJECT, 'C\x08abcdefgh')), []);
  assert.notDeepEqual(liesOf(array(FLOAT, 'C\x04abcd', 200)), []);
  const scalar = bytes(stackGlobal('numpy.core.multiarray', 'scalar'), OBJECT, 'C\x08abcdefgh', 0x86, 'R');
  assert.notDeepEqual(liesOf(scalar), []);
});

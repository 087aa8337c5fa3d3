import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, call, drive, proto, short, stackGlobal } from '../../../test/pickles.ts';
import { scanPickle } from '../../scan/pickle.ts';
import type { PickleFacts } from './facts.ts';
import { parsePickle } from './parse.ts';

function factsOf(input: Uint8Array): PickleFacts {
  return drive(input, parsePickle({ sizeBytes: input.length }));
}

/** Blocked, inconclusive or clean, by findings and gaps. */
function verdictOf(input: Uint8Array): string {
  const facts = factsOf(input);
  const findings = scanPickle('a', facts);
  if (findings.some(({ verdict }) => verdict === 'blocked')) return 'blocked';
  return findings.length > 0 || facts.gaps.length > 0 ? 'inconclusive' : 'clean';
}

/** `numpy.dtype(name)` with a state of this size and these flags. */
const dtype = (name: string, size = -1, flags = 0): Buffer => {
  const sizeBytes = Buffer.alloc(4);
  sizeBytes.writeInt32LE(size);
  const state = bytes('(K', 3, short('<'), 'NNNJ', sizeBytes, 'K', 1, 'K', flags, 't');
  return bytes(stackGlobal('numpy', 'dtype'), short(name), 0x89, 0x88, 0x87, 'R', state, 'b');
};

const WRAPPER = bytes(stackGlobal('joblib.numpy_pickle', 'NumpyArrayWrapper'), ')', 0x81);

interface State {
  readonly shape?: Uint8Array;
  readonly dtype?: Uint8Array;
  readonly alignment?: Uint8Array;
  readonly more?: Uint8Array;
}

/** A wrapper with its state: by default eight bytes in two elements, without alignment. */
const wrapper = (state: State = {}): Buffer =>
  bytes(
    WRAPPER,
    '}(',
    short('subclass'),
    stackGlobal('numpy', 'ndarray'),
    short('shape'),
    state.shape ?? bytes('K', 2, 0x85),
    short('order'),
    short('C'),
    short('dtype'),
    state.dtype ?? dtype('f4'),
    short('allow_mmap'),
    0x88,
    state.alignment === undefined ? '' : bytes(short('numpy_array_alignment_bytes'), state.alignment),
    state.more ?? '',
    'ub',
  );

const ZEROS = Buffer.alloc(8);

test('a raw array is passed by its structure, and the pickle goes on behind it', () => {
  const input = bytes(proto(4), ']', wrapper(), ZEROS, 'a', wrapper(), ZEROS, 'a.');
  const facts = factsOf(input);
  assert.deepEqual([facts.gaps, facts.problems, facts.streams], [[], [], 1]);
  assert.equal(verdictOf(input), 'clean');
});

test('an aligned array is padded by as many bytes as the byte in front of it says', () => {
  const aligned = wrapper({ alignment: bytes('K', 16) });
  assert.equal(verdictOf(bytes(proto(4), aligned, 3, 0xff, 0xff, 0xff, ZEROS, '.')), 'clean');
  assert.equal(verdictOf(bytes(proto(4), aligned, 4, 0xff, 0xff, 0xff, ZEROS, '.')), 'inconclusive');
});

test('an array of objects is the pickle that follows in place', () => {
  const objects = wrapper({ dtype: dtype('O8', -1, 0x3f) });
  assert.equal(verdictOf(bytes(proto(4), objects, proto(4), 'K', 1, '..')), 'clean');
  assert.equal(verdictOf(bytes(proto(4), objects, proto(4), call('os', 'system'), '..')), 'blocked');
});

test('what follows an array is judged', () => {
  assert.equal(verdictOf(bytes(proto(4), wrapper(), ZEROS, '0', call('os', 'system'), '.')), 'blocked');
});

test('an array whose bytes run as opcodes for other loaders is judged by what they do', () => {
  const payload = bytes(call('os', 'system'), '.');
  const shape = bytes('K', payload.length, 0x85);
  const input = bytes(proto(4), wrapper({ shape, dtype: dtype('u1') }), payload, '.');
  assert.equal(verdictOf(input), 'blocked');
  const unknown = bytes('cforeign\nname\n.');
  const other = bytes(
    proto(4),
    wrapper({ shape: bytes('K', unknown.length, 0x85), dtype: dtype('u1') }),
    unknown,
    '.',
  );
  assert.equal(verdictOf(other), 'inconclusive');
});

test('a shadow sees the stack and the memo of its pickle, and leaves them as they are', () => {
  const memo = bytes(short('os'), 0x94, short('system'), 0x94, '00');
  const array = bytes('h', 0, 'h', 1, 0x93, '.\0');
  const shape = bytes('K', array.length, 0x85);
  const raw = wrapper({ shape, dtype: dtype('u1') });
  assert.equal(verdictOf(bytes(proto(4), memo, raw, array, '.')), 'blocked');
  const put = Buffer.from('q\x000q\0\0\0', 'latin1');
  const after = bytes(proto(4), memo, wrapper(), put, '0h', 0, 'h', 1, 0x93, short('id'), 0x85, 'R.');
  assert.equal(verdictOf(after), 'blocked');
});

const LIES: readonly (readonly [string, State])[] = [
  ['a shape that is no tuple', { shape: short('x') }],
  ['a negative length', { shape: bytes('J', Buffer.from([0xff, 0xff, 0xff, 0xff]), 0x85) }],
  ['a product beyond all numbers', { shape: bytes('J\xff\xff\xff\x7f'.repeat(3), 0x87) }],
  ['more bytes than there are', { shape: bytes('K', 200, 0x85) }],
  ['a type that is not known', { dtype: dtype('f3') }],
  ['a type that is not numpy’s', { dtype: short('f4') }],
  ['a number type that claims objects', { dtype: dtype('f4', -1, 1) }],
  ['an object type that claims none', { dtype: dtype('O8', -1, 0) }],
  ['a structure without a size', { dtype: dtype('V8', 0) }],
  ['a key that is not known', { more: bytes(short('read'), 'K', 1) }],
  ['an alignment that is no number', { alignment: short('x') }],
];

for (const [what, state] of LIES)
  test(`${what} is never clean`, () => {
    assert.notEqual(verdictOf(bytes(proto(4), wrapper(state), ZEROS, '.')), 'clean');
  });

test('a structure has one size, in its name and in its state', () => {
  const one = bytes('K', 1, 0x85);
  const verdict = (type: Buffer) =>
    verdictOf(bytes(proto(4), wrapper({ shape: one, dtype: type }), ZEROS, '.'));
  assert.equal(verdict(dtype('V8', 8)), 'clean');
  assert.notEqual(verdict(dtype('V64', 8)), 'clean');
});

test('a wrapper that gets a state twice is not followed', () => {
  const again = bytes(']', WRAPPER, 0x94, wrapper().subarray(WRAPPER.length), ZEROS);
  assert.equal(verdictOf(bytes(proto(4), again, 'a.')), 'clean');
  const twice = bytes(again, '0h', 0, wrapper().subarray(WRAPPER.length), ZEROS, 'a.');
  assert.notEqual(verdictOf(bytes(proto(4), twice)), 'clean');
});

test('a wrapper that another function makes is not permitted', () => {
  const given = bytes(
    stackGlobal('joblib.numpy_pickle', 'NumpyArrayWrapper'),
    stackGlobal('builtins', 'object'),
    'N',
  );
  const made = bytes(stackGlobal('copyreg', '_reconstructor'), given, 0x87, 'R');
  assert.notEqual(verdictOf(bytes(proto(4), made, '.')), 'clean');
});

test('the wrapper of old joblib, whose array is another file, is never clean', () => {
  for (const module of ['joblib.numpy_pickle', 'sklearn.externals.joblib.numpy_pickle'])
    for (const name of ['NDArrayWrapper', 'ZNDArrayWrapper'])
      assert.equal(verdictOf(bytes(proto(4), stackGlobal(module, name), ')', 0x81, '}b.')), 'inconclusive');
});

test('an array cut at any byte is never clean', () => {
  const input = bytes(proto(4), wrapper({ alignment: bytes('K', 16) }), 2, 0xff, 0xff, ZEROS, '.');
  assert.equal(verdictOf(input), 'clean');
  for (let length = 0; length < input.length; length++)
    assert.notEqual(verdictOf(input.subarray(0, length)), 'clean', `cut at ${length}`);
});

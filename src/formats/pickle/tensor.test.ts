import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, drive, global, proto, short, stackGlobal } from '../../../test/pickles.ts';
import { parsePickle } from './parse.ts';

interface Place {
  readonly offset?: string;
  readonly size?: string;
  readonly stride?: string;
}

/** What a tensor in a storage of eight elements says that cannot be true; numbers as protocol 0 writes them. */
function liesOf({ offset = 'I0\n', size = '(I2\nI4\nt', stride = '(I4\nI1\nt' }: Place): readonly string[] {
  const id = bytes(
    '(',
    short('storage'),
    global('torch', 'FloatStorage'),
    short('0'),
    short('cpu'),
    'K\x08tQ',
  );
  const hooks = bytes(stackGlobal('collections', 'OrderedDict'), ')R');
  const made = bytes(
    stackGlobal('torch._utils', '_rebuild_tensor_v2'),
    '(',
    id,
    offset,
    size,
    stride,
    0x89,
    hooks,
  );
  const input = bytes(proto(4), made, 'tR.');
  return drive(input, parsePickle({ sizeBytes: input.length })).problems.map(({ detail }) => detail);
}

const TRUE: readonly (readonly [string, Place])[] = [
  ['all of its storage', {}],
  ['a part', { offset: 'I4\n', size: '(I4\nt', stride: '(I1\nt' }],
  ['one element many times', { size: '(I900\nt', stride: '(I0\nt' }],
  ['a scalar', { size: ')', stride: ')', offset: 'I7\n' }],
  ['nothing', { size: '(I0\nI900\nt', offset: 'I8\n' }],
];

for (const [what, place] of TRUE)
  test(`${what} is where a tensor can lie`, () => assert.deepEqual(liesOf(place), []));

const LIES: readonly (readonly [string, Place])[] = [
  ['beyond the end', { offset: 'I1\n' }],
  ['far beyond the end', { size: '(I2\nI1000000\nt' }],
  ['before the beginning', { offset: 'I-1\n' }],
  ['backwards', { stride: '(I4\nI-1\nt' }],
  ['by more strides than sizes', { stride: '(I4\nI1\nI1\nt' }],
  ['where no number says', { offset: 'N' }],
  ['where a number says that readers read differently', { offset: 'I010\n' }],
  ['a scalar behind the end', { size: ')', stride: ')', offset: 'I8\n' }],
];

for (const [what, place] of LIES)
  test(`${what} is where no tensor lies`, () => assert.notDeepEqual(liesOf(place), []));

test('a tensor of a subclass lies where its arguments say', () => {
  const id = bytes(
    '(',
    short('storage'),
    global('torch', 'FloatStorage'),
    short('0'),
    short('cpu'),
    'K\x08tQ',
  );
  const liesAt = (offset: string): readonly string[] => {
    const inner = bytes('(', id, offset, '(K\x02K\x04t(K\x04K\x01t', 0x89, '}t');
    const made = bytes(stackGlobal('torch._tensor', '_rebuild_from_type_v2'), '(');
    const functions = bytes(
      stackGlobal('torch._utils', '_rebuild_tensor_v2'),
      stackGlobal('torch', 'Tensor'),
    );
    const input = bytes(proto(4), made, functions, inner, '}tR.');
    return drive(input, parsePickle({ sizeBytes: input.length })).problems.map(({ detail }) => detail);
  };
  assert.deepEqual(liesAt('K\0'), []);
  assert.deepEqual(liesAt('K\x01'), ['a tensor reaches beyond the end of its storage']);
});

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bytes, call, drive, proto, short, u32, u64 } from '../../../test/pickles.ts';
import type { PickleFacts } from './facts.ts';
import { parsePickle } from './parse.ts';

function factsOf(input: Uint8Array): PickleFacts {
  return drive(input, parsePickle({ sizeBytes: input.length }));
}

interface Lies {
  readonly elements?: number;
  readonly keys?: Buffer;
  readonly storages?: Buffer;
  readonly object?: Buffer;
}

const storageId = (key: string, elements: number, type = 'FloatStorage'): Buffer =>
  bytes('(', short('storage'), `ctorch\n${type}\n`, short(key), short('cpu'), 'J', u32(elements), 'NtQ');

const storage = (elements: number, itemBytes: number): Buffer =>
  bytes(u64(elements), Buffer.alloc(elements * itemBytes, 0x80));

/** Two storages, as `torch.save` wrote them before 1.6. */
function legacy(lies: Lies = {}): Buffer {
  return bytes(
    proto(2),
    0x8a,
    10,
    Buffer.from('6cfc9c46f9206aa85019', 'hex'),
    '.',
    proto(2),
    'M',
    0xe9,
    3,
    '.',
    proto(2),
    '}.',
    proto(2),
    lies.object ?? bytes(storageId('7', lies.elements ?? 3), '0', storageId('8', 5, 'ByteStorage'), '.'),
    proto(2),
    lies.keys ?? bytes('](', short('7'), short('8'), 'e.'),
    lies.storages ?? bytes(storage(3, 4), storage(5, 1)),
  );
}

test('the older PyTorch format is accounted for to the byte', () => {
  const facts = factsOf(legacy());
  assert.deepEqual(facts.gaps, []);
  assert.equal(facts.streams, 5);
  assert.deepEqual(facts.torchLegacy, { storages: 2, storageBytes: 17 });
});

const BROKEN: readonly { name: string; input: Buffer; code?: string }[] = [
  { name: 'a storage of another length', input: legacy({ elements: 4 }), code: 'storage-size' },
  {
    name: 'a key that the pickle does not use',
    input: legacy({ keys: bytes('](', short('7'), short('9'), 'e.') }),
    code: 'legacy-keys',
  },
  {
    name: 'a key too few',
    input: legacy({ keys: bytes('](', short('7'), 'e.'), storages: storage(3, 4) }),
    code: 'legacy-keys',
  },
  { name: 'keys that are no list', input: legacy({ keys: bytes(short('7'), '.') }), code: 'legacy-keys' },
  {
    name: 'a key with two types',
    input: legacy({ object: bytes(storageId('7', 3), '0', storageId('7', 3, 'IntStorage'), '.') }),
    code: 'storage-conflict',
  },
  { name: 'storages that end early', input: legacy({ storages: storage(3, 4) }), code: 'truncated' },
  { name: 'bytes behind the storages', input: bytes(legacy(), call('os', 'system'), '.') },
  { name: 'only its first pickles', input: legacy().subarray(0, 20), code: 'legacy-cut' },
];

for (const { name, input, code } of BROKEN) {
  test(`the older PyTorch format with ${name} is never complete`, () => {
    const facts = factsOf(input);
    assert.notDeepEqual(facts.gaps, []);
    if (code !== undefined)
      assert.ok(
        facts.problems.some((problem) => problem.code === code),
        JSON.stringify(facts.problems),
      );
    for (const { offset, length } of facts.gaps) assert.ok(offset + length <= input.length);
  });
}

test('what the later pickles do is among the facts', () => {
  const facts = factsOf(legacy({ keys: bytes(call('os', 'system'), '0](', short('7'), short('8'), 'e.') }));
  assert.ok(facts.globals.some(({ module, operation }) => module === 'os' && operation === 'reduce'));
});

const REAL = fileURLToPath(new URL('../../../.peers/models/resemblyzer/pretrained.pt', import.meta.url));

test('a real checkpoint in the older format is complete', {
  skip: !existsSync(REAL) && 'the peer is not installed',
}, () => {
  const input = readFileSync(REAL);
  const facts = factsOf(input);
  assert.deepEqual(facts.gaps, []);
  assert.equal(facts.torchLegacy?.storages, 37);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ByteRange, FIRST_BYTES, measure, type Road } from './measure.ts';

const MB = 2 ** 20;

/** Roads that give zeros at once, and remember what was asked of them. */
function ground() {
  const asked: { readonly path: string; readonly range: ByteRange }[] = [];
  const counts = { opened: 0, closed: 0 };
  const open = async (): Promise<Road> => {
    counts.opened += 1;
    return {
      async *read(path, range, signal) {
        asked.push({ path, range });
        for (let at = 0; at < range.length; at += MB) {
          signal.throwIfAborted();
          yield new Uint8Array(Math.min(MB, range.length - at));
        }
      },
      close: async () => {
        counts.closed += 1;
      },
    };
  };
  return { open, asked, counts };
}

const FILES = [
  { path: 'small', sizeBytes: 3 * MB },
  { path: 'large', sizeBytes: 20 * MB },
  { path: 'empty', sizeBytes: 0 },
];

test('all bytes are read where the sample allows, each range once', async () => {
  const { open, asked, counts } = ground();
  const result = await measure(open, { files: FILES, sampleBytesMax: 1e9, lanes: 4 });
  assert.equal(result?.bytes, 23 * MB);
  assert.equal(result?.complete, true);
  assert.equal(result?.secondsForAll, result?.seconds);
  const parts = asked.slice(FIRST_BYTES);
  assert.deepEqual(
    parts.map(({ path, range }) => [path, range.offset / MB, range.length / MB]),
    [
      ['small', 0, 3],
      ['large', 0, 8],
      ['large', 8, 8],
      ['large', 16, 4],
    ],
  );
  assert.equal(counts.opened, FIRST_BYTES + 1);
  assert.equal(counts.closed, counts.opened);
});

test('the first byte is measured on the largest file, by connections of their own', async () => {
  const { open, asked } = ground();
  const result = await measure(open, { files: FILES, sampleBytesMax: MB, lanes: 1 });
  assert.equal(result?.firstByteMs.length, FIRST_BYTES);
  assert.ok(asked.slice(0, FIRST_BYTES).every(({ path }) => path === 'large'));
});

test('a sample that is smaller than the weights gives an estimate for all of them', async () => {
  const { open } = ground();
  const result = await measure(open, { files: FILES, sampleBytesMax: 4 * MB, lanes: 2 });
  assert.equal(result?.bytes, 4 * MB);
  assert.equal(result?.complete, false);
  assert.ok(result && Math.abs(result.secondsForAll - (23 * MB) / result.bytesPerSecond) < 1e-9);
});

test('without weights there is nothing to measure, and nothing is asked', async () => {
  const { open, counts } = ground();
  assert.equal(await measure(open, { files: [], sampleBytesMax: 1, lanes: 1 }), undefined);
  assert.equal(counts.opened, 0);
});

test('a road that fails ends the measuring with its error, closed', async () => {
  const { open, counts } = ground();
  const failing = async (): Promise<Road> => ({
    ...(await open()),
    // biome-ignore lint/correctness/useYield: it fails before its first byte
    async *read() {
      throw new Error('cut');
    },
  });
  await assert.rejects(measure(failing, { files: FILES, sampleBytesMax: 1, lanes: 1 }), /cut/);
  assert.equal(counts.closed, counts.opened);
});

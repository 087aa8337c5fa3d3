import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { parseModelName, parseRepoPath } from '../base/name.ts';
import { openSource } from '../sources/open.ts';
import type { ByteRange, Source, SourceFile } from '../sources/source.ts';
import type { Bring } from './bring.ts';
import { REQUEST_BYTES_MAX, readAhead } from './read-ahead.ts';

const MIB = 2 ** 20;

/** Several ranges and a rest. */
const SIZE_BYTES = 17 * MIB + 123;

interface Watched {
  readonly by: Bring;
  readonly file: SourceFile;
  readonly sha256: string;
  readonly ranges: ByteRange[];
  /** Ranges under way now, and the most there ever were. */
  readonly open: { now: number; most: number };
}

/** A directory source whose reads are counted, and end with an error from the range `failsAt` on. */
function watched(
  t: TestContext,
  options: { readonly readAheadBytes: number; readonly failsAt?: number },
): Watched {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'weighlock-read-ahead-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const bytes = Buffer.alloc(SIZE_BYTES);
  for (let at = 0; at + 4 <= bytes.length; at += 4) bytes.writeUInt32LE((at * 2654435761) >>> 0, at);
  writeFileSync(path.join(folder, 'weights'), bytes);
  const source = openSource({ kind: 'directory', path: folder });
  const ranges: ByteRange[] = [];
  const open = { now: 0, most: 0 };
  async function* read(...args: Parameters<Source['read']>): AsyncGenerator<Uint8Array> {
    const [, , range] = args;
    ranges.push(range);
    open.now += 1;
    open.most = Math.max(open.most, open.now);
    try {
      if (options.failsAt !== undefined && range.offset >= options.failsAt) throw new Error('the line broke');
      yield* source.read(...args);
    } finally {
      open.now -= 1;
    }
  }
  const file: SourceFile = {
    path: parseRepoPath('weights'),
    sizeBytes: SIZE_BYTES,
    declared: { kind: 'none' },
  };
  const by: Bring = {
    source: { read },
    revision: { model: parseModelName('local/model'), commit: undefined },
    door: {
      create: () => assert.fail('nothing is staged here'),
      open: () => assert.fail('nothing is staged here'),
      remove: () => assert.fail('nothing is staged here'),
      close: async () => {},
    },
    readAheadBytes: options.readAheadBytes,
    reads: 'bytes',
    passed: () => {},
    signal: new AbortController().signal,
  };
  return { by, file, ranges, open, sha256: createHash('sha256').update(bytes).digest('hex') };
}

describe('readAhead', () => {
  for (const [readAheadBytes, lanes] of [
    [0, 1],
    [4 * MIB, 2],
    [9 * MIB, 3],
    [1000 * MIB, 4],
  ] as const) {
    it(`brings all bytes in order over ${lanes} lanes where ${readAheadBytes} bytes may wait`, async (t) => {
      const { by, file, ranges, open, sha256 } = watched(t, { readAheadBytes });
      const hash = createHash('sha256');
      for await (const chunk of readAhead(file, by)) hash.update(chunk);
      assert.equal(hash.digest('hex'), sha256);
      assert.ok(open.most <= lanes);
      assert.equal(open.now, 0);
      assert.equal(
        ranges.reduce((sum, { length }) => sum + length, 0),
        SIZE_BYTES,
        'no byte is asked for twice',
      );
    });
  }

  it('meets a failure where its bytes would have been, and has given all bytes before it', async (t) => {
    const { by, file, open } = watched(t, { readAheadBytes: 9 * MIB, failsAt: 8 * MIB });
    let bytes = 0;
    await assert.rejects(
      async () => {
        for await (const chunk of readAhead(file, by)) bytes += chunk.length;
      },
      { message: 'the line broke' },
    );
    assert.equal(bytes, 8 * MIB);
    assert.equal(open.now, 0, 'nothing is left open');
  });

  it('lets go of every range when whoever reads stops', async (t) => {
    const { by, file, open, ranges } = watched(t, { readAheadBytes: 1000 * MIB });
    for await (const chunk of readAhead(file, by)) {
      assert.ok(chunk.length > 0);
      break;
    }
    assert.equal(open.now, 0);
    assert.ok(ranges.length <= 4);
  });

  it('never asks for more than the CDN gives in one request', async (t) => {
    const { by, file } = watched(t, { readAheadBytes: 0 });
    const asked: ByteRange[] = [];
    async function* read(...[, , range]: Parameters<Source['read']>): AsyncGenerator<Uint8Array> {
      asked.push(range);
      yield Buffer.of(0);
    }
    const large = { ...file, sizeBytes: 2 * REQUEST_BYTES_MAX + 1 };
    for await (const chunk of readAhead(large, { ...by, source: { ...by.source, read } }))
      assert.equal(chunk.length, 1);
    assert.deepEqual(
      asked.map((range) => range.length),
      [REQUEST_BYTES_MAX, REQUEST_BYTES_MAX, 1],
    );
  });
});

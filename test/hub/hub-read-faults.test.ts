/** Reading from a Hub that fails or lies, one fault at a time. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sha256 } from '../../src/base/digest.ts';
import type { ErrorCode } from '../../src/base/errors.ts';
import type { Fault } from '../../src/hub-stand-in/fault.ts';
import { CONTRACT_FILES, fileOf, readAll, whole } from '../../src/sources/contract.ts';
import type { HubLimits } from '../../src/sources/hub-limits.ts';
import { MODEL, recordingClock, serve } from './served.ts';

const LARGE = 'model.safetensors';
const SMALL = 'config.json';
const LARGE_BYTES = CONTRACT_FILES[LARGE]?.length ?? 0;
const OTHER_COMMIT = '0'.repeat(40);

interface ReadCase {
  readonly title: string;
  readonly faults: readonly Fault[];
  /** The file and range that are read: all of the large one where absent. */
  readonly path?: string;
  readonly range?: { readonly offset: number; readonly length: number };
  readonly limits?: Partial<HubLimits>;
  readonly code?: ErrorCode;
  readonly message?: RegExp;
  /** Waits, where they are of interest. */
  readonly slept?: readonly number[];
}

const overcome: readonly ReadCase[] = [
  {
    title: 'a connection that breaks',
    faults: [{ at: 'body', kind: 'truncated', afterBytes: 1_500_000, times: 1 }],
  },
  {
    title: 'a connection that breaks five times',
    faults: [{ at: 'body', kind: 'truncated', afterBytes: 400_000, times: 5 }],
  },
  {
    title: 'a connection that breaks before the first byte',
    faults: [{ at: 'body', kind: 'truncated', afterBytes: 0, times: 2 }],
  },
  { title: 'a reset', faults: [{ at: 'body', kind: 'reset', times: 2 }], slept: [500, 1000] },
  {
    title: 'a reset on the way to the file',
    faults: [{ at: 'resolve', kind: 'reset', times: 1 }],
    slept: [500],
  },
  {
    title: 'a body that stalls',
    faults: [{ at: 'body', kind: 'stalled', afterBytes: 100_000, times: 1 }],
    limits: { bodyIdleMs: 150 },
  },
  { title: 'a slow body', faults: [{ at: 'body', kind: 'slow', bytesPerSecond: 20_000_000 }] },
  {
    title: 'a server error',
    faults: [{ at: 'body', kind: 'status', status: 500, times: 2 }],
    slept: [500, 1000],
  },
  {
    title: 'a busy Hub',
    faults: [{ at: 'resolve', kind: 'status', status: 503, times: 3 }],
    slept: [500, 1000, 2000],
  },
  {
    title: 'a rate limit with RateLimit',
    faults: [
      {
        at: 'resolve',
        kind: 'status',
        status: 429,
        headers: { RateLimit: '"resolvers";r=0;t=55' },
        times: 1,
      },
    ],
    slept: [55_000],
  },
  {
    title: 'a rate limit with Retry-After',
    faults: [{ at: 'body', kind: 'status', status: 429, headers: { 'Retry-After': '3' }, times: 2 }],
    slept: [3000, 3000],
  },
  { title: 'a range ignored where it is the whole file', faults: [{ at: 'body', kind: 'range-ignored' }] },
  {
    title: 'a small file whose connection breaks',
    path: SMALL,
    faults: [{ at: 'body', kind: 'truncated', afterBytes: 5, times: 1 }],
  },
];

const wrong: readonly ReadCase[] = [
  {
    title: 'another commit',
    faults: [{ at: 'resolve', kind: 'headers', set: { 'X-Repo-Commit': OTHER_COMMIT } }],
    code: 'WL_SOURCE_LIES',
    message: /for the commit "0{40}" instead of/,
  },
  {
    title: 'no commit',
    faults: [{ at: 'resolve', kind: 'headers', set: { 'X-Repo-Commit': undefined } }],
    code: 'WL_SOURCE_LIES',
    message: /commit "none"/,
  },
  {
    title: 'another commit for a small file',
    path: SMALL,
    faults: [{ at: 'resolve', kind: 'headers', set: { 'X-Repo-Commit': OTHER_COMMIT } }],
    code: 'WL_SOURCE_LIES',
  },
  {
    title: 'another digest',
    faults: [{ at: 'resolve', kind: 'headers', set: { 'X-Linked-ETag': `"${'0'.repeat(64)}"` } }],
    code: 'WL_SOURCE_LIES',
    message: /names it "0{64}" instead of/,
  },
  {
    title: 'no digest for a large file',
    faults: [{ at: 'resolve', kind: 'headers', set: { 'X-Linked-ETag': undefined } }],
    code: 'WL_SOURCE_LIES',
    message: /by no digest/,
  },
  {
    title: 'another digest for a small file',
    path: SMALL,
    faults: [{ at: 'resolve', kind: 'headers', set: { 'X-Linked-ETag': `"${'0'.repeat(40)}"` } }],
    code: 'WL_SOURCE_LIES',
  },
  {
    title: 'another size',
    faults: [{ at: 'resolve', kind: 'headers', set: { 'X-Linked-Size': '1' } }],
    code: 'WL_SOURCE_LIES',
    message: /gives it 1 bytes/,
  },
  {
    title: 'a range ignored',
    range: { offset: 10, length: 20 },
    faults: [{ at: 'body', kind: 'range-ignored' }],
    code: 'WL_SOURCE_LIES',
    message: /ignores ranges/,
  },
  {
    title: 'a range ignored after the connection broke',
    faults: [
      { at: 'body', kind: 'truncated', afterBytes: 1000, times: 1 },
      { at: 'body', kind: 'range-ignored' },
    ],
    code: 'WL_SOURCE_LIES',
    message: /ignores ranges/,
  },
  {
    title: 'another range',
    range: { offset: 10, length: 20 },
    faults: [{ at: 'body', kind: 'range-shifted', byBytes: 5 }],
    code: 'WL_SOURCE_LIES',
    message: /sends the range "bytes 15-34\/\d+" instead of "bytes 10-29/,
  },
  {
    title: 'a range of a file of another size',
    range: { offset: 10, length: 20 },
    faults: [{ at: 'body', kind: 'headers', set: { 'Content-Range': 'bytes 10-29/30' } }],
    code: 'WL_SOURCE_LIES',
  },
  {
    title: 'no Content-Range',
    range: { offset: 10, length: 20 },
    faults: [{ at: 'body', kind: 'headers', set: { 'Content-Range': undefined } }],
    code: 'WL_SOURCE_LIES',
  },
  {
    title: 'a longer Content-Length',
    faults: [{ at: 'body', kind: 'headers', set: { 'Content-Length': String(LARGE_BYTES + 1) } }],
    code: 'WL_SOURCE_LIES',
    message: /announces \d+ bytes instead/,
  },
  {
    title: 'more bytes than asked for',
    faults: [{ at: 'body', kind: 'oversized', extraBytes: 1 }],
    code: 'WL_SOURCE_LIES',
    message: /more bytes/,
  },
  {
    title: 'fewer bytes, in good order',
    faults: [{ at: 'body', kind: 'shortened', afterBytes: 1000 }],
    code: 'WL_SOURCE_LIES',
    message: /before the end/,
  },
  {
    title: 'bytes encoded unasked',
    faults: [{ at: 'body', kind: 'headers', set: { 'Content-Encoding': 'gzip' } }],
    code: 'WL_SOURCE_LIES',
    message: /gzip/,
  },
  {
    title: 'a redirect in a circle',
    faults: [{ at: 'resolve', kind: 'redirect', location: '{self}' }],
    code: 'WL_SOURCE_LIES',
  },
  {
    title: 'a redirect to no URL',
    faults: [{ at: 'resolve', kind: 'headers', set: { Location: 'http://[' } }],
    code: 'WL_SOURCE_LIES',
  },
  {
    title: 'a range inside the file denied',
    faults: [{ at: 'body', kind: 'status', status: 416 }],
    code: 'WL_SOURCE_LIES',
  },
  {
    title: 'connections that always break',
    faults: [{ at: 'body', kind: 'truncated', afterBytes: 0 }],
    code: 'WL_SOURCE_UNAVAILABLE',
    slept: [500, 1000, 2000, 4000, 8000],
  },
  {
    title: 'connections that break after a byte, for ever',
    faults: [{ at: 'body', kind: 'truncated', afterBytes: 1 }],
    limits: { failuresMax: 12 },
    code: 'WL_SOURCE_UNAVAILABLE',
    message: /after 12 broken connections/,
  },
  {
    title: 'a body that always stalls',
    faults: [{ at: 'body', kind: 'stalled', afterBytes: 0 }],
    limits: { bodyIdleMs: 50, attemptsMax: 2 },
    code: 'WL_SOURCE_UNAVAILABLE',
  },
  {
    title: 'errors without end',
    faults: [{ at: 'resolve', kind: 'status', status: 500 }],
    code: 'WL_SOURCE_UNAVAILABLE',
    message: /status 500/,
  },
  {
    title: 'a rate limit of an hour',
    faults: [{ at: 'resolve', kind: 'status', status: 429, headers: { 'Retry-After': '3600' } }],
    code: 'WL_SOURCE_UNAVAILABLE',
    message: /asks to wait 3600 seconds/,
    slept: [],
  },
  {
    title: 'a CDN that refuses its own addresses',
    faults: [{ at: 'body', kind: 'status', status: 403 }],
    code: 'WL_SOURCE_UNAVAILABLE',
  },
  {
    title: 'access withdrawn',
    faults: [{ at: 'resolve', kind: 'status', status: 403, headers: { 'X-Error-Code': 'GatedRepo' } }],
    code: 'WL_MODEL_GATED',
  },
  {
    title: 'a file listed and then denied',
    faults: [{ at: 'resolve', kind: 'status', status: 404, headers: { 'X-Error-Code': 'EntryNotFound' } }],
    code: 'WL_SOURCE_LIES',
  },
];

describe('Reading overcomes', () => {
  for (const readCase of overcome) {
    test(readCase.title, async (t) => {
      const { bytes, expected, slept } = await read(t, readCase);
      assert.equal(sha256(await bytes), sha256(expected));
      if (readCase.slept) assert.deepEqual(slept, readCase.slept);
    });
  }

  test('a broken connection, by going on at the byte where it broke', async (t) => {
    const faults: Fault[] = [{ at: 'body', kind: 'truncated', afterBytes: 2 ** 20, times: 1 }];
    const { hub, source } = await serve(t, { faults });
    const revision = await source.resolve(MODEL, undefined);
    await readAll(source.read(revision, fileOf(revision, LARGE), { offset: 7, length: LARGE_BYTES - 7 }));
    const ranges = hub.requests.filter(({ server }) => server === 'cdn').map(({ range }) => range);
    assert.deepEqual(ranges, [`bytes=7-${LARGE_BYTES - 1}`, `bytes=${7 + 2 ** 20}-${LARGE_BYTES - 1}`]);
  });
});

describe('Reading ends with a clear error at', () => {
  for (const readCase of wrong) {
    const { title, code, message } = readCase;
    test(title, async (t) => {
      const { bytes, slept } = await read(t, readCase);
      await assert.rejects(bytes, { name: 'WeighlockError', code, ...(message ? { message } : {}) });
      if (readCase.slept) assert.deepEqual(slept, readCase.slept);
    });
  }

  test('a body that drips', async (t) => {
    // Each look at the clock is a minute later: no byte rate is enough.
    let now = Date.now();
    const clock = recordingClock(() => (now += 60_000));
    const { source } = await serve(t, { clock, limits: { attemptsMax: 2, bytesPerSecondMin: 2 ** 20 } });
    const revision = await source.resolve(MODEL, undefined);
    const file = fileOf(revision, LARGE);
    await assert.rejects(readAll(source.read(revision, file, whole(file))), {
      code: 'WL_SOURCE_UNAVAILABLE',
      message: /slower than/,
    });
  });

  test('a flipped byte is not the source’s to find: the bytes come as they are', async (t) => {
    const faults: Fault[] = [{ at: 'body', path: LARGE, kind: 'corrupted', offset: 2_000_000 }];
    const { bytes, expected } = await read(t, { title: '', faults });
    const wrongBytes = await bytes;
    assert.equal(wrongBytes.length, expected.length);
    assert.equal(
      wrongBytes.findIndex((byte, at) => byte !== expected[at]),
      2_000_000,
    );
  });

  test('an abort while it waits to try again', async (t) => {
    const controller = new AbortController();
    const reason = new Error('stop');
    const clock = {
      ...recordingClock(),
      sleep: async () => {
        controller.abort(reason);
      },
    };
    const { source, hub } = await serve(t, { clock });
    const revision = await source.resolve(MODEL, undefined);
    hub.faults.replace([{ at: 'resolve', kind: 'status', status: 503 }]);
    const file = fileOf(revision, LARGE);
    await assert.rejects(readAll(source.read(revision, file, whole(file), controller.signal)), reason);
  });
});

async function read(t: Parameters<typeof serve>[0], { faults, path = LARGE, range, limits = {} }: ReadCase) {
  const { source, clock } = await serve(t, { faults, limits });
  const revision = await source.resolve(MODEL, undefined);
  const chosen = fileOf(revision, path);
  const wanted = range ?? whole(chosen);
  const content = CONTRACT_FILES[path] ?? assert.fail(path);
  const expected = content.subarray(wanted.offset, wanted.offset + wanted.length);
  // Awaited by the caller, who may expect it to fail.
  const bytes = readAll(source.read(revision, chosen, wanted));
  bytes.catch(() => undefined);
  return { bytes, expected, slept: clock.slept };
}

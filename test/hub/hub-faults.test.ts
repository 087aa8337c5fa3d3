/** The Hub source against a Hub that fails or lies, one fault at a time. */
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

interface ListingCase {
  readonly title: string;
  readonly faults: readonly Fault[];
  readonly code: ErrorCode;
  readonly message?: RegExp;
  readonly limits?: Partial<HubLimits>;
}

/** A tree of one made-up entry. */
function entries(...values: readonly unknown[]): Fault {
  return { at: 'tree', kind: 'json', change: () => values };
}

function file(path: string, more: Readonly<Record<string, unknown>> = {}): unknown {
  return { type: 'file', path, size: 1, oid: 'a'.repeat(40), ...more };
}

const info = (more: Readonly<Record<string, unknown>>): Fault => ({
  at: 'model',
  kind: 'json',
  change: (value) => ({ ...(value as object), ...more }),
});

const refusedPaths = [
  '../x',
  'a/../../x',
  '/etc/passwd',
  'a//b',
  './a',
  'a\u0000b',
  'a\nb',
  'a\\b',
  'C:x',
  '',
  '\ud800',
  'a\u202eb',
  'x'.repeat(256),
  `${'d/'.repeat(400)}x`,
];

const listings: readonly ListingCase[] = [
  ...refusedPaths.map((path) => ({
    title: `the path ${JSON.stringify(path.slice(0, 24))}`,
    faults: [entries(file(path))],
    code: 'WL_PATH_REFUSED' as const,
  })),
  {
    title: 'one path twice',
    faults: [entries(file('a'), file('a'))],
    code: 'WL_PATH_REFUSED',
    message: /clash/,
  },
  {
    title: 'paths that differ in case only',
    faults: [entries(file('A'), file('a'))],
    code: 'WL_PATH_REFUSED',
    message: /clash/,
  },
  {
    title: 'a file where a folder is needed',
    faults: [entries(file('a'), file('a/b'))],
    code: 'WL_PATH_REFUSED',
    message: /clash/,
  },
  {
    title: 'a file without digest',
    faults: [entries(file('a', { oid: undefined }))],
    code: 'WL_SOURCE_LIES',
    message: /without a digest/,
  },
  {
    title: 'a digest in upper case',
    faults: [entries(file('a', { oid: 'A'.repeat(40) }))],
    code: 'WL_SOURCE_LIES',
  },
  {
    title: 'an LFS digest that is none',
    faults: [entries(file('a', { lfs: { oid: 'x', size: 1 } }))],
    code: 'WL_SOURCE_LIES',
  },
  {
    title: 'an LFS size that differs',
    faults: [entries(file('a', { lfs: { oid: 'a'.repeat(64), size: 2 } }))],
    code: 'WL_SOURCE_LIES',
    message: /two sizes/,
  },
  { title: 'a negative size', faults: [entries(file('a', { size: -1 }))], code: 'WL_SOURCE_LIES' },
  {
    title: 'a size beyond exact numbers',
    faults: [entries(file('a', { size: 2 ** 60 }))],
    code: 'WL_SOURCE_LIES',
  },
  { title: 'no size', faults: [entries(file('a', { size: undefined }))], code: 'WL_SOURCE_LIES' },
  {
    title: 'an entry of an unknown type',
    faults: [entries(file('a', { type: 'symlink' }))],
    code: 'WL_SOURCE_LIES',
  },
  { title: 'an entry that is no object', faults: [entries(null)], code: 'WL_SOURCE_LIES' },
  {
    title: 'a tree that is no list',
    faults: [{ at: 'tree', kind: 'json', change: () => ({}) }],
    code: 'WL_SOURCE_LIES',
  },
  {
    title: 'malformed JSON',
    faults: [{ at: 'tree', kind: 'text', text: '[{"type":"file",' }],
    code: 'WL_SOURCE_LIES',
    message: /not JSON/,
  },
  {
    title: 'JSON in another encoding',
    faults: [{ at: 'tree', kind: 'text', text: '' }],
    code: 'WL_SOURCE_LIES',
  },
  {
    title: 'a page that is too large',
    faults: [{ at: 'tree', kind: 'text', text: ' '.repeat(100_000) }],
    limits: { pageBytesMax: 50_000 },
    code: 'WL_LIMIT',
    message: /more than 50000 bytes/,
  },
  {
    title: 'model info that is too large',
    faults: [info({ filler: 'x'.repeat(100_000) })],
    limits: { infoBytesMax: 50_000 },
    code: 'WL_LIMIT',
  },
  {
    title: 'pages without end',
    faults: [{ at: 'tree', kind: 'headers', set: { Link: '<?cursor=>; rel="next"' } }],
    limits: { pagesMax: 5 },
    code: 'WL_LIMIT',
    message: /5 pages/,
  },
  {
    title: 'too many entries',
    faults: [entries(...Array.from({ length: 20 }, (_, index) => file(`f${index}`)))],
    limits: { entriesMax: 10 },
    code: 'WL_LIMIT',
    message: /10 entries/,
  },
  {
    title: 'a next page on another host',
    faults: [{ at: 'tree', kind: 'headers', set: { Link: '<http://evil.example/x>; rel="next"' } }],
    code: 'WL_SOURCE_LIES',
    message: /another host/,
  },
  {
    title: 'an API that redirects to another host',
    faults: [{ at: 'model', kind: 'redirect', location: 'http://evil.example/' }],
    code: 'WL_SOURCE_LIES',
  },
  {
    title: 'an API that redirects in circles',
    faults: [{ at: 'model', kind: 'redirect', location: '{self}' }],
    code: 'WL_SOURCE_LIES',
    message: /circles/,
  },
  { title: 'a commit that is none', faults: [info({ sha: 'main' })], code: 'WL_SOURCE_LIES' },
  {
    title: 'a commit that leads elsewhere',
    faults: [info({ sha: '../../../api/whoami-v2' })],
    code: 'WL_SOURCE_LIES',
  },
  { title: 'no commit', faults: [info({ sha: undefined })], code: 'WL_SOURCE_LIES' },
  { title: 'a name that is none', faults: [info({ id: '../x' })], code: 'WL_SOURCE_LIES' },
  {
    title: 'errors without end',
    faults: [{ at: 'model', kind: 'status', status: 502 }],
    code: 'WL_SOURCE_UNAVAILABLE',
  },
  { title: 'resets without end', faults: [{ at: 'tree', kind: 'reset' }], code: 'WL_SOURCE_UNAVAILABLE' },
];

describe('Resolving ends with a clear error at', () => {
  for (const { title, faults, code, message, limits = {} } of listings) {
    test(title, async (t) => {
      const { source } = await serve(t, { faults, limits });
      await assert.rejects(source.resolve(MODEL, undefined), {
        name: 'WeighlockError',
        code,
        ...(message ? { message } : {}),
      });
    });
  }

  test('another commit than the one that was asked for', async (t) => {
    const { source } = await serve(t, { faults: [info({ sha: OTHER_COMMIT })] });
    const { hub, source: honest } = await serve(t);
    assert.equal((await honest.resolve(MODEL, hub.commitOf(MODEL))).commit, hub.commitOf(MODEL));
    await assert.rejects(source.resolve(MODEL, hub.commitOf(MODEL)), {
      code: 'WL_SOURCE_LIES',
      message: /was asked for at/,
    });
  });

  test('a server that is not there', async (t) => {
    const { hub, source } = await serve(t);
    await hub.close();
    await assert.rejects(source.resolve(MODEL, undefined), {
      code: 'WL_SOURCE_UNAVAILABLE',
      message: /ECONNREFUSED/,
    });
  });

  for (const status of [429, 500, 503]) {
    test(`no error at all where ${status} passes`, async (t) => {
      const headers = { RateLimit: '"api";r=0;t=12' };
      const { source, clock } = await serve(t, {
        faults: [{ at: 'tree', kind: 'status', status, headers, times: 1 }],
      });
      assert.ok((await source.resolve(MODEL, undefined)).files.length > 0);
      assert.deepEqual(clock.slept, [12_000]);
    });
  }
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

/** Resolving on a Hub that fails or lies, one fault at a time. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ErrorCode } from '../../src/base/errors.ts';
import type { Fault } from '../../src/hub-stand-in/fault.ts';
import type { HubLimits } from '../../src/sources/hub-limits.ts';
import { MODEL, serve } from './served.ts';

const OTHER_COMMIT = '0'.repeat(40);

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

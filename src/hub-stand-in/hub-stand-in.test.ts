/** The stand-in's own manners, where no client would notice; what clients notice is in test/hub/clients.test.ts. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { gitBlobSha1, sha256 } from '../base/digest.ts';
import { type HubStandIn, type HubStandInOptions, startHubStandIn } from './hub-stand-in.ts';
import { directoryFiles, filesOf, patternFile, type StandInFile } from './model.ts';

const MODEL = 'acme/model';
const LARGE = Buffer.from('0123456789'.repeat(10));
const FILES = filesOf({
  'config.json': '{}',
  'empty.txt': '',
  'model.safetensors': LARGE,
  'sub/deep/a.txt': 'a',
});

describe('The CDN', () => {
  test('sends the file to whoever has the URL, and nothing to anybody else', async (t) => {
    const { hub, location } = await redirected(t);
    assert.equal(new URL(location).host, hub.cdnHost);
    assert.notEqual(new URL(location).hostname, new URL(hub.endpoint).hostname);
    assert.deepEqual(Buffer.from(await (await fetch(location)).arrayBuffer()), LARGE);
    const forged = location.replace(/Signature=./, (start) => `${start}x`);
    const later = location.replace(/Expires=\d+/, 'Expires=9999999999');
    for (const url of [forged, later, `${hub.cdnEndpoint}/repos/x`, hub.cdnEndpoint])
      assert.equal((await fetch(url)).status, 403, url);
  });

  test('refuses a URL that has expired', async (t) => {
    const { location } = await redirected(t, { cdnExpirySeconds: -1 });
    assert.equal((await fetch(location)).status, 403);
  });

  test('refuses every request that carries credentials', async (t) => {
    const { location } = await redirected(t);
    assert.equal((await fetch(location, { headers: { authorization: 'Bearer x' } })).status, 400);
    assert.equal((await fetch(location, { headers: { cookie: 'x=y' } })).status, 400);
  });

  test('refuses HEAD, for which its URLs are not signed', async (t) => {
    const { location } = await redirected(t);
    assert.equal((await fetch(location, { method: 'HEAD' })).status, 403);
  });
});

describe('The API host', () => {
  test('names commit, digest and size on the redirect of a large file, for HEAD and GET', async (t) => {
    const hub = await start(t);
    for (const method of ['HEAD', 'GET']) {
      const url = `${hub.endpoint}/${MODEL}/resolve/main/model.safetensors`;
      const { status, headers } = await fetch(url, { method, redirect: 'manual' });
      assert.equal(status, 302);
      assert.equal(headers.get('x-repo-commit'), hub.commitOf(MODEL));
      assert.equal(headers.get('x-linked-etag'), `"${sha256(LARGE)}"`);
      assert.equal(headers.get('x-linked-size'), '100');
      assert.equal(headers.get('x-xet-hash'), null);
    }
  });

  test('names a small file by its git digest, and a missing one by the commit that lacks it', async (t) => {
    const hub = await start(t);
    const found = await fetch(`${hub.endpoint}/${MODEL}/resolve/main/config.json`, { method: 'HEAD' });
    assert.equal(found.headers.get('etag'), `"${gitBlobSha1(Buffer.from('{}'))}"`);
    const missing = await fetch(`${hub.endpoint}/${MODEL}/resolve/main/nothing`);
    assert.equal(missing.status, 404);
    assert.equal(missing.headers.get('x-error-code'), 'EntryNotFound');
    assert.equal(missing.headers.get('x-repo-commit'), hub.commitOf(MODEL));
  });

  test('answers /raw/ of a large file with its pointer', async (t) => {
    const hub = await start(t);
    const pointer = await (await fetch(`${hub.endpoint}/${MODEL}/raw/main/model.safetensors`)).text();
    const expected = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256(LARGE)}\nsize 100\n`;
    assert.equal(pointer, expected);
  });

  const ranges: readonly { range: string; status: number; contentRange: string | null; body: string }[] = [
    { range: 'bytes=0-0', status: 206, contentRange: 'bytes 0-0/100', body: '0' },
    { range: 'bytes=5-7', status: 206, contentRange: 'bytes 5-7/100', body: '567' },
    { range: 'bytes=97-', status: 206, contentRange: 'bytes 97-99/100', body: '789' },
    { range: 'bytes=98-500', status: 206, contentRange: 'bytes 98-99/100', body: '89' },
    { range: 'bytes=-2', status: 206, contentRange: 'bytes 98-99/100', body: '89' },
    { range: 'bytes=100-', status: 416, contentRange: 'bytes */100', body: '' },
    { range: 'bytes=7-5', status: 416, contentRange: 'bytes */100', body: '' },
    { range: 'bytes=-0', status: 416, contentRange: 'bytes */100', body: '' },
    { range: 'lines=1-2', status: 200, contentRange: null, body: LARGE.toString() },
  ];
  for (const { range, status, contentRange, body } of ranges) {
    test(`answers "${range}" of 100 bytes with ${status}`, async (t) => {
      const hub = await start(t, {
        models: [{ id: MODEL, commits: [{ files: filesOf({ 'a.txt': LARGE }) }] }],
      });
      const answer = await fetch(`${hub.endpoint}/${MODEL}/resolve/main/a.txt`, { headers: { range } });
      assert.equal(answer.status, status);
      assert.equal(answer.headers.get('content-range'), contentRange);
      assert.equal(await answer.text(), body);
    });
  }

  test('pages a tree at 1000 entries, at 100 with expand, with absolute links', async (t) => {
    const files = filesOf(Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`f${index}`, ''])));
    const hub = await start(t, { models: [{ id: MODEL, commits: [{ files }] }] });
    for (const [query, entries] of [
      ['', 1000],
      ['?expand=true', 100],
      ['?limit=7', 7],
    ] as const) {
      const answer = await fetch(`${hub.endpoint}/api/models/${MODEL}/tree/main${query}`);
      assert.equal(((await answer.json()) as unknown[]).length, entries);
      const link = answer.headers.get('link') ?? '';
      assert.ok(link.startsWith(`<${hub.endpoint}/api/models/`) && link.endsWith('>; rel="next"'), link);
    }
  });

  test('lists one folder, or all below it', async (t) => {
    const hub = await start(t);
    const paths = async (query: string) => {
      const answer = await fetch(`${hub.endpoint}/api/models/${MODEL}/tree/main${query}`);
      return ((await answer.json()) as { path: string }[]).map(({ path }) => path);
    };
    assert.deepEqual(await paths(''), ['sub', 'config.json', 'empty.txt', 'model.safetensors']);
    assert.deepEqual(await paths('/sub'), ['sub/deep']);
    assert.deepEqual(await paths('/sub%2Fdeep'), ['sub/deep/a.txt']);
    assert.deepEqual(await paths('/sub?recursive=true'), ['sub/deep', 'sub/deep/a.txt']);
  });

  test('keeps commits apart: what was published stays as it was', async (t) => {
    const hub = await start(t);
    const before = hub.commitOf(MODEL);
    const after = hub.publish(MODEL, { files: filesOf({ 'config.json': 'new' }) });
    assert.notEqual(before, after);
    assert.equal(hub.commitOf(MODEL), after);
    const textAt = async (revision: string) =>
      (await fetch(`${hub.endpoint}/${MODEL}/resolve/${revision}/config.json`)).text();
    assert.equal(await textAt(before), '{}');
    assert.equal(await textAt('main'), 'new');
  });

  test('remembers what it was asked', async (t) => {
    const hub = await start(t);
    await fetch(`${hub.endpoint}/api/models/${MODEL}?blobs=true`, { headers: { range: 'bytes=0-1' } });
    const asked = {
      server: 'api',
      method: 'GET',
      path: `/api/models/${MODEL}?blobs=true`,
      range: 'bytes=0-1',
      authorized: false,
    };
    assert.deepEqual(hub.requests, [asked]);
  });
});

describe('Content', () => {
  test('of a directory is served from the disk', async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'weighlock-stand-in-'));
    t.after(() => rm(directory, { recursive: true }));
    await mkdir(join(directory, 'sub'));
    await writeFile(join(directory, 'sub/model.bin'), LARGE);
    const files = await directoryFiles(directory);
    assert.deepEqual(
      files.map(({ path }) => path),
      ['sub/model.bin'],
    );
    await assertServed(t, files, LARGE);
  });

  test('made from a pattern is the same from every offset, and another for another seed', async (t) => {
    const file = patternFile('model.bin', 3_000_000, 1);
    const hub = await start(t, { models: [{ id: MODEL, commits: [{ files: [file] }] }] });
    const get = async (headers: Record<string, string>) => {
      const answer = await fetch(`${hub.endpoint}/${MODEL}/resolve/main/model.bin`, { headers });
      return Buffer.from(await answer.arrayBuffer());
    };
    const all = await get({});
    assert.equal(all.length, 3_000_000);
    assert.deepEqual(await get({ range: 'bytes=1048570-2097160' }), all.subarray(1_048_570, 2_097_161));
    const other = patternFile('model.bin', 100, 2).content;
    assert.ok(other.kind === 'made' && !all.subarray(0, 100).equals(other.make(0, 100)));
  });
});

async function assertServed(t: TestContext, files: readonly StandInFile[], bytes: Buffer): Promise<void> {
  const hub = await start(t, { models: [{ id: MODEL, commits: [{ files }] }] });
  for (const { path } of files) {
    const answer = await fetch(`${hub.endpoint}/${MODEL}/resolve/main/${path}`);
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), bytes);
  }
}

async function start(t: TestContext, options: Partial<HubStandInOptions> = {}): Promise<HubStandIn> {
  const hub = await startHubStandIn({ models: [{ id: MODEL, commits: [{ files: FILES }] }], ...options });
  t.after(() => hub.close());
  return hub;
}

async function redirected(t: TestContext, options: Partial<HubStandInOptions> = {}) {
  const hub = await start(t, options);
  const url = `${hub.endpoint}/${MODEL}/resolve/main/model.safetensors`;
  const { headers } = await fetch(url, { redirect: 'manual' });
  return { hub, location: headers.get('location') ?? assert.fail('no redirect') };
}

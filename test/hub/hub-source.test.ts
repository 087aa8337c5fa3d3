import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { parseModelName } from '../../src/base/name.ts';
import type { Fault } from '../../src/hub-stand-in/fault.ts';
import { startHubStandIn } from '../../src/hub-stand-in/hub-stand-in.ts';
import { filesOf, type ScanStatus } from '../../src/hub-stand-in/model.ts';
import { CONTRACT_FILES, fileOf, readAll, sourceContract, whole } from '../../src/sources/contract.ts';
import { HubSource } from '../../src/sources/hub.ts';
import { RedirectHosts } from '../../src/sources/hub-hosts.ts';
import { HubHttp } from '../../src/sources/hub-http.ts';
import { HUB_LIMITS } from '../../src/sources/hub-limits.ts';
import { openSource } from '../../src/sources/open.ts';
import { CONTRACT_MODEL, MODEL, recordingClock, serve } from './served.ts';

const TOKEN = `hf_${'a'.repeat(34)}`;
const LARGE = 'model.safetensors';

for (const resolveCache of [false, true]) {
  const how = resolveCache ? 'small files behind a redirect' : 'small files at once';
  sourceContract(`HubSource (${how})`, async () => {
    const hub = await startHubStandIn({ models: [CONTRACT_MODEL], resolveCache });
    const source = new HubSource({ kind: 'hub', endpoint: hub.endpoint, hosts: [hub.cdnHost] });
    return {
      source,
      model: MODEL,
      again: () => openSource(source.ticket),
      missing: { model: parseModelName('acme/other'), code: 'WL_MODEL_NOT_FOUND' },
      close: async () => {
        await source.close();
        await hub.close();
      },
    };
  });
}

describe('HubSource resolves', () => {
  test('a branch, a tag, a pull request and a commit to the commit', async (t) => {
    const first = { files: filesOf({ 'config.json': '1' }), refs: ['refs/heads/main', 'refs/tags/v1.0'] };
    const second = { files: filesOf({ 'config.json': '22' }), refs: ['refs/heads/main'] };
    const third = { files: filesOf({ 'config.json': '333' }), refs: ['refs/pr/1'] };
    const { hub, source } = await serve(t, { models: [{ id: MODEL, commits: [first, second, third] }] });
    const sizeAt = async (revision: string | undefined) => {
      const resolved = await source.resolve(MODEL, revision);
      assert.equal(resolved.commit, hub.commitOf(MODEL, revision));
      return fileOf(resolved, 'config.json').sizeBytes;
    };
    assert.equal(await sizeAt(undefined), 2);
    assert.equal(await sizeAt('main'), 2);
    assert.equal(await sizeAt('v1.0'), 1);
    assert.equal(await sizeAt('refs/pr/1'), 3);
    assert.equal(await sizeAt(hub.commitOf(MODEL, 'v1.0')), 1);
  });

  test('a listing of many pages', async (t) => {
    const { source, hub } = await serve(t, { pageEntriesMax: 2 });
    const { files } = await source.resolve(MODEL, undefined);
    assert.equal(files.length, Object.keys(CONTRACT_FILES).length);
    assert.ok(hub.requests.filter(({ path }) => path.includes('cursor=')).length >= 3);
  });

  test('a renamed model to its name of today', async (t) => {
    const { source } = await serve(t, { models: [{ ...CONTRACT_MODEL, renamedFrom: ['old/name'] }] });
    const revision = await source.resolve(parseModelName('old/name'), 'main');
    assert.equal(revision.model, MODEL);
    const file = fileOf(revision, LARGE);
    assert.equal((await readAll(source.read(revision, file, whole(file)))).length, file.sizeBytes);
  });

  test('a legacy name, which has no publisher', async (t) => {
    const name = parseModelName('gpt2');
    const { source } = await serve(t, { models: [{ ...CONTRACT_MODEL, id: name }] });
    const revision = await source.resolve(name, undefined);
    assert.equal(revision.model, 'gpt2');
    assert.equal(revision.publisher, undefined);
  });

  test('licence, tags, gate and identity as the card and the Hub have them', async (t) => {
    const model = { ...CONTRACT_MODEL, cardData: { license: 'MIT' }, tags: ['pytorch'], repoId: 'abc123' };
    const { source } = await serve(t, { models: [model] });
    const { license, tags, gated, repoId } = await source.resolve(MODEL, undefined);
    assert.deepEqual(
      { license, tags, gated, repoId },
      { license: 'mit', tags: ['pytorch'], gated: false, repoId: 'abc123' },
    );
  });

  test('and reads the commit it resolved, not the branch as it moves on', async (t) => {
    const { hub, source } = await serve(t);
    const revision = await source.resolve(MODEL, 'main');
    hub.publish(MODEL, { files: filesOf({ 'config.json': 'moved on' }) });
    const file = fileOf(revision, 'config.json');
    const read = await readAll(source.read(revision, file, whole(file)));
    assert.deepEqual(read, Buffer.from(CONTRACT_FILES['config.json'] ?? ''));
  });

  const refusedRevisions = [
    '',
    '.',
    '..',
    '../../whoami-v2',
    'a b',
    'a\n',
    'x'.repeat(300),
    '\ud800',
    'a?b',
    'a:b',
  ];
  for (const revision of refusedRevisions) {
    test(`no revision that is none: ${JSON.stringify(revision.slice(0, 20))}`, async (t) => {
      const { hub, source } = await serve(t);
      await assert.rejects(source.resolve(MODEL, revision), { code: 'WL_NAME_INVALID' });
      assert.equal(hub.requests.length, 0);
    });
  }
});

describe('HubSource and who may read', () => {
  const gated = { ...CONTRACT_MODEL, gated: 'auto' as const };
  const hidden = { ...CONTRACT_MODEL, private: true };
  const mayRead = [{ token: TOKEN, user: 'me', reads: [MODEL] }];
  const mayNot = [{ token: TOKEN, user: 'me' }];
  const cases = [
    { title: 'a gated model, no token', models: [gated], code: 'WL_MODEL_GATED' },
    {
      title: 'a gated model, a token without access',
      models: [gated],
      token: TOKEN,
      tokens: mayNot,
      code: 'WL_MODEL_GATED',
    },
    { title: 'a gated model, a token with access', models: [gated], token: TOKEN, tokens: mayRead },
    { title: 'a private model, no token', models: [hidden], code: 'WL_MODEL_NOT_FOUND' },
    {
      title: 'a private model, a token without access',
      models: [hidden],
      token: TOKEN,
      tokens: mayNot,
      code: 'WL_MODEL_NOT_FOUND',
    },
    { title: 'a private model, a token with access', models: [hidden], token: TOKEN, tokens: mayRead },
    { title: 'a token that is not known', models: [CONTRACT_MODEL], token: TOKEN, code: 'WL_TOKEN_REFUSED' },
    {
      title: 'a disabled model',
      models: [{ ...CONTRACT_MODEL, disabled: true }],
      code: 'WL_MODEL_NOT_FOUND',
      message: /disabled/,
    },
    {
      title: 'an unknown revision',
      models: [CONTRACT_MODEL],
      revision: 'v9',
      code: 'WL_REVISION_NOT_FOUND',
      message: /"v9"/,
    },
  ];
  for (const { title, code, message, revision, ...options } of cases) {
    test(`${title} ${code ? `is ${code}` : 'is read'}`, async (t) => {
      const { source } = await serve(t, options);
      const resolving = source.resolve(MODEL, revision);
      if (code) await assert.rejects(resolving, { code, ...(message ? { message } : {}) });
      else assert.ok((await resolving).files.length > 0);
    });
  }

  test('the token goes to the endpoint and never to the CDN', async (t) => {
    const { hub, source } = await serve(t, { token: TOKEN, tokens: mayRead });
    const revision = await source.resolve(MODEL, undefined);
    for (const file of revision.files) await readAll(source.read(revision, file, whole(file)));
    for (const { server, path, authorized } of hub.requests) assert.equal(authorized, server === 'api', path);
    assert.ok(hub.requests.some(({ server }) => server === 'cdn'));
  });
});

describe('HubSource and evidence', () => {
  test('an organisation is verified or not, as the Hub says', async (t) => {
    const organisations = [{ name: 'acme', verified: true, plan: 'enterprise', followers: 9 }];
    const { source } = await serve(t, { organisations });
    const { publisher } = await source.resolve(MODEL, undefined);
    assert.deepEqual(publisher, {
      name: 'acme',
      kind: 'organisation',
      verified: true,
      plan: 'enterprise',
      followers: 9,
    });
  });

  test('a user has no verification', async (t) => {
    const { source } = await serve(t, { users: ['acme'] });
    const { publisher } = await source.resolve(MODEL, undefined);
    assert.equal(publisher?.kind, 'user');
    assert.equal(publisher?.verified, undefined);
  });

  test('a publisher that cannot be asked about is unknown, and the model is resolved all the same', async (t) => {
    const { source } = await serve(t, {
      organisations: [{ name: 'acme', verified: true }],
      faults: [{ at: 'publisher', kind: 'status', status: 503 }],
    });
    const { publisher } = await source.resolve(MODEL, undefined);
    assert.deepEqual(publisher, { name: 'acme', kind: 'unknown' });
  });

  test('a publisher that is not to be asked for minutes is not waited for', async (t) => {
    const headers = { 'Retry-After': '300' };
    const { source, clock } = await serve(t, {
      faults: [{ at: 'publisher', kind: 'status', status: 429, headers }],
    });
    assert.equal((await source.resolve(MODEL, undefined)).publisher?.kind, 'unknown');
    assert.deepEqual(clock.slept, []);
  });

  const scans: readonly { readonly scan: ScanStatus; readonly expected: string }[] = [
    { scan: 'safe', expected: 'safe' },
    { scan: 'unsafe', expected: 'unsafe' },
    { scan: 'suspicious', expected: 'unsafe' },
    { scan: 'caution', expected: 'unsafe' },
    { scan: 'queued', expected: 'unknown' },
    { scan: 'unscanned', expected: 'unknown' },
    { scan: 'error', expected: 'unknown' },
  ];
  for (const { scan, expected } of scans) {
    test(`one file that the Hub calls ${scan} makes the model ${expected}`, async (t) => {
      const [config, ...rest] = filesOf(CONTRACT_FILES);
      assert.ok(config);
      const { source } = await serve(t, {
        models: [{ id: MODEL, commits: [{ files: [{ ...config, scan }, ...rest] }] }],
      });
      const { hubScan } = await source.resolve(MODEL, undefined);
      assert.equal(hubScan?.status, expected);
    });
  }

  test('a file that the Hub does not speak of is not safe', async (t) => {
    const strip = (value: unknown) =>
      (value as Record<string, unknown>[]).map(({ securityFileStatus, ...entry }) =>
        entry.path === 'config.json' ? entry : { ...entry, securityFileStatus },
      );
    const { source } = await serve(t, { faults: [{ at: 'tree', kind: 'json', change: strip }] });
    const { hubScan } = await source.resolve(MODEL, undefined);
    assert.equal(hubScan?.status, 'unknown');
  });

  test('a tree without statuses is never safe, whatever the repo’s summary says', async (t) => {
    const strip = (value: unknown) =>
      (value as Record<string, unknown>[]).map(({ securityFileStatus: _, ...entry }) => entry);
    const { source } = await serve(t, { faults: [{ at: 'tree', kind: 'json', change: strip }] });
    const { hubScan } = await source.resolve(MODEL, undefined);
    assert.equal(hubScan?.status, 'unknown');
  });
});

describe('HubSource goes only where it may', () => {
  test('a redirect to another host is refused, and nothing is sent there', async (t) => {
    const trap = await startServer(t);
    const { source, hub } = await serve(t, { token: TOKEN, tokens: [{ token: TOKEN, user: 'me' }] });
    const revision = await source.resolve(MODEL, undefined);
    hub.faults.replace([
      { at: 'resolve', kind: 'headers', set: { Location: `${trap.url}/model.safetensors` } },
    ]);
    const file = fileOf(revision, LARGE);
    await assert.rejects(readAll(source.read(revision, file, whole(file))), {
      code: 'WL_SOURCE_LIES',
      message: /which is not a host that it may use/,
    });
    assert.equal(trap.requests.length, 0);
  });

  test('a redirect by the CDN is held to the same list', async (t) => {
    const trap = await startServer(t);
    const { source } = await serve(t, {
      faults: [{ at: 'body', path: LARGE, kind: 'redirect', location: trap.url }],
    });
    const revision = await source.resolve(MODEL, undefined);
    const file = fileOf(revision, LARGE);
    await assert.rejects(readAll(source.read(revision, file, whole(file))), { code: 'WL_SOURCE_LIES' });
    assert.equal(trap.requests.length, 0);
  });

  for (const protocol of ['http', 'https']) {
    test(`a name that resolves to an internal address is not connected to by ${protocol}`, async (t) => {
      const trap = await startServer(t);
      const endpoint = new URL(`${protocol}://hub.example`);
      const http = new HubHttp({ endpoint, hosts: new RedirectHosts(endpoint, []), limits: HUB_LIMITS });
      t.after(() => http.close());
      const url = new URL(`${protocol}://localhost:${new URL(trap.url).port}/`);
      await assert.rejects(http.get(url, {}), { code: 'WL_SOURCE_LIES', message: /internal address/ });
      assert.equal(trap.connections(), 0);
    });
  }

  test('a proxy is asked for everything', async (t) => {
    const { hub, source: direct } = await serve(t);
    const proxy = await startServer(t, hub.endpoint);
    const source = new HubSource({ ...direct.ticket, proxy: proxy.url });
    t.after(() => source.close());
    const revision = await source.resolve(MODEL, undefined);
    assert.equal(revision.commit, hub.commitOf(MODEL));
    assert.ok(
      proxy.requests.every(
        (path) => path.startsWith(`${hub.endpoint}/api/models/`) || path.includes('overview'),
      ),
    );
    assert.equal(proxy.requests.length, hub.requests.length);
  });

  test('hosts contacted are on record', async (t) => {
    const { hub, source } = await serve(t);
    const revision = await source.resolve(MODEL, undefined);
    const file = fileOf(revision, LARGE);
    await readAll(source.read(revision, file, whole(file)));
    assert.deepEqual([...source.contacted], [new URL(hub.endpoint).host, hub.cdnHost]);
  });
});

describe('HubSource and the CDN’s address', () => {
  test('ranges of one file cost one request of the rate limit', async (t) => {
    const { hub, source } = await serve(t);
    const revision = await source.resolve(MODEL, undefined);
    const file = fileOf(revision, LARGE);
    for (let offset = 0; offset < 5000; offset += 1000)
      await readAll(source.read(revision, file, { offset, length: 1000 }));
    const asked = (server: string) =>
      hub.requests.filter((entry) => entry.server === server && entry.range).length;
    assert.deepEqual([asked('api'), asked('cdn')], [1, 5]);
  });

  test('is asked for anew when the connection breaks', async (t) => {
    const faults: Fault[] = [{ at: 'body', path: LARGE, kind: 'truncated', afterBytes: 1000, times: 2 }];
    const { hub, source } = await serve(t, { faults });
    const revision = await source.resolve(MODEL, undefined);
    const file = fileOf(revision, LARGE);
    assert.equal((await readAll(source.read(revision, file, whole(file)))).length, file.sizeBytes);
    assert.equal(hub.requests.filter(({ server, range }) => server === 'api' && range).length, 3);
  });

  test('is asked for anew after a minute', async (t) => {
    let now = Date.now();
    const { hub, source } = await serve(t, { clock: recordingClock(() => now) });
    const revision = await source.resolve(MODEL, undefined);
    const file = fileOf(revision, LARGE);
    await readAll(source.read(revision, file, { offset: 0, length: 10 }));
    now += 61_000;
    await readAll(source.read(revision, file, { offset: 0, length: 10 }));
    assert.equal(hub.requests.filter(({ server, range }) => server === 'api' && range).length, 2);
  });

  for (const status of [403, 410]) {
    test(`is asked for anew at once when it answers ${status}`, async (t) => {
      const { hub, source, clock } = await serve(t);
      const revision = await source.resolve(MODEL, undefined);
      const file = fileOf(revision, LARGE);
      await readAll(source.read(revision, file, { offset: 0, length: 10 }));
      hub.faults.replace([{ at: 'body', kind: 'status', status, times: 1 }]);
      assert.equal((await readAll(source.read(revision, file, { offset: 10, length: 10 }))).length, 10);
      assert.deepEqual(clock.slept, []);
    });
  }
});

interface Listening {
  readonly url: string;
  readonly requests: readonly string[];
  readonly connections: () => number;
}

/** A server that remembers what it was asked, and as a forward proxy passes it on. */
async function startServer(t: TestContext, forwardTo?: string): Promise<Listening> {
  const requests: string[] = [];
  const server: Server = createServer((request, response) => {
    requests.push(request.url ?? '');
    if (forwardTo === undefined) return void response.end('trapped');
    void fetch(request.url ?? '').then(async (answer) => {
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  let connections = 0;
  server.on('connection', () => connections++);
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, requests, connections: () => connections };
}

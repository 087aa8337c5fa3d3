/** Official clients against the stand-in: what they can download from it byte for byte, it serves truly. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, type TestContext, test } from 'node:test';
import {
  downloadFile,
  fileDownloadInfo,
  fileExists,
  listCommits,
  listFiles,
  modelInfo,
  pathsInfo,
  snapshotDownload,
  whoAmI,
} from '@huggingface/hub';
import { gitBlobSha1, sha256 } from '../../src/base/digest.ts';
import { pieces } from '../../src/hub-stand-in/content.ts';
import { type HubStandIn, startHubStandIn } from '../../src/hub-stand-in/hub-stand-in.ts';
import { filesOf, patternFile, type StandInModel } from '../../src/hub-stand-in/model.ts';
import { CONTRACT_FILES, readAll } from '../../src/sources/contract.ts';

const PEERS = join(import.meta.dirname, '../../.peers');
const TOKEN = `hf_${'a'.repeat(34)}`;
const LARGE_BYTES = 25_000_000;
const MODEL = 'acme/model';

const large = patternFile('shards/model-00001-of-00001.safetensors', LARGE_BYTES, 7);

/** Clients disagree on how a `?` or `#` in a path is to be sent: such names are the source's contract, not theirs. */
const plain = Object.fromEntries(Object.entries(CONTRACT_FILES).filter(([path]) => !/[?#%]/.test(path)));

const models: readonly StandInModel[] = [
  {
    id: MODEL,
    renamedFrom: ['old/model'],
    cardData: { license: 'mit' },
    commits: [
      { files: filesOf({ 'config.json': 'old' }), refs: ['refs/heads/main', 'refs/tags/v1'] },
      { files: [...filesOf(plain), large], refs: ['refs/heads/main'] },
      { files: filesOf({ 'config.json': 'proposed' }), refs: ['refs/pr/1'] },
    ],
  },
  { id: 'acme/gated', gated: 'manual', commits: [{ files: filesOf({ 'config.json': '{}' }) }] },
  { id: 'acme/secret', private: true, commits: [{ files: filesOf({ 'config.json': '{}' }) }] },
  { id: 'acme/disabled', disabled: true, commits: [{ files: filesOf({ 'config.json': '{}' }) }] },
];

/** SHA-256 of every file at main. */
const expected = new Map<string, string>();

for (const resolveCache of [false, true]) {
  describe(`The stand-in (${resolveCache ? 'small files behind a redirect' : 'small files at once'})`, () => {
    let hub: HubStandIn;
    before(async () => {
      for (const [path, bytes] of Object.entries(plain)) expected.set(path, sha256(bytes));
      expected.set(large.path, sha256(await readAll(pieces(large.content, 0, LARGE_BYTES))));
      const tokens = [{ token: TOKEN, user: 'me', reads: ['acme/gated'] }];
      hub = await startHubStandIn({ models, tokens, pageEntriesMax: 3, resolveCache });
    });
    after(() => hub.close());

    describe('serves npm @huggingface/hub', () => javaScriptTests(() => hub));
    for (const version of resolveCache ? ['2.4'] : ['0.36', '2.4']) {
      describe(`serves huggingface_hub ${version}`, () => pythonTests(() => hub, version));
    }
  });
}

function javaScriptTests(hub: () => HubStandIn): void {
  const asked = () => ({ repo: MODEL, hubUrl: hub().endpoint });

  test('listFiles lists every file over several pages, with digests', async () => {
    const listed = new Map<string, string | undefined>();
    for await (const { type, path, oid, lfs } of listFiles({ ...asked(), recursive: true })) {
      if (type === 'file') listed.set(path, lfs?.oid ?? oid);
    }
    assert.deepEqual([...listed.keys()].sort(), [...expected.keys()].sort());
    assert.equal(listed.get('config.json'), gitBlobSha1(plain['config.json'] ?? Buffer.alloc(0)));
    assert.equal(listed.get(large.path), expected.get(large.path));
  });

  test('listFiles expands', async () => {
    for await (const entry of listFiles({ ...asked(), recursive: true, expand: true })) {
      assert.equal(entry.lastCommit?.id, hub().commitOf(MODEL));
      if (entry.type === 'file')
        assert.equal((entry.securityFileStatus as { status: string }).status, 'safe');
    }
  });

  test('downloadFile gets every file byte for byte', async () => {
    for (const [path, digest] of expected) {
      const encoded = path.split('/').map(encodeURIComponent).join('/');
      const blob = await downloadFile({ ...asked(), path: encoded });
      assert.ok(blob, path);
      assert.equal(sha256(Buffer.from(await blob.arrayBuffer())), digest, path);
    }
  });

  test('fileDownloadInfo tells the size, and null for no file', async () => {
    const found = await fileDownloadInfo({ ...asked(), path: large.path });
    assert.equal(found?.size, LARGE_BYTES);
    assert.equal(await fileDownloadInfo({ ...asked(), path: 'nothing' }), null);
  });

  test('fileExists asks /raw/', async () => {
    assert.equal(await fileExists({ ...asked(), path: 'config.json' }), true);
    assert.equal(await fileExists({ ...asked(), path: 'nothing' }), false);
  });

  test('snapshotDownload leaves every file in the cache', async (t) => {
    const cacheDir = await temporary(t);
    const snapshot = await snapshotDownload({ ...asked(), cacheDir });
    for (const [path, digest] of expected)
      assert.equal(sha256(await readFile(join(snapshot, path))), digest, path);
  });

  test('modelInfo, pathsInfo and listCommits read revisions', async () => {
    const { sha } = await modelInfo({
      name: MODEL,
      hubUrl: hub().endpoint,
      revision: 'v1',
      additionalFields: ['sha'],
    });
    assert.equal(sha, hub().commitOf(MODEL, 'v1'));
    const [entry] = await pathsInfo({ ...asked(), paths: [large.path] });
    assert.equal(entry?.lfs?.oid, expected.get(large.path));
    const commits: string[] = [];
    for await (const { oid } of listCommits(asked())) commits.push(oid);
    assert.deepEqual(commits, [hub().commitOf(MODEL), hub().commitOf(MODEL, 'v1')]);
  });

  test('a token is known, or refused', async () => {
    assert.equal((await whoAmI({ accessToken: TOKEN, hubUrl: hub().endpoint })).name, 'me');
    const refused = whoAmI({ accessToken: `hf_${'b'.repeat(34)}`, hubUrl: hub().endpoint });
    await assert.rejects(refused, { statusCode: 401 });
  });

  test('a renamed model is found', async () => {
    const blob = await downloadFile({ ...asked(), repo: 'old/model', path: 'config.json' });
    assert.equal(
      sha256(Buffer.from(await (blob ?? new Blob([])).arrayBuffer())),
      expected.get('config.json'),
    );
  });

  for (const [repo, revision, statusCode, message] of [
    ['acme/nothing', 'main', 401, /Repository not found/],
    ['acme/secret', 'main', 401, /Repository not found/],
    ['acme/gated', 'main', 401, /restricted/],
    ['acme/disabled', 'main', 403, /disabled/],
    [MODEL, 'v9', 404, /Invalid rev id/],
  ] as const) {
    test(`${repo}@${revision} is refused with ${statusCode}`, async () => {
      const downloading = downloadFile({ ...asked(), repo, revision, path: 'config.json' });
      await assert.rejects(downloading, { statusCode, message });
    });
  }
}

function pythonTests(hub: () => HubStandIn, version: string): void {
  const python = join(PEERS, `hub-${version}/bin/python`);
  const skip = existsSync(python)
    ? false
    : `huggingface_hub ${version} is not installed: run scripts/peers.sh hub-clients`;
  const ask = async (t: TestContext, question: Readonly<Record<string, unknown>>): Promise<Answer> => {
    const home = await temporary(t);
    return run(python, { endpoint: hub().endpoint, home, model: MODEL, ...question });
  };
  const digests = () => Object.fromEntries(expected);

  test('it is that version', { skip }, async (t) => {
    assert.ok((await ask(t, { ask: 'refs' })).version.startsWith(version));
  });

  test('snapshot_download gets every file byte for byte', { skip }, async (t) => {
    assert.deepEqual((await ask(t, { ask: 'snapshot' })).value, digests());
  });

  test('snapshot_download into a folder does, too', { skip }, async (t) => {
    assert.deepEqual((await ask(t, { ask: 'local_folder' })).value, digests());
  });

  test('snapshot_download follows a renamed model', { skip }, async (t) => {
    assert.deepEqual((await ask(t, { ask: 'snapshot', model: 'old/model' })).value, digests());
  });

  test('snapshot_download reads a tag and a pull request', { skip }, async (t) => {
    assert.deepEqual((await ask(t, { ask: 'snapshot', revision: 'v1' })).value, {
      'config.json': sha256('old'),
    });
    const proposed = { 'config.json': sha256('proposed') };
    assert.deepEqual((await ask(t, { ask: 'snapshot', revision: 'refs/pr/1' })).value, proposed);
  });

  test('hf_hub_download gets a large, a small and an empty file', { skip }, async (t) => {
    for (const path of [large.path, 'a/b/deep file.txt', 'empty.txt'])
      assert.equal((await ask(t, { ask: 'one_file', path })).value, expected.get(path), path);
  });

  for (const expand of [false, true]) {
    test(`list_repo_tree lists every file${expand ? ', expanded' : ''}`, { skip }, async (t) => {
      const listed = (await ask(t, { ask: 'tree', expand })).value as Record<string, [number, string]>;
      assert.deepEqual(Object.keys(listed).sort(), [...expected.keys()].sort());
      assert.deepEqual(listed[large.path], [LARGE_BYTES, expected.get(large.path)]);
      assert.deepEqual(listed['config.json'], [
        plain['config.json']?.length,
        gitBlobSha1(plain['config.json'] ?? Buffer.alloc(0)),
      ]);
    });
  }

  test('model_info, list_repo_refs, get_paths_info and list_repo_commits answer', { skip }, async (t) => {
    const info = { id: MODEL, sha: hub().commitOf(MODEL), files: [...expected.keys()].sort() };
    assert.deepEqual((await ask(t, { ask: 'info' })).value, info);
    const refs = Object.fromEntries(
      (['main', 'v1', 'refs/pr/1'] as const).map((ref, index) => [REFS[index], hub().commitOf(MODEL, ref)]),
    );
    assert.deepEqual((await ask(t, { ask: 'refs' })).value, refs);
    assert.deepEqual((await ask(t, { ask: 'paths_info', path: large.path })).value, {
      [large.path]: LARGE_BYTES,
    });
    const commits = [hub().commitOf(MODEL), hub().commitOf(MODEL, 'v1')];
    assert.deepEqual((await ask(t, { ask: 'commits' })).value, commits);
  });

  test('HfFileSystem reads a range', { skip }, async (t) => {
    const range = { offset: 20_000_000, length: 1000 };
    const bytes = await readAll(pieces(large.content, range.offset, range.length));
    assert.equal((await ask(t, { ask: 'file_system', path: large.path, ...range })).value, sha256(bytes));
  });

  test('a token opens what is gated, and is known', { skip }, async (t) => {
    const opened = await ask(t, { ask: 'one_file', model: 'acme/gated', path: 'config.json', token: TOKEN });
    assert.equal(opened.value, sha256('{}'));
    assert.equal((await ask(t, { ask: 'who_am_i', token: TOKEN })).value, 'me');
  });

  for (const [title, question, error] of [
    ['a missing model', { model: 'acme/nothing' }, 'RepositoryNotFoundError'],
    ['a private model', { model: 'acme/secret' }, 'RepositoryNotFoundError'],
    ['a gated model', { model: 'acme/gated' }, 'GatedRepoError'],
    ['a disabled model', { ask: 'info', model: 'acme/disabled' }, 'DisabledRepoError'],
    ['a missing revision', { revision: 'v9' }, 'RevisionNotFoundError'],
    ['a missing file', { path: 'nothing' }, 'EntryNotFoundError'],
  ] as const) {
    test(`${title} raises ${error}`, { skip }, async (t) => {
      const answer = await ask(t, { ask: 'one_file', path: 'config.json', ...question });
      assert.match(answer.error ?? 'no error', new RegExp(`^(?:Remote)?${error}$`), answer.message);
    });
  }
}

const REFS = ['refs/heads/main', 'refs/tags/v1', 'refs/pr/1'];

interface Answer {
  readonly version: string;
  readonly value?: unknown;
  readonly error?: string;
  readonly message?: string;
}

async function run(python: string, question: unknown): Promise<Answer> {
  const child = spawn(python, [join(import.meta.dirname, 'client.py')], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(JSON.stringify(question));
  const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  assert.ok(out.startsWith('{'), errors);
  return JSON.parse(out);
}

async function temporary(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'weighlock-client-'));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { sha256 } from '../base/digest.ts';
import { parseCommit, parseModelName, parseRepoPath } from '../base/name.ts';
import { DirectoryVault } from '../vault/directory.ts';
import { type RevisionId, revisionPrefix } from '../vault/layout.ts';
import type { ServedFile } from './catalog.ts';
import { DirectoryData } from './directory-data.ts';

const ID: RevisionId = { model: parseModelName('org/model'), commit: parseCommit('ab'.repeat(20)) };
const LARGE_BYTES = 9 << 20;

const CONTENTS = {
  'config.json': Buffer.from('{}'),
  'a.safetensors': Buffer.alloc(LARGE_BYTES, 'a'),
  'b.safetensors': Buffer.alloc(LARGE_BYTES, 'b'),
  'c.safetensors': Buffer.alloc(LARGE_BYTES, 'c'),
};
type Name = keyof typeof CONTENTS;

function served(name: Name): ServedFile {
  const bytes = CONTENTS[name];
  return {
    path: parseRepoPath(name),
    sizeBytes: bytes.length,
    sha256: sha256(bytes),
    gitBlobSha1: undefined,
  };
}

const WHOLE = { span: undefined, signal: new AbortController().signal };

describe('files of a directory', () => {
  let root: string;
  let folder: string;
  before(() => {
    root = mkdtempSync(path.join(os.tmpdir(), 'weighlock-data-'));
    folder = path.join(root, revisionPrefix(ID));
  });
  after(() => rmSync(root, { recursive: true }));
  beforeEach(() => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const [name, bytes] of Object.entries(CONTENTS)) writeFileSync(path.join(folder, name), bytes);
  });

  const bytesOf = async (data: DirectoryData, name: Name, options: Parameters<DirectoryData['open']>[2]) => {
    const delivery = await data.open(ID, served(name), options);
    assert.ok(delivery.by === 'stream');
    const chunks: Uint8Array[] = [];
    for await (const chunk of delivery.bytes) chunks.push(chunk);
    return Buffer.concat(chunks);
  };

  /** Counts what is hashed, by size and first byte; hashes truly, once it may. */
  const slowly = (until?: Promise<void>) => {
    const begun: string[] = [];
    const finished: string[] = [];
    const waiting = new Set<() => void>();
    const look = () => {
      for (const one of waiting) one();
    };
    const hash = async (handle: FileHandle) => {
      const bytes = Buffer.alloc(LARGE_BYTES);
      const { bytesRead } = await handle.read(bytes, 0, LARGE_BYTES, 0);
      const name = String.fromCharCode(bytes[0] ?? 0);
      begun.push(name);
      look();
      await until;
      finished.push(name);
      setImmediate(look);
      return createHash('sha256').update(bytes.subarray(0, bytesRead)).digest('hex');
    };
    const met = (list: readonly string[], wanted: readonly string[]) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const one = () => {
        if (wanted.every((name) => list.includes(name))) resolve();
      };
      waiting.add(one);
      one();
      return promise;
    };
    return { hash, begun, finished, met };
  };

  it('are given out whole and in part', async () => {
    const data = new DirectoryData(new DirectoryVault(root));
    assert.ok((await bytesOf(data, 'a.safetensors', WHOLE)).equals(CONTENTS['a.safetensors']));
    const span = { first: 300_000, last: 900_000 };
    const part = await bytesOf(data, 'b.safetensors', { ...WHOLE, span });
    assert.ok(part.equals(CONTENTS['b.safetensors'].subarray(span.first, span.last + 1)));
    assert.deepEqual(Buffer.from(await data.firstByte(ID, served('c.safetensors'))), Buffer.from('c'));
  });

  it('are hashed ahead as soon as one of the revision is asked for, and once', async () => {
    const { hash, begun, finished, met } = slowly();
    const data = new DirectoryData(new DirectoryVault(root), { hash });
    await data.firstByte(ID, served('config.json'));
    await met(finished, ['a', 'b', 'c']);
    for (const name of ['a.safetensors', 'b.safetensors', 'c.safetensors'] as const)
      await bytesOf(data, name, WHOLE);
    assert.deepEqual(begun.toSorted(), ['a', 'b', 'c', '{']);
  });

  it('are not hashed ahead for a listing', async () => {
    const vault = new DirectoryVault(root);
    const stat = vault.stat.bind(vault);
    let looks = 0;
    vault.stat = (id) => {
      looks += 1;
      return stat(id);
    };
    const data = new DirectoryData(vault);
    assert.equal(Buffer.from(await data.read(ID, served('config.json'))).toString(), '{}');
    assert.equal(looks, 0);
    for (const name of ['config.json', 'a.safetensors'] as const) await data.firstByte(ID, served(name));
    assert.equal(looks, 1);
  });

  it('go on being hashed for whoever comes again', async () => {
    const go = Promise.withResolvers<void>();
    const { hash, begun, met } = slowly(go.promise);
    const data = new DirectoryData(new DirectoryVault(root), { hash });
    const impatient = new AbortController();
    const first = data.open(ID, served('a.safetensors'), { span: undefined, signal: impatient.signal });
    await met(begun, ['a']);
    impatient.abort();
    await assert.rejects(first, { name: 'AbortError' });
    const again = bytesOf(data, 'a.safetensors', WHOLE);
    go.resolve();
    assert.ok((await again).equals(CONTENTS['a.safetensors']));
    assert.equal(begun.filter((name) => name === 'a').length, 1);
  });

  it('that take long to hash let the answer begin, and no byte of one that is wrong', async () => {
    writeFileSync(path.join(folder, 'a.safetensors'), Buffer.alloc(LARGE_BYTES, 'x'));
    const go = Promise.withResolvers<void>();
    const { hash } = slowly(go.promise);
    const data = new DirectoryData(new DirectoryVault(root), { hash, headWithinMs: 0 });
    const opened = await data.open(ID, served('a.safetensors'), WHOLE);
    go.resolve();
    assert.ok(opened.by === 'stream');
    let bytes = 0;
    const read = async () => {
      for await (const chunk of opened.bytes) bytes += chunk.length;
    };
    await assert.rejects(read(), { code: 'WL_VAULT_CORRUPT' });
    assert.equal(bytes, 0);
  });

  it('are not begun for whoever is gone', async () => {
    const data = new DirectoryData(new DirectoryVault(root));
    const gone = { span: undefined, signal: AbortSignal.abort() };
    await assert.rejects(data.open(ID, served('a.safetensors'), gone), { name: 'AbortError' });
  });

  const CHANGES: readonly { readonly what: string; readonly change: () => void }[] = [
    {
      what: 'written over at the same length',
      change: () => writeFileSync(path.join(folder, 'a.safetensors'), Buffer.alloc(LARGE_BYTES, 'x')),
    },
    {
      what: 'another by the same name',
      change: () => {
        writeFileSync(path.join(root, 'other'), Buffer.alloc(LARGE_BYTES, 'y'));
        renameSync(path.join(root, 'other'), path.join(folder, 'a.safetensors'));
      },
    },
  ];
  for (const { what, change } of CHANGES)
    it(`are not given out where one is ${what}`, async () => {
      const data = new DirectoryData(new DirectoryVault(root));
      const opened = await data.open(ID, served('a.safetensors'), WHOLE);
      change();
      assert.ok(opened.by === 'stream');
      const first = async () => {
        for await (const _ of opened.bytes) return;
      };
      await assert.rejects(first(), { code: 'WL_VAULT_CORRUPT' });
      await assert.rejects(data.open(ID, served('a.safetensors'), WHOLE), { code: 'WL_VAULT_CORRUPT' });
    });

  it('do not lend their digest to another in a folder that was moved into their place', async () => {
    // Neither file is written to, and moving a folder leaves the times of what is in it as they are.
    const good = `${folder.replace(/\/$/, '')}.good`;
    const bad = `${folder.replace(/\/$/, '')}.bad`;
    const here = folder.replace(/\/$/, '');
    mkdirSync(bad);
    writeFileSync(path.join(bad, 'a.safetensors'), Buffer.alloc(LARGE_BYTES, 'x'));
    renameSync(here, good);
    renameSync(bad, here);
    const vault = new DirectoryVault(root);
    const openFile = vault.openFile.bind(vault);
    let opened = 0;
    // The bad one stands there when it is looked at, the good one when it is opened to be hashed.
    vault.openFile = async (key) => {
      opened += 1;
      if (opened !== 2) return openFile(key);
      renameSync(here, bad);
      renameSync(good, here);
      const handle = await openFile(key);
      renameSync(here, good);
      renameSync(bad, here);
      return handle;
    };
    vault.stat = async () => [];
    const data = new DirectoryData(vault);
    await assert.rejects(data.open(ID, served('a.safetensors'), WHOLE), { code: 'WL_VAULT_CORRUPT' });
    await assert.rejects(data.open(ID, served('a.safetensors'), WHOLE), { code: 'WL_VAULT_CORRUPT' });
    assert.ok(opened >= 3);
    rmSync(good, { recursive: true });
  });
});

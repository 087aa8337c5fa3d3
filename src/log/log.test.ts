import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, it } from 'node:test';
import { auditLog, type LogProblem } from './audit.ts';
import { type NoteSigner, openCheckpoint, verifierKey } from './checkpoint.ts';
import { EMPTY_ROOT, leafHash, nodeHash, verifyInclusion } from './merkle.ts';
import { encodeProof, verifyProof } from './proof.ts';
import { LogReader, type TreeHead } from './reader.ts';
import { bundlePath, tilePath } from './tile.ts';
import { LogWriter, type WritableLogFiles } from './writer.ts';

const ORIGIN = 'weighlock/test';

function newSigner(): NoteSigner {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return { verifierKey: verifierKey(ORIGIN, publicKey), sign: async (text) => sign(null, text, privateKey) };
}

/** The log's files in memory, as a store with conditions; `dying` ends a write with an error before or after it. */
class MemoryFiles implements WritableLogFiles {
  readonly files = new Map<string, Uint8Array>();
  /** The number of writes that are still granted, and whether the last one takes effect. */
  dying: { writes: number; effect: 'before' | 'after' } | undefined;

  async get(name: string) {
    const bytes = this.files.get(name);
    return bytes && { bytes, tag: Buffer.from(bytes).toString('base64') };
  }

  async create(name: string, bytes: Uint8Array) {
    return this.#write(() => {
      const there = this.files.get(name);
      if (there) return Buffer.compare(there, bytes) === 0 ? ('created' as const) : ('exists' as const);
      this.files.set(name, bytes);
      return 'created' as const;
    });
  }

  async swap(name: string, bytes: Uint8Array, expected: string | undefined) {
    return this.#write(() => {
      const there = this.files.get(name);
      if ((there && Buffer.from(there).toString('base64')) !== expected) return 'lost' as const;
      this.files.set(name, bytes);
      return 'swapped' as const;
    });
  }

  #write<T>(effect: () => T): T {
    if (!this.dying) return effect();
    this.dying.writes -= 1;
    if (this.dying.writes > 0) return effect();
    if (this.dying.effect === 'after') effect();
    throw new Error('the writer died');
  }
}

function writer(files: MemoryFiles, signer: NoteSigner, highest?: TreeHead): LogWriter {
  let known = highest;
  const signed = (head: TreeHead) => {
    known = head;
  };
  return new LogWriter({
    files,
    origin: ORIGIN,
    signer,
    keys: [],
    memory: { highest: () => known, signed },
  });
}

const entry = (i: number): Uint8Array => Buffer.from(`entry ${i}`);

/** RFC 6962, section 2.1, by the definition. */
function definedRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return EMPTY_ROOT;
  if (leaves.length === 1) return leaves[0] as Buffer;
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return nodeHash(definedRoot(leaves.slice(0, k)), definedRoot(leaves.slice(k)));
}

/** What an audit says of the log as it stands. */
async function audit(files: MemoryFiles, signer: NoteSigner): Promise<LogProblem[]> {
  const head = await headOf(files, signer);
  return auditLog({ files, names: [...files.files.keys()], head, keys: [signer.verifierKey] });
}

async function headOf(files: MemoryFiles, signer: NoteSigner): Promise<TreeHead> {
  const note = files.files.get('checkpoint');
  assert.ok(note, 'there is a checkpoint');
  return openCheckpoint(note, ORIGIN, [signer.verifierKey]);
}

describe('log', () => {
  it('has the root that RFC 6962 defines, at every size over two tiles', async () => {
    const files = new MemoryFiles();
    const signer = newSigner();
    const log = writer(files, signer);
    const leaves: Buffer[] = [];
    for (let i = 0; i < 520; i++) {
      leaves.push(leafHash(entry(i)));
      const { index, head } = await log.append(entry(i), i);
      assert.equal(index, i);
      if (i < 20 || i % 51 === 0 || i > 510)
        assert.deepEqual(head.root, definedRoot(leaves), `size ${i + 1}`);
    }
    const head = await headOf(files, signer);
    for (const size of [1, 2, 255, 256, 257, 519, 520]) {
      assert.deepEqual(
        await new LogReader(files).rootAt(size, head.size),
        definedRoot(leaves.slice(0, size)),
      );
    }
    assert.deepEqual(await audit(files, signer), []);
  });

  it('proves every entry, and nothing else', async () => {
    const files = new MemoryFiles();
    const signer = newSigner();
    const log = writer(files, signer);
    for (let i = 0; i < 70; i++) await log.append(entry(i), i);
    const { size, root } = await headOf(files, signer);
    const reader = new LogReader(files);
    for (let index = 0; index < size; index++) {
      const proof = await reader.prove(index, size);
      const claim = { leaf: leafHash(entry(index)), index, size, root, proof };
      assert.ok(verifyInclusion(claim));
      assert.ok(!verifyInclusion({ ...claim, index: (index + 1) % size }));
      assert.ok(!verifyInclusion({ ...claim, leaf: leafHash(entry(index + 1)) }));
      assert.ok(!verifyInclusion({ ...claim, proof: proof.slice(1) }));
      assert.ok(!verifyInclusion({ ...claim, proof: [...proof, root] }));
    }
  });

  it('carries a proof in one file that verifies offline', async () => {
    const files = new MemoryFiles();
    const signer = newSigner();
    const log = writer(files, signer);
    for (let i = 0; i < 5; i++) await log.append(entry(i), i);
    const keys = { origin: ORIGIN, keys: [signer.verifierKey] };
    const proof = encodeProof(
      3,
      await new LogReader(files).prove(3, 5),
      files.files.get('checkpoint') ?? Buffer.of(),
    );
    assert.equal(verifyProof(proof, entry(3), keys).index, 3);
    assert.throws(() => verifyProof(proof, entry(2), keys), { code: 'WL_LOG_CORRUPT' });
    assert.throws(() => verifyProof(proof, entry(3), { ...keys, keys: [newSigner().verifierKey] }), {
      code: 'WL_LOG_CORRUPT',
    });
    const other = Buffer.from(Buffer.from(proof).toString().replace('index 3', 'index 2'));
    assert.throws(() => verifyProof(other, entry(3), keys), { code: 'WL_LOG_CORRUPT' });
  });

  it('appends an entry once, however often a run repeats it', async () => {
    const files = new MemoryFiles();
    const log = writer(files, newSigner());
    await log.append(entry(0), 0);
    assert.equal((await log.append(entry(1), 0)).index, 1);
    assert.equal((await log.append(entry(1), 0)).index, 1);
    assert.equal(
      (await log.append(entry(1), 2)).index,
      2,
      'an equal entry from before `since` is another one',
    );
  });

  it('loses nothing and duplicates nothing when many writers race', async () => {
    const files = new MemoryFiles();
    const signer = newSigner();
    await Promise.all(
      Array.from({ length: 8 }, async (_, w) => {
        const log = writer(files, signer);
        for (let i = 0; i < 12; i++) await log.append(Buffer.from(`writer ${w}, entry ${i}`), 0);
      }),
    );
    const head = await headOf(files, signer);
    assert.equal(head.size, 96);
    assert.deepEqual(await audit(files, signer), []);
    const seen = new Set<string>();
    for await (const { entry } of new LogReader(files).entries(0, 96, 96))
      seen.add(Buffer.from(entry).toString());
    assert.equal(seen.size, 96);
  });

  for (const effect of ['before', 'after'] as const) {
    it(`goes on from wherever a writer died (${effect} each write)`, async () => {
      const signer = newSigner();
      const seed = new MemoryFiles();
      for (let i = 0; i < 255; i++) await writer(seed, signer).append(entry(i), i);
      for (let writes = 1; writes <= 7; writes++) {
        const files = new MemoryFiles();
        for (const item of seed.files) files.files.set(...item);
        files.dying = { writes, effect };
        const died = await writer(files, signer)
          .append(entry(255), 255)
          .then(
            () => false,
            () => true,
          );
        files.dying = undefined;
        const { index } = await writer(files, signer).append(entry(255), 255);
        assert.equal(index, 255, `after ${writes} writes`);
        assert.equal((await writer(files, signer).append(entry(256), 256)).index, 256);
        assert.deepEqual(await audit(files, signer), []);
        assert.ok(died || writes === 7);
      }
    });
  }

  it('signs nothing that no gate staged: a planted head is refused', async () => {
    const files = new MemoryFiles();
    const signer = newSigner();
    await writer(files, signer).append(entry(0), 0);
    const stranger = new MemoryFiles();
    for (const [name, bytes] of files.files) stranger.files.set(name, bytes);
    // The attacker's writer has the same origin and another key; its checkpoint does not matter, its head does.
    stranger.files.delete('checkpoint');
    const attack = newSigner();
    stranger.files.delete('head');
    for (const name of [...stranger.files.keys()]) if (name.startsWith('tile')) stranger.files.delete(name);
    await writer(stranger, attack).append(Buffer.from('forged 0'), 0);
    await writer(stranger, attack).append(Buffer.from('forged 1'), 0);
    for (const [name, bytes] of stranger.files)
      if (name !== 'checkpoint' && !files.files.has(name)) files.files.set(name, bytes);
    files.files.set('head', stranger.files.get('head') ?? Buffer.of());
    await assert.rejects(writer(files, signer).append(entry(1), 1), { code: 'WL_LOG_CORRUPT' });
  });

  it('never signs a second tree of a size that it signed before', async () => {
    const files = new MemoryFiles();
    const signer = newSigner();
    const memory: { highest?: TreeHead } = {};
    const log = new LogWriter({
      files,
      origin: ORIGIN,
      signer,
      keys: [],
      memory: { highest: () => memory.highest, signed: (head) => Object.assign(memory, { highest: head }) },
    });
    await log.append(entry(0), 0);
    const before = new Map(files.files);
    await log.append(entry(1), 0);
    files.files.clear();
    for (const [name, bytes] of before) files.files.set(name, bytes);
    await assert.rejects(log.append(Buffer.from('another history'), 0), { code: 'WL_LOG_CORRUPT' });
  });

  it('names every file that was changed, cut, removed, added or swapped', async () => {
    const signer = newSigner();
    const original = new MemoryFiles();
    for (let i = 0; i < 258; i++) await writer(original, signer).append(entry(i), i);
    assert.deepEqual(await audit(original, signer), []);
    const tamper = async (change: (files: Map<string, Uint8Array>) => void): Promise<string[]> => {
      const files = new MemoryFiles();
      for (const item of original.files) files.files.set(...item);
      change(files.files);
      return (await audit(files, signer)).map((problem) => problem.name);
    };
    const flipped = (bytes: Uint8Array, at: number) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
    const current = new Set([
      'head',
      tilePath(0, 0, 256),
      tilePath(0, 1, 2),
      tilePath(1, 0, 1),
      bundlePath(0, 256),
      bundlePath(1, 2),
    ]);
    const stale = [...original.files.keys()].filter((_, i) => i % 260 === 0);
    for (const name of [...current, ...stale].filter((name) => name !== 'checkpoint')) {
      const bytes = original.files.get(name) ?? Buffer.of();
      assert.deepEqual(
        await tamper((files) => files.set(name, flipped(bytes, bytes.length - 2))),
        [name],
        `${name} changed`,
      );
      assert.deepEqual(await tamper((files) => files.set(name, bytes.subarray(1))), [name], `${name} cut`);
      const missing = await tamper((files) => files.delete(name));
      if (current.has(name)) assert.deepEqual(missing, [name], `${name} removed`);
    }
    for (const name of [
      'tile/9/000.p/1',
      'tile/0/000.p/0',
      'tile/0/0.p/1',
      'tile/0/001.p/3',
      'notes.txt',
      'staging/x',
    ]) {
      assert.deepEqual(await tamper((files) => files.set(name, Buffer.alloc(32))), [name], `${name} added`);
    }
    const swapped = await tamper((files) => {
      files.set(tilePath(0, 0, 7), original.files.get(tilePath(0, 0, 8))?.subarray(32) ?? Buffer.of());
    });
    assert.deepEqual(swapped, [tilePath(0, 0, 7)]);
  });
});

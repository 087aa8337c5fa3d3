/**
 * The contract of a vault: every implementation, and every stand-in, runs this suite.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sha256 } from '../base/digest.ts';
import { parseCommit, parseModelName, parseRepoPath, type RepoPath } from '../base/name.ts';
import {
  evidenceKey,
  fileKey,
  indexKey,
  type Key,
  REGISTRY_PREFIX,
  type RevisionId,
  STAGING_PREFIX,
  STATE_KEY,
} from './layout.ts';
import type {
  ExpectedFile,
  ReadOptions,
  StagedUpload,
  Staging,
  StagingDoor,
  StagingTicket,
  Vault,
} from './vault.ts';

export interface VaultUnderTest {
  readonly vault: Vault;
  /** The same place, opened again as another process would. */
  reopen(): Promise<Vault>;
  door(ticket: StagingTicket): Promise<StagingDoor>;
  close(): Promise<void>;
}

const ID: RevisionId = { model: parseModelName('org/model'), commit: parseCommit('ab'.repeat(20)) };
const KEY = indexKey(sha256('an object'));
const BYTES_MAX = 1 << 20;
const bytes = (text: string): Uint8Array => Buffer.from(text);
const path = (text: string): RepoPath => parseRepoPath(text);

export function vaultContract(name: string, open: () => Promise<VaultUnderTest>): void {
  const with_ = (work: (under: VaultUnderTest) => Promise<void>) => async () => {
    const under = await open();
    try {
      await work(under);
    } finally {
      await under.close();
    }
  };
  describe(`${name}: objects`, () => objectContract(with_));
  describe(`${name}: staging`, () => stagingContract(with_));
}

type With = (work: (under: VaultUnderTest) => Promise<void>) => () => Promise<void>;

function objectContract(with_: With): void {
  it(
    'answers undefined for what is not there',
    with_(async ({ vault }) => {
      assert.equal(await vault.get(KEY, BYTES_MAX), undefined);
    }),
  );

  it(
    'gives back what was created, also to another process',
    with_(async ({ vault, reopen }) => {
      assert.equal(await vault.create(KEY, bytes('one')), 'created');
      assert.deepEqual(
        Buffer.from((await (await reopen()).get(KEY, BYTES_MAX))?.bytes ?? []),
        Buffer.from('one'),
      );
    }),
  );

  it(
    'never overwrites, and counts equal bytes as created',
    with_(async ({ vault }) => {
      await vault.create(KEY, bytes('one'));
      assert.equal(await vault.create(KEY, bytes('one')), 'created');
      assert.equal(await vault.create(KEY, bytes('two')), 'exists');
      assert.equal(await vault.create(KEY, bytes('on')), 'exists');
      assert.equal(await vault.create(KEY, bytes('one more')), 'exists');
      assert.deepEqual(Buffer.from((await vault.get(KEY, BYTES_MAX))?.bytes ?? []), Buffer.from('one'));
    }),
  );

  it(
    'lets exactly one of many creators win',
    with_(async ({ vault, reopen }) => {
      const rivals = Array.from({ length: 16 }, (_, i) =>
        (i % 2 ? Promise.resolve(vault) : reopen()).then((mine) => mine.create(KEY, bytes(`rival ${i}`))),
      );
      const outcomes = await Promise.all(rivals);
      assert.equal(outcomes.filter((outcome) => outcome === 'created').length, 1);
    }),
  );

  it(
    'refuses an object longer than the caller allows',
    with_(async ({ vault }) => {
      await vault.create(KEY, Buffer.alloc(100));
      await assert.rejects(vault.get(KEY, 99), { code: 'WL_VAULT_CORRUPT' });
    }),
  );

  it(
    'swaps exactly what was read',
    with_(async ({ vault, reopen }) => {
      assert.equal(await vault.swap(STATE_KEY, bytes('1'), undefined), 'swapped');
      assert.equal(await vault.swap(STATE_KEY, bytes('x'), undefined), 'lost');
      const first = await (await reopen()).get(STATE_KEY, BYTES_MAX);
      assert.equal(await vault.swap(STATE_KEY, bytes('2'), first?.tag), 'swapped');
      assert.equal(await (await reopen()).swap(STATE_KEY, bytes('3'), first?.tag), 'lost');
      assert.deepEqual(Buffer.from((await vault.get(STATE_KEY, BYTES_MAX))?.bytes ?? []), Buffer.from('2'));
    }),
  );

  it(
    'loses no increment of many racing swappers',
    with_(async ({ vault, reopen }) => {
      const increment = async (mine: Vault): Promise<void> => {
        for (;;) {
          const there = await mine.get(STATE_KEY, BYTES_MAX);
          const next = Number(Buffer.from(there?.bytes ?? []).toString() || '0') + 1;
          if ((await mine.swap(STATE_KEY, bytes(String(next)), there?.tag)) === 'swapped') return;
        }
      };
      await Promise.all(
        Array.from({ length: 20 }, async (_, i) => increment(i % 2 ? vault : await reopen())),
      );
      assert.equal(Buffer.from((await vault.get(STATE_KEY, BYTES_MAX))?.bytes ?? []).toString(), '20');
    }),
  );

  it(
    'lists everything below a prefix with its size',
    with_(async ({ vault }) => {
      const key = evidenceKey(sha256('x'));
      await vault.create(KEY, bytes('one'));
      await vault.create(key, bytes('three'));
      const listed = new Map<Key, number>();
      for await (const item of vault.list(REGISTRY_PREFIX)) listed.set(item.key, item.sizeBytes);
      assert.deepEqual(
        listed,
        new Map([
          [KEY, 3],
          [key, 5],
        ]),
      );
    }),
  );

  it(
    'removes what nobody needs any more, also when it is gone already',
    with_(async ({ vault }) => {
      await vault.create(KEY, bytes('one'));
      await vault.remove(KEY);
      await vault.remove(KEY);
      assert.equal(await vault.get(KEY, BYTES_MAX), undefined);
      assert.equal(await vault.create(KEY, bytes('two')), 'created');
    }),
  );
}

function stagingContract(with_: With): void {
  it(
    'publishes staged files in one step, the order’s last file last, and leaves no area behind',
    with_(async (under) => {
      const { vault } = under;
      const staging = await vault.stage(ID);
      await fill(under, staging, { 'config.json': '{}', 'sub/weights.bin': 'weights' });
      assert.deepEqual(await vault.stat(ID), []);
      const stored = await staging.publish([
        [expected('sub/weights.bin', 'weights')],
        [expected('config.json', '{}')],
      ]);
      assert.deepEqual(
        stored.map(({ path, sizeBytes }) => [path, sizeBytes]),
        [
          ['sub/weights.bin', 7],
          ['config.json', 2],
        ],
      );
      assert.equal(await content(vault, 'sub/weights.bin'), 'weights');
      assert.equal(await vault.resume(staging.id, ID), 'gone');
    }),
  );

  it(
    'publishes exactly the files of the order',
    with_(async (under) => {
      const staging = await under.vault.stage(ID);
      await fill(under, staging, { 'a.txt': 'a', 'code/left-out.py': 'x' });
      await staging.publish([[expected('a.txt', 'a')]]);
      assert.deepEqual(
        (await under.vault.stat(ID)).map((file) => file.path),
        ['a.txt'],
      );
    }),
  );

  it(
    'publishes nothing where a file of the order was not staged',
    with_(async (under) => {
      const staging = await under.vault.stage(ID);
      await fill(under, staging, { 'a.txt': 'a' });
      await assert.rejects(staging.publish([[expected('b.txt', 'b')], [expected('a.txt', 'a')]]), /b\.txt/);
      assert.deepEqual(await under.vault.stat(ID), []);
    }),
  );

  it(
    'keeps finished files for a later run with the same purpose, and forgets unfinished ones',
    with_(async (under) => {
      const staging = await under.vault.stage(ID);
      await fill(under, staging, { 'done.bin': 'done' });
      const writer = await (await under.door(staging.ticket)).create(path('half.bin'), 100);
      await writer.write(bytes('half'));
      await staging.release();
      const again = await (await under.reopen()).stage(ID);
      assert.equal(again.id, staging.id);
      assert.deepEqual(await again.finished(), {
        readable: [{ path: 'done.bin', sizeBytes: 4 }],
        notes: [],
      });
      await again.discard();
    }),
  );

  it(
    'never hands an area that is held to anybody else',
    with_(async ({ vault, reopen }) => {
      const mine = await vault.stage(ID);
      const other = await (await reopen()).stage(ID);
      assert.notEqual(other.id, mine.id);
      assert.equal(await (await reopen()).resume(mine.id, ID), 'busy');
      await mine.release();
      const resumed = await (await reopen()).resume(mine.id, ID);
      assert.ok(typeof resumed !== 'string');
      await resumed.discard();
      assert.equal(await vault.resume(mine.id, ID), 'gone');
      await other.discard();
    }),
  );

  it(
    'gives random access to a finished file and drops it on demand',
    with_(async (under) => {
      const staging = await under.vault.stage(ID);
      await fill(under, staging, { 'a.bin': 'hello world' });
      const door = await under.door(staging.ticket);
      const reader = await door.open(path('a.bin'));
      assert.equal(reader.sizeBytes, 11);
      assert.equal(Buffer.from(reader.read(6, 5)).toString(), 'world');
      assert.equal(reader.read(9, 100).length, 2);
      reader.close();
      await door.remove(path('a.bin'));
      assert.deepEqual((await staging.finished()).readable, []);
      await staging.discard();
    }),
  );

  for (const sizeBytes of [0, 1, 5_000_001, 8 << 20, (8 << 20) + 1, 20_000_003]) {
    it(
      `writes a file of ${sizeBytes} bytes whole, in whatever pieces it comes, and reads any range of it`,
      with_(async (under) => {
        const staging = await under.vault.stage(ID);
        const whole = Buffer.alloc(sizeBytes, 'weighlock');
        await write(under, staging, { name: 'big.bin', whole });
        const [stored] = await staging.publish([[expected('big.bin', whole)]]);
        assert.equal(stored?.sizeBytes, sizeBytes);
        assert.equal(sha256(Buffer.from(await content(under.vault, 'big.bin'), 'latin1')), sha256(whole));
        const inspected = await under.vault.inspect(ID, path('big.bin'));
        assert.deepEqual({ ...inspected, checksum: undefined }, { ...stored, checksum: undefined });
        const range = { offset: Math.floor(sizeBytes / 3), length: Math.floor(sizeBytes / 2) };
        const part = await content(under.vault, 'big.bin', { range, version: stored?.version });
        assert.equal(part, whole.subarray(range.offset, range.offset + range.length).toString('latin1'));
      }),
    );
  }

  it(
    'keeps what a later run has to know of files that cannot be read back, and publishes them then',
    with_(async (under) => {
      const staging = await under.vault.stage(ID);
      const whole = Buffer.alloc(9 << 20, 'weighlock');
      const writer = await (await under.door(staging.ticket)).create(path('big.bin'), whole.length);
      await writer.write(Uint8Array.from(whole));
      const upload = await writer.finish();
      assert.equal(upload === undefined, writer.readable);
      if (upload) await staging.keep(path('big.bin'), upload, bytes(JSON.stringify(upload)));
      await staging.release();

      const again = await (await under.reopen()).resume(staging.id, ID);
      assert.ok(typeof again !== 'string');
      const { readable, notes } = await again.finished();
      assert.equal(readable.length + notes.length, 1);
      for (const note of notes)
        again.adopt(path('big.bin'), JSON.parse(Buffer.from(note).toString()) as StagedUpload);
      await again.publish([[expected('big.bin', whole)]]);
      assert.equal(sha256(Buffer.from(await content(under.vault, 'big.bin'), 'latin1')), sha256(whole));
    }),
  );

  it(
    'leaves nothing readable of what was discarded',
    with_(async (under) => {
      const staging = await under.vault.stage(ID);
      await write(under, staging, { name: 'big.bin', whole: Buffer.alloc(9 << 20, 'x') });
      await write(under, staging, { name: 'small.bin', whole: Buffer.from('small') });
      await staging.discard();
      assert.deepEqual(await under.vault.stat(ID), []);
      const left: Key[] = [];
      for await (const { key } of under.vault.list(STAGING_PREFIX))
        if (key.includes(staging.id)) left.push(key);
      assert.deepEqual(left, []);
    }),
  );

  it(
    'never takes an area of one revision for another',
    with_(async (under) => {
      const staging = await under.vault.stage(ID);
      await fill(under, staging, { 'a.txt': 'a' });
      await staging.release();
      const other: RevisionId = { ...ID, commit: parseCommit('cd'.repeat(20)) };
      assert.equal(await under.vault.resume(staging.id, other), 'gone');
      const fresh = await under.vault.stage(other);
      assert.notEqual(fresh.id, staging.id);
      await fresh.discard();
    }),
  );
}

/** A file as the admission expects it to stand. */
function expected(name: string, content: string | Uint8Array): ExpectedFile {
  return { path: path(name), sizeBytes: content.length, sha256: sha256(content) };
}

async function write(
  under: VaultUnderTest,
  staging: Staging,
  { name, whole }: { name: string; whole: Uint8Array },
): Promise<void> {
  const writer = await (await under.door(staging.ticket)).create(path(name), whole.length);
  for (let at = 0; at < whole.length; at += 70_001)
    await writer.write(Uint8Array.from(whole.subarray(at, at + 70_001)));
  const upload = await writer.finish();
  if (upload) await staging.keep(path(name), upload, bytes('a note'));
}

async function fill(under: VaultUnderTest, staging: Staging, files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const writer = await (await under.door(staging.ticket)).create(path(name), text.length);
    await writer.write(bytes(text));
    await writer.finish();
  }
}

async function content(vault: Vault, name: string, options?: ReadOptions): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of vault.read(fileKey(ID, path(name)), options)) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}

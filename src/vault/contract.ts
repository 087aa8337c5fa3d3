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
  STATE_KEY,
} from './layout.ts';
import type { Staging, StagingDoor, StagingTicket, Vault } from './vault.ts';

export interface VaultUnderTest {
  readonly vault: Vault;
  /** The same place, opened again as another process would. */
  reopen(): Vault;
  door(ticket: StagingTicket): StagingDoor;
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
      assert.deepEqual(Buffer.from((await reopen().get(KEY, BYTES_MAX))?.bytes ?? []), Buffer.from('one'));
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
        (i % 2 ? vault : reopen()).create(KEY, bytes(`rival ${i}`)),
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
      const first = await reopen().get(STATE_KEY, BYTES_MAX);
      assert.equal(await vault.swap(STATE_KEY, bytes('2'), first?.tag), 'swapped');
      assert.equal(await reopen().swap(STATE_KEY, bytes('3'), first?.tag), 'lost');
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
      await Promise.all(Array.from({ length: 20 }, (_, i) => increment(i % 2 ? vault : reopen())));
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
}

function stagingContract(with_: With): void {
  it(
    'publishes staged files in one step, the order’s last file last, and leaves no area behind',
    with_(async (under) => {
      const { vault } = under;
      const staging = await vault.stage('a model');
      await fill(under, staging, { 'config.json': '{}', 'sub/weights.bin': 'weights' });
      assert.deepEqual(await vault.stat(ID), []);
      const stored = await staging.publish(ID, [path('sub/weights.bin'), path('config.json')]);
      assert.deepEqual(
        stored.map(({ path, sizeBytes }) => [path, sizeBytes]),
        [
          ['sub/weights.bin', 7],
          ['config.json', 2],
        ],
      );
      assert.equal(await content(vault, 'sub/weights.bin'), 'weights');
      assert.equal(await vault.resume(staging.id), 'gone');
    }),
  );

  it(
    'publishes exactly the files of the order',
    with_(async (under) => {
      const staging = await under.vault.stage('a model');
      await fill(under, staging, { 'a.txt': 'a', 'code/left-out.py': 'x' });
      await staging.publish(ID, [path('a.txt')]);
      assert.deepEqual(
        (await under.vault.stat(ID)).map((file) => file.path),
        ['a.txt'],
      );
    }),
  );

  it(
    'publishes nothing where a file of the order was not staged',
    with_(async (under) => {
      const staging = await under.vault.stage('a model');
      await fill(under, staging, { 'a.txt': 'a' });
      await assert.rejects(staging.publish(ID, [path('a.txt'), path('b.txt')]), /b\.txt/);
      assert.deepEqual(await under.vault.stat(ID), []);
    }),
  );

  it(
    'keeps finished files for a later run with the same purpose, and forgets unfinished ones',
    with_(async (under) => {
      const staging = await under.vault.stage('a model');
      await fill(under, staging, { 'done.bin': 'done' });
      const writer = await under.door(staging.ticket).create(path('half.bin'), 100);
      await writer.write(bytes('half'));
      await staging.release();
      const again = await under.reopen().stage('a model');
      assert.equal(again.id, staging.id);
      assert.deepEqual(await again.finished(), [{ path: 'done.bin', sizeBytes: 4 }]);
      await again.discard();
    }),
  );

  it(
    'never hands an area that is held to anybody else',
    with_(async ({ vault, reopen }) => {
      const mine = await vault.stage('a model');
      const other = await reopen().stage('a model');
      assert.notEqual(other.id, mine.id);
      assert.equal(await reopen().resume(mine.id), 'busy');
      await mine.release();
      const resumed = await reopen().resume(mine.id);
      assert.ok(typeof resumed !== 'string');
      await resumed.discard();
      assert.equal(await vault.resume(mine.id), 'gone');
      await other.discard();
    }),
  );

  it(
    'gives random access to a finished file and drops it on demand',
    with_(async (under) => {
      const staging = await under.vault.stage('a model');
      await fill(under, staging, { 'a.bin': 'hello world' });
      const door = under.door(staging.ticket);
      const reader = door.open(path('a.bin'));
      assert.equal(reader.sizeBytes, 11);
      assert.equal(Buffer.from(reader.read(6, 5)).toString(), 'world');
      assert.equal(reader.read(9, 100).length, 2);
      reader.close();
      await door.remove(path('a.bin'));
      assert.deepEqual(await staging.finished(), []);
      await staging.discard();
    }),
  );

  it(
    'writes large files whole, in whatever pieces they come',
    with_(async (under) => {
      const staging = await under.vault.stage('a model');
      const whole = Buffer.alloc(5_000_001, 'weighlock');
      const writer = await under.door(staging.ticket).create(path('big.bin'), whole.length);
      for (let at = 0; at < whole.length; at += 70_001) await writer.write(whole.subarray(at, at + 70_001));
      await writer.finish();
      await staging.publish(ID, [path('big.bin')]);
      assert.equal(sha256(Buffer.from(await content(under.vault, 'big.bin'), 'latin1')), sha256(whole));
    }),
  );
}

async function fill(under: VaultUnderTest, staging: Staging, files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const writer = await under.door(staging.ticket).create(path(name), text.length);
    await writer.write(bytes(text));
    await writer.finish();
  }
}

async function content(vault: Vault, name: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of vault.read(fileKey(ID, path(name)))) chunks.push(chunk);
  return Buffer.concat(chunks).toString('latin1');
}

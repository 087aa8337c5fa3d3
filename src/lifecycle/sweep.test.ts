import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { ModelIndex } from '../attest/state.ts';
import { sha256 } from '../base/digest.ts';
import { type SweptAgainst, type SweptFile, sweep } from './sweep.ts';

const [ONE, TWO] = ['1'.repeat(40), '2'.repeat(40)];
const BYTES = 'weights';
const DIGEST = sha256(Buffer.from(BYTES));

const ADMITTED = { number: 0, record: 'r', verdict: 'admitted' };
const REFUSED = { ...ADMITTED, verdict: 'refused' };
const HELD = { ...ADMITTED, verdict: 'held' };
const REVOKED = { ...ADMITTED, revoked: { statement: 's' } };

interface Answers {
  readonly revisions?: Readonly<Record<string, object>>;
  readonly revokedFiles?: readonly string[];
  /** What happens on the node while the vault is asked. */
  readonly meanwhile?: () => void;
}

/** A vault in which every revision holds `w.bin`. */
function vaultOf({ revisions, revokedFiles = [], meanwhile }: Answers): SweptAgainst {
  const state = { revokedFiles: Object.fromEntries(revokedFiles.map((digest) => [digest, {}])) };
  const manifest = { files: [{ path: 'w.bin', sha256: DIGEST }] };
  return {
    state: async () => ({ state }),
    model: async () => {
      meanwhile?.();
      return revisions && ({ revisions } as unknown as ModelIndex);
    },
    record: async () => ({ body: { manifest } }),
    statement: async () => ({ body: { madeAt: 'then', reason: 'a backdoor' } }),
  } as unknown as SweptAgainst;
}

describe('a sweep', () => {
  let root: string;
  let hub: string;
  let model: string;
  /** A folder of somebody else's, with a file laid out as a snapshot's and a blob's. */
  let foreign: string;
  beforeEach(() => {
    root = mkdtempSync(path.join(os.tmpdir(), 'sweep-'));
    hub = path.join(root, 'hub');
    model = path.join(hub, 'models--org--m');
    foreign = path.join(root, 'foreign');
    for (const folder of [path.join(model, 'blobs'), path.join(foreign, ONE)])
      mkdirSync(folder, { recursive: true });
    for (const place of [path.join(foreign, 'w.bin'), path.join(foreign, ONE, 'w.bin')])
      writeFileSync(place, BYTES);
    writeFileSync(path.join(foreign, 'main'), ONE);
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const snapshot = (commit: string, ...more: string[]) => path.join(model, 'snapshots', commit, ...more);
  const give = (commit: string, blob = DIGEST as string, name = 'w.bin') => {
    mkdirSync(snapshot(commit), { recursive: true });
    writeFileSync(path.join(model, 'blobs', blob), BYTES);
    symlinkSync(`../../blobs/${blob}`, snapshot(commit, name));
  };
  const removing = async (answers: Answers): Promise<readonly SweptFile[]> =>
    (await sweep(vaultOf(answers), { folder: hub, remove: true, known: new Map() })).files;
  const left = (folder: string) => readdirSync(folder, { recursive: true }).sort();

  const LINKED: readonly (readonly [string, () => string])[] = [
    ['the snapshots', () => path.join(model, 'snapshots')],
    ['a snapshot', () => snapshot(ONE)],
    ['the blobs', () => path.join(model, 'blobs')],
    ['the refs', () => path.join(model, 'refs')],
    ['the model', () => model],
  ];
  for (const [what, place] of LINKED) {
    it(`takes away a link in the place of ${what}, and nothing behind it`, async () => {
      const before = left(foreign);
      rmSync(place(), { recursive: true, force: true });
      mkdirSync(path.dirname(place()), { recursive: true });
      symlinkSync(foreign, place());
      const files = await removing({ revokedFiles: [DIGEST] });
      assert.deepEqual(
        files.map(({ status, removed }) => [status, removed]),
        [['changed', true]],
      );
      assert.deepEqual(left(foreign), before);
      assert.ok(!existsSync(place()));
    });
  }

  const SWAPPED: readonly (readonly [string, () => string])[] = [
    ['the snapshots', () => path.join(model, 'snapshots')],
    ['a snapshot', () => snapshot(ONE)],
    ['the blobs', () => path.join(model, 'blobs')],
    ['the model', () => model],
  ];
  for (const [what, place] of SWAPPED) {
    it(`removes nothing elsewhere where ${what} became a link while it looked`, async () => {
      give(ONE);
      // As somebody lays it out who wants the sweep to remove it.
      for (const as of [`snapshots/${ONE}/w.bin`, `blobs/${DIGEST}`, DIGEST]) {
        mkdirSync(path.dirname(path.join(foreign, as)), { recursive: true });
        writeFileSync(path.join(foreign, as), BYTES);
      }
      const before = left(foreign);
      const files = await removing({
        meanwhile: () => {
          renameSync(place(), path.join(root, 'away'));
          symlinkSync(foreign, place());
        },
      });
      assert.deepEqual(
        files.map(({ status, removed }) => [status, removed]),
        [['unknown', false]],
      );
      assert.deepEqual(left(foreign), before);
    });
  }

  it('takes away bytes that two revoked snapshots share', async () => {
    for (const commit of [ONE, TWO]) give(commit);
    const files = await removing({ revisions: { [ONE]: REVOKED, [TWO]: REVOKED } });
    assert.deepEqual(
      files.map(({ status, removed }) => [status, removed]),
      [
        ['revoked', true],
        ['revoked', true],
      ],
    );
    assert.deepEqual(left(path.join(model, 'blobs')), []);
  });

  it('leaves bytes that a snapshot needs which stays', async () => {
    for (const commit of [ONE, TWO]) give(commit);
    await removing({ revisions: { [ONE]: REVOKED, [TWO]: ADMITTED } });
    assert.deepEqual(left(path.join(model, 'blobs')), [DIGEST]);
    assert.deepEqual(left(path.join(model, 'snapshots')), [TWO, `${TWO}/w.bin`]);
  });

  it('goes on where a download ends meanwhile, and a file, a folder and a name go', async () => {
    give(ONE);
    give(TWO, 'other');
    writeFileSync(path.join(model, 'blobs', 'x.incomplete'), 'half');
    mkdirSync(path.join(model, 'refs'));
    writeFileSync(path.join(model, 'refs', 'main'), ONE);
    const files = await removing({
      revisions: { [ONE]: REVOKED, [TWO]: ADMITTED },
      meanwhile: () => {
        rmSync(path.join(model, 'blobs', 'x.incomplete'), { force: true });
        rmSync(path.join(model, 'blobs', 'other'), { force: true });
        rmSync(path.join(model, 'refs'), { recursive: true, force: true });
        rmSync(snapshot(ONE), { recursive: true, force: true });
      },
    });
    assert.deepEqual(
      files.map(({ commit, removed }) => [commit, removed]),
      [[ONE, true]],
    );
  });

  it('neither waits for a pipe among the blobs nor follows a link there', { timeout: 30_000 }, async () => {
    execFileSync('mkfifo', [path.join(model, 'blobs', 'pipe')]);
    symlinkSync(path.join(foreign, 'w.bin'), path.join(model, 'blobs', 'link'));
    assert.deepEqual(await removing({ revokedFiles: [DIGEST] }), []);
  });

  const ORPHANS: readonly (readonly [string, readonly object[], SweptFile['status'], RegExp])[] = [
    ['a refused revision', [REFUSED], 'unknown', /refused/],
    ['a held revision', [HELD], 'unknown', /held/],
    ['an admitted revision', [ADMITTED], 'admitted', /no snapshot/],
    ['a refused and an admitted revision', [REFUSED, ADMITTED], 'admitted', /no snapshot/],
    ['a revoked revision', [REVOKED], 'revoked', /a backdoor/],
    ['a revoked and a refused revision', [REVOKED, REFUSED], 'revoked', /a backdoor/],
    ['no revision', [], 'unknown', /leftover/],
  ];
  for (const [what, entries, status, why] of ORPHANS) {
    it(`calls bytes of ${what}, which no snapshot refers to, ${status}`, async () => {
      writeFileSync(path.join(model, 'blobs', DIGEST), BYTES);
      const revisions = Object.fromEntries(entries.map((entry, at) => [`${at}`.repeat(40), entry]));
      const [orphan] = await removing({ revisions });
      assert.equal(orphan?.status, status);
      assert.match(orphan?.why ?? '', why);
    });
  }
});

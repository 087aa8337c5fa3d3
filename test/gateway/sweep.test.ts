/** Sweep: a node's cache, as a real client and as a hostile one leaves it, held against the vault. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { sha256 } from '../../src/base/digest.ts';
import { plainCommit } from '../story/models.ts';
import { openStage, type Stage } from '../story/stage.ts';
import { until } from './serving.ts';

const MODEL = 'org/model';

interface Swept {
  readonly commit?: string;
  readonly path: string;
  readonly status: string;
  readonly why: string;
  readonly removed: boolean;
}

describe('sweeping a cache', () => {
  let stage: Stage;
  let commit: string;
  let pristine: string;
  let hub: string;
  let snapshot: string;

  before(async () => {
    const source = plainCommit('one');
    stage = await openStage({ models: [{ id: MODEL, commits: [source] }] });
    const ran = await stage.here(['admit', MODEL, '--exclude', 'empty.txt']);
    assert.equal(ran.exit, 0, ran.stderr);
    commit = stage.hub.commitOf(MODEL);
    // As huggingface_hub lays it out: bytes under their etag, links to them in the snapshot.
    pristine = path.join(stage.folder, 'pristine');
    const model = path.join(pristine, 'models--org--model');
    for (const folder of ['blobs', 'refs', `snapshots/${commit}`])
      mkdirSync(path.join(model, folder), { recursive: true });
    for (const { path: name, content } of source.files) {
      if (content.kind !== 'bytes' || name === 'empty.txt') continue;
      const etag = sha256(content.bytes);
      writeFileSync(path.join(model, 'blobs', etag), content.bytes);
      symlinkSync(`../../blobs/${etag}`, path.join(model, 'snapshots', commit, name));
    }
    writeFileSync(path.join(model, 'refs', 'main'), commit);
    mkdirSync(path.join(pristine, 'datasets--org--set'));
  });
  after(() => stage?.[Symbol.asyncDispose]());
  beforeEach(() => {
    hub = path.join(stage.folder, 'hf', 'hub');
    rmSync(hub, { recursive: true, force: true });
    cpSync(pristine, hub, { recursive: true, verbatimSymlinks: true });
    snapshot = path.join(hub, 'models--org--model', 'snapshots', commit);
  });

  const sweep = async (...more: string[]) => {
    const ran = await stage.ask<{ files: Swept[]; passedOver: string[] }>([
      'sweep',
      path.dirname(hub),
      ...more,
    ]);
    const found = ran.json.files.filter(({ status }) => status !== 'admitted');
    return { exit: ran.exit, found, all: ran.json };
  };
  const blobOf = (name: string) => path.join(snapshot, readlinkSync(path.join(snapshot, name)));

  it('finds nothing where everything is as it was admitted', async () => {
    const { exit, found, all } = await sweep();
    assert.deepEqual([exit, found, all.passedOver], [0, [], ['datasets--org--set']]);
    assert.equal(all.files.length, 5);
  });

  const CASES: readonly { what: string; do: () => void; status: string; path: string; why: RegExp }[] = [
    {
      what: 'a file that was written to',
      do: () => appendFileSync(blobOf('config.json'), ' '),
      status: 'changed',
      path: 'config.json',
      why: /not the admitted ones/,
    },
    {
      what: 'a link that leads out of the cache, unfollowed',
      do: () => {
        rmSync(path.join(snapshot, 'config.json'));
        symlinkSync('/etc/hostname', path.join(snapshot, 'config.json'));
      },
      status: 'changed',
      path: 'config.json',
      why: /leads out of the cache/,
    },
    {
      what: 'a file that was excluded',
      do: () => writeFileSync(path.join(snapshot, 'empty.txt'), ''),
      status: 'unknown',
      path: 'empty.txt',
      why: /admitted without this file/,
    },
    {
      what: 'a revision that never came through the vault',
      do: () =>
        cpSync(snapshot, path.join(path.dirname(snapshot), 'a'.repeat(40)), {
          recursive: true,
          dereference: true,
        }),
      status: 'unknown',
      path: 'README.md',
      why: /revision never came through/,
    },
    {
      what: 'a model that never came through the vault',
      do: () =>
        cpSync(path.join(hub, 'models--org--model'), path.join(hub, 'models--org--other'), {
          recursive: true,
          verbatimSymlinks: true,
        }),
      status: 'unknown',
      path: 'README.md',
      why: /model never came through/,
    },
  ];
  for (const { what, do: spoil, status, path: file, why } of CASES)
    it(`finds ${what}, and takes it away when told to`, async () => {
      spoil();
      const { exit, found } = await sweep();
      assert.equal(exit, 1);
      const named = found.find((one) => one.path === file);
      assert.equal(named?.status, status);
      assert.match(named?.why ?? '', why);
      const removed = await sweep('--remove');
      assert.equal(removed.exit, 0);
      assert.ok(removed.found.every((one) => one.removed));
      assert.deepEqual((await sweep()).found, []);
      assert.ok(existsSync('/etc/hostname'));
    });

  it('leaves bytes that another snapshot still needs', async () => {
    const other = path.join(path.dirname(snapshot), 'b'.repeat(40));
    cpSync(snapshot, other, { recursive: true, verbatimSymlinks: true });
    assert.equal((await sweep('--remove')).exit, 0);
    assert.ok(!existsSync(other));
    assert.equal(readdirSync(snapshot).length, 5);
    assert.deepEqual((await sweep()).found, []);
  });

  it('names a link in the place of the snapshots, and takes away that alone', async () => {
    const elsewhere = path.join(stage.folder, 'elsewhere');
    rmSync(elsewhere, { recursive: true, force: true });
    cpSync(path.dirname(snapshot), elsewhere, { recursive: true, dereference: true });
    rmSync(path.dirname(snapshot), { recursive: true });
    symlinkSync(elsewhere, path.dirname(snapshot));
    const { exit, found } = await sweep();
    assert.deepEqual([exit, found.length, found[0]?.path, found[0]?.status], [1, 1, 'snapshots', 'changed']);
    assert.equal((await sweep('--remove')).exit, 0);
    assert.equal(readdirSync(path.join(elsewhere, commit)).length, 5);
    assert.deepEqual(
      (await sweep()).found.filter(({ status }) => status === 'changed'),
      [],
    );
  });

  it('goes on as a daemon until it is stopped', async () => {
    const daemon = stage.start(['sweep', hub, '--every', '10', '--remove']);
    let said = '';
    daemon.stderr?.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    await until(async () => said.includes('5 admitted files, 0 found'), {
      withinMs: 30_000,
      what: 'a first sweep',
    });
    daemon.kill('SIGTERM');
    const [exit] = await once(daemon, 'exit');
    assert.equal(exit, 0);
  });

  it('finds what was revoked, and lets no name stand for it any more', async () => {
    const revoked = await stage.here(['revoke', `${MODEL}@${commit}`, '--reason', 'a backdoor']);
    assert.equal(revoked.exit, 0, revoked.stderr);
    const { found } = await sweep();
    assert.equal(found.length, 5);
    assert.ok(found.every(({ status, why }) => status === 'revoked' && why.includes('a backdoor')));
    await sweep('--remove');
    const model = path.join(hub, 'models--org--model');
    assert.deepEqual(readdirSync(path.join(model, 'blobs')), []);
    assert.deepEqual(readdirSync(path.join(model, 'refs')), []);
    assert.ok(!existsSync(snapshot));
  });

  it('says what to name where there is no such folder', async () => {
    const ran = await stage.here(['sweep', './nowhere']);
    assert.equal(ran.exit, 64);
    assert.match(ran.stderr, /there is no folder \.\/nowhere[\s\S]*HF_HUB_CACHE/);
  });
});

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { plainCommit } from '../../test/story/models.ts';
import { openStage, type Stage } from '../../test/story/stage.ts';

const MODEL = 'org/model';

describe('weighlock initialize', () => {
  let stage: Stage;
  let mount: string;
  let number = 0;
  before(async () => {
    stage = await openStage({ models: [{ id: MODEL, commits: [plainCommit('one')] }] });
    assert.equal((await stage.here(['admit', MODEL])).exit, 0);
  });
  after(() => stage?.[Symbol.asyncDispose]());
  beforeEach(() => {
    number += 1;
    mount = path.join(stage.folder, `mount-${number}`);
    mkdirSync(mount);
  });

  const start = () => stage.here(['initialize', `weighlock://${MODEL}@production`, mount]);
  const files = () =>
    readdirSync(mount)
      .filter((name) => name !== '.weighlock')
      .sort();
  const CONFIG = () => path.join(mount, 'config.json');

  it('copies a revision into a mount point that exists', async () => {
    mkdirSync(path.join(mount, 'lost+found'));
    const ran = await start();
    assert.equal(ran.exit, 0, ran.stderr);
    assert.match(ran.stdout, /copied, every byte verified/);
    assert.ok(files().includes('model.sig') && files().includes('model-00001-of-00002.safetensors'));
  });

  it('finds the files of an earlier start, and hashes them again', async () => {
    await start();
    const before = files();
    const ran = await start();
    assert.match(ran.stdout, /found there, every byte verified again/);
    assert.deepEqual(files(), before);
  });

  it('copies again where a file of an earlier start was changed, added or removed', async () => {
    await start();
    const before = readFileSync(CONFIG());
    for (const change of [
      () => writeFileSync(CONFIG(), '{}'),
      () => writeFileSync(path.join(mount, 'modeling.py'), 'x = 1'),
    ]) {
      change();
      const ran = await start();
      assert.match(ran.stdout, /copied, every byte verified/);
      assert.deepEqual(readFileSync(CONFIG()), before);
      assert.ok(!files().includes('modeling.py'));
    }
  });

  it('leaves no file of the model where the vault cannot be believed', async () => {
    await start();
    const file = path.join(stage.vault, 'models', MODEL, stage.hub.commitOf(MODEL), 'config.json');
    const bytes = readFileSync(file);
    writeFileSync(CONFIG(), 'changed');
    writeFileSync(file, bytes.toString().replace('llama', 'lhama'));
    const ran = await start();
    assert.equal(ran.exit, 1);
    assert.deepEqual(files(), []);
    writeFileSync(file, bytes);
  });

  it('takes the trust file as a variable, where nothing is pinned', async () => {
    const home = path.join(stage.folder, 'home');
    const name = readdirSync(path.join(home, 'trust'))[0] ?? '';
    const trust = readFileSync(path.join(home, 'trust', name), 'utf8');
    const args = ['initialize', `weighlock://${MODEL}@production`, mount];
    const bare = { WEIGHLOCK_HOME: path.join(stage.folder, 'bare') };
    assert.equal((await stage.run(args, bare)).exit, 78);
    const ran = await stage.run(args, { ...bare, WEIGHLOCK_TRUST: trust });
    assert.equal(ran.exit, 0, ran.stderr);
    assert.equal(
      (await stage.run(args, { ...bare, WEIGHLOCK_TRUST: trust.replace(/"sig": ?"./, '"sig":"A') })).exit,
      78,
    );
  });

  it('touches nothing of a stranger', async () => {
    writeFileSync(path.join(mount, 'letter.txt'), 'mine');
    const ran = await start();
    assert.equal(ran.exit, 64);
    assert.match(ran.stderr, /holds letter\.txt/);
    assert.deepEqual(readdirSync(mount), ['letter.txt']);
  });

  for (const [title, uri, exit] of [
    ['an address of another kind', 's3://bucket/model', 64],
    ['a model that is not there', 'weighlock://org/other', 1],
  ] as const)
    it(`refuses ${title}`, async () => {
      assert.equal((await stage.here(['initialize', uri, mount])).exit, exit);
      assert.deepEqual(files(), []);
    });
});

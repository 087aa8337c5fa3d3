/** Races: several admissions at once, in processes of their own, as CI jobs or colleagues on one machine start them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { plainModel } from './models.ts';
import { ended, filesBelow, openStage, type Ran, type Stage } from './stage.ts';

const MODEL = 'org/model';

async function withStage(models: readonly string[], work: (stage: Stage) => Promise<void>): Promise<void> {
  await using stage = await openStage({ models: models.map((name) => plainModel(name)) });
  await work(stage);
}

/** Starts all command lines before any of them ends. */
function together(stage: Stage, lines: readonly (readonly string[])[]): Promise<Ran[]> {
  return Promise.all(lines.map((line) => ended(stage.start(line))));
}

/** One record and one log entry a model, its tree and nothing else, and all of it verified. */
async function requireOnce(stage: Stage, models: readonly string[]): Promise<void> {
  const { json } = await stage.ask<{ size: number; entries: { model: string; number: number }[] }>([
    'log',
    'show',
  ]);
  assert.deepEqual(
    json.entries.map(({ model, number }) => `${model} ${number}`).sort(),
    models.map((model) => `${model} 0`).sort(),
  );
  const trees = new Set(
    filesBelow(path.join(stage.vault, 'models')).map((file) => file.split('/').slice(0, 3).join('/')),
  );
  assert.deepEqual([...trees].sort(), models.map((model) => `${model}/${stage.hub.commitOf(model)}`).sort());
  for (const room of ['records', 'receipts', 'proofs'])
    assert.equal(filesBelow(path.join(stage.vault, 'registry', room)).length, models.length, room);
  const verified = await stage.here(['verify']);
  assert.equal(verified.exit, 0, verified.stdout + verified.stderr);
  assert.doesNotMatch(verified.stdout, /not logged yet|not in the state yet/);
}

describe('admissions at once', () => {
  for (const rivals of [2, 4]) {
    it(`of one revision by ${rivals} processes all end well, with one record, one entry and one tree`, async () => {
      await withStage([MODEL], async (stage) => {
        const ran = await together(
          stage,
          Array.from({ length: rivals }, () => ['admit', MODEL, '--json']),
        );
        for (const { exit, stderr } of ran) assert.equal(exit, 0, stderr);
        const outcomes = ran.map(({ stdout }) => (JSON.parse(stdout) as { outcome: string }).outcome);
        assert.equal(outcomes.filter((outcome) => outcome === 'decided').length, 1, outcomes.join());
        await requireOnce(stage, [MODEL]);
      });
    });
  }

  it('of one revision with other files: one selection wins, and the rest is told how to ask for it', async () => {
    await withStage([MODEL], async (stage) => {
      const selections = [[], ['--exclude', 'README.md'], ['--exclude', 'empty.txt'], []];
      const ran = await together(
        stage,
        selections.map((selection) => ['admit', MODEL, '--json', ...selection]),
      );
      const won = ran.filter(({ exit }) => exit === 0);
      assert.ok(won.length >= 1, ran.map(({ stderr }) => stderr).join('\n'));
      const documents = won.map(({ stdout }) => JSON.parse(stdout) as { outcome: string; record: unknown });
      assert.equal(documents.filter(({ outcome }) => outcome === 'decided').length, 1);
      for (const { record } of documents) assert.deepEqual(record, documents[0]?.record);
      for (const { exit, stderr, stdout } of ran.filter((one) => one.exit !== 0)) {
        assert.equal(exit, 77, stderr);
        assert.match(stderr, /is on record with \d files, and these options select \d/);
        assert.match(stderr, /WL_SELECTION_CONFLICT {2}`weighlock show org\/model@[0-9a-f]{40}` lists/);
        assert.equal((JSON.parse(stdout) as { error: { code: string } }).error.code, 'WL_SELECTION_CONFLICT');
      }
      await requireOnce(stage, [MODEL]);
    });
  });

  it('of several models, the very first use of a vault and its keys, all end well and are logged once each', async () => {
    const models = ['org/a', 'org/b', 'team/c', 'team/d'];
    await withStage(models, async (stage) => {
      const ran = await together(
        stage,
        models.map((model) => ['admit', model]),
      );
      for (const { exit, stderr } of ran) assert.equal(exit, 0, stderr);
      const notices = ran.filter(({ stderr }) => stderr.includes('new vault'));
      assert.equal(notices.length, 1, 'one of them made the vault');
      await requireOnce(stage, models);
      assert.equal(filesBelow(path.join(stage.folder, 'home/trust')).length, 1, 'one trust file is pinned');
      const places = JSON.parse(readFileSync(path.join(stage.folder, 'home/places.json'), 'utf8')) as object;
      assert.deepEqual(Object.keys(places), [stage.vault]);
    });
  });

  it('and verifications beside them never call news a rollback', async () => {
    const models = ['org/a', 'org/b', 'org/c'];
    await withStage(['org/first', ...models], async (stage) => {
      assert.equal((await stage.here(['admit', 'org/first'])).exit, 0);
      const admissions = together(
        stage,
        models.map((model) => ['admit', model]),
      );
      let busy = true;
      void admissions.finally(() => {
        busy = false;
      });
      let looks = 0;
      while (busy) {
        const { exit, stderr, stdout } = await stage.here(['list']);
        assert.equal(exit, 0, stderr + stdout);
        looks += 1;
        await nextTurn();
      }
      for (const { exit, stderr } of await admissions) assert.equal(exit, 0, stderr);
      assert.ok(looks > 3);
      await requireOnce(stage, ['org/first', ...models]);
    });
  });
});

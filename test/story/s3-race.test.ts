/** Races into a bucket: several admissions at once, in processes of their own, on real S3 servers. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { S3_SERVERS, type S3Server } from '../s3/server.ts';
import { bytesFile, plainCommit, safetensors } from './models.ts';
import { openS3Stage, type S3Stage } from './s3-stage.ts';
import { ended, filesBelow, type Ran } from './stage.ts';

const MODEL = 'org/model';
/** Of more than one part, so that rivals complete uploads to one key. */
const LARGE_FLOATS = 2_300_000;

/** Starts all command lines before any of them ends. */
function together(stage: S3Stage, lines: readonly (readonly string[])[]): Promise<Ran[]> {
  return Promise.all(lines.map((line) => ended(stage.start(line))));
}

/** One record and one log entry a model, its files and nothing else, nothing pending, and all of it verified. */
async function requireOnce(stage: S3Stage, models: readonly string[]): Promise<void> {
  const { json } = await stage.ask<{ entries: { model: string; number: number }[] }>(['log', 'show']);
  assert.deepEqual(
    json.entries.map(({ model, number }) => `${model} ${number}`).sort(),
    models.map((model) => `${model} 0`).sort(),
  );
  const trees = new Set((await stage.keys('models/')).map((key) => key.split('/').slice(1, 4).join('/')));
  assert.deepEqual([...trees].sort(), models.map((model) => `${model}/${stage.hub.commitOf(model)}`).sort());
  for (const room of ['records', 'receipts', 'proofs'])
    assert.equal((await stage.keys(`registry/${room}/`)).length, models.length, room);
  const verified = await stage.here(['verify']);
  assert.equal(verified.exit, 0, verified.stdout + verified.stderr);
  assert.doesNotMatch(verified.stdout, /not logged yet|not in the state yet/);
  assert.deepEqual(await stage.uploads(), [], 'no upload is pending');
}

for (const { name, skip, start } of S3_SERVERS) {
  if (name === 'stand-in') continue; // In this process it would put the writers in a row.
  describe(`admissions at once into a bucket of ${name}`, { skip }, () => {
    let server: S3Server;
    before(async () => {
      server = await start();
    });
    after(() => server?.close());

    const withStage = async (models: readonly string[], work: (stage: S3Stage) => Promise<void>) => {
      const large = bytesFile('large.safetensors', safetensors('large', LARGE_FLOATS));
      await using stage = await openS3Stage(server, {
        models: models.map((id) => ({ id, commits: [plainCommit(id, [large])] })),
      });
      await work(stage);
    };

    for (const rivals of [2, 4]) {
      it(`of one revision by ${rivals} processes all end well, with one record and one entry`, async () => {
        await withStage([MODEL], async (stage) => {
          const lines = Array.from({ length: rivals }, () => ['admit', MODEL, '--json']);
          const ran = await together(stage, lines);
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
        const lines = selections.map((selection) => ['admit', MODEL, '--json', ...selection]);
        const ran = await together(stage, lines);
        const won = ran.filter(({ exit }) => exit === 0);
        assert.ok(won.length >= 1, ran.map(({ stderr }) => stderr).join('\n'));
        const documents = won.map(({ stdout }) => JSON.parse(stdout) as { outcome: string; record: unknown });
        assert.equal(documents.filter(({ outcome }) => outcome === 'decided').length, 1);
        for (const { record } of documents) assert.deepEqual(record, documents[0]?.record);
        for (const { exit, stderr, stdout } of ran.filter((one) => one.exit !== 0)) {
          assert.equal(exit, 77, stderr);
          assert.match(stderr, /is on record with \d files, and these options select \d/);
          const { error } = JSON.parse(stdout) as { error: { code: string } };
          assert.equal(error.code, 'WL_SELECTION_CONFLICT');
        }
        await requireOnce(stage, [MODEL]);
      });
    });

    it('of four models, the very first use of the bucket, all end well and are logged once each', async () => {
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
        const places = JSON.parse(
          readFileSync(path.join(stage.folder, 'home/places.json'), 'utf8'),
        ) as object;
        assert.deepEqual(Object.keys(places), [`${stage.vault} at ${server.endpoint}`]);
      });
    });
  });
}

/** Never half: whatever kills an admission, the vault holds nothing or something that only rolls forward. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bytesFile, plainCommit, safetensors } from './models.ts';
import { ended, filesBelow, openStage, type Stage } from './stage.ts';

const MODEL = 'org/model';
const FILES = [
  '.gitattributes',
  'README.md',
  'config.json',
  'empty.txt',
  'model-00001-of-00002.safetensors',
  'model-00002-of-00002.safetensors',
  'more/weights.safetensors',
];
const DYING = path.join(import.meta.dirname, 'dying-command.ts');

/** Moments at random, beside the ones between steps; both together are about a hundred. */
const RANDOM_MOMENTS = Number(process.env.WL_TEST_RANDOM_KILLS ?? 50);
/** More steps than an admission has: the loop ends when a run survives. */
const STEPS_MAX = 200;

async function withStage(work: (stage: Stage) => Promise<void>): Promise<void> {
  const commit = plainCommit('model', [bytesFile('more/weights.safetensors', safetensors('more', 400_000))]);
  await using stage = await openStage({ models: [{ id: MODEL, commits: [commit] }] });
  await work(stage);
}

/** The files that a reader of the published prefix sees. */
function published(stage: Stage): string[] {
  return filesBelow(path.join(stage.vault, 'models'));
}

function logSize(stage: Stage): number {
  const checkpoint = path.join(stage.vault, 'log/checkpoint');
  return existsSync(checkpoint) ? Number(readFileSync(checkpoint, 'utf8').split('\n')[1]) : 0;
}

/** Files that the dead run had finished in its staging area. */
function finished(stage: Stage): string[] {
  const staging = path.join(stage.vault, 'staging');
  if (!existsSync(staging)) return [];
  return readdirSync(staging).flatMap((id) => filesBelow(path.join(staging, id, 'files')));
}

/** After a death: nothing unadmitted is readable, and the next run finishes without fetching finished files again. */
async function requireWhole(stage: Stage, died: string): Promise<void> {
  const expected = [...FILES, 'model.sig']
    .sort()
    .map((file) => path.join(MODEL, stage.hub.commitOf(MODEL), file));
  const before = published(stage);
  const logged = logSize(stage);
  if (before.length > 0) {
    assert.deepEqual(before, expected, `${died}: a reader sees the whole revision or nothing`);
    assert.ok(logged > 0, `${died}: what is readable was logged`);
  }
  const kept = before.length > 0 ? FILES : finished(stage);
  const asked = stage.hub.requests.length;

  const again = await stage.here(['admit', MODEL]);
  assert.equal(again.exit, 0, `${died}: ${again.stderr}`);
  const fetched = stage.hub.requests
    .slice(asked)
    .filter((request) => request.method === 'GET')
    .map((request) => decodeURIComponent(request.path));
  for (const file of kept.filter((name) => name !== 'model.sig')) {
    assert.ok(
      !fetched.some((url) => url.split('?')[0]?.endsWith(`/${file}`)),
      `${died}: ${file} was finished and is fetched again`,
    );
  }
  assert.deepEqual(published(stage), expected, died);
  assert.equal(logSize(stage), 1, `${died}: one decision is one entry`);
  assert.ok(logged <= 1);
  const verified = await stage.here(['verify']);
  assert.equal(verified.exit, 0, `${died}: ${verified.stdout}`);
}

describe('an admission killed', () => {
  for (const moment of ['before', 'after'] as const) {
    it(`${moment} each step of its work on the vault leaves nothing half`, async (t) => {
      let deaths = 0;
      for (let step = 1; step <= STEPS_MAX; step++) {
        let survived = false;
        await withStage(async (stage) => {
          const child = spawn(process.execPath, [DYING, moment, String(step), 'admit', MODEL], {
            cwd: stage.folder,
            env: stage.environment,
            stdio: ['ignore', 'pipe', 'pipe'],
          });
          const { signal, stdout, stderr, exit } = await ended(child);
          survived = signal === null;
          if (survived) assert.equal(exit, 0, stderr);
          else deaths += 1;
          await requireWhole(stage, `killed ${stdout.trim() || `at step ${step}`}`);
        });
        if (survived) break;
      }
      t.diagnostic(`killed ${moment} each of ${deaths} steps`);
      assert.ok(deaths > 20 && deaths < STEPS_MAX, `${deaths} deaths`);
    });
  }

  it(`at ${RANDOM_MOMENTS} random moments leaves nothing half`, async (t) => {
    const seed = Number(process.env.WL_TEST_SEED ?? Date.now() % 1_000_000);
    t.diagnostic(`WL_TEST_SEED=${seed}`);
    const random = generator(seed);
    let wholeMs = 0;
    await withStage(async (stage) => {
      const begun = performance.now();
      assert.equal((await stage.run(['admit', MODEL])).exit, 0);
      wholeMs = performance.now() - begun;
    });
    let deaths = 0;
    for (let i = 0; i < RANDOM_MOMENTS; i++) {
      await withStage(async (stage) => {
        const child = stage.start(['admit', MODEL]);
        const end = ended(child);
        const delayMs = wholeMs * (0.3 + 0.8 * random());
        await Promise.race([end, sleep(delayMs)]);
        if (child.exitCode === null) child.kill('SIGKILL');
        if ((await end).signal === 'SIGKILL') deaths += 1;
        await requireWhole(stage, `killed after ${delayMs.toFixed(0)} of ${wholeMs.toFixed(0)} ms`);
      });
    }
    t.diagnostic(`${deaths} of ${RANDOM_MOMENTS} runs were killed before their end`);
    assert.ok(deaths > RANDOM_MOMENTS / 4, `only ${deaths} runs were killed before their end`);
  });
});

/** mulberry32: small, seeded, good enough to choose moments. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

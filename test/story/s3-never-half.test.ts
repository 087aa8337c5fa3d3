/**
 * Never half, in a bucket: whatever kills an admission, nothing is published or something only rolls forward.
 *
 * The store kills: it ends the process when its n-th request has been carried out and before it is answered, whatever
 * thread made it. Requests that only read leave the store as it was, so that a death after each write is a death
 * between every two requests, and before and after each step; WL_TEST_ALL_KILLS=1 dies after the others too.
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultTarget } from '../s3/fault.ts';
import { WRITES } from '../s3/operation.ts';
import { type S3StandIn, startS3StandIn } from '../s3/stand-in/stand-in.ts';
import { bytesFile, plainCommit, safetensors } from './models.ts';
import { openS3Stage, type S3Stage } from './s3-stage.ts';
import { ended } from './stage.ts';

const MODEL = 'org/model';
/** Of more than one part, so that it waits as a pending upload. */
const LARGE = 'more/weights.safetensors';
const LARGE_FLOATS = 2_300_000;
const SMALL = [
  '.gitattributes',
  'README.md',
  'config.json',
  'empty.txt',
  'model-00001-of-00002.safetensors',
  'model-00002-of-00002.safetensors',
];

/** Moments at random, beside the ones between requests; both together are about a hundred. */
const RANDOM_MOMENTS = Number(process.env.WL_TEST_RANDOM_KILLS ?? 24);
const COUNTED = process.env.WL_TEST_ALL_KILLS === undefined ? WRITES : undefined;
/** More requests than an admission makes: the loop ends when a run survives. */
const REQUESTS_MAX = 400;
/** Stages at once: a process that starts leaves room for one that waits. */
const LANES = 2;

/** Ends processes by what they ask of the store. */
class Executioner {
  readonly #sentences = new Map<string, { child: ChildProcess; left: number; died: string }>();
  readonly #listeners = new Map<string, () => void>();

  constructor(server: S3StandIn) {
    const strike = server.faults.strike.bind(server.faults);
    server.faults.strike = (request) => (this.#kills(request) ? 'drop-response' : strike(request));
  }

  /** Kills the child at the n-th counted request on the bucket from now. */
  sentence(bucket: string, child: ChildProcess, requests: number): void {
    this.#sentences.set(bucket, { child, left: requests, died: '' });
  }

  /** The request at which it happened. */
  lastWords(bucket: string): string {
    return this.#sentences.get(bucket)?.died ?? '';
  }

  /** Resolves when the bucket is asked for something: what was before only started the program. */
  firstRequest(bucket: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#listeners.set(bucket, resolve);
    return promise;
  }

  #kills({ url, operation }: FaultTarget): boolean {
    const bucket = url.split(/[/?]/)[1] ?? '';
    this.#listeners.get(bucket)?.();
    const sentence = this.#sentences.get(bucket);
    if (!sentence || COUNTED?.includes(operation) === false) return false;
    sentence.left -= 1;
    if (sentence.left !== 0) return false;
    sentence.died = `${operation} ${url.split('?')[0]}`;
    sentence.child.kill('SIGKILL');
    return true;
  }
}

const COMMIT = plainCommit('model', [bytesFile(LARGE, safetensors('more', LARGE_FLOATS))]);
let server: S3StandIn;
let executioner: Executioner;

async function withStage(work: (stage: S3Stage) => Promise<void>): Promise<void> {
  await using stage = await openS3Stage(server, { models: [{ id: MODEL, commits: [COMMIT] }] });
  await work(stage);
}

interface Left {
  /** Files of the revision that stand at their place. */
  readonly standing: readonly string[];
  readonly logged: number;
  /** Files that need not be fetched again. */
  readonly finished: readonly string[];
  /** Whether a note tells of the pending upload, so that a later run can know of it. */
  readonly noted: boolean;
}

async function left(stage: S3Stage): Promise<Left> {
  const place = `models/${MODEL}/${stage.hub.commitOf(MODEL)}/`;
  const staged = await stage.keys('staging/');
  const standing = (await stage.keys('models/')).map((key) => key.replace(place, ''));
  const note = createHash('sha256').update(LARGE).digest('hex');
  const noted = staged.some((key) => key.endsWith(`/notes/${note}`));
  const finished = new Set([
    ...standing.filter((file) => file !== 'model.sig'),
    ...staged.flatMap((key) => /^staging\/[^/]+\/files\/(.+)$/.exec(key)?.[1] ?? []),
    ...(noted ? [LARGE] : []),
  ]);
  finished.delete('model.sig');
  return { standing, logged: await stage.logSize(), finished: [...finished], noted };
}

/** After a death: nothing unadmitted is published, and no reader is told of tampering. */
async function requireNothingHalf(stage: S3Stage, { standing, logged }: Left, died: string): Promise<void> {
  const expected = [...SMALL, LARGE, 'model.sig'];
  const keys = await stage.keys();
  for (const file of standing) assert.ok(expected.includes(file), `${died}: ${file} is no file of the model`);
  if (standing.length > 0) assert.equal(logged, 1, `${died}: what stands at its place was logged`);
  if (standing.includes('model.sig'))
    assert.deepEqual([...standing].sort(), [...expected].sort(), `${died}: the signature stands last`);
  // Without a first state there is no vault yet, only the beginning of one.
  if (!keys.includes('registry/state')) return;
  const hasReceipt = keys.some((key) => key.startsWith('registry/receipts/'));
  const looked = await stage.here(['verify', MODEL, '--json']);
  if (looked.exit === 0) assert.ok(hasReceipt && standing.includes('model.sig'), `${died}: published whole`);
  else assert.match(looked.stdout, /WL_NOT_ADMITTED/, `${died}: ${looked.stdout}`);
  const listed = await stage.here(['list', '--json']);
  assert.equal(listed.exit, 0, `${died}: ${listed.stderr}`);
  if (!hasReceipt) assert.doesNotMatch(listed.stdout, /"published"/, `${died}: listed as published`);
}

/** The next run finishes, and fetches no finished file again. */
async function requireWhole(stage: S3Stage, died: string): Promise<void> {
  const dead = await left(stage);
  await requireNothingHalf(stage, dead, died);
  const asked = stage.hub.requests.length;
  const again = await stage.here(['admit', MODEL]);
  assert.equal(again.exit, 0, `${died}: ${again.stderr}`);
  const fetched = stage.hub.requests
    .slice(asked)
    .filter((request) => request.method === 'GET')
    .map((request) => decodeURIComponent(request.path).split('?')[0] ?? '');
  for (const file of dead.finished)
    assert.ok(!fetched.some((url) => url.endsWith(`/${file}`)), `${died}: ${file} is fetched again`);
  const place = `models/${MODEL}/${stage.hub.commitOf(MODEL)}/`;
  const whole = [...SMALL, LARGE, 'model.sig'].map((file) => `${place}${file}`).sort();
  assert.deepEqual(await stage.keys('models/'), whole, died);
  assert.equal(await stage.logSize(), 1, `${died}: one decision is one entry`);
  const verified = await stage.here(['verify']);
  assert.equal(verified.exit, 0, `${died}: ${verified.stdout}${verified.stderr}`);
  const uploads = await stage.uploads();
  assert.ok(uploads.length <= (dead.noted ? 0 : 1), `${died}: ${uploads.length} uploads are left`);
}

/** Runs the work for one number after another, some at once, until it says that it is enough. */
async function inLanes(numbers: Iterable<number>, work: (number: number) => Promise<boolean>): Promise<void> {
  const each = numbers[Symbol.iterator]();
  let enough = false;
  const lane = async () => {
    while (!enough) {
      const { value, done } = each.next();
      if (done) return;
      if (await work(value)) enough = true;
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

function* upTo(last: number): Iterable<number> {
  for (let number = 1; number <= last; number++) yield number;
}

describe('an admission into a bucket, killed', () => {
  before(async () => {
    server = await startS3StandIn();
    executioner = new Executioner(server);
  });
  after(() => server?.close());

  it('between every two of its requests leaves nothing half', async (t) => {
    const died = new Map<string, number>();
    let deaths = 0;
    await inLanes(upTo(REQUESTS_MAX), async (requests) => {
      let survived = false;
      await withStage(async (stage) => {
        const child = stage.start(['admit', MODEL]);
        executioner.sentence(stage.bucket, child, requests);
        const { signal, exit, stderr } = await ended(child);
        survived = signal === null;
        const words = executioner.lastWords(stage.bucket);
        if (survived) {
          assert.equal(exit, 0, stderr);
          assert.equal(words, '', 'a run that was killed does not end well');
        } else {
          deaths += 1;
          const operation = words.split(' ')[0] ?? '';
          died.set(operation, (died.get(operation) ?? 0) + 1);
        }
        await requireWhole(stage, `killed after request ${requests}, ${words || 'none'}`);
      });
      return survived;
    });
    const each = [...died].map(([operation, times]) => `${operation} ${times}`).join(', ');
    t.diagnostic(`killed after each of ${deaths} requests: ${each}`);
    assert.ok(deaths > 40 && deaths < REQUESTS_MAX, `${deaths} deaths`);
    for (const operation of ['CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload'])
      assert.ok(died.has(operation), `none died at ${operation}`);
  });

  it(`at ${RANDOM_MOMENTS} random moments leaves nothing half`, async (t) => {
    const seed = Number(process.env.WL_TEST_SEED ?? Date.now() % 1_000_000);
    t.diagnostic(`WL_TEST_SEED=${seed}`);
    const random = generator(seed);
    let workMs = 0;
    await withStage(async (stage) => {
      const child = stage.start(['admit', MODEL]);
      const end = ended(child);
      await Promise.race([executioner.firstRequest(stage.bucket), end]);
      const begun = performance.now();
      assert.equal((await end).exit, 0);
      workMs = performance.now() - begun;
    });
    let deaths = 0;
    await inLanes(upTo(RANDOM_MOMENTS), async () => {
      const delayMs = workMs * 1.1 * random();
      await withStage(async (stage) => {
        const child = stage.start(['admit', MODEL]);
        const end = ended(child);
        await Promise.race([executioner.firstRequest(stage.bucket), end]);
        await Promise.race([sleep(delayMs), end]);
        if (child.exitCode === null) child.kill('SIGKILL');
        if ((await end).signal === 'SIGKILL') deaths += 1;
        await requireWhole(stage, `killed ${delayMs.toFixed(0)} of ${workMs.toFixed(0)} ms after it began`);
      });
      return false;
    });
    t.diagnostic(`${deaths} of ${RANDOM_MOMENTS} runs were killed before their end`);
    assert.ok(deaths > RANDOM_MOMENTS / 2, `only ${deaths} runs were killed before their end`);
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

/**
 * The conditions that a vault rests on, put to the test: many writers, each with connections of its own, race for one
 * key, and what stands afterwards must be what the conditions promise.
 *
 * A store may answer 409 to a writer that met a rival: it lost, or tries again. A winner's answer may get lost on its
 * way, and its client, trying again, meets its own success and is told that it lost: then what stands tells who won.
 */
import { CompleteMultipartUploadCommand, type S3Client, UploadPartCommand } from '@aws-sdk/client-s3';
import { asked, type Refusal } from './answer.ts';
import { type Answer, type CheckRow, failed, ok, type Question, row, tried, unknown } from './check-row.ts';
import type { Scratch } from './scratch.ts';

export const WRITERS = 8;
const ROUNDS = 5;
/** A race that nobody won, all having met a rival, is run anew so many times. */
const RERUNS_MAX = 5;
const INCREMENTS_EACH = 3;
/** Attempts of one increment: under contention each round lets one of WRITERS through. */
const ATTEMPTS_MAX = 300;

const NEVER =
  'Never use this store for a vault: two gates would overwrite each other, and a published file could be replaced unnoticed.';
const OTHER_STORE = 'Use a store that enforces it: AWS S3, MinIO, versitygw, Cloudflare R2.';

export async function checkConditions(scratch: Scratch): Promise<CheckRow[]> {
  const writers = Array.from({ length: WRITERS }, () => scratch.open());
  const rows: CheckRow[] = [];
  for (const { question, test } of CONDITIONS) {
    rows.push(
      row(
        { weight: 'condition', costs: NEVER, remedy: OTHER_STORE, ...question },
        await tried(() => test(scratch, writers), failed),
      ),
    );
  }
  return rows;
}

const CONDITIONS: readonly {
  readonly question: Pick<Question, 'id' | 'what'>;
  readonly test: (scratch: Scratch, writers: readonly S3Client[]) => Promise<Answer>;
}[] = [
  {
    question: { id: 'create-race', what: 'of many that create an object (If-None-Match), one wins' },
    test: createRace,
  },
  {
    question: { id: 'swap-race', what: 'of many that replace an object (If-Match), nobody’s work is lost' },
    test: swapRace,
  },
  {
    question: { id: 'complete-race', what: 'of many that complete an upload (If-None-Match), one wins' },
    test: completeRace,
  },
  {
    question: { id: 'stale-swap', what: 'a replacement of what has changed, or never was, is refused' },
    test: staleSwap,
  },
  {
    question: { id: 'create-after-delete', what: 'a deleted object is created again at most once' },
    test: createAfterDelete,
  },
];

async function createRace(scratch: Scratch, writers: readonly S3Client[]): Promise<Answer> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const problem = await oneWins(async (name) => {
      const results = await allOf(
        writers.map((client, i) => asked(scratch.put(name, `writer ${i}`, { client, IfNoneMatch: '*' }))),
      );
      return { results, stands: (await scratch.get(name))?.text };
    }, `create-${round}`);
    if (problem) return problem;
  }
  return ok(`${ROUNDS} races of ${writers.length} writers`);
}

async function completeRace(scratch: Scratch, writers: readonly S3Client[]): Promise<Answer> {
  for (let round = 0; round < 2; round += 1) {
    const problem = await oneWins(async (name) => {
      const uploads = await allOf(
        writers.map((client, i) => uploaded(scratch, { client, name, body: `writer ${i}` })),
      );
      const results = await allOf(
        uploads.map(({ client, ...upload }) =>
          asked(
            client.send(
              new CompleteMultipartUploadCommand({ ...scratch.at(name), ...upload, IfNoneMatch: '*' }),
            ),
          ),
        ),
      );
      return { results, stands: (await scratch.get(name))?.text };
    }, `complete-${round}`);
    if (problem) return problem;
  }
  return ok(`2 races of ${writers.length} uploads of one key`);
}

/** Uploads one part; what is returned completes the upload. */
export async function uploaded(
  scratch: Scratch,
  { client, name, body }: { readonly client: S3Client; readonly name: string; readonly body: string },
) {
  const UploadId = await scratch.begin(name, { client });
  const part = { ...scratch.at(name), UploadId, PartNumber: 1, Body: body };
  const { ETag } = await client.send(new UploadPartCommand(part));
  return { client, UploadId, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } };
}

type Asked = { readonly kind: 'answer' } | Refusal;

/** Runs a race until somebody won it. Undefined: exactly one did, and it is the winner's work that stands. */
async function oneWins(
  race: (name: string) => Promise<{ results: readonly Asked[]; stands: string | undefined }>,
  name: string,
): Promise<Answer | undefined> {
  for (let rerun = 0; rerun < RERUNS_MAX; rerun += 1) {
    const { results, stands } = await race(`${name}-${rerun}`);
    const winners = results.flatMap((result, i) => (result.kind === 'answer' ? [i] : []));
    const refused = results.find((result) => result.kind === 'unsupported' || result.kind === 'invalid');
    if (refused) return failed(`the store does not know the condition (${refused.said})`);
    const denied = results.find((result) => result.kind === 'denied');
    if (denied) return unknown(`not permitted (${denied.said})`);
    if (winners.length > 1)
      return failed(`${winners.length} of ${results.length} writers were told that they won`);
    if (winners.length === 1) {
      if (stands === `writer ${winners[0]}`) return undefined;
      return failed(
        `the store told writer ${winners[0]} that it won, and ${stands ? `the work of ${stands}` : 'nothing'} stands there`,
      );
    }
    // Nobody was told so, but a winner's answer can be lost on its way.
    if (stands !== undefined) return undefined;
  }
  return unknown(`no writer won any of ${RERUNS_MAX} races`);
}

/** The list before any token: some clients take an empty body for a stream. */
const START = 'tokens ';

/** As Promise.all, but waits for those under way when one fails: nothing may write once the cleaning begins. */
async function allOf<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

/** Each writer adds tokens to one list; at the end every token must be in it, once. */
async function swapRace(scratch: Scratch, writers: readonly S3Client[]): Promise<Answer> {
  const name = 'swap';
  await scratch.put(name, START, { IfNoneMatch: '*' });
  const outcomes = await allOf(
    writers.map(async (client, i) => {
      for (let n = 0; n < INCREMENTS_EACH; n += 1) {
        const problem = await addToken(scratch, { client, name, token: `${i}.${n}` });
        if (problem) return problem;
      }
      return undefined;
    }),
  );
  const problem = outcomes.find((outcome) => outcome !== undefined);
  if (problem) return problem;
  const tokens = (await scratch.get(name))?.text.slice(START.length).split(' ').filter(Boolean) ?? [];
  const expected = writers.length * INCREMENTS_EACH;
  if (new Set(tokens).size === expected && tokens.length === expected) {
    return ok(`${expected} replacements by ${writers.length} writers, none lost`);
  }
  return failed(`of ${expected} replacements that were told to have won, ${new Set(tokens).size} are there`);
}

async function addToken(
  scratch: Scratch,
  { client, name, token }: { readonly client: S3Client; readonly name: string; readonly token: string },
): Promise<Answer | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const there = await scratch.get(name, client);
    if (!there) return failed('the object vanished while it was replaced');
    // The answer to an earlier attempt was lost: the token is there already.
    if (there.text.split(' ').includes(token)) return undefined;
    const result = await asked(scratch.put(name, `${there.text}${token} `, { client, IfMatch: there.etag }));
    switch (result.kind) {
      case 'answer':
        return undefined;
      case 'unsupported':
      case 'invalid':
        return failed(`the store does not know the condition (${result.said})`);
      case 'denied':
        return unknown(`not permitted (${result.said})`);
      case 'absent':
      case 'precondition':
      case 'conflict':
      case 'other':
    }
  }
  return unknown(`a replacement was refused ${ATTEMPTS_MAX} times`);
}

async function staleSwap(scratch: Scratch): Promise<Answer> {
  const first = await scratch.put('stale', 'one', { IfNoneMatch: '*' });
  const second = await asked(scratch.put('stale', 'two', { IfMatch: first.ETag }));
  if (second.kind !== 'answer')
    return failed(`a replacement of what stands there was refused (${second.said})`);
  const third = await asked(scratch.put('stale', 'three', { IfMatch: first.ETag }));
  if (third.kind === 'answer') return failed('a replacement with an old ETag was carried out');
  const fourth = await asked(scratch.put('never-there', 'four', { IfMatch: first.ETag }));
  if (fourth.kind === 'answer') return failed('a replacement of an object that never was created it');
  return ok('refused for an old ETag, and for an absent object');
}

async function createAfterDelete(scratch: Scratch): Promise<Answer> {
  const name = 'create-after-delete';
  await scratch.put(name, 'one', { IfNoneMatch: '*' });
  await scratch.delete(name);
  const created: string[] = [];
  for (const text of ['two', 'three']) {
    const result = await asked(scratch.put(name, text, { IfNoneMatch: '*' }));
    if (result.kind === 'answer') created.push(text);
  }
  return created.length > 1
    ? failed('it was created twice')
    : ok(`created ${created.length === 1 ? 'once' : 'not at all'}`);
}

/**
 * Posture: how a vault's place stands, held against what it must be. A *check* (checks/catalog.ts) asks one question by
 * named calls; its *answer* is passed, failed, unknown (a permission is missing, or something was not understood), or
 * not applicable, with the reason. A *row* is a check with its answer. Only a posture of rows that all passed, or do not
 * apply, is sound. A *fix* (fix/) is what makes a failed check pass.
 *
 * Nothing is written by a look: `vault check` races writers in a store, this reads how the account is set up.
 */
import { accessAnswers } from './access/access-checks.ts';
import { bucketAnswers } from './checks/bucket-checks.ts';
import { BUCKET_CHECKS, CATALOG, DIRECTORY_CHECKS } from './checks/catalog.ts';
import { type Answers, type Check, type CheckId, type PostureAnswer, unknown } from './checks/check.ts';
import { directoryAnswers } from './checks/directory-checks.ts';
import { keyAnswers } from './checks/key-checks.ts';
import { endpointAnswers } from './endpoints/endpoint-checks.ts';
import type { Surroundings } from './surroundings.ts';

export interface PostureRow extends Check, PostureAnswer {
  readonly id: CheckId;
}

/** Every check of a vault in a bucket. Throws what is no answer of a service: no connection, no credentials. */
export async function bucketPosture(around: Surroundings): Promise<PostureRow[]> {
  const answers = {
    ...(await bucketAnswers(around)),
    ...(await keyAnswers(around)),
    ...(await accessAnswers(around)),
    ...(await endpointAnswers(around)),
  };
  return rowsOf(BUCKET_CHECKS, answers);
}

/** Every check of a vault in a directory. */
export function directoryPosture(directory: string): PostureRow[] {
  return rowsOf(DIRECTORY_CHECKS, directoryAnswers(directory));
}

function rowsOf(ids: readonly CheckId[], answers: Answers): PostureRow[] {
  return ids.map((id) => ({ id, ...CATALOG[id], ...(answers[id] ?? unknown('it was not asked')) }));
}

/** Whether everything passed that applies. */
export function isSound(rows: readonly PostureRow[]): boolean {
  return rows.every(({ status }) => status === 'passed' || status === 'not applicable');
}

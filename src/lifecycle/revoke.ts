/**
 * Revoke: a revision, or every revision that holds a file, is not to be used any more. First the state says so, by a
 * logged statement, then the store is told to keep the files from whoever reads it directly. A run that dies in between
 * is finished by the next.
 */
import type { RevocationBody } from '../attest/statement.ts';
import type { Sha256 } from '../base/digest.ts';
import { spread } from '../base/lanes.ts';
import type { ModelName } from '../base/name.ts';
import type { Gate } from '../registry/gate.ts';
import { keepFromReaders } from '../registry/keep-from.ts';
import type { RevisionId } from '../vault/layout.ts';

export type RevocationSubject =
  | { readonly model: ModelName; readonly revision: string }
  | { readonly sha256: Sha256 };

export interface Revocation {
  readonly revisions: readonly RevisionId[];
  /** Undefined where the same was revoked before. */
  readonly logIndex: number | undefined;
  /** Files that the store keeps from its direct readers now; undefined where it cannot. */
  readonly files: number | undefined;
}

/** Records that are read at once when a file is looked for. */
const RECORDS_AT_ONCE = 16;

export async function revoke(
  gate: Gate,
  subject: RevocationSubject,
  { reason, tool }: Pick<RevocationBody, 'reason' | 'tool'>,
): Promise<Revocation> {
  const named = 'sha256' in subject ? subject : (await gate.resolve(subject.model, subject.revision)).id;
  const logIndex = (await isRevoked(gate, named))
    ? undefined
    : (
        await gate.declare<RevocationBody>({
          type: 'weighlock.revocation/v1',
          subject: named,
          revisions: 'sha256' in named ? await holding(gate, named.sha256) : [named],
          reason,
          tool,
        })
      ).index;
  // Read anew: the log may name revisions that came meanwhile.
  const revisions = 'sha256' in named ? await holding(gate, named.sha256) : [named];
  return { revisions, logIndex, files: await keepAll(gate, revisions) };
}

async function isRevoked(gate: Gate, subject: RevisionId | { readonly sha256: Sha256 }): Promise<boolean> {
  const current = await gate.state();
  if ('sha256' in subject) return current.state.revokedFiles[subject.sha256] !== undefined;
  return (await gate.model(subject.model, current))?.revisions[subject.commit]?.revoked !== undefined;
}

/** Every revision on record, of whatever verdict, that holds the file. */
async function holding(gate: Gate, sha256: Sha256): Promise<RevisionId[]> {
  const found: RevisionId[] = [];
  await spread(revisionsOf(gate), RECORDS_AT_ONCE, async ({ id, number, digest }) => {
    const { body } = await gate.record(id, number, digest);
    if (body.manifest.files.some((file) => file.sha256 === sha256)) found.push(id);
  });
  return found.sort((a, b) => (`${a.model}@${a.commit}` < `${b.model}@${b.commit}` ? -1 : 1));
}

async function* revisionsOf(gate: Gate) {
  for await (const { model, index } of gate.models()) {
    for (const [commit, { number, record }] of Object.entries(index.revisions)) {
      yield { id: { model, commit } as RevisionId, number, digest: record };
    }
  }
}

/** Undefined where the store can keep nobody from its files. */
async function keepAll(gate: Gate, revisions: readonly RevisionId[]): Promise<number | undefined> {
  let kept: number | undefined = gate.vault.keepFrom && 0;
  for (const id of revisions) {
    const more = await keepFromReaders(gate, id);
    if (more !== undefined) kept = (kept ?? 0) + more;
  }
  return kept;
}

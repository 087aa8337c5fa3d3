/**
 * A model keeps the identity of its first admission: the same kind of source, endpoint and repo id. A name can be
 * registered again by a stranger; the Hub's id of the repo cannot.
 */
import { WeighlockError } from '../base/errors.ts';
import type { Commit, ModelName } from '../base/name.ts';
import type { Gate } from '../registry/gate.ts';
import type { SourceRevision } from '../sources/source.ts';

/** Throws WL_IDENTITY_CHANGED where the source is not the one that the model first came from. */
export async function requireSameIdentity(gate: Gate, model: ModelName, now: SourceRevision): Promise<void> {
  const index = await gate.model(model, await gate.state('accept'));
  const admitted = Object.entries(index?.revisions ?? {}).filter(([, entry]) => entry.verdict === 'admitted');
  const [first] = admitted.sort(([, a], [, b]) => a.logIndex - b.logIndex);
  if (!first) return;
  const [commit, entry] = first;
  const { source } = (await gate.record({ model, commit: commit as Commit }, entry.number, entry.record))
    .body;
  const changed = (what: string, before: string | undefined, after: string | undefined) =>
    new WeighlockError(
      'WL_IDENTITY_CHANGED',
      `${model} was first admitted from ${what} ${before ?? 'unknown'}, and now comes from ${after ?? 'unknown'}`,
    );
  if (source.kind !== now.kind) throw changed('a source of the kind', source.kind, now.kind);
  if (now.kind === 'hub' && source.endpoint !== now.endpoint)
    throw changed('the endpoint', source.endpoint, now.endpoint);
  if (source.repoId && source.repoId !== now.repoId)
    throw changed('the repo with the id', source.repoId, now.repoId);
}

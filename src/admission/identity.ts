/**
 * Identity: who a model comes from, held against who it came from before. A model keeps the identity of its first admission:
 * the same kind of source, endpoint and repo id, or nothing is brought in. A name can be registered again by a stranger; the
 * Hub's id of the repo cannot. What may change for good reasons (the owner, who commits) is a fact for the policy.
 */
import type { RecordBody } from '../attest/record.ts';
import { WeighlockError } from '../base/errors.ts';
import type { Manifest } from '../base/manifest.ts';
import type { Commit, ModelName } from '../base/name.ts';
import type { Registry } from '../registry/registry.ts';
import type { SourceRevision } from '../sources/source.ts';

/** What differs from earlier admissions of the model. Nothing does at the first. */
export interface IdentityFacts {
  /** The owner of the repo is another one than at the first admission; undefined where one of them is not known. */
  readonly ownerChanged: boolean | undefined;
  /** Who owned it then, where that is not who does now. */
  readonly ownerBefore?: string;
  /** Somebody made what this revision adds who made nothing that was admitted; undefined where that cannot be said. */
  readonly newAuthor: boolean | undefined;
  /** Python that no earlier admitted revision has. */
  readonly newCode: readonly string[];
}

/** Earlier admissions that are read: the first, and so many of the latest. */
const EARLIER_MAX = 50;

/** Throws WL_IDENTITY_CHANGED where the source is not the one that the model first came from. */
export async function requireSameIdentity(
  registry: Registry,
  model: ModelName,
  now: SourceRevision,
): Promise<void> {
  const first = await firstRecord(registry, model);
  if (!first) return;
  const { source } = first;
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

/** The facts about a revision whose manifest is known, against all that was admitted before but itself. */
export async function identityFacts(
  registry: Registry,
  { model, commit, files }: Manifest,
  now: Pick<SourceRevision, 'publisher' | 'authors'>,
): Promise<IdentityFacts> {
  const earlier = await earlierRecords(registry, { model, except: commit, most: EARLIER_MAX });
  const [first] = earlier;
  if (!first) return { ownerChanged: false, newAuthor: false, newCode: [] };
  const [before, after] = [first.source.publisher, now.publisher];
  const known = earlier.flatMap(({ source }) => source.authors ?? []);
  const sources = new Set(earlier.flatMap(({ manifest }) => manifest.files.map(({ sha256 }) => sha256)));
  const ownerChanged =
    before?.id === undefined || after?.id === undefined ? sameName(before, after) : before.id !== after.id;
  return {
    ownerChanged,
    ...(ownerChanged && before && { ownerBefore: before.name }),
    newAuthor:
      now.authors === undefined || now.authors.length === 0 || known.length === 0
        ? undefined
        : !now.authors.every((author) => known.includes(author)),
    newCode: files
      .filter(({ path, sha256 }) => path.endsWith('.py') && !sources.has(sha256))
      .map(({ path }) => path),
  };
}

/** Without ids the name has to do: another one is another owner, the same one says nothing. */
function sameName(
  before: SourceRevision['publisher'] | RecordBody['source']['publisher'],
  after: SourceRevision['publisher'],
): boolean | undefined {
  if (before === undefined || after === undefined) return undefined;
  return before.name !== after.name || undefined;
}

/** The record of the model's first admission, also where that revision was removed since. */
export async function firstRecord(registry: Registry, model: ModelName): Promise<RecordBody | undefined> {
  return (await earlierRecords(registry, { model, except: undefined, most: 1 }))[0];
}

/**
 * Who made the commits that lie between the latest that was admitted of the model and this one, which it includes: a harmless
 * commit on top hides nobody. All that the source lists where nothing was admitted. Undefined where it does not say of each, or
 * lists too few to know.
 */
export async function authorsSince(
  registry: Registry,
  model: ModelName,
  { commit, history }: Pick<SourceRevision, 'commit' | 'history'>,
): Promise<readonly string[] | undefined> {
  if (history === undefined) return undefined;
  const admitted = Object.entries(
    (await registry.model(model, await registry.state('accept')))?.revisions ?? {},
  )
    .filter(([, { verdict }]) => verdict === 'admitted')
    .map(([id]) => id);
  const end = history.commits.findIndex(({ id }) => id !== commit && admitted.includes(id));
  if (end === -1 && !history.isWhole && admitted.length > 0) return undefined;
  const added = end === -1 ? history.commits : history.commits.slice(0, end);
  if (added.some(({ authors }) => authors.length === 0)) return undefined;
  return [...new Set(added.flatMap(({ authors }) => authors))].sort();
}

/**
 * What was admitted of the model, in the order of the log: the first, and the latest up to `most`; before `except` only, where
 * that was admitted itself.
 */
async function earlierRecords(
  registry: Registry,
  {
    model,
    except,
    most,
  }: { readonly model: ModelName; readonly except: Commit | undefined; readonly most: number },
): Promise<readonly RecordBody[]> {
  const index = await registry.model(model, await registry.state('accept'));
  const own = except === undefined ? undefined : index?.revisions[except];
  const until = own?.verdict === 'admitted' ? own.logIndex : Number.POSITIVE_INFINITY;
  const admitted = Object.entries(index?.revisions ?? {})
    .map(([commit, { verdict, number, record, logIndex }]) => ({ commit, verdict, number, record, logIndex }))
    .filter((one) => one.verdict === 'admitted' && one.commit !== except && one.logIndex < until)
    .sort((a, b) => a.logIndex - b.logIndex);
  const first = index?.first ?? admitted[0];
  if (first === undefined || first.commit === except || first.logIndex >= until) return [];
  const later = admitted.filter(({ record }) => record !== first.record);
  const found: RecordBody[] = [];
  for (const { commit, number, record } of [first, ...(most > 1 ? later.slice(1 - most) : [])])
    found.push((await registry.record({ model, commit: commit as Commit }, number, record)).body);
  return found;
}

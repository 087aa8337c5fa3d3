/**
 * Chosen revisions: from the name that a client gives to the one published commit that it means, or to the refusal
 * that says why there is none.
 */
import { WeighlockError } from '../base/errors.ts';
import type { Commit } from '../base/name.ts';
import type { Answer } from './answer.ts';
import type { CatalogModel, ServedRevision, Snapshot } from './catalog.ts';
import { refuse } from './refusal.ts';
import type { RevisionName } from './revision-name.ts';

export type Chosen =
  | { readonly is: 'found'; readonly model: CatalogModel; readonly revision: ServedRevision }
  | { readonly is: 'refused'; readonly answer: Answer };

/** The channel that the Hub's protocol calls `main`. */
export const MAIN_CHANNEL = 'production';

/** Most revisions that a refusal names: what fits into one header, and a person reads. */
const NAMED_MAX = 10;

/** The published revision of a model that a name means. */
export async function chooseRevision(
  snapshot: Snapshot,
  model: CatalogModel,
  name: RevisionName | undefined,
): Promise<Chosen> {
  const commit = commitOf(model, name);
  if (commit === undefined) return refused(await explainNone(snapshot, model, name));
  const standing = model.revisions.get(commit);
  if (standing === undefined) return refused(noSuchRevision(model, 'has no revision of that name here'));
  if (standing.is !== 'published') return refused(await explainUnpublished(snapshot, model, commit));
  try {
    return { is: 'found', model, revision: await snapshot.revision({ model: model.name, commit }) };
  } catch (error) {
    if (!(error instanceof WeighlockError)) throw error;
    switch (error.code) {
      case 'WL_NOT_ADMITTED':
        return refused(await explainUnpublished(snapshot, model, commit));
      case 'WL_REVOKED':
        // Of one of its files perhaps, of which the standing of the revision says nothing.
        return refused(refuse({ is: 'withdrawn', sentence: error.message }));
      default:
        throw error;
    }
  }
}

/** The commit that a name stands for, published or not. Channels are read before upstream's names. */
function commitOf(model: CatalogModel, name: RevisionName | undefined): Commit | undefined {
  switch (name?.by) {
    case undefined:
      return undefined;
    case 'default':
      return mainCommit(model);
    case 'commit':
      return name.commit;
    case 'name': {
      const channel = name.among === 'tags' ? undefined : model.channels.get(name.name);
      if (channel !== undefined) return channel;
      return name.among === 'channels' ? undefined : model.tags.get(name.name);
    }
  }
}

/**
 * What `main` is: the `production` channel; without any channel, the one revision that is published. Two published
 * revisions and no channel are a decision that somebody has yet to make, not ours.
 */
export function mainCommit(model: CatalogModel): Commit | undefined {
  const channel = model.channels.get(MAIN_CHANNEL);
  if (channel !== undefined) return channel;
  const published = publishedCommits(model);
  return model.channels.size === 0 && published.length === 1 ? published[0] : undefined;
}

/** The commits that are published, the one decided last first. */
export function publishedCommits(model: CatalogModel): Commit[] {
  const commits: Commit[] = [];
  for (const [commit, standing] of model.revisions) if (standing.is === 'published') commits.push(commit);
  return commits;
}

/** Why a name stands for nothing. */
async function explainNone(
  snapshot: Snapshot,
  model: CatalogModel,
  name: RevisionName | undefined,
): Promise<Answer> {
  if (name?.by !== 'default') return noSuchRevision(model, 'has no revision of that name here');
  if (publishedCommits(model).length > 0) {
    return noSuchRevision(model, `has no ${MAIN_CHANNEL} channel, which is what main means here`);
  }
  // Somebody may have in a cache what was served once: it must be told as withdrawn, whatever was decided since.
  const all = [...model.revisions];
  const withdrawn = all.find(([, { is }]) => is === 'revoked' || is === 'removed');
  const commit = (withdrawn ?? all[0])?.[0];
  if (commit === undefined) return refuse({ is: 'not admitted', model: model.name });
  return explainUnpublished(snapshot, model, commit);
}

async function explainUnpublished(snapshot: Snapshot, model: CatalogModel, commit: Commit): Promise<Answer> {
  const sentence = await snapshot.explain({ model: model.name, commit });
  switch (model.revisions.get(commit)?.is) {
    case 'held':
    case 'refused':
    case 'unfinished':
      return refuse({ is: 'withheld', sentence });
    default:
      return refuse({ is: 'withdrawn', sentence });
  }
}

function noSuchRevision(model: CatalogModel, what: string): Answer {
  const published = publishedCommits(model);
  const named = published.slice(0, NAMED_MAX).join(', ');
  const more = published.length > NAMED_MAX ? ` and ${published.length - NAMED_MAX} more` : '';
  const admitted = published.length === 0 ? 'nothing of it is admitted' : `admitted: ${named}${more}`;
  return refuse({ is: 'no such revision', sentence: `${model.name} ${what}; ${admitted}` });
}

function refused(answer: Answer): Chosen {
  return { is: 'refused', answer };
}

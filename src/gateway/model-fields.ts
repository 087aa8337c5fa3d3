/** Model fields: what the Hub's protocol says of a model as a whole, from what is on record here. */
import { sha256 } from '../base/digest.ts';
import type { Commit } from '../base/name.ts';
import { type Headers, headerText } from './answer.ts';
import type { CatalogModel, ServedFile, ServedRevision } from './catalog.ts';
import { publishedCommits } from './chosen-revision.ts';
import { identityOf } from './file-identity.ts';

/** Sentences that ride on one answer: a person reads no more, and a client's headers have room for no more. */
const WARNINGS_MAX = 5;

/**
 * Everything that is known, in the Hub's words. Counts that only the Hub has are 0, as clients take no less; what is
 * not known (scans by others, parameters, spaces) is absent.
 */
export function modelFields(
  model: CatalogModel,
  revision: ServedRevision,
  siblings: 'names' | 'blobs' = 'names',
): Record<string, unknown> {
  const { card, files } = revision;
  const [owner, name] = model.name.split('/');
  return {
    _id: revision.repoId ?? sha256(model.name).slice(0, 24),
    id: model.name,
    modelId: model.name,
    author: name === undefined ? undefined : owner,
    sha: revision.id.commit,
    lastModified: revision.decidedAt,
    createdAt: firstDecidedAt(model) ?? revision.decidedAt,
    private: false,
    gated: false,
    disabled: false,
    downloads: 0,
    likes: 0,
    tags: tagsOf(revision),
    pipeline_tag: card.pipelineTag,
    library_name: card.libraryName,
    cardData: card.cardData,
    config: card.config,
    siblings: [...files.values()].map((file) =>
      siblings === 'names' ? { rfilename: file.path } : sibling(file),
    ),
    usedStorage: [...files.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

/** The tags of a model's card, and its licence among them. */
export function tagsOf({ card, license }: ServedRevision): readonly string[] {
  const tag = license === undefined ? undefined : `license:${license}`;
  return tag === undefined || card.tags.includes(tag) ? card.tags : [...card.tags, tag];
}

/** Those of the fields that a client named with `expand`, and the identity; all where it named none. */
export function expanded(
  fields: Readonly<Record<string, unknown>>,
  named: readonly string[],
): Readonly<Record<string, unknown>> {
  if (named.length === 0) return fields;
  return Object.fromEntries(
    Object.entries(fields).filter(([field]) => field === '_id' || field === 'id' || named.includes(field)),
  );
}

function sibling(file: ServedFile): unknown {
  const identity = identityOf(file);
  return {
    rfilename: file.path,
    size: file.sizeBytes,
    blobId: identity.oid,
    ...(identity.kind === 'lfs' && {
      lfs: { sha256: file.sha256, size: file.sizeBytes, pointerSize: identity.pointer.length },
    }),
  };
}

/** When the first of the revisions that are published was decided. */
function firstDecidedAt(model: CatalogModel): string | undefined {
  return publishedCommits(model)
    .map((commit) => model.revisions.get(commit)?.decidedAt ?? '')
    .sort()[0];
}

/** One commit in the lists of commits. Upstream's title and authors are not on record, so none are invented. */
export function commitFields(commit: Commit, decidedAt: string): Readonly<Record<string, unknown>> {
  return { id: commit, title: titleOf(commit), message: '', date: decidedAt, authors: [] };
}

export function titleOf(commit: Commit): string {
  return `Admitted: ${commit.slice(0, 12)}`;
}

/** `X-HF-Warning`, which newer clients print, each topic once. */
export function warningHeaders({ id, warnings }: ServedRevision): Headers {
  if (warnings.length === 0) return {};
  const lines = warnings
    .slice(0, WARNINGS_MAX)
    .map((sentence, at) => `${id.model}@${id.commit.slice(0, 12)} ${at + 1}; ${headerText(sentence)}`);
  return { 'X-HF-Warning': lines };
}

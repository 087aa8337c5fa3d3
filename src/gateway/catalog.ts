/**
 * The catalog: what the gateway may serve, as the newest signed state that it believes says. Every question is asked of
 * one *snapshot*, so that one answer never mixes two states.
 */
import type { GitBlobSha1, Sha256 } from '../base/digest.ts';
import type { Commit, ModelName, RepoPath } from '../base/name.ts';
import type { RevisionId } from '../vault/layout.ts';

/** A stored file of a published revision. */
export interface ServedFile {
  readonly path: RepoPath;
  readonly sizeBytes: number;
  readonly sha256: Sha256;
  /** git's name for the content; undefined for what the Hub keeps in LFS, which goes by its sha256. */
  readonly gitBlobSha1: GitBlobSha1 | undefined;
}

/** What stands on record of one commit of a model. Only what is `published` is ever served. */
export type RevisionStanding =
  | { readonly is: 'published' }
  | { readonly is: 'held' | 'refused' | 'unfinished' | 'removed' | 'revoked' };

export interface CatalogModel {
  readonly name: ModelName;
  /** Every revision on record, the one that was decided last first. */
  readonly revisions: ReadonlyMap<Commit, RevisionStanding & { readonly decidedAt: string }>;
  /** Channel → commit; `production` is what the Hub's protocol calls `main`. */
  readonly channels: ReadonlyMap<string, Commit>;
  /** Upstream's name (tag or branch) that a revision was admitted under → commit. */
  readonly tags: ReadonlyMap<string, Commit>;
}

/** A published revision with its files. */
export interface ServedRevision {
  readonly id: RevisionId;
  /** When it was admitted, ISO 8601. */
  readonly decidedAt: string;
  /** Sorted by path, by UTF-16 code units. */
  readonly files: ReadonlyMap<RepoPath, ServedFile>;
  /** The Hub's identity of the repo at admission, where there is one. */
  readonly repoId: string | undefined;
  readonly license: string | undefined;
  /** Which of the Hub's words describe the model, for `tags`, `pipeline_tag` and `library_name`: from its card and config. */
  readonly card: ModelCard;
  /** Sentences that a client should show its user: waivers in force, files larger than a client can fetch. */
  readonly warnings: readonly string[];
  /** Set where the card could not be read just now: the next who asks may get more, so no answer from this is kept. */
  readonly passing?: true;
}

/** What a model says of itself, in the Hub's terms. Hostile text: only ever sent as JSON. */
export interface ModelCard {
  readonly tags: readonly string[];
  readonly pipelineTag: string | undefined;
  readonly libraryName: string | undefined;
  /** The front matter of README.md. */
  readonly cardData: Readonly<Record<string, unknown>> | undefined;
  /** `architectures` and `model_type` of config.json, and the chat template's special tokens, as the Hub shows them. */
  readonly config: Readonly<Record<string, unknown>> | undefined;
}

/** One believed state of the vault. */
export interface Snapshot {
  /** Grows with every state. */
  readonly sequence: number;
  model(name: ModelName): Promise<CatalogModel | undefined>;
  /** A published revision. Throws WL_NOT_ADMITTED unless it is one now. */
  revision(id: RevisionId): Promise<ServedRevision>;
  /** Why a revision that is not published is not: one sentence for whoever asked for it. */
  explain(id: RevisionId): Promise<string>;
  /** Models that have a published revision, sorted by name, from the one after `after` on. */
  list(after?: ModelName): AsyncIterable<CatalogModel>;
}

export interface Catalog {
  /**
   * The newest state that may be believed now. Throws WL_STATE_EXPIRED, WL_STATE_ROLLED_BACK, WL_VAULT_UNAVAILABLE or
   * whatever else keeps the gateway from knowing: then nothing is served.
   */
  now(): Snapshot;
}

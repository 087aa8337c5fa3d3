/**
 * Sources: where a model comes from.
 *
 * A source *resolves* a name and a revision to one commit with its list of files, and *reads* ranges of those
 * files at that commit. Nothing that a source says is believed: names are parsed, digests are checked by the
 * admission, and every host that was contacted is on record.
 */
import type { GitBlobSha1, Sha256 } from '../base/digest.ts';
import type { ExcludedFile } from '../base/manifest.ts';
import type { Commit, ModelName, RepoPath } from '../base/name.ts';

/** What the source itself declares about a file's content, to be checked against the bytes. */
export type DeclaredDigest =
  | { readonly kind: 'lfs-sha256'; readonly digest: Sha256 }
  | { readonly kind: 'git-blob-sha1'; readonly digest: GitBlobSha1 }
  /** What a first reading gave, where the source declares nothing. */
  | { readonly kind: 'read-before'; readonly digest: Sha256 }
  | { readonly kind: 'none' };

export interface SourceFile {
  readonly path: RepoPath;
  readonly sizeBytes: number;
  readonly declared: DeclaredDigest;
  /** What a record says the bytes are, where there is one: they must be these, whatever is declared. */
  readonly recorded?: Sha256;
}

/** What the Hub says of whoever publishes the model. Evidence, not truth. */
export interface Publisher {
  readonly name: string;
  readonly id?: string;
  readonly kind: 'organisation' | 'user' | 'unknown';
  /** Undefined where the source did not say: a rule that needs it holds. */
  readonly verified?: boolean;
  readonly plan?: string;
  readonly followers?: number;
}

export interface SourceCommit {
  readonly id: string;
  /** By the names of their accounts; empty where the source does not say. */
  readonly authors: readonly string[];
}

export interface SourceRevision {
  readonly kind: 'hub' | 'directory';
  /** The Hub's base URL, or the directory's absolute path. */
  readonly endpoint: string;
  /** The name as the source spells it (the Hub follows renames: compare with what was asked for). */
  readonly model: ModelName;
  /** What was asked for: a branch, tag or commit; for the record only. */
  readonly requested: string;
  /** Undefined for a directory: its commit follows from its content, once that was read. */
  readonly commit: Commit | undefined;
  /** The Hub's `_id`: the repo's identity, where the name is not. */
  readonly repoId?: string;
  readonly publisher?: Publisher;
  /** The commit and those before it, as far as the source lists them; whole where it goes back to the first. */
  readonly history?: { readonly commits: readonly SourceCommit[]; readonly isWhole: boolean };
  /** Who made what it adds to what is on record, by the names of their accounts, once that was found out. */
  readonly authors?: readonly string[];
  /** SPDX-like id as the card declares it, lower case, unchecked. */
  readonly license?: string;
  readonly gated?: boolean;
  readonly tags: readonly string[];
  /** The Hub's own scan status: our one-word reading of it, and as it came, unless that is evidence already. */
  readonly hubScan?: {
    readonly status: 'safe' | 'unsafe' | 'unknown';
    /** Files of which it says that they are safe, where it speaks of single files. */
    readonly safeFiles?: number;
    readonly raw?: unknown;
  };
  /** Sorted by path, paths unique and free of clashes. */
  readonly files: readonly SourceFile[];
  /** Files that an earlier selection left out on the way here. */
  readonly excluded?: readonly ExcludedFile[];
  /** The vault that the files come through, and its record of them. */
  readonly via?: { readonly vault: string; readonly record: Sha256 };
  /** What goes along as evidence, as it is. */
  readonly evidence?: readonly { readonly type: string; readonly bytes: Uint8Array }[];
}

/** Enough to open the same source in another thread. Holds the token: never stored, never logged. */
export type SourceTicket =
  | {
      readonly kind: 'hub';
      readonly endpoint: string;
      readonly token?: string;
      /** Hosts that a redirect may lead to; `*.` at the front stands for any sub-domain. */
      readonly hosts: readonly string[];
      readonly proxy?: string;
    }
  | { readonly kind: 'directory'; readonly path: string };

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

export interface Source {
  readonly ticket: SourceTicket;
  /** Hosts (or paths) contacted so far, for the record. */
  readonly contacted: ReadonlySet<string>;
  /**
   * The revision at one commit. `revision` undefined means the default branch.
   * Errors: WL_MODEL_NOT_FOUND, WL_REVISION_NOT_FOUND, WL_MODEL_GATED, WL_TOKEN_REFUSED, WL_PATH_REFUSED,
   * WL_SOURCE_LIES, WL_SOURCE_UNAVAILABLE.
   */
  resolve(model: ModelName, revision: string | undefined, signal?: AbortSignal): Promise<SourceRevision>;
  /**
   * Exactly the bytes of the range, in order. Broken connections are resumed and busy servers waited for, inside
   * named limits; a server that ignores ranges, shortens or lengthens the answer, or names another commit ends
   * with WL_SOURCE_LIES, one that keeps failing with WL_SOURCE_UNAVAILABLE.
   * A chunk belongs to the reader alone, who may `release` it when it is finished with.
   */
  read(
    revision: Pick<SourceRevision, 'model' | 'commit'>,
    file: SourceFile,
    range: ByteRange,
    signal?: AbortSignal,
  ): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** Throws a RangeError unless the range lies inside the file: asking otherwise is the caller's mistake. */
export function refuseRange({ path, sizeBytes }: SourceFile, { offset, length }: ByteRange): void {
  const inside = offset >= 0 && length >= 0 && offset + length <= sizeBytes;
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || !inside)
    throw new RangeError(`[${offset}, +${length}) is not a range of ${path}, ${sizeBytes} bytes`);
}

/** Whether bytes with these digests are what the source declares of the file, and what a record says where one does. */
export function isDeclared(
  { declared, recorded }: Pick<SourceFile, 'declared' | 'recorded'>,
  digests: { readonly sha256: Sha256; readonly gitBlobSha1: GitBlobSha1 },
): boolean {
  if (recorded !== undefined && recorded !== digests.sha256) return false;
  switch (declared.kind) {
    case 'lfs-sha256':
    case 'read-before':
      return declared.digest === digests.sha256;
    case 'git-blob-sha1':
      return declared.digest === digests.gitBlobSha1;
    case 'none':
      return true;
  }
}

/**
 * The vault: the private store that holds all durable state.
 *
 * *Objects* are small and read whole: statements, state, log. They are created once; the few that move are
 * swapped by comparison. A *staging area* takes the files of one admission, readable by nobody who reads
 * models, until it is *published* as a revision or discarded. Every implementation passes the suite in contract.ts;
 * retry, cache and metrics wrap this interface.
 */
import type { Sha256 } from '../base/digest.ts';
import type { RepoPath } from '../base/name.ts';
import type { Key, RevisionId } from './layout.ts';
import type { S3Settings } from './s3-place.ts';

/** What an object was when it was read: pass it to `swap` to replace exactly that. */
export type Tag = string & { readonly __tag?: never };

export interface StoredObject {
  readonly bytes: Uint8Array;
  readonly tag: Tag;
}

export interface Listed {
  readonly key: Key;
  readonly sizeBytes: number;
  /** By the store's clock. */
  readonly modified: Date;
}

/** What the store itself said about a completed file; the receipt keeps it. */
export interface StoredFile {
  readonly path: RepoPath;
  readonly sizeBytes: number;
  /** VersionId, ETag and checksum on S3; absent on a store without versions. */
  readonly version?: string;
  readonly etag?: string;
  readonly checksum?: string;
}

/** A file that must be as the manifest says. */
export interface ExpectedFile {
  readonly path: RepoPath;
  readonly sizeBytes: number;
  readonly sha256: Sha256;
}

/** Enough to open the same vault in another thread. Holds no credentials. */
export type VaultTicket =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 's3'; readonly settings: S3Settings };

/** Enough to write into a staging area from another thread. */
export type StagingTicket =
  | { readonly kind: 'directory'; readonly path: string }
  | {
      readonly kind: 's3';
      readonly settings: S3Settings;
      readonly area: string;
      readonly revision: RevisionId;
    };

/**
 * A file that the store holds complete in all its parts, and that nobody can read before it is published: on S3 a
 * pending multipart upload. Plain data; whoever staged the file vouches for it, the store cannot.
 */
export interface StagedUpload {
  readonly uploadId: string;
  readonly parts: readonly { readonly etag: string; readonly crc32: string }[];
  /** CRC-32 of the whole file, base64. */
  readonly crc32: string;
}

export interface StagedFile {
  readonly path: RepoPath;
  readonly sizeBytes: number;
}

/** What an earlier run left. Nothing of it is to be believed. */
export interface FinishedFiles {
  /** Files whose bytes can be read, and are to be hashed again. */
  readonly readable: readonly StagedFile[];
  /** What `keep` stored with uploads, as it stands there now: to be proved by its signature. */
  readonly notes: readonly Uint8Array[];
}

/** The files of one admission, not readable as a model by anyone. Held by one process at a time. */
export interface Staging {
  readonly id: string;
  readonly ticket: StagingTicket;
  finished(): Promise<FinishedFiles>;
  /** Counts the upload as the staged file of that path, and stores `note` for a later run that must know it. */
  keep(path: RepoPath, upload: StagedUpload, note: Uint8Array): Promise<void>;
  /** Counts the upload that a believed note tells of as the staged file of that path. */
  adopt(path: RepoPath, upload: StagedUpload): void;
  /**
   * Makes the staged files of these groups part of the published revision, and drops the rest; a group stands before
   * the next one begins. On a vault that publishes at once, what stands there already is an error; on one that
   * publishes by file it must be left out of the groups. Afterwards the area is gone. Throws WL_STAGING_LOST where
   * the store lost what was staged, or somebody else published meanwhile: whoever looks again knows which.
   */
  publish(groups: readonly (readonly ExpectedFile[])[]): Promise<readonly StoredFile[]>;
  /** Writes a small file into the area, replacing one of that path. */
  put(path: RepoPath, bytes: Uint8Array): Promise<void>;
  /** Lets go of the area and keeps what is in it, for a later run. */
  release(): Promise<void>;
  /** Drops the area and everything in it. */
  discard(): Promise<void>;
}

/** Something that is not published, and that nobody may be waiting for any more. */
export interface Leftover {
  readonly kind: 'staging area' | 'pending upload' | 'scratch';
  /** The area's name, or the key. */
  readonly name: string;
  readonly sizeBytes: number;
  /** When it was last touched, by the store's clock. */
  readonly modified: Date;
  /** Of an area: somebody works there now. */
  readonly held?: boolean;
  /** Areas and uploads of one revision have the same. */
  readonly owner?: string;
  /** Of an area: what was noted about its uploads. */
  notes?(): Promise<readonly Uint8Array[]>;
  readonly uploadId?: string;
  remove(): Promise<'removed' | 'busy'>;
}

export interface ReadOptions {
  /** Default: the whole file. */
  readonly range?: { readonly offset: number; readonly length: number };
  /** Exactly this version of the object, as a receipt names it. */
  readonly version?: string | undefined;
  /** Only while the object has this ETag: for stores that keep no versions. */
  readonly etag?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Vault {
  /** For people: where it is. */
  readonly location: string;
  /** The same for nobody else's vault: the location, and the store that it is in. */
  readonly place: string;
  readonly ticket: VaultTicket;
  /** Whether a revision appears at once, or file by file, `model.sig` last. */
  readonly publishes: 'at once' | 'by file';
  /** The object, or undefined. Throws WL_VAULT_CORRUPT if it is longer than `bytesMax`. */
  get(key: Key, bytesMax: number, signal?: AbortSignal): Promise<StoredObject | undefined>;
  /** Creates the object unless one stands there. `exists` means: other bytes than these stand there. */
  create(key: Key, bytes: Uint8Array): Promise<'created' | 'exists'>;
  /** Replaces the object that had `expected` (undefined: that was absent). `lost` means somebody was faster. */
  swap(key: Key, bytes: Uint8Array, expected: Tag | undefined): Promise<'swapped' | 'lost'>;
  /** Everything below the prefix, in no promised order. */
  list(prefix: Key): AsyncIterable<Listed>;
  /** Bytes of a large file, in order; a chunk belongs to the reader. Throws WL_VAULT_UNAVAILABLE if it is absent. */
  read(key: Key, options?: ReadOptions): AsyncIterable<Uint8Array>;
  /** Names and sizes of the files of a revision. */
  stat(id: RevisionId): Promise<readonly StoredFile[]>;
  /** All that the store says about a file of a revision; undefined if there is none. */
  inspect(id: RevisionId, path: RepoPath): Promise<StoredFile | undefined>;
  /** As `inspect`, of one version of the file. */
  inspectVersion?(id: RevisionId, path: RepoPath, version: string): Promise<StoredFile | undefined>;
  /** A URL that reads this version of the file, with nothing else to show, for so many seconds. */
  link?(
    id: RevisionId,
    path: RepoPath,
    by: { readonly version: string; readonly seconds: number },
  ): Promise<string>;
  /** A staging area for the revision: one that an earlier run left, if nobody holds it, else new. */
  stage(id: RevisionId): Promise<Staging>;
  /** The staging area of this name; `busy` while another process holds it, `gone` if there is none. */
  resume(area: string, id: RevisionId): Promise<Staging | 'busy' | 'gone'>;
  /**
   * Tells the store to refuse every read of the file, in the version on record and in what stands there now. Absent
   * where whoever reads the store directly cannot be kept from it.
   */
  keepFrom?(
    id: RevisionId,
    path: RepoPath,
    version: string | undefined,
  ): Promise<'kept' | 'gone' | 'unsupported'>;
  /** Whether what is written over or deleted can be had back, by its version; asked by a write that leaves nothing. */
  keepsVersions(): Promise<boolean>;
  /** What earlier runs left behind, and what runs at this moment hold. */
  leftovers(): AsyncIterable<Leftover>;
  /** Deletes the object. Only for what nothing published or logged refers to, and for removals on record. */
  remove(key: Key): Promise<void>;
  close(): Promise<void>;
}

/** Random access to a staged file, for formats that have their directory at the end. */
export interface StagedReader {
  readonly sizeBytes: number;
  read(offset: number, length: number): Uint8Array;
  close(): void;
}

/** Writes one file into a staging area. Bytes are durable, and the file finished, only after `finish`. */
export interface StagedWriter {
  /** Whether `StagingDoor.open` gives the file back once it is finished. */
  readonly readable: boolean;
  /** Takes the chunk over: its memory may be released once it is written. */
  write(chunk: Uint8Array): Promise<void>;
  /** The upload, for a file that cannot be read back: to be given to `Staging.keep`. */
  finish(): Promise<StagedUpload | undefined>;
  abort(): Promise<void>;
}

/** Where in a vault the same bytes stand already, as its records and receipts say. */
export interface StoredCopy {
  readonly revision: RevisionId;
  readonly path: RepoPath;
  readonly sizeBytes: number;
  readonly version: string;
  readonly etag: string;
}

/** The staging area as a worker thread sees it. */
export interface StagingDoor {
  create(path: RepoPath, sizeBytes: number): Promise<StagedWriter>;
  /** A finished file that is `readable`. */
  open(path: RepoPath): Promise<StagedReader>;
  remove(path: RepoPath): Promise<void>;
  /** Stages bytes that stand in the vault, inside the store; undefined where the store does not have exactly them. */
  copy?(path: RepoPath, from: StoredCopy): Promise<StagedUpload | undefined>;
  close(): Promise<void>;
}

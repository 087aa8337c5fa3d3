/**
 * The vault: the private store that holds all durable state.
 *
 * *Objects* are small and read whole: statements, state, log. They are created once; the few that move are
 * swapped by comparison. A *staging area* takes the files of one admission, readable by nobody who reads
 * models, until it is *published* as a revision in one step or discarded. Every implementation passes the suite
 * in contract.ts; retry, cache and metrics wrap this interface.
 */
import type { Sha256 } from '../base/digest.ts';
import type { RepoPath } from '../base/name.ts';
import type { Key, RevisionId } from './layout.ts';

/** What an object was when it was read: pass it to `swap` to replace exactly that. */
export type Tag = string & { readonly __tag?: never };

export interface StoredObject {
  readonly bytes: Uint8Array;
  readonly tag: Tag;
}

export interface Listed {
  readonly key: Key;
  readonly sizeBytes: number;
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

/** Enough to write into a staging area from another thread. */
export type StagingTicket = { readonly kind: 'directory'; readonly path: string };

export interface StagedFile {
  readonly path: RepoPath;
  readonly sizeBytes: number;
}

/** The files of one admission, not readable as a model by anyone. Held by one process at a time. */
export interface Staging {
  readonly id: string;
  readonly ticket: StagingTicket;
  /** Files that were finished here, also by an earlier run that died. Not to be believed before hashed again. */
  finished(): Promise<readonly StagedFile[]>;
  /**
   * Makes the staged files, exactly those in `order`, the published revision. The last in `order` is written
   * last. Idempotent after a crash: what is published already counts as done. Afterwards the area is gone.
   */
  publish(id: RevisionId, order: readonly RepoPath[]): Promise<readonly StoredFile[]>;
  /** Writes a small file into the area, replacing one of that path. */
  put(path: RepoPath, bytes: Uint8Array): Promise<void>;
  /** Lets go of the area and keeps what is in it, for a later run. */
  release(): Promise<void>;
  /** Drops the area and everything in it. */
  discard(): Promise<void>;
}

export interface Vault {
  /** For people: where it is. */
  readonly location: string;
  /** The object, or undefined. Throws WL_VAULT_CORRUPT if it is longer than `bytesMax`. */
  get(key: Key, bytesMax: number): Promise<StoredObject | undefined>;
  /** Creates the object unless one stands there. `exists` means: other bytes than these stand there. */
  create(key: Key, bytes: Uint8Array): Promise<'created' | 'exists'>;
  /** Replaces the object that had `expected` (undefined: that was absent). `lost` means somebody was faster. */
  swap(key: Key, bytes: Uint8Array, expected: Tag | undefined): Promise<'swapped' | 'lost'>;
  /** Everything below the prefix, in no promised order. */
  list(prefix: Key): AsyncIterable<Listed>;
  /** The bytes of a large file, in order. Throws WL_VAULT_UNAVAILABLE if it is absent. */
  read(key: Key, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /** What the store says about the files of a revision, without their bytes. */
  stat(id: RevisionId): Promise<readonly StoredFile[]>;
  /** A staging area for `purpose`: one that an earlier run with the same purpose left, if nobody holds it, else new. */
  stage(purpose: string): Promise<Staging>;
  /** The staging area with this id; `busy` while another process holds it, `gone` if there is none. */
  resume(id: string): Promise<Staging | 'busy' | 'gone'>;
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
  /** Takes the chunk over: its memory may be released once it is written. */
  write(chunk: Uint8Array): Promise<void>;
  finish(): Promise<void>;
  abort(): Promise<void>;
}

/** The staging area as a worker thread sees it. */
export interface StagingDoor {
  create(path: RepoPath, sizeBytes: number): Promise<StagedWriter>;
  open(path: RepoPath): StagedReader;
  remove(path: RepoPath): Promise<void>;
}

/** A file that must be as the manifest says. */
export interface ExpectedFile {
  readonly path: RepoPath;
  readonly sizeBytes: number;
  readonly sha256: Sha256;
}

/** What a transfer and its worker threads say to each other. */
import type { GitBlobSha1, Sha256 } from '../base/digest.ts';
import { ERRORS, type ErrorCode, WeighlockError } from '../base/errors.ts';
import type { EngineTicket, Examination } from '../engines/engine.ts';
import type { Facts } from '../formats/facts.ts';
import type { SourceFile, SourceRevision } from '../sources/source.ts';
import type { StagedUpload, StagingTicket, StoredCopy } from '../vault/vault.ts';
import type { TransferSource } from './source.ts';

/** What every job of one transfer shares. */
export interface CrewOrder {
  readonly source: TransferSource;
  readonly staging: StagingTicket;
  readonly revision: Pick<SourceRevision, 'model' | 'commit'>;
  /** Bytes brought in so far, per file by its number in the manifest. */
  readonly counters: SharedArrayBuffer;
  /** Bytes of one file that may wait in memory ahead of the hash. */
  readonly readAheadBytes: number;
  /** Bytes of one file that may wait in memory behind it, where the store takes them in parts. */
  readonly partsBytes: number;
  /** `facts`: files are parsed while they pass. `bytes`: they are hashed only. */
  readonly reads: 'facts' | 'bytes';
  /** Who else looks at the bytes of each file. */
  readonly engines?: readonly EngineTicket[];
}

/** Bytes that stand in the vault already, and what is known of them. */
export interface KnownCopy extends StoredCopy {
  readonly sha256: Sha256;
  readonly facts: Facts;
}

export interface FileJob {
  readonly number: number;
  readonly file: SourceFile;
  /** The file was finished by an earlier run: take those bytes if they are the declared ones. */
  readonly staged: boolean;
  /** Copy these bytes inside the store, if it can and still has them. */
  readonly copy?: KnownCopy | undefined;
}

/** A file that stands in the staging area, hashed and parsed in one pass. */
export interface BroughtFile {
  readonly file: SourceFile;
  readonly sizeBytes: number;
  readonly sha256: Sha256;
  readonly gitBlobSha1: GitBlobSha1;
  /** Undefined in a transfer that only reads bytes. */
  readonly facts: Facts | undefined;
  /** What other engines said of it, where some are configured. */
  readonly examinations?: readonly Examination[];
  /** Where the bytes came from this time. */
  readonly from: 'source' | 'staging' | 'vault';
  /** What waits in the store, where the file cannot be read back from the staging area. */
  readonly upload?: StagedUpload | undefined;
}

export type JobResult =
  | {
      readonly number: number;
      readonly outcome: 'brought';
      readonly brought: BroughtFile;
      readonly contacted: readonly string[];
    }
  | { readonly number: number; readonly outcome: 'failed'; readonly error: PlainError };

/** An error that crosses threads. */
export interface PlainError {
  readonly code?: string;
  readonly message: string;
  readonly hint?: string;
  readonly stack?: string;
}

export function toPlainError(error: unknown): PlainError {
  if (error instanceof WeighlockError) return { code: error.code, message: error.message, hint: error.hint };
  if (error instanceof Error) return { message: error.message, ...(error.stack && { stack: error.stack }) };
  return { message: String(error) };
}

export function fromPlainError(plain: PlainError): Error {
  if (plain.code && plain.code in ERRORS) {
    return new WeighlockError(plain.code as ErrorCode, plain.message, plain.hint ? { hint: plain.hint } : {});
  }
  const error = new Error(plain.message);
  if (plain.stack) error.stack = plain.stack;
  return error;
}

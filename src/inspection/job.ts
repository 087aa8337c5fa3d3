/** What an inspection and its worker threads say to each other. */
import type { Sha256 } from '../base/digest.ts';
import type { EngineTicket, Examination } from '../engines/engine.ts';
import type { Facts } from '../formats/facts.ts';
import type { PlainError } from '../transfer/job.ts';
import type { SubjectFile, SubjectTicket } from './subject.ts';

/** What every job of one worker shares. */
export interface InspectionOrder {
  readonly ticket: SubjectTicket;
  /** Bytes that went by, per file by its number. */
  readonly counters: SharedArrayBuffer;
  /** Bytes of one remote file that may wait in memory ahead of the hash. */
  readonly readAheadBytes: number;
  /** Who else looks at the bytes. */
  readonly engines: readonly EngineTicket[];
}

export interface InspectionJob {
  readonly number: number;
  readonly file: SubjectFile;
}

export type InspectionResult =
  | {
      readonly number: number;
      readonly outcome: 'read';
      readonly sizeBytes: number;
      readonly sha256: Sha256;
      readonly facts: Facts;
      readonly examinations: readonly Examination[];
      readonly contacted: readonly string[];
    }
  | {
      readonly number: number;
      readonly outcome: 'failed';
      readonly error: PlainError;
      readonly contacted: readonly string[];
    };

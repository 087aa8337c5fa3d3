/**
 * Inspection: what `weighlock scan` does. A *subject* is what is to be inspected: a file, a folder, a repo at the
 * Hub, a prefix of a bucket, or a URL. Its files are read by the parsers and judged by the scanners of an admission,
 * and nothing is stored. A *full* inspection reads every byte; a *triage* reads what decides, by ranges, and says
 * which bytes it has seen.
 */
import type { ErrorCode } from '../base/errors.ts';
import type { SourceFile, SourceRevision } from '../sources/source.ts';
import type { TransferSource } from '../transfer/source.ts';

/** Enough to open the files of a subject in another thread. */
export type SubjectTicket =
  | { readonly kind: 'local'; readonly root: string }
  | {
      readonly kind: 'remote';
      readonly source: TransferSource;
      readonly revision: Pick<SourceRevision, 'model' | 'commit'>;
    };

export interface SubjectFile {
  /** As it is shown: relative to the subject, `/` between parts. A local one need not be a safe name. */
  readonly path: string;
  readonly sizeBytes: number;
  /** What its source says of it, for one that is remote. */
  readonly remote?: SourceFile;
}

/** Something that was found where files are, and that cannot be read as one. */
export interface Unreadable {
  readonly path: string;
  readonly code: ErrorCode;
  readonly message: string;
}

export interface Subject {
  /** For people: what was named. */
  readonly name: string;
  readonly ticket: SubjectTicket;
  readonly files: readonly SubjectFile[];
  readonly unreadable: readonly Unreadable[];
  /** What the Hub says of the repo, where the subject is one. */
  readonly revision?: SourceRevision;
}

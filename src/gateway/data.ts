/** Data: how the bytes of a served file come to a client. One implementation reads a directory, one knows a bucket. */
import type { RevisionId } from '../vault/layout.ts';
import type { ServedFile } from './catalog.ts';

/** A range inside a file: both ends belong to it. */
export interface ByteSpan {
  readonly first: number;
  readonly last: number;
}

export type Delivery =
  /** A URL that reads exactly the recorded bytes for `seconds`. */
  | { readonly by: 'redirect'; readonly url: string; readonly seconds: number }
  /** The bytes of the span, in order, at the reader's pace. */
  | { readonly by: 'stream'; readonly bytes: AsyncIterable<Uint8Array> };

export interface DataDoor {
  /** Somebody asked about the revision: what takes time before its files can be given out may begin. */
  prepare?(id: RevisionId): void;
  /**
   * The bytes of `span` of a file (of the whole file, where it is undefined; never asked for an empty one).
   * Throws WL_VAULT_CORRUPT where the vault does not hold exactly what was recorded, WL_VAULT_UNAVAILABLE where it does
   * not answer. With `direct`, never a redirect: for what the store would answer otherwise than asked.
   */
  open(
    id: RevisionId,
    file: ServedFile,
    options: {
      readonly span: ByteSpan | undefined;
      readonly signal: AbortSignal;
      readonly direct?: boolean;
    },
  ): Promise<Delivery>;
  /** The first byte of a file that is not empty: clients ask for it to learn size and digest. */
  firstByte(id: RevisionId, file: ServedFile): Promise<Uint8Array>;
  /** A small file, whole. */
  read(id: RevisionId, file: ServedFile, signal?: AbortSignal): Promise<Uint8Array>;
  close(): Promise<void>;
}

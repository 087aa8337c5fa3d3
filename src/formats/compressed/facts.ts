/**
 * Compressed streams: one file of any format, packed as a whole, perhaps as several streams one after another. What
 * counts is what comes out, so the facts are those of the content, together with what the packing adds.
 */
import type { BaseFacts } from '../parse.ts';
import type { Method } from './codec.ts';

export const COMPRESSED_PARSER = 'compressed/1';

export interface CompressedFacts extends BaseFacts {
  readonly format: 'compressed';
  readonly method: Method;
  /** Streams that were expanded to their end. */
  readonly streams: number;
  /** Bytes that they expand to. */
  readonly contentBytes: number;
  /** Offsets inside count in the content. Absent where it was not read. */
  readonly content?: BaseFacts;
}

/**
 * A codec: how one way of compressing is recognised and expanded.
 */
import type { Parse } from '../parse.ts';
import type { Output } from './output.ts';
import type { Packed } from './packed.ts';

export type Method = 'zlib' | 'gzip' | 'bzip2' | 'xz' | 'lzma' | 'lz4' | 'zstd';

export interface Codec {
  readonly method: Method;
  /** Whether bytes begin as a stream does; false where there are too few. */
  fits(head: Uint8Array): boolean;
  /** Zeros that readers allow behind a stream: so many, or a multiple; 0 for none. */
  readonly padding: number;
  /** Expands one stream, checks it, and leaves the input behind it. Throws Malformed. */
  decode(packed: Packed, output: Output): Parse<void>;
}

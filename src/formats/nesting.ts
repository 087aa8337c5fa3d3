/**
 * Content in content: members of archives and what compressed streams hold. A *nesting* says how many of them lie
 * around an input, and shares what all of them together may expand to: a bomb in a bomb costs no more than one.
 */
import type { Access, BaseFacts, Parse } from './parse.ts';

export interface Nesting {
  /** Archives and compressed streams around. */
  readonly depth: number;
  /** What may still come out of all of them, and how much text of it may be held for what is not a parse. */
  readonly budget: { bytes: number; textBytes: number };
}

/** How to read a content, decided by its head. */
export interface Inner {
  readonly access: Access;
  parse(sizeBytes: number, nesting: Nesting): Parse<BaseFacts>;
  /** For content that flows by and is too large to be held: reads forward, and gives up what cannot be read so. */
  parseForward?(sizeBytes: number, nesting: Nesting): Parse<BaseFacts>;
}

/** Bytes that decide: every magic number lies within, and enough text to tell it from binary. */
export const HEAD_BYTES = 4096;

/** Decides by `HEAD_BYTES` of a content, or all of it. */
export type Identify = (head: Uint8Array) => Inner;

/** Archives in archives. */
export const DEPTH_MAX = 4;

/** What a file may expand to in any case, and for each of its own bytes: text that compresses well reaches 20. */
const EXPANDED_FREE_BYTES = 64 << 20;
const EXPANDED_MAX = 32;

/** Expansion above which a stream or member of more than 1 MiB is a bomb rather than a file. */
export const EXPANSION_MAX = 200;
export const EXPANSION_FREE_BYTES = 1 << 20;

/** Text inside of one file that is searched for secrets. */
const TEXT_BYTES_MAX = 8 << 20;

/** Nothing lies around a file itself. */
export function outermost(sizeBytes: number): Nesting {
  const bytes = Math.max(EXPANDED_FREE_BYTES, sizeBytes * EXPANDED_MAX);
  return { depth: 0, budget: { bytes, textBytes: TEXT_BYTES_MAX } };
}

export function inside({ depth, budget }: Nesting): Nesting {
  return { depth: depth + 1, budget };
}

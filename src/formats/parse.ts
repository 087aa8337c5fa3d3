/**
 * Formats: bytes → facts.
 *
 * A *parser* is a generator that asks for ranges of bytes and returns *facts*; it never knows whether they come
 * from a stream, a file or a range request, and it never sees a file name: content decides. A driver answers
 * its requests (see drive.ts). Parsers are synchronous, hold no more than they ask for, have named limits, and
 * never throw on hostile input: what they cannot account for becomes a gap, what contradicts itself a problem.
 */
import type { Gap } from '../base/finding.ts';

/** A request for bytes. The answer is shorter than `length` only where the input ends. */
export interface Read {
  readonly offset: number;
  readonly length: number;
}

/** A parse under way: yields reads, is resumed with the bytes, returns facts. Delegate with `yield*`. */
export type Parse<Facts> = Generator<Read, Facts, Uint8Array>;

/** Something that contradicts its own format, stated without judgement. */
export interface Problem {
  /** Permanent id inside the format, for example `tensors-overlap`. */
  readonly code: string;
  readonly offset: number;
  readonly detail: string;
  readonly member?: string;
}

/** What all facts share. */
export interface BaseFacts {
  /** Decided by content. */
  readonly format: string;
  /** Parser and version of its facts, for example `safetensors/1`: a new version means facts are made anew. */
  readonly parser: string;
  readonly sizeBytes: number;
  /** Ranges that the parser did not account for; none means the file was read completely. */
  readonly gaps: readonly Gap[];
  readonly problems: readonly Problem[];
}

/**
 * How a parser reads: `forward` asks for ranges in ascending order and can run while bytes stream by;
 * `random` needs the whole input to be readable anywhere (archives have their directory at the end).
 */
export type Access = 'forward' | 'random';

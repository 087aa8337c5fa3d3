/**
 * What a parser throws inside itself where input contradicts its format and cannot be read any further. Its own
 * outermost function catches it and turns it into a problem and a gap: it never leaves the parser.
 */
import type { Gap } from '../base/finding.ts';
import type { Problem } from './parse.ts';

export class Malformed extends Error {
  readonly code: string;
  readonly offset: number;

  constructor(code: string, offset: number, detail: string) {
    super(detail);
    this.name = 'Malformed';
    this.code = code;
    this.offset = offset;
  }
}

/** Most problems kept of one file: the first ones tell the story, a million of them only fill memory. */
const PROBLEMS_MAX = 64;

/** Longest piece of hostile text that is quoted in a detail. */
const QUOTE_CHARS_MAX = 80;

/** Problems and gaps of one file, collected while it is parsed; bounded. */
export class Account {
  readonly #problems: Problem[] = [];
  readonly #gaps: Gap[] = [];

  get problems(): readonly Problem[] {
    return this.#problems;
  }

  get gaps(): readonly Gap[] {
    return this.#gaps;
  }

  problem(code: string, offset: number, detail: string): void {
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push({ code, offset, detail });
  }

  /** Bytes that nothing accounts for; an empty range counts for nothing. */
  gap(offset: number, length: number, reason: string): void {
    if (length > 0 && this.#gaps.length < PROBLEMS_MAX) this.#gaps.push({ offset, length, reason });
  }

  /** Takes what a parser threw: the rest of the file is a gap. Anything but `Malformed` is our own mistake. */
  give(thrown: unknown, sizeBytes: number): void {
    if (!(thrown instanceof Malformed)) throw thrown;
    this.problem(thrown.code, thrown.offset, thrown.message);
    const from = Math.min(Math.max(thrown.offset, 0), Math.max(sizeBytes - 1, 0));
    this.gap(from, sizeBytes - from, thrown.message);
  }
}

/** Hostile text, quoted and cut, for a detail or a message. */
export function quoted(text: string): string {
  const cut = text.length > QUOTE_CHARS_MAX ? `${text.slice(0, QUOTE_CHARS_MAX)}…` : text;
  return JSON.stringify(cut);
}

/**
 * Content that comes out of a decoder, piece by piece: metered, then held or fed to the parser that its head asks for.
 */
import { Feed, parseInMemory } from '../feed.ts';
import { Malformed } from '../malformed.ts';
import {
  EXPANSION_FREE_BYTES,
  EXPANSION_MAX,
  HEAD_BYTES,
  type Identify,
  type Inner,
  inside,
  type Nesting,
} from '../nesting.ts';
import type { BaseFacts } from '../parse.ts';
import type { Sink } from './ring.ts';

/** Content that is held in memory: what must be read from its end, and what is small. */
export const HELD_BYTES_MAX = 32 << 20;

/** Counts what a decoder makes, and ends it where that is too much: for what it read, or for all around. Throws Malformed. */
export class Meter implements Sink {
  readonly #next: Sink;
  readonly #nesting: Nesting;
  readonly #readBytes: () => number;
  totalBytes = 0;

  /** `readBytes`: how much the decoder has read so far. */
  constructor(
    next: Sink,
    { nesting, readBytes }: { readonly nesting: Nesting; readonly readBytes: () => number },
  ) {
    this.#next = next;
    this.#nesting = nesting;
    this.#readBytes = readBytes;
    // Not even the first bytes, or many small ones would cost more than a large one.
    if (nesting.budget.bytes <= 0) throw spent();
  }

  push(bytes: Uint8Array): void {
    this.totalBytes += bytes.length;
    const { budget } = this.#nesting;
    budget.bytes -= bytes.length;
    if (budget.bytes < 0) throw spent();
    if (this.totalBytes > EXPANSION_FREE_BYTES && this.totalBytes > this.#readBytes() * EXPANSION_MAX)
      throw new Malformed(
        'expands-too-far',
        0,
        `a stream expands to more than ${EXPANSION_MAX} times its size`,
      );
    this.#next.push(bytes);
  }
}

function spent(): Malformed {
  return new Malformed('expands-too-far', 0, 'the file expands to more than a file of its size may');
}

/** What is kept of content that turns out too large to be held. */
const PREFIX_BYTES = 1 << 20;

/** Holds all bytes, as far as `HELD_BYTES_MAX` and their number allow; otherwise the first ones. */
export class Spool implements Sink {
  readonly #sizeBytes: number;
  #bytes: Buffer = Buffer.alloc(0);
  #held = 0;
  totalBytes = 0;

  /** `sizeBytes`: more will not come, or need not be held. */
  constructor(sizeBytes: number) {
    this.#sizeBytes = Math.min(HELD_BYTES_MAX, sizeBytes);
  }

  push(bytes: Uint8Array): void {
    const whole = this.whole;
    this.totalBytes += bytes.length;
    if (!whole) return;
    // Memory that nothing was written to yet costs nothing.
    if (this.#bytes.length === 0) this.#bytes = Buffer.alloc(this.#sizeBytes);
    const count = Math.min(bytes.length, this.#bytes.length - this.#held);
    this.#bytes.set(bytes.subarray(0, count), this.#held);
    this.#held += count;
    if (count === bytes.length || this.#held <= PREFIX_BYTES) return;
    this.#bytes = Buffer.from(this.#bytes.subarray(0, PREFIX_BYTES));
    this.#held = PREFIX_BYTES;
  }

  get whole(): boolean {
    return this.#held === this.totalBytes;
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#held);
  }
}

export interface ContentInput {
  /** How many bytes will come. */
  readonly sizeBytes: number;
  readonly identify: Identify;
  /** Of what holds the content. */
  readonly nesting: Nesting;
}

/** Parses content of a known size while it comes. */
export class Content implements Sink {
  readonly #input: ContentInput;
  readonly #head: Buffer;
  #filled = 0;
  #inner: Inner | undefined;
  #feed: Feed | undefined;
  #held: Spool | undefined;

  constructor(input: ContentInput) {
    this.#input = input;
    this.#head = Buffer.alloc(Math.min(HEAD_BYTES, input.sizeBytes));
  }

  push(bytes: Uint8Array): void {
    if (this.#inner !== undefined) {
      this.#pass(bytes);
      return;
    }
    const count = Math.min(bytes.length, this.#head.length - this.#filled);
    this.#head.set(bytes.subarray(0, count), this.#filled);
    this.#filled += count;
    if (this.#filled < this.#head.length) return;
    this.#begin();
    this.#pass(this.#head);
    this.#pass(bytes.subarray(count));
  }

  /** The facts, or undefined where the content must be read from its end and is too large to be held. */
  end(): BaseFacts | undefined {
    const { nesting, sizeBytes } = this.#input;
    if (this.#inner === undefined) {
      this.#begin();
      this.#pass(this.#head.subarray(0, this.#filled));
    }
    if (this.#feed !== undefined) return this.#feed.end();
    const bytes = this.#held?.bytes ?? Buffer.alloc(0);
    if (this.#inner === undefined || bytes.length !== sizeBytes) return undefined;
    return parseInMemory(this.#inner.parse(sizeBytes, inside(nesting)), bytes);
  }

  #begin(): void {
    const { identify, nesting, sizeBytes } = this.#input;
    const inner = identify(this.#head.subarray(0, this.#filled));
    this.#inner = inner;
    if (inner.access === 'forward') this.#feed = new Feed(inner.parse(sizeBytes, inside(nesting)), sizeBytes);
    else if (sizeBytes <= HELD_BYTES_MAX) this.#held = new Spool(sizeBytes);
    else if (inner.parseForward !== undefined)
      this.#feed = new Feed(inner.parseForward(sizeBytes, inside(nesting)), sizeBytes);
  }

  #pass(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#feed?.push(bytes);
    this.#held?.push(bytes);
  }
}

/**
 * Drivers: they answer the reads of a parser from wherever the bytes are. A *buffer* and *random access* are
 * driven to the end at once; a *stream* is driven while its chunks pass, so that a file is parsed in the same
 * pass that downloads and hashes it. The facts are the same whichever driver made them.
 */
import { completeFacts } from './complete.ts';
import type { Facts } from './facts.ts';
import { HEAD_BYTES, identify } from './identify.ts';
import { opaqueFacts } from './opaque.ts';
import type { Parse, Read } from './parse.ts';
import { TAIL_BYTES, withWhole } from './whole.ts';

/** Bytes that can be read anywhere, synchronously: a file descriptor in a worker thread. */
export interface RandomAccess {
  readonly sizeBytes: number;
  /** The bytes of the range; shorter only where the input ends. Not written to again by the caller. */
  read(offset: number, length: number): Uint8Array;
}

/** The facts of a whole file in memory. Never throws on hostile input. */
export function parseBuffer(bytes: Uint8Array): Facts {
  return parseRandom({
    sizeBytes: bytes.length,
    read: (offset, length) => bytes.subarray(offset, Math.min(bytes.length, offset + length)),
  });
}

/** The facts of a file that can be read anywhere. Throws only what `read` throws. */
export function parseRandom(access: RandomAccess): Facts {
  const { sizeBytes } = access;
  const parser = identify(access.read(0, Math.min(HEAD_BYTES, sizeBytes)));
  const run = new Run(parser.parse(sizeBytes));
  let read = run.start(sizeBytes);
  while (read !== undefined) read = run.answer(access.read(read.offset, read.length), sizeBytes);
  const tailBegin = Math.max(0, sizeBytes - TAIL_BYTES);
  const tail = access.read(tailBegin, sizeBytes - tailBegin);
  return withWhole(run.facts, { declaredBytes: sizeBytes, actualBytes: sizeBytes, tail });
}

/** `parseRandom`, and what takes time beside the parse: secrets in text. */
export async function parseRandomCompletely(access: RandomAccess): Promise<Facts> {
  return completeFacts(parseRandom(access));
}

/**
 * Parses a file while its bytes flow. Chunks are read during `push` only and may be reused afterwards; ranges
 * that the parser does not ask for pass without being copied.
 */
export class StreamParse {
  readonly #declaredBytes: number;
  readonly #head: Collector;
  readonly #tail: Collector;
  #run: Run | undefined;
  #pending: Collector | undefined;
  #offset = 0;
  #access: 'forward' | 'random' | undefined;

  /** `sizeBytes`: the declared size of the file; the facts say so where another number of bytes comes. */
  constructor(sizeBytes: number) {
    this.#declaredBytes = sizeBytes;
    this.#head = new Collector({ offset: 0, length: Math.min(HEAD_BYTES, sizeBytes) });
    const tailBegin = Math.max(0, sizeBytes - TAIL_BYTES);
    this.#tail = new Collector({ offset: tailBegin, length: sizeBytes - tailBegin });
  }

  /**
   * True as soon as the head shows a format that must be read from the end: stage the file, and give it to
   * `parseRandom` afterwards. Pushing on is allowed and does nothing.
   */
  get needsRandomAccess(): boolean {
    return this.#access === 'random';
  }

  push(chunk: Uint8Array): void {
    const offset = this.#offset;
    this.#offset += chunk.length;
    this.#tail.take(chunk, offset);
    if (this.#access !== undefined) {
      this.#feed(chunk, offset);
      return;
    }
    this.#head.take(chunk, offset);
    if (!this.#head.full) return;
    this.#identify();
    this.#feed(chunk, offset);
  }

  /** Ends the input. The facts, or that they must be made by `parseRandom` from the staged file. */
  end(): Facts | 'needs-random-access' {
    if (this.#access === undefined) this.#identify();
    if (this.#access === 'random') return 'needs-random-access';
    const run = this.#run;
    if (run === undefined) throw new Error('a stream was ended that has no parser');
    while (this.#pending !== undefined) this.#resume(run, this.#pending);
    return withWhole(run.facts, {
      declaredBytes: this.#declaredBytes,
      actualBytes: this.#offset,
      tail: this.#tail.bytes,
    });
  }

  /** `end`, and what takes time beside the parse: secrets in text. */
  async finish(): Promise<Facts | 'needs-random-access'> {
    const facts = this.end();
    return facts === 'needs-random-access' ? facts : completeFacts(facts);
  }

  #identify(): void {
    const head = this.#head.bytes;
    const parser = identify(head);
    this.#access = parser.access;
    if (parser.access === 'random') return;
    const run = new Run(parser.parse(this.#declaredBytes));
    this.#run = run;
    this.#expect(run.start(this.#declaredBytes));
    this.#feed(head, 0);
  }

  #feed(chunk: Uint8Array, offset: number): void {
    while (this.#pending !== undefined) {
      this.#pending.take(chunk, offset);
      if (!this.#pending.full || this.#run === undefined) return;
      this.#resume(this.#run, this.#pending);
    }
  }

  #resume(run: Run, answered: Collector): void {
    const end = answered.read.offset + answered.read.length;
    const next = run.answer(answered.bytes, this.#declaredBytes);
    if (next !== undefined && next.offset < end)
      throw new Error(`a forward parser asked for ${next.offset} after it had read to ${end}`);
    this.#expect(next);
  }

  #expect(read: Read | undefined): void {
    if (read === undefined) {
      this.#pending = undefined;
      return;
    }
    const left = Math.max(0, this.#declaredBytes - read.offset);
    this.#pending = new Collector({ offset: read.offset, length: Math.min(read.length, left) });
  }
}

/** Copies one range out of the chunks that pass. */
class Collector {
  readonly read: Read;
  #bytes: Uint8Array | undefined;
  #filled = 0;

  constructor(read: Read) {
    this.read = read;
  }

  get full(): boolean {
    return this.#filled >= this.read.length;
  }

  get bytes(): Uint8Array {
    return this.#bytes?.subarray(0, this.#filled) ?? new Uint8Array(0);
  }

  /** Takes what the chunk holds of the range and was not taken before: the same chunk may be offered twice. */
  take(chunk: Uint8Array, offset: number): void {
    const wanted = this.read.offset + this.#filled;
    const from = wanted - offset;
    const to = Math.min(chunk.length, this.read.offset + this.read.length - offset);
    if (from < 0 || from >= to) return;
    this.#bytes ??= new Uint8Array(this.read.length);
    this.#bytes.set(chunk.subarray(from, to), this.#filled);
    this.#filled += to - from;
  }
}

/**
 * One parse under way. A parser must not throw on hostile input; if one does all the same, the file fails closed
 * as one that nobody read, and the admission of the other files goes on.
 */
class Run {
  readonly #parse: Parse<Facts>;
  #facts: Facts | undefined;

  constructor(parse: Parse<Facts>) {
    this.#parse = parse;
  }

  get facts(): Facts {
    if (this.#facts === undefined) throw new Error('a parse was read before its end');
    return this.#facts;
  }

  start(sizeBytes: number): Read | undefined {
    return this.#step(() => this.#parse.next(), sizeBytes);
  }

  answer(bytes: Uint8Array, sizeBytes: number): Read | undefined {
    return this.#step(() => this.#parse.next(bytes), sizeBytes);
  }

  #step(next: () => IteratorResult<Read, Facts>, sizeBytes: number): Read | undefined {
    try {
      const { done, value } = next();
      if (!done) return value;
      this.#facts = value;
    } catch (thrown) {
      const detail = thrown instanceof Error ? thrown.message : 'unknown';
      const facts = opaqueFacts(sizeBytes, { seems: 'unknown', executable: false });
      this.#facts = { ...facts, problems: [{ code: PARSER_FAILED, offset: 0, detail }] };
    }
    return undefined;
  }
}

/** The problem of a file on which our own parser threw: a mistake of ours, worth a report. */
export const PARSER_FAILED = 'parser-failed';

/**
 * Feeding a parser content that is not a file: expanded bytes that flow by, or lie in memory.
 */
import type { BaseFacts, Parse, Read } from './parse.ts';
import { TAIL_BYTES, withWhole } from './whole.ts';

/** The facts of content that is in memory as a whole. */
export function parseInMemory(parse: Parse<BaseFacts>, bytes: Uint8Array): BaseFacts {
  let step = parse.next();
  while (!step.done) {
    const { offset, length } = step.value;
    step = parse.next(bytes.subarray(offset, offset + length));
  }
  const tail = bytes.subarray(Math.max(0, bytes.length - TAIL_BYTES));
  return withWhole(step.value, { declaredBytes: bytes.length, actualBytes: bytes.length, tail });
}

/** Runs a forward parser while its input is pushed. Chunks are read during `push` only. */
export class Feed {
  readonly #parse: Parse<BaseFacts>;
  readonly #sizeBytes: number;
  readonly #tail: Range;
  #step: IteratorResult<Read, BaseFacts>;
  #wanted: Range | undefined;
  #offset = 0;

  /** `sizeBytes`: how many bytes will be pushed; the facts say so where it is another number. */
  constructor(parse: Parse<BaseFacts>, sizeBytes: number) {
    this.#parse = parse;
    this.#sizeBytes = sizeBytes;
    this.#tail = new Range(Math.max(0, sizeBytes - TAIL_BYTES), sizeBytes);
    this.#step = parse.next();
    this.#expect();
  }

  push(chunk: Uint8Array): void {
    const offset = this.#offset;
    this.#offset += chunk.length;
    this.#tail.take(chunk, offset);
    while (this.#wanted !== undefined) {
      this.#wanted.take(chunk, offset);
      if (!this.#wanted.full) return;
      this.#answer(this.#wanted);
    }
  }

  /** Ends the input: what the parser still asks for is not there. */
  end(): BaseFacts {
    while (this.#wanted !== undefined) this.#answer(this.#wanted);
    if (!this.#step.done) throw new Error('a parse was read before its end');
    const [declaredBytes, actualBytes] = [this.#sizeBytes, this.#offset];
    return withWhole(this.#step.value, { declaredBytes, actualBytes, tail: this.#tail.bytes });
  }

  #answer(range: Range): void {
    this.#step = this.#parse.next(range.bytes);
    this.#expect();
  }

  #expect(): void {
    if (this.#step.done) {
      this.#wanted = undefined;
      return;
    }
    const { offset, length } = this.#step.value;
    this.#wanted = new Range(offset, Math.min(offset + length, this.#sizeBytes));
  }
}

/** One range, copied out of the chunks that pass. */
class Range {
  readonly #begin: number;
  readonly #length: number;
  #bytes: Uint8Array | undefined;
  #filled = 0;

  constructor(begin: number, end: number) {
    this.#begin = begin;
    this.#length = Math.max(0, end - begin);
  }

  get full(): boolean {
    return this.#filled >= this.#length;
  }

  get bytes(): Uint8Array {
    return this.#bytes?.subarray(0, this.#filled) ?? new Uint8Array(0);
  }

  take(chunk: Uint8Array, offset: number): void {
    const from = this.#begin + this.#filled - offset;
    const to = Math.min(chunk.length, this.#begin + this.#length - offset);
    if (from < 0 || from >= to) return;
    this.#bytes ??= new Uint8Array(this.#length);
    this.#bytes.set(chunk.subarray(from, to), this.#filled);
    this.#filled += to - from;
  }
}

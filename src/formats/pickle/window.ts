/**
 * A window that moves forward over the input: holds what the machine has not yet taken, asks for more in large
 * reads of ascending offsets, and jumps over what may be skipped.
 */
import type { Read } from '../parse.ts';

/** One read: large enough that the driver's work does not count, small enough to hold for many files at once. */
const CHUNK_BYTES = 256 << 10;

export class Window {
  /** What is held, from `offset` of the input on. */
  bytes: Buffer = Buffer.alloc(0);
  offset: number;
  readonly #origin: number;
  readonly #end: number;

  /** `origin` is where the input starts in the driver's coordinates; offsets here are relative to it. */
  constructor(origin: number, sizeBytes: number) {
    this.#origin = origin;
    this.#end = sizeBytes;
    this.offset = 0;
  }

  get atEnd(): boolean {
    return this.offset + this.bytes.length >= this.#end;
  }

  /** Drops `count` bytes from the front, held or not. False where the input ends before. */
  skip(count: number): boolean {
    if (this.offset + count > this.#end) return false;
    this.bytes = count >= this.bytes.length ? Buffer.alloc(0) : this.bytes.subarray(count);
    this.offset += count;
    return true;
  }

  /** Holds at least `count` bytes from the front, or all there are. False where the input ends before. */
  *fill(count: number): Generator<Read, boolean, Uint8Array> {
    while (this.bytes.length < count && !this.atEnd) {
      const from = this.offset + this.bytes.length;
      const length = Math.min(this.#end - from, Math.max(CHUNK_BYTES, count - this.bytes.length));
      const answer = yield { offset: this.#origin + from, length };
      if (answer.length === 0) return false;
      const more = Buffer.from(answer.buffer, answer.byteOffset, Math.min(answer.length, length));
      this.bytes = this.bytes.length === 0 ? more : Buffer.concat([this.bytes, more]);
    }
    return this.bytes.length >= count;
  }

  /** Moves behind the next newline. False where the input ends before. */
  *skipLine(): Generator<Read, boolean, Uint8Array> {
    for (;;) {
      const newline = this.bytes.indexOf(0x0a);
      if (newline !== -1) return this.skip(newline + 1);
      if (!this.skip(this.bytes.length) || !(yield* this.fill(1))) return false;
    }
  }
}

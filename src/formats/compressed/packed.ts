/**
 * The packed side of a decoder: a stretch of bytes ahead, brought to hand in blocks. Decoders read `bytes` from `at`
 * on directly; behind the end of the input stand zeros, so that a loop need not look for the end at each bit.
 */
import { Malformed } from '../malformed.ts';
import type { Parse } from '../parse.ts';

const BLOCK_BYTES = 64 << 10;

/** Zeros behind the end; as many bytes may be read ahead of what was asked for. */
export const PADDING_BYTES = 64;

/** Bytes that a bit reader may hold ahead of where it is. */
const AHEAD_BYTES = 4;

export class Packed {
  bytes: Uint8Array = new Uint8Array(PADDING_BYTES);
  /** Index in `bytes` of the next byte, and behind the last one that is really there. */
  at = 0;
  end = 0;
  readonly #sizeBytes: number;
  readonly #origin: number;
  /** Offset in the input of `bytes[0]`. */
  #base = 0;

  /** `origin` is where the input starts in the coordinates of the reads. */
  constructor(sizeBytes: number, origin = 0) {
    this.#sizeBytes = sizeBytes;
    this.#origin = origin;
  }

  get offset(): number {
    return this.#base + this.at;
  }

  get remaining(): number {
    return this.#sizeBytes - this.offset;
  }

  /** Bytes of the input that were read so far. */
  get readBytes(): number {
    return this.#base + this.end;
  }

  /** Nothing comes behind what is at hand. */
  get last(): boolean {
    return this.#base + this.end >= this.#sizeBytes;
  }

  /** Index up to which a loop may run that takes less than `PADDING_BYTES` at a time. */
  get stop(): number {
    return this.last ? this.end + AHEAD_BYTES : this.end - PADDING_BYTES;
  }

  /** Brings the next `length` bytes to hand, or all there are. */
  *reach(length: number): Parse<number> {
    while (this.end - this.at < length && !this.last) {
      const offset = this.#base + this.end;
      const ask = Math.min(this.#sizeBytes - offset, Math.max(BLOCK_BYTES, length - (this.end - this.at)));
      const more = yield { offset: this.#origin + offset, length: ask };
      const kept = this.bytes.subarray(this.at, this.end);
      const next = new Uint8Array(kept.length + more.length + PADDING_BYTES);
      next.set(kept);
      next.set(more, kept.length);
      this.#base += this.at;
      this.bytes = next;
      this.at = 0;
      this.end = kept.length + more.length;
      if (more.length === 0) throw this.truncated();
    }
    return this.end - this.at;
  }

  /** Brings the next `length` bytes to hand. Throws Malformed `truncated` where the input ends before. */
  *need(length: number): Parse<void> {
    if ((yield* this.reach(length)) < length) throw this.truncated();
  }

  /** The next bytes, which must be at hand; valid until the next `reach`. */
  take(length: number): Buffer {
    const bytes = Buffer.from(this.bytes.buffer, this.bytes.byteOffset + this.at, length);
    this.at += length;
    return bytes;
  }

  /** Checks, behind a loop, that it did not take what is not there. */
  within(): void {
    if (this.at > this.end) throw this.truncated();
  }

  truncated(): Malformed {
    return new Malformed('truncated', this.#sizeBytes, 'the input ends inside of a compressed stream');
  }

  bad(detail: string): Malformed {
    return new Malformed('bad-stream', Math.min(this.offset, this.#sizeBytes), detail);
  }

  /** What is understood, and not read. */
  unread(detail: string): Malformed {
    return new Malformed('unread-stream', Math.min(this.offset, this.#sizeBytes), detail);
  }
}

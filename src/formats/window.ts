/**
 * A forward reading window for parsers: it asks for blocks in ascending order, holds only the block at hand, and
 * skips what the parser skips without asking for it at all.
 */
import { Malformed } from './malformed.ts';
import type { Parse } from './parse.ts';

/** Bytes asked for at a time: few resumptions of the generator, little memory. */
const BLOCK_BYTES = 64 * 1024;

export class Window {
  readonly #sizeBytes: number;
  readonly #blockBytes: number;
  #bytes: Buffer = Buffer.alloc(0);
  /** Offset in the input of the first byte held. */
  #base = 0;
  /** Offset in the input of the next byte to read; may lie beyond what is held after a skip. */
  #offset = 0;

  constructor(sizeBytes: number, options: { readonly blockBytes?: number } = {}) {
    this.#sizeBytes = sizeBytes;
    this.#blockBytes = options.blockBytes ?? BLOCK_BYTES;
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#sizeBytes - this.#offset;
  }

  /** Whether the next `length` bytes are at hand: then the sync readers below may be called. */
  has(length: number): boolean {
    return this.#offset + length <= this.#base + this.#bytes.length;
  }

  /** Brings the next `length` bytes to hand. Throws Malformed `truncated` where the input ends before. */
  *need(length: number): Parse<void> {
    if (this.has(length)) return;
    const got = yield* this.#fill(length);
    if (got < length) throw this.truncated(length);
  }

  /** Brings up to `length` bytes to hand and returns how many there are. */
  *reach(length: number): Parse<number> {
    if (this.has(length)) return length;
    return Math.min(length, yield* this.#fill(length));
  }

  *#fill(length: number): Parse<number> {
    const end = this.#base + this.#bytes.length;
    const kept =
      this.#offset < end ? this.#bytes.subarray(this.#offset - this.#base) : this.#bytes.subarray(0, 0);
    const from = this.#offset + kept.length;
    const ask = Math.min(
      Math.max(this.#blockBytes, length - kept.length),
      Math.max(0, this.#sizeBytes - from),
    );
    if (ask > 0) {
      const more = yield { offset: from, length: ask };
      this.#bytes =
        kept.length === 0
          ? Buffer.from(more.buffer, more.byteOffset, more.byteLength)
          : Buffer.concat([kept, more]);
    } else {
      this.#bytes = kept;
    }
    this.#base = this.#offset;
    return this.#bytes.length;
  }

  truncated(length: number): Malformed {
    return new Malformed(
      'truncated',
      this.#offset,
      `${length} bytes were expected at ${this.#offset}, ${Math.max(0, this.remaining)} are there`,
    );
  }

  /** Moves on without asking for the bytes. Throws Malformed `truncated` when that leads beyond the end. */
  skip(length: number): void {
    if (length > this.remaining) throw this.truncated(length);
    this.#offset += length;
  }

  /** The sync readers: only after `has` or `need` said that the bytes are at hand. */
  u8(): number {
    const value = this.#bytes[this.#offset - this.#base];
    if (value === undefined) throw new Error('the window was read beyond what it holds');
    this.#offset += 1;
    return value;
  }

  u16(): number {
    const value = this.#bytes.readUInt16LE(this.#offset - this.#base);
    this.#offset += 2;
    return value;
  }

  u32(): number {
    const value = this.#bytes.readUInt32LE(this.#offset - this.#base);
    this.#offset += 4;
    return value;
  }

  u32be(): number {
    const value = this.#bytes.readUInt32BE(this.#offset - this.#base);
    this.#offset += 4;
    return value;
  }

  /** An unsigned 64-bit number; undefined where it exceeds what a number holds exactly (no file is that long). */
  u64(): number | undefined {
    const at = this.#offset - this.#base;
    const low = this.#bytes.readUInt32LE(at);
    const high = this.#bytes.readUInt32LE(at + 4);
    this.#offset += 8;
    return high > 0x1fffff ? undefined : high * 0x1_0000_0000 + low;
  }

  /** The next bytes without moving on. */
  peek(length: number): Buffer {
    const at = this.#offset - this.#base;
    const bytes = this.#bytes.subarray(at, at + length);
    if (bytes.length !== length) throw new Error('the window was read beyond what it holds');
    return bytes;
  }

  /** All bytes at hand, for parsers that search. */
  get held(): Buffer {
    return this.#bytes.subarray(Math.min(this.#offset - this.#base, this.#bytes.length));
  }

  /** The next bytes, valid until the window moves on. */
  slice(length: number): Buffer {
    const bytes = this.peek(length);
    this.#offset += length;
    return bytes;
  }
}

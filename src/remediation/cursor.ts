/** A cursor over a file: numbers, lines and bytes in order, read in blocks; what is skipped is not read. */
import type { RandomAccess } from '../formats/drive.ts';
import { Unconvertible } from './unconvertible.ts';

const BLOCK_BYTES = 256 << 10;

/** Names and numbers in text. */
const LINE_BYTES_MAX = 8192;

/** Bytes that are taken at once: numbers and names. */
const TAKE_BYTES_MAX = 1 << 20;

export class Cursor {
  readonly #file: RandomAccess;
  #block: Buffer = Buffer.alloc(0);
  #base = 0;
  #offset: number;

  constructor(file: RandomAccess, offset: number) {
    this.#file = file;
    this.#offset = offset;
  }

  get offset(): number {
    return this.#offset;
  }

  u8(): number {
    return this.#at(1).readUInt8(0);
  }

  u16(): number {
    return this.#at(2).readUInt16LE(0);
  }

  u32(): number {
    return this.#at(4).readUInt32LE(0);
  }

  i32(): number {
    return this.#at(4).readInt32LE(0);
  }

  /** Throws Unconvertible for what no file could hold. */
  u64(): number {
    const value = this.#at(8).readBigUInt64LE(0);
    if (value > BigInt(this.#file.sizeBytes)) throw truncated();
    return Number(value);
  }

  /** A signed number that is no size. Throws Unconvertible where it is not a safe integer. */
  i64(): number {
    const value = Number(this.#at(8).readBigInt64LE(0));
    if (!Number.isSafeInteger(value)) throw new Unconvertible('holds a number that is too large');
    return value;
  }

  f64be(): number {
    return this.#at(8).readDoubleBE(0);
  }

  take(length: number): Buffer {
    if (length > TAKE_BYTES_MAX) throw new Unconvertible(`holds a number or name of ${length} bytes`);
    return this.#at(length);
  }

  skip(length: number): void {
    if (length > this.#file.sizeBytes - this.#offset) throw truncated();
    this.#offset += length;
  }

  /** Text up to a newline, which is passed over. */
  line(): string {
    const most = Math.min(LINE_BYTES_MAX, this.#file.sizeBytes - this.#offset);
    this.#hold(most);
    const from = this.#offset - this.#base;
    const end = this.#block.indexOf(0x0a, from);
    if (end === -1 || end - from > most) throw truncated();
    this.#offset += end - from + 1;
    return this.#block.toString('utf8', from, end);
  }

  #at(length: number): Buffer {
    this.#hold(length);
    const from = this.#offset - this.#base;
    this.#offset += length;
    return this.#block.subarray(from, from + length);
  }

  #hold(length: number): void {
    const end = this.#offset + length;
    if (end > this.#file.sizeBytes) throw truncated();
    if (this.#offset >= this.#base && end <= this.#base + this.#block.length) return;
    const bytes = this.#file.read(this.#offset, Math.max(length, BLOCK_BYTES));
    if (bytes.length < length) throw truncated();
    this.#block = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#base = this.#offset;
  }
}

function truncated(): Unconvertible {
  return new Unconvertible('ends before its content does');
}

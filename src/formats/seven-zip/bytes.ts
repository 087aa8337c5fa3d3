/**
 * Reading a header of 7z, which lies in memory: bytes, its own numbers, and vectors of bits.
 *
 * Source: 7zFormat.txt of the LZMA SDK.
 */
import { Malformed } from '../malformed.ts';

export class HeaderBytes {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    return this.take(1)[0] ?? 0;
  }

  take(length: number): Buffer {
    if (length > this.left) throw malformed('ends too early');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  u32(): number {
    return this.take(4).readUInt32LE(0);
  }

  /** As many of the first byte's high bits are set as bytes follow; the rest of it is the highest part. */
  number(): number {
    const first = this.byte();
    let value = 0;
    let mask = 0x80;
    for (let at = 0; at < 8; at++) {
      if ((first & mask) === 0) {
        value += (first & (mask - 1)) * 2 ** (8 * at);
        break;
      }
      value += this.byte() * 2 ** (8 * at);
      mask >>= 1;
    }
    if (!Number.isSafeInteger(value)) throw malformed('holds a number that is larger than any file');
    return value;
  }

  /** A number of things of which each takes a byte of the header at least, or `max` are allowed. */
  count(max: number): number {
    const value = this.number();
    if (value > max) throw malformed(`counts more than ${max} of something`);
    return value;
  }

  bits(count: number): boolean[] {
    const bytes = this.take(Math.ceil(count / 8));
    return Array.from({ length: count }, (_, at) => ((bytes[at >> 3] ?? 0) & (0x80 >> (at & 7))) !== 0);
  }

  /** A vector that may be abbreviated where all of it is true. */
  optionalBits(count: number): boolean[] {
    return this.byte() !== 0 ? new Array<boolean>(count).fill(true) : this.bits(count);
  }

  /** The byte that must stand here. */
  expect(id: number): void {
    if (this.byte() !== id) throw malformed('is not of the form that exists');
  }
}

export function malformed(what: string): Malformed {
  return new Malformed('bad-header', 0, `the header of the 7z archive ${what}`);
}

/**
 * A bounded reader over bytes that are at hand, for structures that are small and read as a whole. Every read is
 * checked: what leads beyond the bytes throws Malformed, with the place in the file.
 */
import { Malformed } from './malformed.ts';

export class Cursor {
  readonly #bytes: Buffer;
  readonly #origin: number;
  #at = 0;

  /** `origin`: where in the file the bytes begin, for messages. */
  constructor(bytes: Uint8Array, origin = 0) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#origin = origin;
  }

  /** Offset in the file of the next byte. */
  get offset(): number {
    return this.#origin + this.#at;
  }

  /** Offset in the bytes of the next byte. */
  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  skip(length: number): void {
    if (length < 0 || length > this.left) throw this.#short(length);
    this.#at += length;
  }

  /** Moves on to the next multiple of `size`, counted from the first byte. */
  align(size: number): void {
    this.skip((size - (this.#at % size)) % size);
  }

  take(length: number): Buffer {
    const from = this.#at;
    this.skip(length);
    return this.#bytes.subarray(from, from + length);
  }

  u8(): number {
    return this.take(1).readUInt8();
  }

  u16(): number {
    return this.take(2).readUInt16LE();
  }

  u32(): number {
    return this.take(4).readUInt32LE();
  }

  /** An unsigned number of 1 to 8 bytes, little endian; undefined where every bit is set ("no address"). */
  uint(size: number): number | undefined {
    const bytes = this.take(size);
    let value = 0;
    for (let index = size - 1; index >= 0; index -= 1) value = value * 256 + (bytes[index] ?? 0);
    if (bytes.every((byte) => byte === 0xff)) return undefined;
    if (!Number.isSafeInteger(value))
      throw new Malformed('impossible-number', this.offset - size, 'a number that no file can hold');
    return value;
  }

  /** Text up to and without its NUL, in latin1: names are compared and shown, not interpreted. */
  cString(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw new Malformed('truncated', this.offset, 'text without an end');
    const text = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return text;
  }

  expect(magic: string): void {
    const at = this.offset;
    if (this.take(magic.length).toString('latin1') !== magic)
      throw new Malformed('bad-signature', at, `${magic} was expected at ${at}`);
  }

  #short(length: number): Malformed {
    return new Malformed('truncated', this.offset, `${length} bytes were expected, ${this.left} are there`);
  }
}

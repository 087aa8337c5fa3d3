/**
 * Checksums of expanded content, computed while it flows.
 *
 * Source: RFC 1950 (Adler-32), the xz file format 1.2 (CRC64), xxHash specification 0.1.1 (XXH32).
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** A checksum under way; `digest` is what a stream stores, in the order of its bytes. */
export interface Check {
  update(bytes: Uint8Array): void;
  digest(): Buffer;
}

export class Crc32 implements Check {
  #crc = 0;

  update(bytes: Uint8Array): void {
    this.#crc = crc32(bytes, this.#crc);
  }

  digest(): Buffer {
    const digest = Buffer.alloc(4);
    digest.writeUInt32LE(this.#crc);
    return digest;
  }
}

export class Adler32 implements Check {
  #a = 1;
  #b = 0;

  update(bytes: Uint8Array): void {
    let [a, b] = [this.#a, this.#b];
    // 3800 bytes are the most before `b` may pass 2^31.
    for (let from = 0; from < bytes.length; from += 3800) {
      const to = Math.min(bytes.length, from + 3800);
      for (let at = from; at < to; at++) {
        a += bytes[at] ?? 0;
        b += a;
      }
      a %= 65521;
      b %= 65521;
    }
    [this.#a, this.#b] = [a, b];
  }

  digest(): Buffer {
    const digest = Buffer.alloc(4);
    digest.writeUInt16BE(this.#b, 0);
    digest.writeUInt16BE(this.#a, 2);
    return digest;
  }
}

export class Sha256 implements Check {
  readonly #hash = createHash('sha256');

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  digest(): Buffer {
    return this.#hash.digest();
  }
}

/** ECMA-182, reflected, in two halves. */
const CRC64_LOW = new Uint32Array(256);
const CRC64_HIGH = new Uint32Array(256);
for (let index = 0; index < 256; index++) {
  let [low, high] = [index, 0];
  for (let bit = 0; bit < 8; bit++) {
    const odd = low & 1;
    low = (low >>> 1) | ((high & 1) << 31);
    high >>>= 1;
    if (odd === 1) {
      low ^= 0xd7870f42;
      high ^= 0xc96c5795;
    }
  }
  CRC64_LOW[index] = low;
  CRC64_HIGH[index] = high;
}

export class Crc64 implements Check {
  #low = -1;
  #high = -1;

  update(bytes: Uint8Array): void {
    let [low, high] = [this.#low, this.#high];
    for (let at = 0; at < bytes.length; at++) {
      const index = (low ^ (bytes[at] ?? 0)) & 255;
      low = ((low >>> 8) | (high << 24)) ^ (CRC64_LOW[index] ?? 0);
      high = (high >>> 8) ^ (CRC64_HIGH[index] ?? 0);
    }
    [this.#low, this.#high] = [low, high];
  }

  digest(): Buffer {
    const digest = Buffer.alloc(8);
    digest.writeInt32LE(~this.#low, 0);
    digest.writeInt32LE(~this.#high, 4);
    return digest;
  }
}

const [P1, P2, P3, P4, P5] = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f, 0x165667b1];

export class XxHash32 implements Check {
  readonly #lanes = new Int32Array([P1 + P2, P2, 0, -P1]);
  #rest: Buffer = Buffer.alloc(0);
  #length = 0;

  update(bytes: Uint8Array): void {
    this.#length += bytes.length;
    let input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (this.#rest.length > 0) input = Buffer.concat([this.#rest, input]);
    const whole = input.length - (input.length % 16);
    const lanes = this.#lanes;
    for (let at = 0; at < whole; at += 16) {
      for (let lane = 0; lane < 4; lane++)
        lanes[lane] = round(lanes[lane] ?? 0, input.readInt32LE(at + lane * 4));
    }
    this.#rest = Buffer.from(input.subarray(whole));
  }

  digest(): Buffer {
    const [a = 0, b = 0, c = 0, d = 0] = this.#lanes;
    let hash = P5;
    if (this.#length >= 16) hash = rotated(a, 1) + rotated(b, 7) + rotated(c, 12) + rotated(d, 18);
    hash = (hash + this.#length) | 0;
    const rest = this.#rest;
    let at = 0;
    for (; at + 4 <= rest.length; at += 4)
      hash = Math.imul(rotated((hash + Math.imul(rest.readInt32LE(at), P3)) | 0, 17), P4);
    for (; at < rest.length; at++)
      hash = Math.imul(rotated((hash + Math.imul(rest[at] ?? 0, P5)) | 0, 11), P1);
    hash = Math.imul(hash ^ (hash >>> 15), P2);
    hash = Math.imul(hash ^ (hash >>> 13), P3);
    const digest = Buffer.alloc(4);
    digest.writeInt32LE(hash ^ (hash >>> 16));
    return digest;
  }
}

/** XXH32 of bytes that are at hand. */
export function xxHash32(bytes: Uint8Array): Buffer {
  const hash = new XxHash32();
  hash.update(bytes);
  return hash.digest();
}

function round(lane: number, input: number): number {
  return Math.imul(rotated((lane + Math.imul(input, P2)) | 0, 13), P1);
}

function rotated(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

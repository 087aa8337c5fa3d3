/**
 * XXH64 in halves of 32 bits, since numbers have no 64 and big ones are slow.
 *
 * Source: xxHash specification 0.1.1.
 */
import type { Check } from './checks.ts';

/** A 64-bit constant: its halves, and the halves of the lower one. */
class Prime {
  readonly high: number;
  readonly low: number;
  readonly lowHigh: number;
  readonly lowLow: number;

  constructor(high: number, low: number) {
    this.high = high;
    this.low = low;
    this.lowHigh = low >>> 16;
    this.lowLow = low & 0xffff;
  }
}

const P1 = new Prime(0x9e3779b1, 0x85ebca87);
const P2 = new Prime(0xc2b2ae3d, 0x27d4eb4f);
const P3 = new Prime(0x165667b1, 0x9e3779f9);
const P4 = new Prime(0x85ebca77, 0xc2b2ae63);
const P5 = new Prime(0x27d4eb2f, 0x165667c5);

/** A 64-bit accumulator. */
class Word {
  high: number;
  low: number;

  constructor(high: number, low: number) {
    this.high = high | 0;
    this.low = low | 0;
  }

  add(high: number, low: number): void {
    const sum = (this.low >>> 0) + (low >>> 0);
    this.low = sum | 0;
    this.high = (this.high + high + (sum > 0xffffffff ? 1 : 0)) | 0;
  }

  xor(high: number, low: number): void {
    this.high ^= high;
    this.low ^= low;
  }

  multiply(prime: Prime): void {
    const { high, low } = this;
    const [lowHigh, lowLow] = [low >>> 16, low & 0xffff];
    const bottom = lowLow * prime.lowLow;
    const middle = lowHigh * prime.lowLow + lowLow * prime.lowHigh + (bottom >>> 16);
    const top = lowHigh * prime.lowHigh + Math.floor(middle / 0x10000);
    this.low = ((middle % 0x10000) << 16) | (bottom & 0xffff);
    this.high = (top + Math.imul(high, prime.low) + Math.imul(low, prime.high)) | 0;
  }

  /** By fewer than 32 bits. */
  rotate(bits: number): void {
    const { high, low } = this;
    this.high = (high << bits) | (low >>> (32 - bits));
    this.low = (low << bits) | (high >>> (32 - bits));
  }

  shiftXor(bits: number): void {
    const { high, low } = this;
    if (bits >= 32) this.low ^= high >>> (bits - 32);
    else this.xor(high >>> bits, (low >>> bits) | (high << (32 - bits)));
  }

  /** One step of a lane. */
  round(high: number, low: number): void {
    const input = SCRATCH;
    input.high = high;
    input.low = low;
    input.multiply(P2);
    this.add(input.high, input.low);
    this.rotate(31);
    this.multiply(P1);
  }
}

const SCRATCH = new Word(0, 0);

export class XxHash64 implements Check {
  readonly #lanes: readonly Word[];
  #rest: Buffer = Buffer.alloc(0);
  #length = 0;

  constructor() {
    const first = new Word(P1.high, P1.low);
    first.add(P2.high, P2.low);
    const last = new Word(~P1.high, ~P1.low);
    last.add(0, 1);
    this.#lanes = [first, new Word(P2.high, P2.low), new Word(0, 0), last];
  }

  update(bytes: Uint8Array): void {
    this.#length += bytes.length;
    let input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (this.#rest.length > 0) input = Buffer.concat([this.#rest, input]);
    const whole = input.length - (input.length % 32);
    const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
    for (const [nth, lane] of this.#lanes.entries())
      for (let at = nth * 8; at < whole; at += 32)
        lane.round(view.getInt32(at + 4, true), view.getInt32(at, true));
    this.#rest = Buffer.from(input.subarray(whole));
  }

  digest(): Buffer {
    const hash = this.#merged();
    hash.add(Math.floor(this.#length / 2 ** 32), this.#length % 2 ** 32);
    const rest = this.#rest;
    let at = 0;
    for (; at + 8 <= rest.length; at += 8) {
      const lane = new Word(0, 0);
      lane.round(rest.readInt32LE(at + 4), rest.readInt32LE(at));
      hash.xor(lane.high, lane.low);
      hash.rotate(27);
      hash.multiply(P1);
      hash.add(P4.high, P4.low);
    }
    if (at + 4 <= rest.length) {
      const word = new Word(0, rest.readInt32LE(at));
      word.multiply(P1);
      hash.xor(word.high, word.low);
      hash.rotate(23);
      hash.multiply(P2);
      hash.add(P3.high, P3.low);
      at += 4;
    }
    for (; at < rest.length; at++) {
      const word = new Word(0, rest[at] ?? 0);
      word.multiply(P5);
      hash.xor(word.high, word.low);
      hash.rotate(11);
      hash.multiply(P1);
    }
    hash.shiftXor(33);
    hash.multiply(P2);
    hash.shiftXor(29);
    hash.multiply(P3);
    hash.shiftXor(32);
    const digest = Buffer.alloc(8);
    digest.writeInt32LE(hash.low, 0);
    digest.writeInt32LE(hash.high, 4);
    return digest;
  }

  #merged(): Word {
    if (this.#length < 32) return new Word(P5.high, P5.low);
    const hash = new Word(0, 0);
    for (const [nth, bits] of [1, 7, 12, 18].entries()) {
      const lane = this.#lanes[nth] ?? hash;
      const turned = new Word(lane.high, lane.low);
      turned.rotate(bits);
      hash.add(turned.high, turned.low);
    }
    for (const { high, low } of this.#lanes) {
      const merged = new Word(0, 0);
      merged.round(high, low);
      hash.xor(merged.high, merged.low);
      hash.multiply(P1);
      hash.add(P4.high, P4.low);
    }
    return hash;
  }
}

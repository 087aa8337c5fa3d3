/**
 * LZMA's decoder: a range coder whose probabilities adapt, over literals, matches and repeated distances.
 *
 * Source: "LZMA specification" (lzma-specification.txt of the LZMA SDK), whose names are used where they help.
 */
import type { Packed } from './packed.ts';
import type { Ring } from './ring.ts';

const SIGN = 0x80000000 | 0;
const HALF = 1024;
const FULL = 2048;
const STATES = 12;
const POSITIONS_MAX = 16;
const MATCH_LENGTH_MIN = 2;
const END_POSITION_MODEL = 14;
const FULL_DISTANCES = 1 << (END_POSITION_MODEL >> 1);
const ALIGN_BITS = 4;

export interface LzmaProperties {
  readonly literalContextBits: number;
  readonly literalPositionBits: number;
  readonly positionBits: number;
}

/** Contexts of literals: more of them only take memory, and no encoder in use makes them. */
const CONTEXT_BITS_MAX = 4;

/** Properties from their byte; undefined where there are none such, or none that are in use. */
export function lzmaProperties(byte: number): LzmaProperties | undefined {
  if (byte >= 9 * 5 * 5) return undefined;
  const literalContextBits = byte % 9;
  const rest = (byte - literalContextBits) / 9;
  if (literalContextBits + (rest % 5) > CONTEXT_BITS_MAX) return undefined;
  return { literalContextBits, literalPositionBits: rest % 5, positionBits: Math.floor(rest / 5) };
}

/** Why `decode` returned: it made all the bytes asked for, needs more input, or came to the marker of the end. */
export type LzmaPause = 'made' | 'more' | 'marker';

export class Lzma {
  readonly #packed: Packed;
  readonly #ring: Ring;
  #properties: LzmaProperties = { literalContextBits: 0, literalPositionBits: 0, positionBits: 0 };
  #range = -1;
  #code = 0;
  #state = 0;
  /** The last four distances, less one. */
  #first = 0;
  #second = 0;
  #third = 0;
  #fourth = 0;
  #literals = new Uint16Array(0);
  readonly #isMatch = new Uint16Array(STATES * POSITIONS_MAX);
  readonly #isRep = new Uint16Array(STATES);
  readonly #isRepG0 = new Uint16Array(STATES);
  readonly #isRepG1 = new Uint16Array(STATES);
  readonly #isRepG2 = new Uint16Array(STATES);
  readonly #isRep0Long = new Uint16Array(STATES * POSITIONS_MAX);
  readonly #slots = new Uint16Array(4 * 64);
  readonly #special = new Uint16Array(1 + FULL_DISTANCES - END_POSITION_MODEL);
  readonly #align = new Uint16Array(1 << ALIGN_BITS);
  readonly #lengths = new LengthCoder();
  readonly #repLengths = new LengthCoder();

  constructor(packed: Packed, ring: Ring) {
    this.#packed = packed;
    this.#ring = ring;
  }

  /** Begins with new properties, and the state in which all streams begin. */
  reset(properties: LzmaProperties): void {
    this.#properties = properties;
    const { literalContextBits, literalPositionBits } = properties;
    const literals = 0x300 << (literalContextBits + literalPositionBits);
    if (this.#literals.length !== literals) this.#literals = new Uint16Array(literals);
    this.resetState();
  }

  resetState(): void {
    this.#state = 0;
    this.#first = 0;
    this.#second = 0;
    this.#third = 0;
    this.#fourth = 0;
    for (const probabilities of [
      this.#literals,
      this.#isMatch,
      this.#isRep,
      this.#isRepG0,
      this.#isRepG1,
      this.#isRepG2,
      this.#isRep0Long,
      this.#slots,
      this.#special,
      this.#align,
      ...this.#lengths.tables,
      ...this.#repLengths.tables,
    ])
      probabilities.fill(HALF);
  }

  /** Reads the five bytes with which a range coder begins; they must be at hand. */
  begin(): void {
    const bytes = this.#packed.take(5);
    if (bytes[0] !== 0) throw this.#packed.bad('LZMA data does not begin with a zero');
    this.#range = -1;
    this.#code = bytes.readInt32BE(1);
  }

  /** Whether the range coder ended as an encoder ends it. */
  get finished(): boolean {
    return this.#code === 0;
  }

  /** Makes bytes until the ring holds `end` in total. Throws Malformed where they are no such stream. */
  decode(end: number): LzmaPause {
    const packed = this.#packed;
    const ring = this.#ring;
    const { literalContextBits, literalPositionBits, positionBits } = this.#properties;
    const positionMask = (1 << positionBits) - 1;
    const literalMask = (1 << literalPositionBits) - 1;
    const { stop } = packed;
    while (ring.total < end) {
      if (packed.at >= stop) {
        packed.within();
        return 'more';
      }
      const position = ring.position & positionMask;
      if (this.#bit(this.#isMatch, this.#state * POSITIONS_MAX + position) === 0) {
        const context =
          ((ring.position & literalMask) << literalContextBits) + (ring.previous >> (8 - literalContextBits));
        ring.put(this.#literal(0x300 * context));
        continue;
      }
      const length = this.#match(position);
      if (length === 0) return 'marker';
      if (ring.total + length > end) throw packed.bad('a match reaches beyond the end of its LZMA data');
      if (!ring.copy(this.#first + 1, length)) throw packed.bad('a match reaches in front of the stream');
    }
    packed.within();
    return 'made';
  }

  #literal(base: number): number {
    const probabilities = this.#literals;
    let symbol = 1;
    if (this.#state >= 7) {
      let matched = this.#ring.back(this.#first + 1);
      while (symbol < 0x100) {
        matched <<= 1;
        const expected = matched & 0x100;
        const bit = this.#bit(probabilities, base + 0x100 + expected + symbol);
        symbol = (symbol << 1) | bit;
        if (expected >> 8 !== bit) break;
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | this.#bit(probabilities, base + symbol);
    this.#state = this.#state < 4 ? 0 : this.#state < 10 ? this.#state - 3 : this.#state - 6;
    return symbol & 0xff;
  }

  /** Length of a match, whose distance is then the first of the four; 0 at the marker of the end. */
  #match(position: number): number {
    const state = this.#state;
    if (this.#bit(this.#isRep, state) === 0) {
      const length = this.#length(this.#lengths, position);
      this.#state = state < 7 ? 7 : 10;
      const distance = this.#distance(length);
      this.#push(distance);
      return distance === 0xffffffff ? 0 : length + MATCH_LENGTH_MIN;
    }
    if (this.#bit(this.#isRepG0, state) === 0) {
      if (this.#bit(this.#isRep0Long, state * POSITIONS_MAX + position) === 0) {
        this.#state = state < 7 ? 9 : 11;
        return 1;
      }
    } else {
      const [second, third, fourth] = [this.#second, this.#third, this.#fourth];
      if (this.#bit(this.#isRepG1, state) === 0) {
        this.#push(second);
        this.#third = third;
        this.#fourth = fourth;
      } else if (this.#bit(this.#isRepG2, state) === 0) {
        this.#push(third);
        this.#fourth = fourth;
      } else {
        this.#push(fourth);
      }
    }
    this.#state = state < 7 ? 8 : 11;
    return this.#length(this.#repLengths, position) + MATCH_LENGTH_MIN;
  }

  /** A new first distance; the others move behind it. */
  #push(distance: number): void {
    this.#fourth = this.#third;
    this.#third = this.#second;
    this.#second = this.#first;
    this.#first = distance;
  }

  #length(coder: LengthCoder, position: number): number {
    if (this.#bit(coder.choice, 0) === 0) return this.#tree(coder.low, position << 3, 3);
    if (this.#bit(coder.choice, 1) === 0) return 8 + this.#tree(coder.middle, position << 3, 3);
    return 16 + this.#tree(coder.high, 0, 8);
  }

  #distance(length: number): number {
    const slot = this.#tree(this.#slots, Math.min(length, 3) << 6, 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const base = (2 | (slot & 1)) << bits;
    if (slot < END_POSITION_MODEL) return base + this.#reverse(this.#special, base - slot, bits);
    const high = (base + (this.#direct(bits - ALIGN_BITS) << ALIGN_BITS)) >>> 0;
    return high + this.#reverse(this.#align, 0, ALIGN_BITS);
  }

  #tree(probabilities: Uint16Array, base: number, bits: number): number {
    let symbol = 1;
    for (let bit = 0; bit < bits; bit++) symbol = (symbol << 1) | this.#bit(probabilities, base + symbol);
    return symbol - (1 << bits);
  }

  #reverse(probabilities: Uint16Array, base: number, bits: number): number {
    let [symbol, value] = [1, 0];
    for (let at = 0; at < bits; at++) {
      const bit = this.#bit(probabilities, base + symbol);
      symbol = (symbol << 1) | bit;
      value |= bit << at;
    }
    return value;
  }

  #direct(bits: number): number {
    let value = 0;
    for (let bit = 0; bit < bits; bit++) {
      this.#range >>>= 1;
      if ((this.#code ^ SIGN) < (this.#range ^ SIGN)) {
        value <<= 1;
      } else {
        this.#code = (this.#code - this.#range) | 0;
        value = (value << 1) | 1;
      }
      this.#range |= 0;
      this.#normalize();
    }
    return value;
  }

  #bit(probabilities: Uint16Array, at: number): number {
    const probability = probabilities[at] ?? HALF;
    const bound = Math.imul(this.#range >>> 11, probability);
    let bit = 0;
    if ((this.#code ^ SIGN) < (bound ^ SIGN)) {
      this.#range = bound;
      probabilities[at] = probability + ((FULL - probability) >> 5);
    } else {
      this.#range = (this.#range - bound) | 0;
      this.#code = (this.#code - bound) | 0;
      probabilities[at] = probability - (probability >> 5);
      bit = 1;
    }
    if (this.#range >>> 24 === 0) this.#normalize();
    return bit;
  }

  #normalize(): void {
    if (this.#range >>> 24 !== 0) return;
    this.#range <<= 8;
    this.#code = (this.#code << 8) | (this.#packed.bytes[this.#packed.at++] ?? 0);
  }
}

class LengthCoder {
  readonly choice = new Uint16Array(2);
  readonly low = new Uint16Array(POSITIONS_MAX << 3);
  readonly middle = new Uint16Array(POSITIONS_MAX << 3);
  readonly high = new Uint16Array(256);

  get tables(): readonly Uint16Array[] {
    return [this.choice, this.low, this.middle, this.high];
  }
}

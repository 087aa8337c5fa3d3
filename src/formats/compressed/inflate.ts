/**
 * Deflate, and gzip and zlib around it.
 *
 * Source: RFC 1951 (deflate), RFC 1950 (zlib), RFC 1952 (gzip). As strict as zlib's own inflate.
 */
import type { Parse } from '../parse.ts';
import { HuffmanLsb } from './huffman.ts';
import { PADDING_BYTES, type Packed } from './packed.ts';
import type { Ring } from './ring.ts';

const WINDOW_BYTES = 32 << 10;

const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
  227, 258,
];
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASE = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
  6145, 8193, 12289, 16385, 24577,
];
const DISTANCE_EXTRA = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];
const LENGTHS_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

const END_OF_BLOCK = 256;

/** Expands one deflate stream into the ring and leaves the input at the byte behind it. */
export function* inflate(packed: Packed, ring: Ring): Parse<void> {
  ring.begin(WINDOW_BYTES);
  const inflater = new Inflater(packed, ring);
  let final = false;
  while (!final) {
    yield* packed.reach(PADDING_BYTES);
    final = inflater.bits(1) === 1;
    const type = inflater.bits(2);
    if (type === 0) {
      yield* inflater.stored();
      continue;
    }
    if (type === 1) inflater.fixed();
    else if (type === 2) {
      // The lengths of a dynamic block take at most 17 + 19 × 3 + 320 × 14 bits.
      yield* packed.reach(1024);
      inflater.dynamic();
    } else throw packed.bad('a deflate block is of a kind that does not exist');
    while (!inflater.codes()) yield* packed.reach(PADDING_BYTES * 2);
  }
  inflater.align();
  packed.within();
  ring.flush();
}

class Inflater {
  readonly #packed: Packed;
  readonly #ring: Ring;
  #literals = FIXED_LITERALS;
  #distances = FIXED_DISTANCES;
  /** Bits at hand, the next one lowest. */
  #hold = 0;
  #count = 0;

  constructor(packed: Packed, ring: Ring) {
    this.#packed = packed;
    this.#ring = ring;
  }

  bits(count: number): number {
    const packed = this.#packed;
    while (this.#count < count) {
      this.#hold |= (packed.bytes[packed.at++] ?? 0) << this.#count;
      this.#count += 8;
    }
    if (packed.at - (this.#count >> 3) > packed.end) throw packed.truncated();
    const value = this.#hold & ((1 << count) - 1);
    this.#hold >>>= count;
    this.#count -= count;
    return value;
  }

  /** Gives back the whole bytes that are held, and drops the rest of a started one. */
  align(): void {
    this.#packed.at -= this.#count >> 3;
    this.#hold = 0;
    this.#count = 0;
  }

  *stored(): Parse<void> {
    this.align();
    const packed = this.#packed;
    yield* packed.need(4);
    const header = packed.take(4);
    const length = header.readUInt16LE(0);
    if ((length ^ header.readUInt16LE(2)) !== 0xffff) throw packed.bad('a stored block has two lengths');
    yield* packed.need(length);
    this.#ring.append(packed.take(length));
  }

  fixed(): void {
    this.#literals = FIXED_LITERALS;
    this.#distances = FIXED_DISTANCES;
  }

  dynamic(): void {
    const packed = this.#packed;
    const literals = this.bits(5) + 257;
    const distances = this.bits(5) + 1;
    const orders = this.bits(4) + 4;
    if (literals > 286 || distances > 30) throw packed.bad('a deflate block has too many codes');
    const order = new Uint8Array(19);
    for (let at = 0; at < orders; at++) order[LENGTHS_ORDER[at] ?? 0] = this.bits(3);
    const code = new HuffmanLsb(order);
    if (code.left !== 0) throw packed.bad('the code of a deflate block is not complete');
    const lengths = new Uint8Array(literals + distances);
    for (let at = 0; at < lengths.length; ) {
      const symbol = this.#symbol(code);
      if (symbol < 16) {
        lengths[at++] = symbol;
        continue;
      }
      if (symbol === 16 && at === 0) throw packed.bad('a deflate block repeats a length before the first');
      const repeated = symbol === 16 ? (lengths[at - 1] ?? 0) : 0;
      let times = symbol === 16 ? 3 + this.bits(2) : symbol === 17 ? 3 + this.bits(3) : 11 + this.bits(7);
      if (at + times > lengths.length) throw packed.bad('a deflate block has too many lengths');
      while (times-- > 0) lengths[at++] = repeated;
    }
    if (lengths[END_OF_BLOCK] === 0) throw packed.bad('a deflate block cannot end');
    this.#literals = new HuffmanLsb(lengths.subarray(0, literals));
    this.#distances = new HuffmanLsb(lengths.subarray(literals));
    const complete = this.#literals.left === 0 || (this.#literals.left > 0 && this.#literals.longest === 1);
    if (!complete || this.#distances.left < 0 || (this.#distances.left > 0 && this.#distances.longest > 1))
      throw packed.bad('the code of a deflate block is not complete');
  }

  #symbol(code: HuffmanLsb): number {
    const packed = this.#packed;
    while (this.#count < 15) {
      this.#hold |= (packed.bytes[packed.at++] ?? 0) << this.#count;
      this.#count += 8;
    }
    const entry = code.find(this.#hold);
    if (entry === 0) throw packed.bad('a code is none of its block');
    this.#hold >>>= entry & 15;
    this.#count -= entry & 15;
    if (packed.at - (this.#count >> 3) > packed.end) throw packed.truncated();
    return entry >>> 4;
  }

  /** Expands codes; true at the end of the block, false where more input is needed. */
  codes(): boolean {
    const packed = this.#packed;
    const ring = this.#ring;
    const { bytes, stop } = packed;
    const [literals, distances] = [this.#literals, this.#distances];
    const table = literals.table;
    let [at, hold, count] = [packed.at, this.#hold, this.#count];
    let ended = false;
    while (at < stop) {
      while (count < 15) {
        hold |= (bytes[at++] ?? 0) << count;
        count += 8;
      }
      const entry = table[hold & 1023] || literals.find(hold);
      if (entry === 0) throw packed.bad('a code is none of its block');
      hold >>>= entry & 15;
      count -= entry & 15;
      const symbol = entry >>> 4;
      if (symbol < 256) {
        ring.put(symbol);
        continue;
      }
      if (symbol === END_OF_BLOCK) {
        ended = true;
        break;
      }
      if (symbol > 285) throw packed.bad('a length is none that exists');
      const lengthExtra = LENGTH_EXTRA[symbol - 257] ?? 0;
      while (count < 20) {
        hold |= (bytes[at++] ?? 0) << count;
        count += 8;
      }
      const length = (LENGTH_BASE[symbol - 257] ?? 0) + (hold & ((1 << lengthExtra) - 1));
      hold >>>= lengthExtra;
      count -= lengthExtra;
      const far = distances.find(hold);
      hold >>>= far & 15;
      count -= far & 15;
      if (far === 0 || far >>> 4 > 29) throw packed.bad('a distance is none that exists');
      const distanceExtra = DISTANCE_EXTRA[far >>> 4] ?? 0;
      while (count < distanceExtra) {
        hold |= (bytes[at++] ?? 0) << count;
        count += 8;
      }
      const distance = (DISTANCE_BASE[far >>> 4] ?? 0) + (hold & ((1 << distanceExtra) - 1));
      hold >>>= distanceExtra;
      count -= distanceExtra;
      if (!ring.copy(distance, length)) throw packed.bad('a match reaches in front of the stream');
    }
    [packed.at, this.#hold, this.#count] = [at, hold, count];
    if (at - (count >> 3) > packed.end || (!ended && packed.last)) throw packed.truncated();
    return ended;
  }
}

const FIXED_LITERALS = new HuffmanLsb(
  Uint8Array.from({ length: 288 }, (_, symbol) =>
    symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8,
  ),
);
const FIXED_DISTANCES = new HuffmanLsb(new Uint8Array(30).fill(5));

/**
 * Canonical Huffman codes of at most 15 bits whose bits come lowest first, as deflate packs them (RFC 1951, 3.2.2).
 */

const FAST_BITS = 10;
const BITS_MAX = 15;

export class HuffmanLsb {
  /** By the next ten bits: symbol × 16 + bits of its code; 0 where the code is longer or none. */
  readonly table = new Uint16Array(1 << FAST_BITS);
  /** Codes that are not given to a symbol, of `1 << 15`: negative where more are given than there are. */
  readonly left: number;
  readonly longest: number;
  readonly #counts = new Uint16Array(BITS_MAX + 1);
  readonly #symbols: Uint16Array;

  /** `lengths`: bits of the code of each symbol, 0 for none. */
  constructor(lengths: Uint8Array) {
    let longest = 0;
    for (const length of lengths) {
      this.#counts[length] = (this.#counts[length] ?? 0) + 1;
      longest = Math.max(longest, length);
    }
    this.#counts[0] = 0;
    this.longest = longest;
    const next = new Uint16Array(BITS_MAX + 2);
    const firsts = new Uint32Array(BITS_MAX + 2);
    let left = 1 << BITS_MAX;
    for (let bits = 1; bits <= BITS_MAX; bits++) {
      const count = this.#counts[bits] ?? 0;
      left -= count << (BITS_MAX - bits);
      next[bits + 1] = (next[bits] ?? 0) + count;
      firsts[bits + 1] = ((firsts[bits] ?? 0) + count) << 1;
    }
    this.left = left;
    this.#symbols = new Uint16Array(lengths.length);
    if (left < 0) return;
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      const bits = lengths[symbol] ?? 0;
      if (bits === 0) continue;
      this.#symbols[next[bits] ?? 0] = symbol;
      next[bits] = (next[bits] ?? 0) + 1;
      const code = firsts[bits] ?? 0;
      firsts[bits] = code + 1;
      if (bits > FAST_BITS) continue;
      for (let at = reversed(code, bits); at < 1 << FAST_BITS; at += 1 << bits)
        this.table[at] = (symbol << 4) | bits;
    }
  }

  /** The entry for the next bits, as in the table; 0 where they are no code. */
  find(hold: number): number {
    const entry = this.table[hold & ((1 << FAST_BITS) - 1)] ?? 0;
    if (entry !== 0) return entry;
    let [code, first, index] = [0, 0, 0];
    for (let bits = 1; bits <= this.longest; bits++) {
      code |= (hold >>> (bits - 1)) & 1;
      const count = this.#counts[bits] ?? 0;
      if (code - count < first) return ((this.#symbols[index + code - first] ?? 0) << 4) | bits;
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    return 0;
  }
}

function reversed(code: number, bits: number): number {
  let value = 0;
  for (let bit = 0; bit < bits; bit++) value |= ((code >>> bit) & 1) << (bits - 1 - bit);
  return value;
}

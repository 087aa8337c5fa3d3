/**
 * Canonical Huffman codes of at most 20 bits whose bits come highest first, as bzip2 packs them.
 */
import type { Bits } from './bzip2.ts';

const BITS_MAX = 20;

export class HuffmanMsb {
  readonly #symbols: Uint16Array;
  /** By length: the highest code, and what to add to a code for the index of its symbol. */
  readonly #limits = new Int32Array(BITS_MAX + 2).fill(-1);
  readonly #offsets = new Int32Array(BITS_MAX + 2);
  readonly #shortest: number;
  readonly #longest: number;

  constructor(lengths: Uint8Array) {
    const order = Array.from(lengths, (_, symbol) => symbol);
    order.sort((a, b) => (lengths[a] ?? 0) - (lengths[b] ?? 0) || a - b);
    this.#symbols = Uint16Array.from(order);
    this.#shortest = lengths[order[0] ?? 0] ?? 0;
    this.#longest = lengths[order[order.length - 1] ?? 0] ?? 0;
    const counts = new Uint32Array(BITS_MAX + 2);
    for (const length of lengths) counts[length] = (counts[length] ?? 0) + 1;
    let [code, index] = [0, 0];
    for (let bits = this.#shortest; bits <= this.#longest; bits++) {
      const count = counts[bits] ?? 0;
      this.#limits[bits] = code + count - 1;
      this.#offsets[bits] = index - code;
      index += count;
      code = (code + count) << 1;
    }
  }

  /** The next symbol. Throws Malformed where the bits are no code. */
  read(bits: Bits): number {
    for (let length = this.#shortest; length <= this.#longest; length++) {
      const code = bits.peek(length);
      if (code > (this.#limits[length] ?? -1)) continue;
      bits.skip(length);
      return this.#symbols[code + (this.#offsets[length] ?? 0)] ?? 0;
    }
    throw bits.packed.bad('a code is none of its block');
  }
}

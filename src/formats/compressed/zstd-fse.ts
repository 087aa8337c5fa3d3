/**
 * Zstandard's entropy coding: bits read backwards, finite state entropy, and Huffman trees.
 *
 * Source: RFC 8878, sections 4.1 (FSE) and 4.2 (Huffman).
 */
import { Malformed } from '../malformed.ts';

export function corrupt(what: string): Malformed {
  return new Malformed('bad-stream', 0, `a Zstandard block ${what}`);
}

/** Bits of a stream from its end to its beginning; the last byte's highest set bit marks the end. */
export class BackwardBits {
  readonly #bytes: Uint8Array;
  readonly #begin: number;
  /** Bits left, counted from the beginning of the stream; negative where more were read than there are. */
  left: number;

  constructor(bytes: Uint8Array, begin: number, end: number) {
    const last = bytes[end - 1] ?? 0;
    if (end <= begin || last === 0) throw corrupt('has a stream without an end');
    this.#bytes = bytes;
    this.#begin = begin;
    this.left = (end - begin) * 8 - (Math.clz32(last) - 24) - 1;
  }

  /** At most 25 bits at once; zeros stand in front of the beginning. */
  read(count: number): number {
    if (count === 0) return 0;
    this.left -= count;
    return this.peekAt(this.left, count);
  }

  peek(count: number): number {
    return this.peekAt(this.left - count, count);
  }

  peekAt(from: number, count: number): number {
    if (from < 0) return count + from <= 0 ? 0 : this.peekAt(0, count + from) << -from;
    const at = this.#begin + (from >> 3);
    const bytes = this.#bytes;
    const word =
      (bytes[at] ?? 0) |
      ((bytes[at + 1] ?? 0) << 8) |
      ((bytes[at + 2] ?? 0) << 16) |
      ((bytes[at + 3] ?? 0) << 24);
    return (word >>> (from & 7)) & ((1 << count) - 1);
  }
}

/** A table of FSE: for each state the symbol, and what the next state is made of. */
export interface FseTable {
  readonly log: number;
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
  readonly bases: Uint16Array;
}

/** The table of a distribution; -1 stands for a probability of less than one. */
export function fseTable(counts: readonly number[], log: number): FseTable {
  const size = 1 << log;
  const symbols = new Uint8Array(size);
  const next = counts.map((count) => (count === -1 ? 1 : count));
  let high = size - 1;
  for (const [symbol, count] of counts.entries()) if (count === -1) symbols[high--] = symbol;
  const step = (size >> 1) + (size >> 3) + 3;
  let position = 0;
  for (const [symbol, count] of counts.entries()) {
    for (let nth = 0; nth < count; nth++) {
      symbols[position] = symbol;
      do position = (position + step) & (size - 1);
      while (position > high);
    }
  }
  if (position !== 0) throw corrupt('has a distribution that does not fill its table');
  const [bits, bases] = [new Uint8Array(size), new Uint16Array(size)];
  for (let state = 0; state < size; state++) {
    const symbol = symbols[state] ?? 0;
    const value = next[symbol] ?? 1;
    next[symbol] = value + 1;
    const width = log - (31 - Math.clz32(value));
    bits[state] = width;
    bases[state] = (value << width) - size;
  }
  return { log, symbols, bits, bases };
}

/** A table in which every state is one symbol. */
export function rleTable(symbol: number): FseTable {
  return { log: 0, symbols: Uint8Array.of(symbol), bits: new Uint8Array(1), bases: new Uint16Array(1) };
}

/** Reads the description of a table at `at`. Returns it with the offset behind. */
export function readFseTable(
  bytes: Uint8Array,
  {
    at,
    end,
    logMax,
    symbolMax,
  }: { readonly at: number; readonly end: number; readonly logMax: number; readonly symbolMax: number },
): { readonly table: FseTable; readonly at: number } {
  let bit = 0;
  const peek = (count: number): number => {
    const from = at + (bit >> 3);
    const word = (bytes[from] ?? 0) | ((bytes[from + 1] ?? 0) << 8) | ((bytes[from + 2] ?? 0) << 16);
    return (word >>> (bit & 7)) & ((1 << count) - 1);
  };
  const log = peek(4) + 5;
  bit += 4;
  if (log > logMax) throw corrupt('has a table that is too large');
  const counts: number[] = [];
  let remaining = (1 << log) + 1;
  while (remaining > 1) {
    if (counts.length > symbolMax || at + (bit >> 3) > end) throw corrupt('has a table of too many symbols');
    const width = 32 - Math.clz32(remaining);
    const threshold = (1 << width) - 1 - remaining;
    let value = peek(width - 1);
    if (value < threshold) {
      bit += width - 1;
    } else {
      value = peek(width);
      bit += width;
      if (value >= 1 << (width - 1)) value -= threshold;
    }
    const count = value - 1;
    remaining -= Math.abs(count);
    counts.push(count);
    if (count !== 0) continue;
    for (let repeat = 3; repeat === 3; ) {
      repeat = peek(2);
      bit += 2;
      for (let zero = 0; zero < repeat; zero++) counts.push(0);
      if (counts.length > symbolMax + 1) throw corrupt('has a table of too many symbols');
    }
  }
  const behind = at + ((bit + 7) >> 3);
  if (remaining !== 1 || counts.length > symbolMax + 1 || behind > end)
    throw corrupt('has a distribution that does not fill its table');
  return { table: fseTable(counts, log), at: behind };
}

/** A Huffman tree as a table by the next bits: symbol × 16 + length of its code. */
export interface HuffmanTable {
  readonly log: number;
  readonly entries: Uint16Array;
}

const HUFFMAN_LOG_MAX = 11;

/** Reads the description of a tree at `at`: weights, one by one or coded. */
export function readHuffman(
  bytes: Uint8Array,
  at: number,
  end: number,
): { readonly table: HuffmanTable; readonly at: number } {
  const header = bytes[at] ?? 0;
  const weights: number[] = [];
  let behind = at + 1;
  if (header >= 128) {
    const count = header - 127;
    behind += (count + 1) >> 1;
    for (let nth = 0; nth < count; nth++) {
      const byte = bytes[at + 1 + (nth >> 1)] ?? 0;
      weights.push(nth % 2 === 0 ? byte >> 4 : byte & 15);
    }
  } else {
    behind += header;
    if (behind <= end) readWeights(bytes, { at: at + 1, end: behind }, weights);
  }
  if (behind > end) throw corrupt('ends inside of a Huffman tree');
  return { table: huffmanTable(weights), at: behind };
}

/** Two interleaved states, until the bits run out. */
function readWeights(
  bytes: Uint8Array,
  { at, end }: { readonly at: number; readonly end: number },
  weights: number[],
): void {
  const { table, at: begin } = readFseTable(bytes, { at, end, logMax: 6, symbolMax: 255 });
  const stream = new BackwardBits(bytes, begin, end);
  let [state, other] = [stream.read(table.log), stream.read(table.log)];
  if (stream.left < 0) throw corrupt('ends inside of a Huffman tree');
  for (;;) {
    weights.push(table.symbols[state] ?? 0);
    const bits = table.bits[state] ?? 0;
    const next = (table.bases[state] ?? 0) + stream.read(bits);
    if (stream.left < 0) {
      weights.push(table.symbols[other] ?? 0);
      break;
    }
    if (weights.length > 254) throw corrupt('has a Huffman tree of too many symbols');
    [state, other] = [other, next];
  }
}

/** The last weight is not written: it fills the tree. */
function huffmanTable(weights: readonly number[]): HuffmanTable {
  if (weights.length > 255) throw corrupt('has a Huffman tree of too many symbols');
  let sum = 0;
  for (const weight of weights) {
    if (weight > HUFFMAN_LOG_MAX) throw corrupt('has a Huffman tree that is too deep');
    sum += weight === 0 ? 0 : 1 << (weight - 1);
  }
  if (sum === 0) throw corrupt('has a Huffman tree without symbols');
  const log = 32 - Math.clz32(sum);
  const rest = (1 << log) - sum;
  if (log > HUFFMAN_LOG_MAX || (rest & (rest - 1)) !== 0)
    throw corrupt('has a Huffman tree that is not complete');
  const all = [...weights, 32 - Math.clz32(rest)];
  const entries = new Uint16Array(1 << log);
  let position = 0;
  for (let weight = 1; weight <= log; weight++) {
    for (const [symbol, own] of all.entries()) {
      if (own !== weight) continue;
      const span = 1 << (weight - 1);
      entries.fill((symbol << 4) | (log + 1 - weight), position, position + span);
      position += span;
    }
  }
  if (position !== 1 << log) throw corrupt('has a Huffman tree that is not complete');
  return { log, entries };
}

/**
 * Blocks of Zstandard: literals, and sequences of literals and matches.
 *
 * Source: RFC 8878, section 3.1.1.3.
 */
import type { Ring } from './ring.ts';
import {
  BackwardBits,
  corrupt,
  type FseTable,
  fseTable,
  type HuffmanTable,
  readFseTable,
  readHuffman,
  rleTable,
} from './zstd-fse.ts';

/** Literals of one block, and what a block expands to. */
export const BLOCK_BYTES_MAX = 128 << 10;

const LITERAL_DEFAULT = fseTable(
  [
    4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1,
    -1, -1,
  ],
  6,
);
const MATCH_DEFAULT = fseTable(
  [
    1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
  ],
  6,
);
const OFFSET_DEFAULT = fseTable(
  [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1],
  5,
);

const LITERAL_BITS = [
  ...new Array<number>(16).fill(0),
  ...[1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
];
const LITERAL_BASE = basesOf(LITERAL_BITS, 0);
const MATCH_BITS = [
  ...new Array<number>(32).fill(0),
  ...[1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
];
const MATCH_BASE = basesOf(MATCH_BITS, 3);

/** Each code begins where the one before ends; the long ones begin at powers of two. */
function basesOf(bits: readonly number[], first: number): number[] {
  let base = first;
  return bits.map((width) => {
    const own = base;
    base += 2 ** width;
    return own;
  });
}

const OFFSET_CODE_MAX = 31;

interface Kind {
  readonly fallback: FseTable;
  readonly logMax: number;
  readonly symbolMax: number;
}

const LITERALS: Kind = { fallback: LITERAL_DEFAULT, logMax: 9, symbolMax: 35 };
const OFFSETS: Kind = { fallback: OFFSET_DEFAULT, logMax: 8, symbolMax: OFFSET_CODE_MAX };
const MATCHES: Kind = { fallback: MATCH_DEFAULT, logMax: 9, symbolMax: 52 };

/** Expands the compressed blocks of one frame, which share tables and offsets. */
export class ZstdBlocks {
  readonly #ring: Ring;
  readonly #literals: Uint8Array;
  #huffman: HuffmanTable | undefined;
  #literalTable: FseTable | undefined;
  #offsetTable: FseTable | undefined;
  #matchTable: FseTable | undefined;
  /** The last three distances. */
  #first = 1;
  #second = 4;
  #third = 8;

  /** `literals`: memory for those of a block, `BLOCK_BYTES_MAX`. */
  constructor(ring: Ring, literals: Uint8Array) {
    this.#ring = ring;
    this.#literals = literals;
  }

  /** Expands one block that is at hand. Throws Malformed. */
  expand(block: Uint8Array): void {
    const literals = this.#readLiterals(block);
    this.#readSequences(block, literals.at, literals.count);
  }

  #readLiterals(block: Uint8Array): { readonly at: number; readonly count: number } {
    const first = block[0] ?? 0;
    const [type, format] = [first & 3, (first >> 2) & 3];
    const word = first + (block[1] ?? 0) * 2 ** 8 + (block[2] ?? 0) * 2 ** 16 + (block[3] ?? 0) * 2 ** 24;
    if (type < 2) {
      const headerBytes = format === 1 ? 2 : format === 3 ? 3 : 1;
      const count = format === 1 ? (word >>> 4) & 0xfff : format === 3 ? (word >>> 4) & 0xfffff : first >> 3;
      const end = headerBytes + (type === 0 ? count : 1);
      if (count > BLOCK_BYTES_MAX || end > block.length) throw corrupt('holds more literals than it may');
      if (type === 0) this.#literals.set(block.subarray(headerBytes, end));
      else this.#literals.fill(block[headerBytes] ?? 0, 0, count);
      return { at: end, count };
    }
    const [headerBytes, width] = format < 2 ? [3, 10] : format === 2 ? [4, 14] : [5, 18];
    const wide = word + (block[4] ?? 0) * 2 ** 32;
    const count = Math.floor(wide / 16) % 2 ** width;
    const packed = Math.floor(wide / 2 ** (4 + width)) % 2 ** width;
    const end = headerBytes + packed;
    if (count > BLOCK_BYTES_MAX || end > block.length) throw corrupt('holds more literals than it may');
    let at = headerBytes;
    if (type === 2) {
      const tree = readHuffman(block, at, end);
      this.#huffman = tree.table;
      at = tree.at;
    }
    this.#decodeLiterals(block, { at, end, count, streams: format === 0 ? 1 : 4 });
    return { at: end, count };
  }

  #decodeLiterals(
    block: Uint8Array,
    {
      at,
      end,
      count,
      streams,
    }: { readonly at: number; readonly end: number; readonly count: number; readonly streams: number },
  ): void {
    if (streams === 1) {
      this.#decodeStream(block, { at, end, from: 0, to: count });
      return;
    }
    const part = (count + 3) >> 2;
    if (at + 6 > end || part * 3 > count) throw corrupt('has literals without streams');
    let begin = at + 6;
    for (let stream = 0; stream < 4; stream++) {
      const length = (block[at + stream * 2] ?? 0) | ((block[at + stream * 2 + 1] ?? 0) << 8);
      const close = stream === 3 ? end : begin + length;
      if (close > end) throw corrupt('has literals that reach beyond it');
      const to = stream === 3 ? count : part * (stream + 1);
      this.#decodeStream(block, { at: begin, end: close, from: part * stream, to });
      begin = close;
    }
  }

  #decodeStream(
    block: Uint8Array,
    {
      at,
      end,
      from,
      to,
    }: { readonly at: number; readonly end: number; readonly from: number; readonly to: number },
  ): void {
    const table = this.#huffman;
    if (table === undefined) throw corrupt('repeats a Huffman tree before the first');
    const stream = new BackwardBits(block, at, end);
    const { log, entries } = table;
    const literals = this.#literals;
    for (let place = from; place < to; place++) {
      const entry = entries[stream.peek(log)] ?? 0;
      stream.left -= entry & 15;
      literals[place] = entry >> 4;
    }
    if (stream.left !== 0) throw corrupt('has literals of another length than it says');
  }

  #readSequences(block: Uint8Array, begin: number, literals: number): void {
    let at = begin;
    const first = block[at++] ?? 0;
    if (begin >= block.length) throw corrupt('ends in front of its sequences');
    let count = first;
    if (first === 255) {
      count = ((block[at] ?? 0) | ((block[at + 1] ?? 0) << 8)) + 0x7f00;
      at += 2;
    } else if (first >= 128) {
      count = ((first - 128) << 8) + (block[at++] ?? 0);
    }
    if (count === 0) {
      if (at !== block.length) throw corrupt('goes on behind its end');
      this.#ring.append(this.#literals.subarray(0, literals));
      return;
    }
    const modes = block[at++] ?? 0;
    if ((modes & 3) !== 0) throw corrupt('uses a mode that does not exist');
    const table = (mode: number, kind: Kind, before: FseTable | undefined): FseTable => {
      if (mode === 0) return kind.fallback;
      if (mode === 1) {
        const symbol = block[at++] ?? 0;
        if (symbol > kind.symbolMax) throw corrupt('uses a symbol that does not exist');
        return rleTable(symbol);
      }
      if (mode === 3) {
        if (before === undefined) throw corrupt('repeats a table before the first');
        return before;
      }
      const read = readFseTable(block, { at, end: block.length, ...kind });
      at = read.at;
      return read.table;
    };
    this.#literalTable = table(modes >> 6, LITERALS, this.#literalTable);
    this.#offsetTable = table((modes >> 4) & 3, OFFSETS, this.#offsetTable);
    this.#matchTable = table((modes >> 2) & 3, MATCHES, this.#matchTable);
    this.#runSequences(new BackwardBits(block, at, block.length), count, literals);
  }

  #runSequences(stream: BackwardBits, count: number, literals: number): void {
    const ring = this.#ring;
    const [literalTable, offsetTable, matchTable] = [this.#literalTable, this.#offsetTable, this.#matchTable];
    if (literalTable === undefined || offsetTable === undefined || matchTable === undefined) return;
    let literalState = stream.read(literalTable.log);
    let offsetState = stream.read(offsetTable.log);
    let matchState = stream.read(matchTable.log);
    let used = 0;
    for (let nth = 1; nth <= count; nth++) {
      const offsetCode = offsetTable.symbols[offsetState] ?? 0;
      const matchCode = matchTable.symbols[matchState] ?? 0;
      const literalCode = literalTable.symbols[literalState] ?? 0;
      // More than 25 bits are read in two halves.
      const high = Math.max(0, offsetCode - 16);
      const offsetBits = stream.read(high) * 2 ** (offsetCode - high) + stream.read(offsetCode - high);
      const offsetValue = 2 ** offsetCode + offsetBits;
      const matchLength = (MATCH_BASE[matchCode] ?? 0) + stream.read(MATCH_BITS[matchCode] ?? 0);
      const literalLength = (LITERAL_BASE[literalCode] ?? 0) + stream.read(LITERAL_BITS[literalCode] ?? 0);
      const distance = this.#distance(offsetValue, literalLength);
      if (used + literalLength > literals) throw corrupt('takes more literals than there are');
      if (literalLength > 0) ring.append(this.#literals.subarray(used, used + literalLength));
      used += literalLength;
      if (stream.left < 0) throw corrupt('ends inside of its sequences');
      if (!ring.copy(distance, matchLength)) throw corrupt('has a match that reaches in front of the frame');
      if (nth === count) break;
      literalState =
        (literalTable.bases[literalState] ?? 0) + stream.read(literalTable.bits[literalState] ?? 0);
      matchState = (matchTable.bases[matchState] ?? 0) + stream.read(matchTable.bits[matchState] ?? 0);
      offsetState = (offsetTable.bases[offsetState] ?? 0) + stream.read(offsetTable.bits[offsetState] ?? 0);
    }
    if (stream.left !== 0) throw corrupt('has sequences of another length than it says');
    ring.append(this.#literals.subarray(used, literals));
  }

  /** Values up to three stand for the last distances, shifted by one where there are no literals in front. */
  #distance(value: number, literalLength: number): number {
    const index = value > 3 ? 3 : value - 1 + (literalLength === 0 ? 1 : 0);
    if (index === 0) return this.#first;
    let distance = value - 3;
    if (value <= 3) distance = index === 1 ? this.#second : index === 2 ? this.#third : this.#first - 1;
    if (index !== 1) this.#third = this.#second;
    this.#second = this.#first;
    this.#first = distance;
    return distance;
  }
}

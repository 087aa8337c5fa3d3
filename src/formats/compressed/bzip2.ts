/**
 * bzip2: blocks of run lengths, Burrows and Wheeler's transform, moves to front, and up to six Huffman codes.
 *
 * Source: the reference decoder (`decompress.c` of bzip2 1.0.8); there is no other specification.
 */
import type { Parse } from '../parse.ts';
import type { Check } from './checks.ts';
import type { Codec } from './codec.ts';
import { HuffmanMsb } from './huffman-msb.ts';
import type { Output } from './output.ts';
import type { Packed } from './packed.ts';
import type { Ring } from './ring.ts';

const BLOCK_MAGIC = 0x314159265359;
const END_MAGIC = 0x177245385090;
const GROUP_SYMBOLS = 50;
const GROUP_BYTES = 128;
const SELECTORS_MAX = 18_002;
const [RUN_A, RUN_B] = [0, 1];

export const BZIP2: Codec = {
  method: 'bzip2',
  fits: ([b, z, h, level = 0]) => b === 0x42 && z === 0x5a && h === 0x68 && level >= 0x31 && level <= 0x39,
  padding: 0,
  decode: decodeBzip2,
};

function* decodeBzip2(packed: Packed, output: Output): Parse<void> {
  yield* packed.need(4);
  const header = packed.take(4);
  if (!BZIP2.fits(header)) throw packed.bad('a bzip2 header is not of the form that exists');
  const blockBytes = ((header[3] ?? 0) - 0x30) * 100_000;
  const reader = new Bits(packed);
  output.ring.begin(1);
  let combined = 0;
  for (;;) {
    yield* packed.reach(64);
    const magic = reader.bits(24) * 2 ** 24 + reader.bits(24);
    const crc = (reader.bits(16) * 2 ** 16 + reader.bits(16)) | 0;
    if (magic === END_MAGIC) {
      if (crc !== combined) throw packed.bad('a bzip2 stream does not have its checksum');
      break;
    }
    if (magic !== BLOCK_MAGIC) throw packed.bad('a bzip2 block does not begin as one');
    const block = output.words(blockBytes);
    const check = new BzipCrc();
    output.check = check;
    const { length, origin } = yield* readBlock(packed, reader, block);
    expand(block, { length, origin }, output.ring);
    output.ring.flush();
    if (check.crc !== crc) throw packed.bad('a bzip2 block does not have its checksum');
    combined = ((combined << 1) | (combined >>> 31)) ^ crc;
  }
  reader.align();
  packed.within();
}

interface Block {
  readonly length: number;
  readonly origin: number;
}

/** Reads the transformed bytes of a block into the low bytes of `block`. */
function* readBlock(packed: Packed, reader: Bits, block: Uint32Array): Parse<Block> {
  if (reader.bits(1) === 1) throw packed.unread('a bzip2 block is randomised, as only version 0.9 wrote it');
  const origin = reader.bits(24);
  const symbols = readSymbols(reader);
  const groups = reader.bits(3);
  const selectors = reader.bits(15);
  if (symbols.length === 0 || groups < 2 || groups > 6 || selectors === 0 || selectors > SELECTORS_MAX)
    throw packed.bad('the tables of a bzip2 block are not of the form that exists');
  const selected = yield* readSelectors(packed, reader, { groups, selectors });
  const codes: HuffmanMsb[] = [];
  for (let group = 0; group < groups; group++) {
    // 258 lengths of at most 20 steps each, of two bits.
    yield* packed.reach(2048);
    codes.push(readCode(reader, symbols.length + 2));
  }
  const endOfBlock = symbols.length + 1;
  let length = 0;
  let [run, weight] = [0, 1];
  for (const group of selected) {
    const code = codes[group] ?? codes[0];
    if (code === undefined) break;
    yield* packed.reach(GROUP_BYTES);
    for (let at = 0; at < GROUP_SYMBOLS; at++) {
      const symbol = code.read(reader);
      if (symbol === RUN_A || symbol === RUN_B) {
        run += weight << symbol;
        weight <<= 1;
        if (run > block.length) throw packed.bad('a run of a bzip2 block is longer than the block');
        continue;
      }
      if (run > 0) {
        if (length + run > block.length) throw packed.bad('a bzip2 block holds more than its size');
        block.fill(symbols[0] ?? 0, length, length + run);
        length += run;
        [run, weight] = [0, 1];
      }
      if (symbol === endOfBlock) {
        packed.within();
        if (origin >= length) throw packed.bad('a bzip2 block begins outside of itself');
        return { length, origin };
      }
      if (length >= block.length) throw packed.bad('a bzip2 block holds more than its size');
      const byte = symbols[symbol - 1] ?? 0;
      symbols.copyWithin(1, 0, symbol - 1);
      symbols[0] = byte;
      block[length++] = byte;
    }
  }
  throw packed.bad('a bzip2 block does not end');
}

function readSymbols(reader: Bits): Uint8Array {
  const ranges = reader.bits(16);
  const symbols: number[] = [];
  for (let range = 0; range < 16; range++) {
    if (((ranges >> (15 - range)) & 1) === 0) continue;
    const used = reader.bits(16);
    for (let at = 0; at < 16; at++) if (((used >> (15 - at)) & 1) === 1) symbols.push(range * 16 + at);
  }
  return Uint8Array.from(symbols);
}

function* readSelectors(
  packed: Packed,
  reader: Bits,
  { groups, selectors }: { readonly groups: number; readonly selectors: number },
): Parse<Uint8Array> {
  const order = Array.from({ length: groups }, (_, group) => group);
  const selected = new Uint8Array(selectors);
  for (let at = 0; at < selectors; at++) {
    if (at % 64 === 0) yield* packed.reach(64);
    let front = 0;
    while (reader.bits(1) === 1) if (++front >= groups) throw packed.bad('a bzip2 block selects no table');
    const [group = 0] = order.splice(front, 1);
    order.unshift(group);
    selected[at] = group;
  }
  return selected;
}

function readCode(reader: Bits, symbols: number): HuffmanMsb {
  const lengths = new Uint8Array(symbols);
  let length = reader.bits(5);
  for (let symbol = 0; symbol < symbols; symbol++) {
    for (;;) {
      if (length < 1 || length > 20)
        throw reader.packed.bad('a code of a bzip2 block has no possible length');
      if (reader.bits(1) === 0) break;
      length += reader.bits(1) === 0 ? 1 : -1;
    }
    lengths[symbol] = length;
  }
  return new HuffmanMsb(lengths);
}

/** Turns the transform back, and expands runs: four equal bytes are followed by how many more there are. */
function expand(block: Uint32Array, { length, origin }: Block, ring: Ring): void {
  const starts = new Uint32Array(257);
  for (let at = 0; at < length; at++) {
    const next = ((block[at] ?? 0) & 0xff) + 1;
    starts[next] = (starts[next] ?? 0) + 1;
  }
  for (let byte = 0; byte < 256; byte++) starts[byte + 1] = (starts[byte + 1] ?? 0) + (starts[byte] ?? 0);
  for (let at = 0; at < length; at++) {
    const byte = (block[at] ?? 0) & 0xff;
    const to = starts[byte] ?? 0;
    starts[byte] = to + 1;
    block[to] = (block[to] ?? 0) | (at << 8);
  }
  let position = (block[origin] ?? 0) >>> 8;
  let [previous, equal] = [-1, 0];
  for (let count = 0; count < length; count++) {
    const entry = block[position] ?? 0;
    const byte = entry & 0xff;
    position = entry >>> 8;
    if (equal === 4) {
      for (let more = 0; more < byte; more++) ring.put(previous);
      [previous, equal] = [-1, 0];
      continue;
    }
    equal = byte === previous ? equal + 1 : 1;
    previous = byte;
    ring.put(byte);
  }
}

/** Bits, the highest first. */
export class Bits {
  readonly packed: Packed;
  #hold = 0;
  #count = 0;

  constructor(packed: Packed) {
    this.packed = packed;
  }

  /** At most 24. */
  bits(count: number): number {
    const value = this.peek(count);
    this.skip(count);
    return value;
  }

  peek(count: number): number {
    const { packed } = this;
    while (this.#count < count) {
      if (packed.at >= packed.end + 8) throw packed.truncated();
      this.#hold = (this.#hold << 8) | (packed.bytes[packed.at++] ?? 0);
      this.#count += 8;
    }
    return (this.#hold >>> (this.#count - count)) & ((1 << count) - 1);
  }

  skip(count: number): void {
    this.#count -= count;
  }

  /** Gives back the whole bytes that are held. */
  align(): void {
    this.packed.at -= this.#count >> 3;
    this.#count = 0;
  }
}

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});

/** CRC-32 whose bits come highest first. */
class BzipCrc implements Check {
  #crc = -1;

  get crc(): number {
    return ~this.#crc;
  }

  update(bytes: Uint8Array): void {
    let crc = this.#crc;
    for (let at = 0; at < bytes.length; at++)
      crc = (crc << 8) ^ (CRC_TABLE[(crc >>> 24) ^ (bytes[at] ?? 0)] ?? 0);
    this.#crc = crc;
  }

  digest(): Buffer {
    const digest = Buffer.alloc(4);
    digest.writeInt32BE(this.crc);
    return digest;
  }
}

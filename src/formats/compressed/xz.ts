/**
 * xz: blocks of LZMA2, each with a checksum, and an index that repeats their sizes.
 *
 * Source: the .xz file format, version 1.2.
 */
import { crc32 } from 'node:zlib';
import type { Parse } from '../parse.ts';
import { type Check, Crc32, Crc64, Sha256 } from './checks.ts';
import type { Codec } from './codec.ts';
import { expandLzma2 } from './lzma-streams.ts';
import type { Output } from './output.ts';
import type { Packed } from './packed.ts';
import { windowWithin } from './ring.ts';

const MAGIC = Buffer.from('fd377a585a00', 'hex');
const HEADER_BYTES = 12;
const LZMA2 = 0x21;

/** Blocks of one stream, whose sizes are kept until the index repeats them. */
const BLOCKS_MAX = 1 << 16;

export const XZ: Codec = {
  method: 'xz',
  fits: (head) => MAGIC.every((byte, at) => head[at] === byte),
  padding: 4,
  decode: decodeXz,
};

interface Block {
  readonly packedBytes: number;
  readonly sizeBytes: number;
}

function* decodeXz(packed: Packed, output: Output): Parse<void> {
  yield* packed.need(HEADER_BYTES);
  const header = packed.take(HEADER_BYTES);
  const flags = header.subarray(6, 8);
  if (!XZ.fits(header) || flags[0] !== 0 || crc32(flags) !== header.readUInt32LE(8))
    throw packed.bad('an xz header is not of the form that exists');
  const blocks: Block[] = [];
  for (;;) {
    yield* packed.need(1);
    if (packed.bytes[packed.at] === 0) break;
    if (blocks.length >= BLOCKS_MAX) throw packed.unread(`an xz stream has more than ${BLOCKS_MAX} blocks`);
    blocks.push(yield* decodeBlock(packed, output, flags[1] ?? 0));
  }
  const indexBytes = yield* checkIndex(packed, blocks);
  yield* packed.need(HEADER_BYTES);
  const footer = packed.take(HEADER_BYTES);
  const fits =
    crc32(footer.subarray(4, 10)) === footer.readUInt32LE(0) &&
    (footer.readUInt32LE(4) + 1) * 4 === indexBytes &&
    flags.equals(footer.subarray(8, 10)) &&
    footer.toString('latin1', 10) === 'YZ';
  if (!fits) throw packed.bad('the footer of an xz stream contradicts it');
}

function checkOf(packed: Packed, id: number): { readonly check: Check | undefined; readonly bytes: number } {
  if (id === 0) return { check: undefined, bytes: 0 };
  if (id === 1) return { check: new Crc32(), bytes: 4 };
  if (id === 4) return { check: new Crc64(), bytes: 8 };
  if (id === 10) return { check: new Sha256(), bytes: 32 };
  throw packed.unread('an xz stream has a checksum of an unknown kind');
}

function* decodeBlock(packed: Packed, output: Output, checkId: number): Parse<Block> {
  const begin = packed.offset;
  const [size = 0] = packed.bytes.subarray(packed.at, packed.at + 1);
  const headerBytes = (size + 1) * 4;
  yield* packed.need(headerBytes);
  const header = packed.take(headerBytes);
  if (crc32(header.subarray(0, -4)) !== header.readUInt32LE(headerBytes - 4))
    throw packed.bad('the header of an xz block does not have its checksum');
  const fields = new Fields(packed, header.subarray(2, -4));
  const flags = header[1] ?? 0;
  if ((flags & 0x3c) !== 0) throw packed.bad('an xz block has flags that do not exist');
  const packedBytes = (flags & 0x40) === 0 ? undefined : fields.number();
  const sizeBytes = (flags & 0x80) === 0 ? undefined : fields.number();
  if ((flags & 3) !== 0 || fields.number() !== LZMA2 || fields.number() !== 1)
    throw packed.unread('an xz block has a filter other than LZMA2');
  const dictionary = fields.byte();
  if (dictionary > 40 || !fields.onlyZeros()) throw packed.bad('an xz block asks for what does not exist');
  const window =
    dictionary === 40 ? 0xffffffff : (2 | (dictionary & 1)) * 2 ** (Math.floor(dictionary / 2) + 11);
  const { check, bytes: checkBytes } = checkOf(packed, checkId);
  output.check = check;
  output.ring.begin(windowWithin(window, begin));
  const dataBegin = packed.offset;
  yield* expandLzma2(packed, output.ring);
  const dataBytes = packed.offset - dataBegin;
  const total = output.ring.total;
  if ((packedBytes ?? dataBytes) !== dataBytes || (sizeBytes ?? total) !== total)
    throw packed.bad('an xz block does not have its sizes');
  const padding = (4 - (dataBytes % 4)) % 4;
  yield* packed.need(padding + checkBytes);
  if (packed.take(padding).some((byte) => byte !== 0))
    throw packed.bad('the padding of an xz block is not zero');
  const digest = packed.take(checkBytes);
  if (check !== undefined && !check.digest().equals(digest))
    throw packed.bad('an xz block does not have its checksum');
  return { packedBytes: headerBytes + dataBytes + checkBytes, sizeBytes: total };
}

/** The index must repeat the sizes of all blocks. Its length in bytes. */
function* checkIndex(packed: Packed, blocks: readonly Block[]): Parse<number> {
  const begin = packed.offset;
  let crc = crc32(packed.take(1));
  let left = 0;
  const numbers = [
    blocks.length,
    ...blocks.flatMap(({ packedBytes, sizeBytes }) => [packedBytes, sizeBytes]),
  ];
  for (const expected of numbers) {
    left = Math.min(9, yield* packed.reach(9));
    const fields = new Fields(packed, packed.take(left));
    const value = fields.number();
    packed.at -= left;
    crc = crc32(packed.take(fields.at), crc);
    if (value !== expected) throw packed.bad('the index of an xz stream contradicts its blocks');
  }
  const padding = (4 - ((packed.offset - begin) % 4)) % 4;
  yield* packed.need(padding + 4);
  const zeros = packed.take(padding);
  crc = crc32(zeros, crc);
  if (zeros.some((byte) => byte !== 0) || packed.take(4).readUInt32LE(0) !== crc)
    throw packed.bad('the index of an xz stream does not have its checksum');
  return packed.offset - begin;
}

/** Numbers of a header: seven bits a byte, the lowest first, in their shortest form. */
class Fields {
  at = 0;
  readonly #packed: Packed;
  readonly #bytes: Uint8Array;

  constructor(packed: Packed, bytes: Uint8Array) {
    this.#packed = packed;
    this.#bytes = bytes;
  }

  byte(): number {
    const byte = this.#bytes[this.at++];
    if (byte === undefined) throw this.#packed.bad('a header of an xz stream is cut');
    return byte;
  }

  number(): number {
    let value = 0;
    for (let shift = 0; shift < 63; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if ((byte & 0x80) !== 0) continue;
      if ((byte === 0 && shift > 0) || !Number.isSafeInteger(value)) break;
      return value;
    }
    throw this.#packed.bad('a number of an xz header is not in its form');
  }

  onlyZeros(): boolean {
    return this.#bytes.subarray(this.at).every((byte) => byte === 0);
  }
}

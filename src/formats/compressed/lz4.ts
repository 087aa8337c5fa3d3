/**
 * LZ4 frames.
 *
 * Source: "LZ4 Frame Format" 1.6.4 and "LZ4 Block Format".
 */
import type { Parse } from '../parse.ts';
import { XxHash32, xxHash32 } from './checks.ts';
import type { Codec } from './codec.ts';
import type { Output } from './output.ts';
import type { Packed } from './packed.ts';
import type { Ring } from './ring.ts';

const WINDOW_BYTES = 64 << 10;
const MATCH_LENGTH_MIN = 4;

export const LZ4: Codec = {
  method: 'lz4',
  fits: ([a, b, c, d]) => a === 0x04 && b === 0x22 && c === 0x4d && d === 0x18,
  padding: 0,
  decode: decodeLz4,
};

function* decodeLz4(packed: Packed, output: Output): Parse<void> {
  const { ring } = output;
  const frame = yield* readHeader(packed);
  const check = new XxHash32();
  output.check = frame.contentCheck ? check : undefined;
  ring.begin(WINDOW_BYTES);
  for (;;) {
    yield* packed.need(4);
    const word = packed.take(4).readUInt32LE(0);
    if (word === 0) break;
    const length = word & 0x7fffffff;
    if (length > frame.blockBytes) throw packed.bad('an LZ4 block is larger than its frame allows');
    yield* packed.need(length + (frame.blockCheck ? 4 : 0));
    const block = packed.take(length);
    const before = ring.total;
    if (word >>> 31 === 1) ring.append(block);
    else expandBlock(packed, block, ring);
    if (ring.total - before > frame.blockBytes)
      throw packed.bad('an LZ4 block expands to more than its frame allows');
    if (frame.blockCheck && !xxHash32(block).equals(packed.take(4)))
      throw packed.bad('an LZ4 block does not have its checksum');
  }
  ring.flush();
  if (frame.sizeBytes !== undefined && frame.sizeBytes !== ring.total)
    throw packed.bad('an LZ4 frame does not have its size');
  if (!frame.contentCheck) return;
  yield* packed.need(4);
  if (!check.digest().equals(packed.take(4))) throw packed.bad('an LZ4 frame does not have its checksum');
}

interface Frame {
  readonly blockBytes: number;
  readonly blockCheck: boolean;
  readonly contentCheck: boolean;
  readonly sizeBytes: number | undefined;
}

function* readHeader(packed: Packed): Parse<Frame> {
  yield* packed.need(7);
  const [flags = 0, block = 0] = packed.bytes.subarray(packed.at + 4, packed.at + 6);
  const sized = (flags & 8) !== 0;
  if ((flags & 1) !== 0) throw packed.unread('an LZ4 frame needs a dictionary from outside');
  const length = sized ? 15 : 7;
  yield* packed.need(length);
  const header = packed.take(length);
  const size = block >> 4;
  const exists = flags >> 6 === 1 && (flags & 2) === 0 && (block & 0x8f) === 0 && size >= 4;
  if (!LZ4.fits(header) || !exists || xxHash32(header.subarray(4, -1))[1] !== header[length - 1])
    throw packed.bad('an LZ4 header is not of the form that exists');
  return {
    blockBytes: 1 << (size * 2 + 8),
    blockCheck: (flags & 0x10) !== 0,
    contentCheck: (flags & 4) !== 0,
    sizeBytes: sized ? Number(header.readBigUInt64LE(6)) : undefined,
  };
}

/** Sequences of literals and a match; the last one is literals alone. */
function expandBlock(packed: Packed, block: Buffer, ring: Ring): void {
  let at = 0;
  const longer = (length: number): number => {
    let sum = length;
    if (length !== 15) return sum;
    for (;;) {
      const byte = block[at++];
      if (byte === undefined) throw packed.bad('an LZ4 block ends inside of a length');
      sum += byte;
      if (byte !== 255) return sum;
    }
  };
  for (;;) {
    const token = block[at++] ?? 0;
    const literals = longer(token >> 4);
    if (at + literals > block.length) throw packed.bad('an LZ4 block ends inside of literals');
    if (literals > 0) ring.append(block.subarray(at, at + literals));
    at += literals;
    if (at === block.length) return;
    if (at + 2 > block.length) throw packed.bad('an LZ4 block ends inside of a match');
    const distance = block.readUInt16LE(at);
    at += 2;
    const length = longer(token & 15) + MATCH_LENGTH_MIN;
    if (!ring.copy(distance, length)) throw packed.bad('a match reaches in front of the stream');
  }
}

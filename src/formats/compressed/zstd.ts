/**
 * Zstandard frames.
 *
 * Source: RFC 8878, section 3.1.
 */
import type { Parse } from '../parse.ts';
import type { Codec } from './codec.ts';
import type { Output } from './output.ts';
import type { Packed } from './packed.ts';
import { windowWithin } from './ring.ts';
import { XxHash64 } from './xx-hash-64.ts';
import { BLOCK_BYTES_MAX, ZstdBlocks } from './zstd-block.ts';

const [RAW, RLE, COMPRESSED] = [0, 1, 2];
const MAGIC_BYTES = 4;

export const ZSTD: Codec = {
  method: 'zstd',
  fits: ([a, b, c, d]) => a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd,
  padding: 0,
  decode: decodeZstd,
};

function* decodeZstd(packed: Packed, output: Output): Parse<void> {
  const { ring } = output;
  const frame = yield* readHeader(packed);
  const check = new XxHash64();
  output.check = frame.checked ? check : undefined;
  ring.begin(windowWithin(frame.windowBytes, packed.offset));
  const words = output.words(BLOCK_BYTES_MAX / 4);
  const blocks = new ZstdBlocks(ring, new Uint8Array(words.buffer, 0, BLOCK_BYTES_MAX));
  for (let last = false; !last; ) {
    yield* packed.need(3);
    const word = packed.take(3).readUIntLE(0, 3);
    last = (word & 1) === 1;
    const [type, length] = [(word >> 1) & 3, word >> 3];
    if (length > BLOCK_BYTES_MAX || type > COMPRESSED)
      throw packed.bad('a Zstandard block does not exist so');
    yield* packed.need(type === RLE ? 1 : length);
    const block = packed.take(type === RLE ? 1 : length);
    const before = ring.total;
    if (type === RAW) ring.append(block);
    else if (type === RLE) ring.append(Buffer.alloc(length, block[0]));
    else blocks.expand(block);
    if (ring.total - before > BLOCK_BYTES_MAX)
      throw packed.bad('a Zstandard block expands to more than it may');
  }
  ring.flush();
  if (frame.sizeBytes !== undefined && frame.sizeBytes !== ring.total)
    throw packed.bad('a Zstandard frame does not have its size');
  if (!frame.checked) return;
  yield* packed.need(4);
  if (!check.digest().subarray(0, 4).equals(packed.take(4)))
    throw packed.bad('a Zstandard frame does not have its checksum');
}

interface Frame {
  readonly windowBytes: number;
  readonly sizeBytes: number | undefined;
  readonly checked: boolean;
}

function* readHeader(packed: Packed): Parse<Frame> {
  yield* packed.need(MAGIC_BYTES + 1);
  const start = packed.take(MAGIC_BYTES + 1);
  const descriptor = start[MAGIC_BYTES] ?? 0;
  if (!ZSTD.fits(start) || (descriptor & 8) !== 0)
    throw packed.bad('a Zstandard header is not of the form that exists');
  if ((descriptor & 3) !== 0) throw packed.unread('a Zstandard frame needs a dictionary from outside');
  const single = (descriptor & 0x20) !== 0;
  const checked = (descriptor & 4) !== 0;
  const sizeLength = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  yield* packed.need(sizeLength + 1);
  const window = single ? 0 : (packed.take(1)[0] ?? 0);
  const size = packed.take(sizeLength);
  const sizeBytes = sizeLength === 0 ? undefined : numberOf(size);
  const windowBytes = single
    ? Math.max(1, sizeBytes ?? 0)
    : 2 ** (10 + (window >> 3)) * (1 + (window & 7) / 8);
  return { windowBytes, sizeBytes, checked };
}

/** Two bytes count from 256. */
function numberOf(size: Buffer): number {
  if (size.length === 8) return Number(size.readBigUInt64LE(0));
  return size.readUIntLE(0, size.length) + (size.length === 2 ? 256 : 0);
}

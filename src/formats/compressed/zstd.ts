/**
 * Zstandard frames. Node expands them, in memory and as a whole; what is read here is where a frame ends, and how
 * much memory it asks for.
 *
 * Source: RFC 8878.
 */
import { zstdDecompressSync } from 'node:zlib';
import type { Parse } from '../parse.ts';
import type { Codec } from './codec.ts';
import type { Output } from './output.ts';
import type { Packed } from './packed.ts';
import { windowWithin } from './ring.ts';

/** A frame and what it expands to lie in memory at the same time. */
const FRAME_BYTES_MAX = 8 << 20;
const EXPANDED_BYTES_MAX = 16 << 20;

const BLOCK_BYTES_MAX = 128 << 10;
const [RAW, RLE, RESERVED] = [0, 1, 3];

export const ZSTD: Codec = {
  method: 'zstd',
  fits: ([a, b, c, d]) => a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd,
  padding: 0,
  decode: decodeZstd,
};

function* decodeZstd(packed: Packed, { ring }: Output): Parse<void> {
  ring.begin(1);
  const length = yield* frameBytes(packed);
  const frame = packed.take(length);
  let expanded: Buffer;
  try {
    expanded = zstdDecompressSync(frame, { maxOutputLength: EXPANDED_BYTES_MAX });
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE')
      throw packed.unread(`a Zstandard frame expands to more than ${EXPANDED_BYTES_MAX} bytes`);
    throw packed.bad('a Zstandard frame does not expand');
  }
  ring.append(expanded);
  ring.flush();
}

/** The length of the frame ahead, which is at hand as a whole then. */
function* frameBytes(packed: Packed): Parse<number> {
  yield* packed.need(6);
  const begin = packed.offset;
  const descriptor = packed.bytes[packed.at + 4] ?? 0;
  const single = (descriptor & 0x20) !== 0;
  if ((descriptor & 3) !== 0) throw packed.unread('a Zstandard frame needs a dictionary from outside');
  if ((descriptor & 8) !== 0) throw packed.bad('a Zstandard header is not of the form that exists');
  const sizeLength = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  if (!single) {
    const window = packed.bytes[packed.at + 5] ?? 0;
    windowWithin(2 ** (10 + (window >> 3)) * (1 + (window & 7) / 8), begin);
  }
  let length = 5 + (single ? 0 : 1) + sizeLength;
  for (;;) {
    yield* packed.need(length + 3);
    const header = packed.bytes.subarray(packed.at + length, packed.at + length + 3);
    const word = (header[0] ?? 0) | ((header[1] ?? 0) << 8) | ((header[2] ?? 0) << 16);
    const [type, size] = [(word >> 1) & 3, word >> 3];
    if (type === RESERVED || (type !== RAW && size > BLOCK_BYTES_MAX))
      throw packed.bad('a Zstandard block is of a kind that does not exist');
    length += 3 + (type === RLE ? 1 : size);
    if (length > FRAME_BYTES_MAX)
      throw packed.unread(`a Zstandard frame is larger than ${FRAME_BYTES_MAX} bytes`);
    if ((word & 1) === 1) break;
  }
  if ((descriptor & 4) !== 0) length += 4;
  yield* packed.need(length);
  return length;
}

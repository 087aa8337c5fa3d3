/**
 * gzip and zlib: deflate between a header and a checksum.
 *
 * Source: RFC 1952, RFC 1950.
 */
import type { Parse } from '../parse.ts';
import { Adler32, Crc32 } from './checks.ts';
import type { Codec } from './codec.ts';
import { inflate } from './inflate.ts';
import type { Output } from './output.ts';
import type { Packed } from './packed.ts';

/** A file name in a header: longer ones carry something else. */
const NAME_BYTES_MAX = 4096;

const FLAGS = { headerCrc: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 };

export const GZIP: Codec = {
  method: 'gzip',
  fits: (head) => head[0] === 0x1f && head[1] === 0x8b,
  padding: 1,
  decode: decodeGzip,
};

export const ZLIB: Codec = {
  method: 'zlib',
  // The largest window, as all writers ask for; other headers are letters with which text begins.
  fits: ([method = 0, flags = 0]) => method === 0x78 && (method * 256 + flags) % 31 === 0,
  padding: 0,
  decode: decodeZlib,
};

function* decodeGzip(packed: Packed, output: Output): Parse<void> {
  const begin = packed.offset;
  yield* packed.need(10);
  const header = packed.take(10);
  const flags = header[3] ?? 0;
  if (!GZIP.fits(header) || header[2] !== 8 || (flags & FLAGS.reserved) !== 0)
    throw packed.bad('a gzip header is not of the form that exists');
  if ((flags & (FLAGS.extra | FLAGS.headerCrc | FLAGS.comment)) !== 0)
    throw packed.unread('a gzip header holds a comment, a checksum or fields of an application');
  if ((flags & FLAGS.name) !== 0) yield* skipName(packed);
  const check = new Crc32();
  output.check = check;
  yield* inflate(packed, output.ring);
  yield* packed.need(8);
  const trailer = packed.take(8);
  if (
    !check.digest().equals(trailer.subarray(0, 4)) ||
    trailer.readUInt32LE(4) !== output.ring.total % 2 ** 32
  )
    throw packed.bad(`the gzip member at ${begin} does not have its checksum or size`);
}

function* skipName(packed: Packed): Parse<void> {
  const there = yield* packed.reach(NAME_BYTES_MAX);
  const end = packed.bytes.subarray(packed.at, packed.at + Math.min(there, NAME_BYTES_MAX)).indexOf(0);
  if (end < 0) throw packed.bad('the file name in a gzip header does not end');
  packed.at += end + 1;
}

function* decodeZlib(packed: Packed, output: Output): Parse<void> {
  const begin = packed.offset;
  yield* packed.need(2);
  const header = packed.take(2);
  if (((header[1] ?? 0) & 0x20) !== 0) throw packed.unread('a zlib stream needs a dictionary from outside');
  const check = new Adler32();
  output.check = check;
  yield* inflate(packed, output.ring);
  yield* packed.need(4);
  if (!check.digest().equals(packed.take(4)))
    throw packed.bad(`the zlib stream at ${begin} does not have its checksum`);
}

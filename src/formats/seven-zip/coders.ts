/**
 * Methods of 7z that are expanded; the others are named where they are known.
 *
 * Source: Methods.txt of the LZMA SDK.
 */
import { BZIP2 } from '../compressed/bzip2.ts';
import type { Codec } from '../compressed/codec.ts';
import { inflate } from '../compressed/inflate.ts';
import { lzmaProperties } from '../compressed/lzma.ts';
import { expandLzma, expandLzma2 } from '../compressed/lzma-streams.ts';
import type { Unpack } from '../compressed/member.ts';
import type { Output } from '../compressed/output.ts';
import type { Packed } from '../compressed/packed.ts';
import { windowWithin } from '../compressed/ring.ts';
import { ZSTD } from '../compressed/zstd.ts';
import type { Parse } from '../parse.ts';
import { malformed } from './bytes.ts';
import type { Coder } from './header.ts';

const CHUNK_BYTES = 64 << 10;

export const X86_FILTER = '03030103';

/** Methods that are not expanded, by name. */
const UNREAD: Readonly<Record<string, string>> = {
  '06f10701': 'AES encryption',
  '030401': 'PPMd',
  [X86_FILTER]: 'the filter BCJ',
  '0303011b': 'the filter BCJ2',
  '03': 'the filter Delta',
};

/** What expands a coder, or in words why nothing does. */
export function unpackerOf({ method, properties }: Coder): Unpack | string {
  switch (method) {
    case '00':
      return copy;
    case '030101':
      return lzma(properties);
    case '21':
      return lzma2(properties);
    case '040108':
      return (packed, { ring }) => inflate(packed, ring);
    case '040202':
      return every(BZIP2);
    case '04f71101':
      return every(ZSTD);
    default:
      return `a folder is packed with ${UNREAD[method] ?? `the method ${method}`}, which is not read`;
  }
}

function* copy(packed: Packed, { ring }: Output): Parse<void> {
  ring.begin(1);
  while (packed.remaining > 0) {
    const length = Math.min(packed.remaining, CHUNK_BYTES);
    yield* packed.need(length);
    ring.append(packed.take(length));
  }
  ring.flush();
}

function lzma(bytes: Uint8Array): Unpack {
  const properties = lzmaProperties(bytes[0] ?? 0xff);
  if (bytes.length !== 5 || properties === undefined)
    throw malformed('gives LZMA properties that do not exist');
  const window = Buffer.from(bytes).readUInt32LE(1);
  return function* (packed, { ring }, sizeBytes) {
    ring.begin(windowWithin(Math.max(4096, window), packed.offset));
    yield* expandLzma(packed, ring, { properties, sizeBytes, marker: 'allowed' });
  };
}

function lzma2(bytes: Uint8Array): Unpack {
  const [size = 0xff] = bytes;
  if (bytes.length !== 1 || size > 40) throw malformed('gives LZMA2 properties that do not exist');
  const window = size === 40 ? 0xffffffff : (2 | (size & 1)) * 2 ** (Math.floor(size / 2) + 11);
  return function* (packed, { ring }) {
    ring.begin(windowWithin(window, packed.offset));
    yield* expandLzma2(packed, ring);
  };
}

/** Encoders on several cores write several streams one after another. */
function every(codec: Codec): Unpack {
  return function* (packed: Packed, output: Output): Parse<void> {
    do yield* codec.decode(packed, output);
    while (packed.remaining > 0);
  };
}

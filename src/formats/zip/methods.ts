/**
 * Compression methods of zip members other than stored.
 *
 * Source: APPNOTE 4.4.5 (methods) and 5.8 (LZMA).
 */
import { BZIP2 } from '../compressed/bzip2.ts';
import { inflate } from '../compressed/inflate.ts';
import { lzmaProperties } from '../compressed/lzma.ts';
import { expandLzma } from '../compressed/lzma-streams.ts';
import type { Unpack } from '../compressed/member.ts';
import type { Output } from '../compressed/output.ts';
import type { Packed } from '../compressed/packed.ts';
import { windowWithin } from '../compressed/ring.ts';
import { XZ } from '../compressed/xz.ts';
import { ZSTD } from '../compressed/zstd.ts';
import type { Parse } from '../parse.ts';

export const METHODS: ReadonlyMap<number, { readonly name: string; readonly unpack: Unpack }> = new Map([
  [8, { name: 'deflated', unpack: (packed: Packed, { ring }: Output) => inflate(packed, ring) }],
  [12, { name: 'bzip2', unpack: BZIP2.decode }],
  [14, { name: 'lzma', unpack: unpackLzma }],
  [93, { name: 'zstd', unpack: ZSTD.decode }],
  [95, { name: 'xz', unpack: XZ.decode }],
]);

/** Version, size of the properties, the properties, then bare LZMA to the size of the member or to its marker. */
function* unpackLzma(packed: Packed, { ring }: Output, sizeBytes: number): Parse<void> {
  yield* packed.need(9);
  const header = packed.take(9);
  const properties = lzmaProperties(header[4] ?? 0xff);
  if (header.readUInt16LE(2) !== 5 || properties === undefined)
    throw packed.bad('the properties of LZMA data do not exist');
  ring.begin(windowWithin(Math.max(4096, header.readUInt32LE(5)), packed.offset));
  yield* expandLzma(packed, ring, { properties, sizeBytes, marker: 'allowed' });
}

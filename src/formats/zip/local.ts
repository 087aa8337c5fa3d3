/**
 * Local headers: the archive as it is written. Every byte before the central directory must belong to exactly one
 * member, and each local header must say what the directory says: a reader that streams must see no other file.
 *
 * Source: APPNOTE 4.3.7 (local header), 4.3.9 (data descriptor), 4.4.4 (flags).
 */

import type { Notes } from '../archive/notes.ts';
import type { Parse } from '../parse.ts';
import { extraFields, zip64Values } from './extra.ts';
import type { ZipEntry } from './facts.ts';
import { Unreadable, viewOf } from './unreadable.ts';

const HEADER_BYTES = 30;
const HEADER_SIGNATURE = 0x04034b50;
const DESCRIPTOR_SIGNATURE = 0x08074b50;

const DESCRIPTOR_FLAG = 1 << 3;
/** Compression level (1, 2), data descriptor (3), UTF-8 (11). Encryption, patches and masks are not followed. */
const KNOWN_FLAGS = 0b110 | DESCRIPTOR_FLAG | (1 << 11);

/** A member whose local header agrees with the directory, and where its data lies. */
export interface PlacedEntry extends ZipEntry {
  readonly dataOffset: number;
}

/**
 * Places every entry. Holes before, between and after members become gaps; members that overlap make the archive
 * Unreadable (one byte range read many times is how small archives become large).
 */
export function* placeEntries(
  origin: number,
  entries: readonly ZipEntry[],
  { directoryBegin, notes }: { readonly directoryBegin: number; readonly notes: Notes },
): Parse<PlacedEntry[]> {
  const placed: PlacedEntry[] = [];
  let end = 0;
  for (const entry of [...entries].sort((a, b) => a.headerOffset - b.headerOffset)) {
    const { headerOffset } = entry;
    if (headerOffset < end) throw new Unreadable('members-overlap', headerOffset, 'two members share bytes');
    if (headerOffset > directoryBegin)
      throw new Unreadable('members-overlap', headerOffset, 'a member reaches into the directory');
    hole(end, headerOffset, notes);
    const header = yield* readHeader(origin, entry, { directoryBegin, notes });
    placed.push({ ...entry, dataOffset: header.dataOffset });
    end = header.dataOffset + entry.compressedBytes;
    if (end > directoryBegin)
      throw new Unreadable('members-overlap', headerOffset, 'a member reaches into the directory');
    if ((entry.flags & DESCRIPTOR_FLAG) !== 0) end = yield* readDescriptor(origin, entry, { at: end, notes });
  }
  if (end > directoryBegin)
    throw new Unreadable('members-overlap', end, 'a member reaches into the directory');
  hole(end, directoryBegin, notes);
  return placed;
}

function hole(from: number, to: number, notes: Notes): void {
  if (to === from) return;
  const where = from === 0 ? 'in front of the first member' : 'between or after members';
  notes.contradiction(
    { code: 'hole', offset: from, detail: `bytes ${where} belong to no member` },
    to - from,
  );
}

interface Surroundings {
  readonly directoryBegin: number;
  readonly notes: Notes;
}

function* readHeader(
  origin: number,
  entry: ZipEntry,
  { directoryBegin, notes }: Surroundings,
): Parse<{ dataOffset: number }> {
  const { headerOffset: offset, name: member } = entry;
  const least = HEADER_BYTES + entry.rawName.length;
  const fixed = yield* readInside(origin, { offset, length: least, end: directoryBegin });
  const view = viewOf(fixed);
  if (view.getUint32(0, true) !== HEADER_SIGNATURE)
    throw new Unreadable('no-local-header', offset, 'a member has no local header');
  const extraBytes = view.getUint16(28, true);
  const dataOffset = offset + HEADER_BYTES + view.getUint16(26, true) + extraBytes;
  if (
    view.getUint16(26, true) !== entry.rawName.length ||
    Buffer.compare(fixed.subarray(HEADER_BYTES), entry.rawName) !== 0
  )
    throw new Unreadable('headers-differ', offset, 'a member has two names');
  const extra = yield* readInside(origin, {
    offset: offset + least,
    length: extraBytes,
    end: directoryBegin,
  });
  const fields = extraFields(extra, { offset: offset + least, member }, notes);
  const [sizeBytes, compressedBytes] = zip64Values(
    fields,
    [view.getUint32(22, true), view.getUint32(18, true)],
    offset,
  );
  const [flags, method, crc32] = [view.getUint16(6, true), view.getUint16(8, true), view.getUint32(14, true)];
  const sizesAgree =
    crc32 === entry.crc32 && sizeBytes === entry.sizeBytes && compressedBytes === entry.compressedBytes;
  const sizesLater =
    (flags & DESCRIPTOR_FLAG) !== 0 && crc32 === 0 && sizeBytes === 0 && compressedBytes === 0;
  if (flags !== entry.flags || method !== entry.method || !(sizesAgree || sizesLater))
    throw new Unreadable('headers-differ', offset, `the two headers of "${member}" contradict each other`);
  if ((flags & ~KNOWN_FLAGS) !== 0)
    notes.contradiction(
      { code: 'member-flags', offset, detail: 'a member is encrypted or flagged unusually', member },
      entry.compressedBytes,
    );
  return { dataOffset };
}

/** The end of the descriptor behind a member's data: with or without signature, with short or zip64 sizes. */
function* readDescriptor(
  origin: number,
  entry: ZipEntry,
  { at, notes }: { at: number; notes: Notes },
): Parse<number> {
  const bytes = yield { offset: origin + at, length: 24 };
  const view = viewOf(bytes);
  const skip = bytes.length >= 4 && view.getUint32(0, true) === DESCRIPTOR_SIGNATURE ? 4 : 0;
  if (bytes.length >= skip + 12 && view.getUint32(skip, true) === entry.crc32) {
    const wide = bytes.length >= skip + 20;
    if (
      wide &&
      view.getBigUint64(skip + 4, true) === BigInt(entry.compressedBytes) &&
      view.getBigUint64(skip + 12, true) === BigInt(entry.sizeBytes)
    )
      return at + skip + 20;
    if (
      view.getUint32(skip + 4, true) === entry.compressedBytes &&
      view.getUint32(skip + 8, true) === entry.sizeBytes
    )
      return at + skip + 12;
  }
  const detail = 'the data descriptor of a member is missing or contradicts the directory';
  notes.contradiction({ code: 'bad-descriptor', offset: at, detail, member: entry.name }, 0);
  return at;
}

interface Range {
  readonly offset: number;
  readonly length: number;
  readonly end: number;
}

function* readInside(origin: number, { offset, length, end }: Range): Parse<Uint8Array> {
  if (length === 0) return new Uint8Array(0);
  if (offset + length > end)
    throw new Unreadable('members-overlap', offset, 'a member reaches into the directory');
  const bytes = yield { offset: origin + offset, length };
  if (bytes.length !== length)
    throw new Unreadable('truncated', offset, 'the archive ends inside of a member');
  return bytes;
}

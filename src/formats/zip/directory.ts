/**
 * The end record and the central directory: what loaders go by.
 *
 * Source: PKWARE APPNOTE.TXT, sections 4.3.12 (central directory), 4.3.14 (zip64 end record), 4.3.16 (end record),
 * 4.5.3 (zip64 extra field). Where CPython's `zipfile` and miniz (PyTorch) read differently, neither is followed.
 */

import { ENTRIES_MAX } from '../archive/facts.ts';
import type { Notes } from '../archive/notes.ts';
import type { Parse } from '../parse.ts';
import { extraFields, zip64Values } from './extra.ts';
import { DIRECTORY_BYTES_MAX, type ZipEntry } from './facts.ts';
import { memberName } from './names.ts';
import { Unreadable, viewOf } from './unreadable.ts';

export interface Directory {
  readonly entries: readonly ZipEntry[];
  readonly begin: number;
}

const END_BYTES = 22;
const COMMENT_BYTES_MAX = 0xffff;
const END_SIGNATURE = 0x06054b50;
const ZIP64_LOCATOR_BYTES = 20;
const ZIP64_LOCATOR_SIGNATURE = 0x07064b50;
const ZIP64_END_BYTES = 56;
const ZIP64_END_SIGNATURE = 0x06064b50;
const ENTRY_BYTES = 46;
const ENTRY_SIGNATURE = 0x02014b50;

/** Version 6.3 knows LZMA and the methods after it; encryption has a flag of its own. */
const VERSION_MAX = 63;

interface End {
  /** Where the central directory must end: where its end records begin. */
  readonly offset: number;
  readonly entries: number;
  readonly directoryBytes: number;
  readonly directoryOffset: number;
}

/** The directory of an archive of `sizeBytes` at `origin`. Throws Unreadable where there is none to go by. */
export function* readDirectory(origin: number, sizeBytes: number, notes: Notes): Parse<Directory> {
  const end = yield* readEnd(origin, sizeBytes, notes);
  if (end.entries > ENTRIES_MAX)
    throw new Unreadable('too-many-members', end.offset, `more than ${ENTRIES_MAX} members`);
  if (end.directoryBytes > DIRECTORY_BYTES_MAX)
    throw new Unreadable(
      'directory-too-large',
      end.offset,
      `the directory is larger than ${DIRECTORY_BYTES_MAX} bytes`,
    );
  // The attacker's move: prepended data, which `zipfile` adds to all offsets and miniz does not.
  if (end.directoryOffset + end.directoryBytes !== end.offset)
    throw new Unreadable(
      'directory-misplaced',
      end.offset,
      'the central directory does not end where its end record begins',
    );
  const bytes = yield { offset: origin + end.directoryOffset, length: end.directoryBytes };
  if (bytes.length !== end.directoryBytes)
    throw new Unreadable('truncated', end.directoryOffset, 'the archive ends inside of its directory');
  return { entries: readEntries(bytes, end, notes), begin: end.directoryOffset };
}

function* readEnd(origin: number, sizeBytes: number, notes: Notes): Parse<End> {
  const length = Math.min(sizeBytes, END_BYTES + COMMENT_BYTES_MAX);
  const bytes = yield { offset: origin + sizeBytes - length, length };
  const view = viewOf(bytes);
  for (let at = bytes.length - END_BYTES; at >= 0; at--) {
    if (view.getUint32(at, true) !== END_SIGNATURE) continue;
    const offset = sizeBytes - length + at;
    const commentBytes = view.getUint16(at + 20, true);
    if (offset + END_BYTES + commentBytes !== sizeBytes)
      throw new Unreadable('trailing-data', offset, 'the archive does not end with its end record');
    if (commentBytes > 0)
      notes.gap({ offset: offset + END_BYTES, length: commentBytes, reason: 'an archive comment' });
    return yield* withZip64(origin, offset, {
      disks: view.getUint16(at + 4, true) !== 0 || view.getUint16(at + 6, true) !== 0,
      here: view.getUint16(at + 8, true),
      entries: view.getUint16(at + 10, true),
      directoryBytes: view.getUint32(at + 12, true),
      directoryOffset: view.getUint32(at + 16, true),
    });
  }
  throw new Unreadable('no-end-record', 0, 'the archive has no end record');
}

interface ShortEnd {
  readonly disks: boolean;
  readonly here: number;
  readonly entries: number;
  readonly directoryBytes: number;
  readonly directoryOffset: number;
}

/** The zip64 end record, where its locator stands in front of the end record; then all its values count. */
function* withZip64(origin: number, offset: number, short: ShortEnd): Parse<End> {
  if (short.disks || short.here !== short.entries)
    throw new Unreadable('several-disks', offset, 'the archive spans several disks');
  const found = yield* readZip64(origin, offset);
  if (found === undefined) {
    if (
      short.entries === 0xffff ||
      short.directoryBytes === 0xffffffff ||
      short.directoryOffset === 0xffffffff
    )
      throw new Unreadable(
        'zip64-missing',
        offset,
        'the end record points to a zip64 record that is not there',
      );
    return { offset, ...short };
  }
  // Both end records must say the same, or one reader sees another directory than the next.
  const agree =
    (short.entries === 0xffff || short.entries === found.entries) &&
    (short.directoryBytes === 0xffffffff || short.directoryBytes === found.directoryBytes) &&
    (short.directoryOffset === 0xffffffff || short.directoryOffset === found.directoryOffset);
  if (!agree)
    throw new Unreadable('end-records-differ', found.offset, 'the two end records contradict each other');
  return found;
}

function* readZip64(origin: number, offset: number): Parse<End | undefined> {
  const from = offset - ZIP64_LOCATOR_BYTES - ZIP64_END_BYTES;
  if (from < 0) return undefined;
  const bytes = yield { offset: origin + from, length: ZIP64_LOCATOR_BYTES + ZIP64_END_BYTES };
  if (bytes.length < ZIP64_LOCATOR_BYTES + ZIP64_END_BYTES) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(ZIP64_END_BYTES, true) !== ZIP64_LOCATOR_SIGNATURE) return undefined;
  const big = (at: number): number => safe(view.getBigUint64(at, true), from + at);
  const placed =
    view.getUint32(0, true) === ZIP64_END_SIGNATURE &&
    big(ZIP64_END_BYTES + 8) === from &&
    big(4) === ZIP64_END_BYTES - 12;
  if (!placed) throw new Unreadable('zip64-misplaced', from, 'the zip64 end record is not where it must be');
  const oneDisk =
    view.getUint32(16, true) === 0 &&
    view.getUint32(20, true) === 0 &&
    view.getUint32(ZIP64_END_BYTES + 4, true) === 0 &&
    view.getUint32(ZIP64_END_BYTES + 16, true) <= 1 &&
    big(24) === big(32);
  if (!oneDisk) throw new Unreadable('several-disks', from, 'the archive spans several disks');
  return { offset: from, entries: big(32), directoryBytes: big(40), directoryOffset: big(48) };
}

function readEntries(bytes: Uint8Array, end: End, notes: Notes): ZipEntry[] {
  const entries: ZipEntry[] = [];
  const view = viewOf(bytes);
  let at = 0;
  while (at < bytes.length) {
    const directoryOffset = end.directoryOffset + at;
    if (at + ENTRY_BYTES > bytes.length || view.getUint32(at, true) !== ENTRY_SIGNATURE)
      throw new Unreadable('bad-entry', directoryOffset, 'an entry of the directory is malformed');
    const nameBytes = view.getUint16(at + 28, true);
    const extraBytes = view.getUint16(at + 30, true);
    const commentBytes = view.getUint16(at + 32, true);
    const next = at + ENTRY_BYTES + nameBytes + extraBytes + commentBytes;
    if (next > bytes.length)
      throw new Unreadable('bad-entry', directoryOffset, 'an entry reaches beyond the directory');
    if (view.getUint16(at + 34, true) !== 0)
      throw new Unreadable('several-disks', directoryOffset, 'the archive spans several disks');
    if (commentBytes > 0)
      notes.gap({
        offset: end.directoryOffset + next - commentBytes,
        length: commentBytes,
        reason: 'a comment of a member',
      });
    entries.push(readEntry(bytes.subarray(at, next - commentBytes), directoryOffset, notes));
    at = next;
  }
  if (entries.length !== end.entries)
    throw new Unreadable(
      'entry-count',
      end.directoryOffset,
      'the directory has another number of entries than its end record says',
    );
  return entries;
}

function readEntry(bytes: Uint8Array, directoryOffset: number, notes: Notes): ZipEntry {
  const view = viewOf(bytes);
  const nameEnd = ENTRY_BYTES + view.getUint16(28, true);
  const flags = view.getUint16(8, true);
  const rawName = bytes.slice(ENTRY_BYTES, nameEnd);
  const name = memberName(rawName, { flags, offset: directoryOffset }, notes);
  const fields = extraFields(
    bytes.subarray(nameEnd),
    { offset: directoryOffset + nameEnd, member: name },
    notes,
  );
  const version = view.getUint16(6, true);
  if (version > VERSION_MAX) {
    const detail = `a member needs version ${version / 10} of the format`;
    notes.contradiction(
      { code: 'member-version', offset: directoryOffset, detail, member: name },
      bytes.length,
    );
  }
  const [sizeBytes, compressedBytes, headerOffset] = zip64Values(
    fields,
    [view.getUint32(24, true), view.getUint32(20, true), view.getUint32(42, true)],
    directoryOffset,
  );
  return {
    name,
    rawName,
    flags,
    method: view.getUint16(10, true),
    crc32: view.getUint32(16, true),
    compressedBytes: compressedBytes ?? 0,
    sizeBytes: sizeBytes ?? 0,
    headerOffset: headerOffset ?? 0,
    unixMode: view.getUint32(38, true) >>> 16,
    directoryOffset,
  };
}

function safe(value: bigint, offset: number): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw new Unreadable('too-large', offset, 'a size is larger than any file');
  return Number(value);
}

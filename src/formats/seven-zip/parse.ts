/**
 * Parsing 7z archives: the header at the end (often packed itself), then each folder, split into files that are
 * parsed by their content.
 *
 * Source: 7zFormat.txt of the LZMA SDK.
 */
import { crc32 } from 'node:zlib';
import { printable } from '../../base/errors.ts';
import { type ArchiveFacts, type ArchiveMember, PARSED_MAX } from '../archive/facts.ts';
import { nameProblem, noteDuplicates } from '../archive/names.ts';
import { Notes } from '../archive/notes.ts';
import { HELD_BYTES_MAX, Meter, Spool } from '../compressed/content.ts';
import { Output } from '../compressed/output.ts';
import { Packed } from '../compressed/packed.ts';
import type { Sink } from '../compressed/ring.ts';
import { Malformed } from '../malformed.ts';
import { DEPTH_MAX, type Identify, type Nesting } from '../nesting.ts';
import type { Parse } from '../parse.ts';
import { HeaderBytes, malformed } from './bytes.ts';
import { unpackerOf, X86_FILTER } from './coders.ts';
import {
  type Folder,
  type Header,
  readHeader,
  readStreams,
  type SevenZipFile,
  type Streams,
} from './header.ts';
import { Splitter } from './splitter.ts';
import { X86Filter } from './x86-filter.ts';

export interface SevenZipInput {
  readonly sizeBytes: number;
  readonly identify: Identify;
  readonly nesting: Nesting;
}

const MAGIC = Buffer.from('377abcaf271c', 'hex');
const START_BYTES = 32;
const HEADER = 1;
const ENCODED_HEADER = 0x17;

/** The header, packed or not: names of a quarter of a million files. */
const HEADER_BYTES_MAX = 16 << 20;

/** Headers that are packed in packed headers. */
const HEADER_DEPTH_MAX = 2;

const SYMLINK_MODE = 0o120000;
const FILE_TYPE_MASK = 0o170000;

export function isSevenZip(head: Uint8Array): boolean {
  return MAGIC.every((byte, at) => head[at] === byte);
}

/**
 * The facts of a 7z archive. Needs random access; never throws. Complete only where packed streams and header fill
 * the file, all of them have their checksums, and every file was read completely by its parser.
 */
export function* parseSevenZip(input: SevenZipInput): Parse<ArchiveFacts> {
  const { sizeBytes, nesting } = input;
  const notes = new Notes(sizeBytes);
  const members: ArchiveMember[] = [];
  let entries = 0;
  try {
    if (nesting.depth >= DEPTH_MAX)
      throw new Malformed('too-deep', 0, `archives are nested deeper than ${DEPTH_MAX}`);
    const { header, packedEnd } = yield* readEnd(input);
    entries = header.files.length;
    checkFiles(header.files, notes);
    yield* readFolders(input, { header, packedEnd, notes, members });
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    const { code, offset, message: detail } = error;
    notes.problem({ code, offset: Math.min(offset, sizeBytes), detail });
    notes.gap({ offset: 0, length: sizeBytes, reason: detail });
  }
  return {
    format: '7z',
    parser: '7z/1',
    sizeBytes,
    gaps: notes.gaps,
    problems: notes.problems,
    entries,
    members,
  };
}

interface End {
  readonly header: Header;
  /** Where the packed streams of the files must end. */
  readonly packedEnd: number;
}

function* readEnd(input: SevenZipInput): Parse<End> {
  const start = Buffer.from(yield { offset: 0, length: Math.min(START_BYTES, input.sizeBytes) });
  if (start.length < START_BYTES || !isSevenZip(start) || start[6] !== 0)
    throw new Malformed('bad-header', 0, 'the archive does not begin as one');
  if (crc32(start.subarray(12)) !== start.readUInt32LE(8)) throw malformed('does not have its checksum');
  const [at, length] = [Number(start.readBigUInt64LE(12)), Number(start.readBigUInt64LE(20))];
  if (length > HEADER_BYTES_MAX) throw malformed(`is larger than ${HEADER_BYTES_MAX} bytes`);
  if (START_BYTES + at + length !== input.sizeBytes)
    throw new Malformed(
      'trailing-data',
      Math.min(input.sizeBytes, START_BYTES + at),
      'the archive does not end with its header',
    );
  let packedEnd = START_BYTES + at;
  if (length === 0)
    return { header: { streams: { packedAt: 0, packedBytes: [], folders: [] }, files: [] }, packedEnd };
  let bytes: Uint8Array = yield { offset: packedEnd, length };
  if (bytes.length !== length || crc32(bytes) !== start.readUInt32LE(28))
    throw malformed('does not have its checksum');
  for (let depth = 0; ; depth++) {
    const reader = new HeaderBytes(bytes);
    const kind = reader.byte();
    if (kind === HEADER) return { header: readHeader(reader), packedEnd };
    if (kind !== ENCODED_HEADER || depth >= HEADER_DEPTH_MAX) throw malformed('is of an unknown kind');
    const unpacked = yield* unpackHeader(input, readStreams(reader), packedEnd);
    if (reader.left > 0) throw malformed('goes on behind its end');
    bytes = unpacked.bytes;
    packedEnd = unpacked.packedEnd;
  }
}

/** A header that is packed like a file: one folder, which lies in front of what describes it. */
function* unpackHeader(
  input: SevenZipInput,
  streams: Streams,
  packedEnd: number,
): Parse<{ readonly bytes: Uint8Array; readonly packedEnd: number }> {
  const [folder] = streams.folders;
  const [packedBytes] = streams.packedBytes;
  const offset = START_BYTES + streams.packedAt;
  const single = streams.folders.length === 1 && streams.packedBytes.length === 1;
  if (folder === undefined || packedBytes === undefined || !single)
    throw malformed('is packed in an unknown way');
  if (offset + packedBytes !== packedEnd) throw malformed('does not lie behind what it describes');
  if (folder.sizeBytes > HEADER_BYTES_MAX) throw malformed(`is larger than ${HEADER_BYTES_MAX} bytes`);
  const spool = new Spool(folder.sizeBytes);
  yield* expandFolder(input, folder, { offset, packedBytes, sink: spool });
  if (
    spool.totalBytes !== folder.sizeBytes ||
    (folder.crc32 !== undefined && crc32(spool.bytes) !== folder.crc32)
  )
    throw malformed('does not expand to what it says');
  return { bytes: spool.bytes, packedEnd: offset };
}

interface Stretch {
  readonly offset: number;
  readonly packedBytes: number;
  readonly sink: Sink;
}

/** Expands a folder into a sink. Throws Malformed where it cannot be. */
function* expandFolder(
  { nesting }: SevenZipInput,
  { coders, chained, sizeBytes }: Folder,
  { offset, packedBytes, sink }: Stretch,
): Parse<void> {
  const [first] = coders;
  const filter = first?.method === X86_FILTER && coders.length === 2 ? new X86Filter(sink) : undefined;
  const unpackers = (filter === undefined ? coders : coders.slice(1)).map(unpackerOf);
  // Filters and encryption are coders too: their names say more than that there are several.
  const unread = unpackers.find((unpacker) => typeof unpacker === 'string');
  if (typeof unread === 'string') throw new Malformed('member-method', offset, unread);
  const [unpack] = unpackers;
  if (typeof unpack !== 'function' || unpackers.length > 1 || !chained)
    throw new Malformed('member-method', offset, 'a folder is packed by several methods');
  const packed = new Packed(packedBytes, offset);
  const meter = new Meter(filter ?? sink, { nesting, readBytes: () => packed.readBytes });
  yield* unpack(packed, new Output(meter), sizeBytes);
  filter?.end();
  if (packed.remaining > 0 || meter.totalBytes !== sizeBytes)
    throw new Malformed('member-content', offset, 'a folder does not expand to what the header says');
}

function checkFiles(files: readonly SevenZipFile[], notes: Notes): void {
  noteDuplicates(
    files.map(({ name }) => ({ name, offset: 0 })),
    notes,
  );
  for (const { name, anti, unixMode } of files) {
    const problem = nameProblem(name);
    if (problem !== undefined) {
      const detail = `the member name "${printable(name)}" ${problem}`;
      notes.contradiction({ code: 'bad-member-name', offset: 0, detail, member: name }, START_BYTES);
    }
    if (anti) {
      const detail = 'a member deletes a file where it is extracted';
      notes.contradiction({ code: 'anti-member', offset: 0, detail, member: name }, START_BYTES);
    }
    if ((unixMode & FILE_TYPE_MASK) === SYMLINK_MODE) {
      const detail = 'a member is a symbolic link';
      notes.contradiction({ code: 'symlink', offset: 0, detail, member: name }, START_BYTES);
    }
  }
}

interface Reading {
  readonly header: Header;
  readonly packedEnd: number;
  readonly notes: Notes;
  readonly members: ArchiveMember[];
}

function* readFolders(input: SevenZipInput, { header, packedEnd, notes, members }: Reading): Parse<void> {
  const { streams, files } = header;
  const packed = streams.packedBytes.reduce((sum, bytes) => sum + bytes, 0);
  if (streams.folders.length > PARSED_MAX)
    throw new Malformed('too-many-members', packedEnd, `more than ${PARSED_MAX} folders to expand`);
  if (streams.packedAt !== 0 || START_BYTES + packed !== packedEnd)
    throw malformed('leaves bytes between its streams');
  const named = files.filter(({ hasStream }) => hasStream);
  if (streams.folders.reduce((sum, { parts }) => sum + parts.length, 0) !== named.length)
    throw malformed('names another number of files than its folders hold');
  let offset = START_BYTES;
  let [file, stream] = [0, 0];
  for (const folder of streams.folders) {
    const own = named.slice(file, file + folder.parts.length).map(({ name }) => name);
    file += own.length;
    const packedBytes = streams.packedBytes
      .slice(stream, stream + folder.packedStreams)
      .reduce((sum, bytes) => sum + bytes, 0);
    stream += folder.packedStreams;
    const splitter = new Splitter(folder.parts, own, { input, offset });
    try {
      if (members.length + own.length > PARSED_MAX)
        throw new Malformed('too-many-members', offset, `more than ${PARSED_MAX} members to parse`);
      yield* expandFolder(input, folder, { offset, packedBytes, sink: splitter });
      splitter.end();
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      const [member] = own;
      const problem = { code: error.code, offset, detail: error.message };
      notes.contradiction(member === undefined ? problem : { ...problem, member }, Math.max(1, packedBytes));
    }
    for (const one of splitter.members) {
      notes.adopt(one.name, one.facts);
      members.push(one);
    }
    for (const { name, length } of splitter.unheld) {
      const detail = `a member must be read from its end and is larger than ${HELD_BYTES_MAX} bytes`;
      notes.contradiction({ code: 'content-too-large', offset, detail, member: name }, length);
    }
    offset += packedBytes;
  }
  if (stream !== streams.packedBytes.length) throw malformed('holds streams that no folder uses');
}

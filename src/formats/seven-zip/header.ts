/**
 * The header of a 7z archive: which packed streams there are, how *folders* are made of them by *coders*, into which
 * files each folder is split, and what the files are called.
 *
 * Source: 7zFormat.txt of the LZMA SDK.
 */
import { ENTRIES_MAX } from '../archive/facts.ts';
import { type HeaderBytes, malformed } from './bytes.ts';

export interface Coder {
  /** Hexadecimal, for example `030101`. */
  readonly method: string;
  readonly properties: Uint8Array;
}

/** Packed streams, what they are expanded by (the last coder is applied first), and to how many bytes. */
export interface Folder {
  readonly coders: readonly Coder[];
  /** The coders form a plain chain over one packed stream. */
  readonly chained: boolean;
  readonly packedStreams: number;
  readonly sizeBytes: number;
  readonly crc32: number | undefined;
  readonly parts: readonly Part[];
}

/** One file of a folder. */
export interface Part {
  readonly sizeBytes: number;
  readonly crc32: number | undefined;
}

export interface Streams {
  readonly packedAt: number;
  readonly packedBytes: readonly number[];
  readonly folders: readonly Folder[];
}

export interface SevenZipFile {
  readonly name: string;
  readonly hasStream: boolean;
  readonly folder: boolean;
  readonly anti: boolean;
  /** Of Unix, 0 where there is none. */
  readonly unixMode: number;
}

const [END, ARCHIVE_PROPERTIES, ADDITIONAL, MAIN, FILES] = [0, 2, 3, 4, 5];
const [PACK, UNPACK, SUBSTREAMS, SIZES, DIGESTS, FOLDER, CODER_SIZES, PART_COUNTS] = [
  6, 7, 8, 9, 10, 11, 12, 13,
];
const [EMPTY_STREAM, EMPTY_FILE, ANTI, NAMES, ATTRIBUTES, DUMMY] = [14, 15, 16, 17, 21, 25];
const TIMES: readonly number[] = [18, 19, 20];

/** Coders of one folder: a method, filters in front of it, encryption. */
const CODERS_MAX = 4;
const PROPERTIES_BYTES_MAX = 1024;

export interface Header {
  readonly streams: Streams;
  readonly files: readonly SevenZipFile[];
}

const NO_STREAMS: Streams = { packedAt: 0, packedBytes: [], folders: [] };

/** The header behind its first byte. Throws Malformed. */
export function readHeader(bytes: HeaderBytes): Header {
  let id = bytes.byte();
  if (id === ARCHIVE_PROPERTIES || id === ADDITIONAL) throw malformed('holds what only other versions write');
  let streams = NO_STREAMS;
  if (id === MAIN) {
    streams = readStreams(bytes);
    id = bytes.byte();
  }
  let files: readonly SevenZipFile[] = [];
  if (id === FILES) {
    files = readFiles(bytes);
    id = bytes.byte();
  }
  if (id !== END || bytes.left > 0) throw malformed('goes on behind its end');
  return { streams, files };
}

/** Pack info, folders, and how they are split. Throws Malformed. */
export function readStreams(bytes: HeaderBytes): Streams {
  let packed: Pick<Streams, 'packedAt' | 'packedBytes'> = NO_STREAMS;
  let folders: Folder[] = [];
  let id = bytes.byte();
  if (id === PACK) {
    packed = readPacked(bytes);
    id = bytes.byte();
  }
  if (id === UNPACK) {
    folders = readFolders(bytes);
    id = bytes.byte();
  }
  if (id === SUBSTREAMS) {
    folders = readParts(bytes, folders);
    id = bytes.byte();
  }
  if (id !== END) throw malformed('holds streams of an unknown kind');
  return { ...packed, folders };
}

function readPacked(bytes: HeaderBytes): Pick<Streams, 'packedAt' | 'packedBytes'> {
  const packedAt = bytes.number();
  const count = bytes.count(ENTRIES_MAX);
  let packedBytes: number[] = [];
  let id = bytes.byte();
  if (id === SIZES) {
    packedBytes = Array.from({ length: count }, () => bytes.number());
    id = bytes.byte();
  }
  if (id === DIGESTS) {
    readDigests(bytes, count);
    id = bytes.byte();
  }
  if (id !== END || packedBytes.length !== count) throw malformed('does not say how large its streams are');
  return { packedAt, packedBytes };
}

function readDigests(bytes: HeaderBytes, count: number): (number | undefined)[] {
  return bytes.optionalBits(count).map((defined) => (defined ? bytes.u32() : undefined));
}

interface Shape {
  readonly coders: readonly Coder[];
  readonly chained: boolean;
  readonly packedStreams: number;
  readonly outStreams: number;
  /** The coder whose output is the folder's. */
  readonly lastOut: number;
}

function readFolders(bytes: HeaderBytes): Folder[] {
  bytes.expect(FOLDER);
  const count = bytes.count(ENTRIES_MAX);
  bytes.expect(0);
  const shapes = Array.from({ length: count }, () => readShape(bytes));
  bytes.expect(CODER_SIZES);
  const sizes = shapes.map(({ outStreams }) => Array.from({ length: outStreams }, () => bytes.number()));
  let id = bytes.byte();
  let digests: readonly (number | undefined)[] = [];
  if (id === DIGESTS) {
    digests = readDigests(bytes, count);
    id = bytes.byte();
  }
  if (id !== END) throw malformed('holds folders of an unknown kind');
  return shapes.map(({ coders, chained, packedStreams, lastOut }, at) => {
    const sizeBytes = sizes[at]?.[lastOut] ?? 0;
    const crc32 = digests[at];
    return { coders, chained, packedStreams, sizeBytes, crc32, parts: [{ sizeBytes, crc32 }] };
  });
}

function readShape(bytes: HeaderBytes): Shape {
  const coders: Coder[] = [];
  let [ins, outs] = [0, 0];
  const count = bytes.count(CODERS_MAX);
  for (let coder = 0; coder < count; coder++) {
    const flags = bytes.byte();
    if ((flags & 0xc0) !== 0) throw malformed('names a coder in a way that does not exist');
    const method = bytes.take(flags & 15).toString('hex');
    const many = (flags & 0x10) !== 0;
    ins += many ? bytes.count(CODERS_MAX) : 1;
    outs += many ? bytes.count(CODERS_MAX) : 1;
    const length = (flags & 0x20) === 0 ? 0 : bytes.count(PROPERTIES_BYTES_MAX);
    coders.push({ method, properties: Uint8Array.from(bytes.take(length)) });
  }
  if (outs === 0) throw malformed('holds a folder without coders');
  const bonds = Array.from({ length: outs - 1 }, () => [bytes.number(), bytes.number()] as const);
  const packedStreams = ins - bonds.length;
  if (packedStreams < 1) throw malformed('holds a folder without packed streams');
  if (packedStreams > 1) for (let at = 0; at < packedStreams; at++) bytes.number();
  const order = ins === count && outs === count ? chainOf(count, bonds) : undefined;
  return {
    coders: order === undefined ? coders : order.flatMap((at) => coders[at] ?? []),
    chained: order !== undefined,
    packedStreams,
    outStreams: outs,
    lastOut: order?.[0] ?? 0,
  };
}

/** Coders from the one that makes the folder's bytes to the one that reads the packed ones; undefined for no chain. */
function chainOf(
  count: number,
  bonds: readonly (readonly [into: number, from: number])[],
): number[] | undefined {
  const made = new Set(bonds.map(([, from]) => from));
  const last = Array.from({ length: count }, (_, at) => at).filter((at) => !made.has(at));
  const order = last.slice(0, 1);
  while (order.length < count) {
    const bond = bonds.find(([into]) => into === order[order.length - 1]);
    if (bond === undefined || order.includes(bond[1])) return undefined;
    order.push(bond[1]);
  }
  return last.length === 1 ? order : undefined;
}

function readParts(bytes: HeaderBytes, folders: readonly Folder[]): Folder[] {
  let id = bytes.byte();
  let counts = folders.map(() => 1);
  if (id === PART_COUNTS) {
    counts = folders.map(() => bytes.count(ENTRIES_MAX));
    id = bytes.byte();
  }
  if (counts.reduce((sum, count) => sum + count, 0) > ENTRIES_MAX) throw malformed('counts too many files');
  const sized = id === SIZES;
  const sizes = folders.map(({ sizeBytes }, at) => {
    const count = counts[at] ?? 0;
    const own = Array.from({ length: Math.max(0, count - 1) }, () => (sized ? bytes.number() : 0));
    const rest = own.reduce((left, size) => left - size, sizeBytes);
    if (rest < 0 || (count > 1 && !sized)) throw malformed('splits a folder into more than it holds');
    return count === 0 ? [] : [...own, rest];
  });
  if (sized) id = bytes.byte();
  const known = folders.map(({ crc32 }, at) => counts[at] === 1 && crc32 !== undefined);
  const missing = sizes.reduce((sum, own, at) => sum + (known[at] === true ? 0 : own.length), 0);
  let digests: (number | undefined)[] = [];
  if (id === DIGESTS) {
    digests = readDigests(bytes, missing);
    id = bytes.byte();
  }
  if (id !== END) throw malformed('splits folders in an unknown way');
  let next = 0;
  return folders.map((folder, at) => ({
    ...folder,
    parts: (sizes[at] ?? []).map((sizeBytes) => ({
      sizeBytes,
      crc32: known[at] === true ? folder.crc32 : digests[next++],
    })),
  }));
}

function readFiles(bytes: HeaderBytes): SevenZipFile[] {
  const count = bytes.count(ENTRIES_MAX);
  let names: readonly string[] = [];
  let empty = new Array<boolean>(count).fill(false);
  let [emptyFiles, anti]: [boolean[], boolean[]] = [[], []];
  let attributes: readonly number[] = [];
  for (let id = bytes.byte(); id !== END; id = bytes.byte()) {
    const length = bytes.number();
    const end = bytes.left - length;
    if (end < 0) throw malformed('ends inside of the properties of its files');
    if (id === EMPTY_STREAM) empty = bytes.bits(count);
    else if (id === EMPTY_FILE) emptyFiles = bytes.bits(empty.filter(Boolean).length);
    else if (id === ANTI) anti = bytes.bits(empty.filter(Boolean).length);
    else if (id === NAMES) names = readNames(bytes, count, length);
    else if (id === ATTRIBUTES) attributes = readAttributes(bytes, count);
    else if (id === DUMMY || TIMES.includes(id)) bytes.take(length);
    else throw malformed('says of its files what is not known');
    if (bytes.left !== end) throw malformed('holds a property of another length than it says');
  }
  if (names.length !== count) throw malformed('does not name all its files');
  let nth = 0;
  return names.map((name, at) => {
    const hasStream = empty[at] !== true;
    const place = hasStream ? -1 : nth++;
    const mode = attributes[at] ?? 0;
    return {
      name,
      hasStream,
      folder: !hasStream && emptyFiles[place] !== true,
      anti: anti[place] === true,
      unixMode: (mode & 0x8000) === 0 ? 0 : mode >>> 16,
    };
  });
}

function readNames(bytes: HeaderBytes, count: number, length: number): string[] {
  bytes.expect(0);
  const text = bytes.take(length - 1).toString('utf16le');
  const names = text.split('\0');
  if (names.pop() !== '' || names.length !== count)
    throw malformed('names another number of files than it counts');
  return names;
}

function readAttributes(bytes: HeaderBytes, count: number): number[] {
  const defined = bytes.optionalBits(count);
  bytes.expect(0);
  return defined.map((here) => (here ? bytes.u32() : 0));
}

/**
 * Where the data of a dataset lies: in its header, in one piece, in chunks, or outside of the file.
 * https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, IV.A.2.h and i.
 */
import { Cursor } from '../cursor.ts';
import { type Account, Malformed } from '../malformed.ts';
import type { Parse } from '../parse.ts';
import { walkTree } from './group.ts';
import type { Message } from './header.ts';
import { readLocalHeap } from './heap.ts';
import type { Hdf5Space } from './space.ts';
import type { Superblock } from './superblock.ts';

export type Layout =
  | { readonly kind: 'compact' | 'chunked'; readonly bytes: number }
  | { readonly kind: 'contiguous'; readonly address: number | undefined; readonly bytes: number }
  /** A dataset put together from other files (or this one). */
  | { readonly kind: 'virtual'; readonly bytes: number };

const COMPACT = 0;
const CONTIGUOUS = 1;
const CHUNKED = 2;
const VIRTUAL = 3;

/** Most dimensions of a chunk, and the size of an element as one more. */
const RANK_MAX = 33;

export interface LayoutReader {
  readonly space: Hdf5Space;
  readonly superblock: Superblock;
  readonly account: Account;
  /** Bytes that the dataset holds by its shape and datatype. */
  readonly dataBytes: number;
}

/** Reads a layout message, claims what it refers to. What is stored in an unknown way becomes a gap. */
export function* readLayout(message: Message, reader: LayoutReader): Parse<Layout> {
  const cursor = new Cursor(message.bytes, message.offset);
  const version = cursor.u8();
  if (version === 1 || version === 2) return yield* oldLayout(cursor, reader);
  if (version !== 3 && version !== 4)
    throw new Malformed('bad-layout', message.offset, `a layout of version ${version}`);
  const { space } = reader;
  const kind = cursor.u8();
  switch (kind) {
    case COMPACT:
      return { kind: 'compact', bytes: cursor.take(cursor.u16()).length };
    case CONTIGUOUS: {
      const address = cursor.uint(space.addressBytes);
      return contiguous(reader, address, cursor.uint(space.lengthBytes) ?? 0);
    }
    case CHUNKED:
      if (version === 4) return newChunks(cursor, reader);
      return yield* treeOfChunks(reader, rankOf(cursor), cursor.uint(space.addressBytes));
    case VIRTUAL:
      return { kind: 'virtual', bytes: 0 };
    default:
      throw new Malformed('bad-layout', message.offset, `a layout of class ${kind}`);
  }
}

function* oldLayout(cursor: Cursor, reader: LayoutReader): Parse<Layout> {
  const rank = rankOf(cursor);
  const kind = cursor.u8();
  cursor.skip(5);
  const address = kind === COMPACT ? undefined : cursor.uint(reader.space.addressBytes);
  cursor.skip(4 * rank);
  if (kind === CONTIGUOUS) return contiguous(reader, address, reader.dataBytes);
  if (kind === COMPACT) return { kind: 'compact', bytes: cursor.take(cursor.u32()).length };
  return yield* treeOfChunks(reader, rank, address);
}

function rankOf(cursor: Cursor): number {
  const rank = cursor.u8();
  if (rank > RANK_MAX) throw new Malformed('bad-layout', cursor.offset, `${rank} dimensions of chunks`);
  return rank;
}

function contiguous({ space }: LayoutReader, address: number | undefined, bytes: number): Layout {
  if (address !== undefined) space.claim(address, bytes, 'the data of a dataset');
  return { kind: 'contiguous', address, bytes };
}

/** A tree whose keys say how long each chunk is after its filters. */
function* treeOfChunks(
  { space, superblock }: LayoutReader,
  rank: number,
  root: number | undefined,
): Parse<Layout> {
  if (root === undefined) return { kind: 'chunked', bytes: 0 };
  let bytes = 0;
  yield* walkTree(space, root, {
    keyBytes: 8 + 8 * rank,
    type: 1,
    entriesMax: 2 * superblock.chunkK,
    leaf: (key, child) => {
      const length = key.readUInt32LE(0);
      space.claim(child, length, 'a chunk');
      bytes += length;
    },
  });
  return { kind: 'chunked', bytes };
}

const SINGLE = 1;
const IMPLICIT = 2;

function newChunks(cursor: Cursor, { space, account, dataBytes }: LayoutReader): Layout {
  const at = cursor.offset;
  const flags = cursor.u8();
  const rank = rankOf(cursor);
  const widthBytes = cursor.u8();
  if (widthBytes < 1 || widthBytes > 8)
    throw new Malformed('bad-layout', at, 'dimensions of a strange width');
  for (let left = rank; left > 0; left -= 1) cursor.uint(widthBytes);
  const index = cursor.u8();
  const filtered = index === SINGLE && (flags & 2) !== 0;
  const length = filtered ? cursor.uint(space.lengthBytes) : dataBytes;
  if (filtered) cursor.skip(4);
  if (index === SINGLE || index === IMPLICIT) {
    const address = cursor.uint(space.addressBytes);
    if (address === undefined) return { kind: 'chunked', bytes: 0 };
    // An implicit index fills the last chunk of each dimension up; what that is more shows as free space.
    space.claim(address, length ?? 0, 'a chunk');
    return { kind: 'chunked', bytes: length ?? 0 };
  }
  account.problem('unread-index', at, 'chunks with an index of the newest kind, which is not read');
  account.gap(at, 1, 'chunks with an index that is not read');
  return { kind: 'chunked', bytes: 0 };
}

/** Most files of one dataset that are kept. */
const FILES_MAX = 1024;

/** The names of an external file list: the data of the dataset lies in other files of the machine. */
export function* readExternalFiles(message: Message, space: Hdf5Space): Parse<readonly string[]> {
  const cursor = new Cursor(message.bytes, message.offset);
  cursor.skip(6);
  const used = cursor.u16();
  const heap = cursor.uint(space.addressBytes);
  if (heap === undefined) return [''];
  const names = yield* readLocalHeap(space, heap);
  const files: string[] = [];
  for (let left = Math.min(used, FILES_MAX); left > 0; left -= 1) {
    files.push(names.at(cursor.uint(space.lengthBytes) ?? -1));
    cursor.uint(space.lengthBytes);
    cursor.uint(space.lengthBytes);
  }
  return files.length > 0 ? files : [''];
}

/**
 * The superblock: where the root group is, how wide addresses are, where the file ends.
 * https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, section II.A.
 */
import { Malformed } from '../malformed.ts';
import type { Parse } from '../parse.ts';
import type { Hdf5Space } from './space.ts';

export interface Superblock {
  readonly version: number;
  readonly root: number;
  /** Half of the most entries of a node: leaf and inner nodes of groups, nodes of chunks. */
  readonly groupLeafK: number;
  readonly groupInnerK: number;
  readonly chunkK: number;
  /** An object header with settings of the file, where there is one. */
  readonly extension: number | undefined;
}

const SIGNATURE = '\x89HDF\r\n\x1a\n';

/** The library's defaults, which only old superblocks write down. */
const LEAF_K = 4;
const INNER_K = 16;
const CHUNK_K = 32;

/** Longest superblock: version 1 with 8-byte addresses. */
const SUPERBLOCK_BYTES_MAX = 100;

export function* readSuperblock(space: Hdf5Space): Parse<Superblock> {
  const cursor = yield* space.read(0, Math.min(SUPERBLOCK_BYTES_MAX, space.endOfFile));
  cursor.expect(SIGNATURE);
  const version = cursor.u8();
  if (version > 3) throw new Malformed('unknown-version', 8, `superblock version ${version}`);
  const old = version < 2;
  if (old) cursor.skip(4);
  space.addressBytes = width(cursor.u8());
  space.lengthBytes = width(cursor.u8());
  const address = () => cursor.uint(space.addressBytes);
  cursor.skip(1);
  let [leaf, inner, chunk] = [LEAF_K, INNER_K, CHUNK_K];
  if (old) {
    leaf = cursor.u16();
    inner = cursor.u16();
    cursor.skip(4);
    if (version === 1) {
      chunk = cursor.u16();
      cursor.skip(2);
    }
  }
  const base = address();
  if (base !== 0) throw new Malformed('user-block', 0, 'addresses that do not count from the first byte');
  const freeOrExtension = address();
  const end = address();
  if (end === undefined || end > space.endOfFile)
    throw new Malformed(
      'truncated',
      space.endOfFile,
      `the file should have ${end} bytes, ${space.endOfFile} are there`,
    );
  if (old) {
    if (address() !== undefined) throw new Malformed('driver', 0, 'a file of several parts');
    address();
  }
  const root = address();
  if (root === undefined) throw new Malformed('no-root', 0, 'there is no root group');
  cursor.skip(old ? 24 : 4);
  space.endOfFile = end;
  space.claim(0, cursor.at, 'the superblock');
  return {
    version,
    root,
    groupLeafK: leaf,
    groupInnerK: inner,
    chunkK: chunk,
    extension: old ? undefined : freeOrExtension,
  };
}

function width(bytes: number): number {
  if (bytes !== 4 && bytes !== 8) throw new Malformed('address-width', 13, `addresses of ${bytes} bytes`);
  return bytes;
}

/**
 * Tiles: the files of a transparency log as C2SP tlog-tiles lays them out. A hash tile holds up to 256 hashes of
 * one level (256 leaves, or the roots of 256 tiles below); an entry bundle holds the up to 256 entries of one
 * bottom tile. A tile that is not full yet carries its width in its name and is never rewritten.
 */
import { WeighlockError } from '../base/errors.ts';
import { type Hash, nodeHash } from './merkle.ts';

export const TILE_WIDTH = 256;
export const TILE_HEIGHT = 8;
export const HASH_BYTES = 32;

/** A log entry is prefixed by a big-endian uint16 length. */
export const ENTRY_BYTES_MAX = 65_535;

/** Largest entry bundle: 256 entries with their length prefixes. */
export const BUNDLE_BYTES_MAX = TILE_WIDTH * (ENTRY_BYTES_MAX + 2);

/** Name of hash tile `index` of `level`, `width` hashes wide, relative to the log. */
export function tilePath(level: number, index: number, width: number): string {
  return `tile/${level}/${numberPath(index)}${partial(width)}`;
}

/** Name of the bundle of entries under bottom tile `index`. */
export function bundlePath(index: number, width: number): string {
  return `tile/entries/${numberPath(index)}${partial(width)}`;
}

/** Width of tile `index` of `level` in a log of `size` leaves: 0 if the log does not reach it. */
export function tileWidth(level: number, index: number, size: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** level);
  return Math.max(0, Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH));
}

/** 1234067 → x001/x234/067 */
function numberPath(n: number): string {
  const groups: string[] = [];
  for (let rest = n; groups.length === 0 || rest > 0; rest = Math.floor(rest / 1000)) {
    groups.unshift(String(rest % 1000).padStart(3, '0'));
  }
  return groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/');
}

function partial(width: number): string {
  return width === TILE_WIDTH ? '' : `.p/${width}`;
}

/** The hashes of a tile. Throws WL_LOG_CORRUPT unless there are exactly `width`. */
export function decodeTile(bytes: Uint8Array, width: number, name: string): Hash[] {
  if (bytes.length !== width * HASH_BYTES)
    throw new WeighlockError('WL_LOG_CORRUPT', `${name} has a wrong length`);
  const all = Buffer.from(bytes);
  return Array.from({ length: width }, (_, i) => all.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));
}

/** The root of a complete, aligned run of hashes inside a tile (a power of two of them). */
export function foldHashes(hashes: readonly Hash[]): Hash {
  let row = [...hashes];
  while (row.length > 1) {
    const next: Hash[] = [];
    for (let i = 0; i + 1 < row.length; i += 2) next.push(nodeHash(row[i] as Hash, row[i + 1] as Hash));
    row = next;
  }
  return row[0] as Hash;
}

export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    if (entry.length > ENTRY_BYTES_MAX) throw new Error(`a log entry has ${entry.length} bytes`);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(entry.length);
    parts.push(length, entry);
  }
  return Buffer.concat(parts);
}

/** The entries of a bundle. Throws WL_LOG_CORRUPT unless there are exactly `width` and nothing after them. */
export function decodeBundle(bytes: Uint8Array, width: number, name: string): Uint8Array[] {
  const all = Buffer.from(bytes);
  const entries: Uint8Array[] = [];
  let at = 0;
  while (at + 2 <= all.length && entries.length < width) {
    const length = all.readUInt16BE(at);
    if (at + 2 + length > all.length) break;
    entries.push(all.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  if (entries.length !== width || at !== all.length) {
    throw new WeighlockError('WL_LOG_CORRUPT', `${name} does not hold exactly ${width} entries`);
  }
  return entries;
}

/** Every file of a log against its signed tree: what is changed, and what does not belong there. */
import { WeighlockError } from '../base/errors.ts';
import { BATCH_BYTES_MAX, decodeHead, openBatch } from './batch.ts';
import { CHECKPOINT_BYTES_MAX } from './checkpoint.ts';
import { leafHash } from './merkle.ts';
import { type LogFiles, LogReader, type TreeHead } from './reader.ts';
import {
  BUNDLE_BYTES_MAX,
  bundlePath,
  decodeBundle,
  decodeTile,
  HASH_BYTES,
  TILE_WIDTH,
  tilePath,
} from './tile.ts';

/**
 * Checks the file `name` of a log with this head. Returns what is wrong with it, or undefined. Partial tiles of
 * earlier sizes stay in a log for ever: each must be a prefix of what the tree holds now.
 */
export async function logFileProblem(
  files: LogFiles,
  name: string,
  tree: { readonly head: TreeHead; readonly keys: readonly string[] },
): Promise<string | undefined> {
  const { head } = tree;
  if (name === 'checkpoint') return undefined;
  if (name === 'head') return headProblem(files, head);
  if (name.startsWith('staging/')) return batchProblem(files, name, tree.keys);
  const place = parseName(name);
  if (!place) return 'does not belong into a log';
  const { level, index, width } = place;
  const hashes = Math.floor(head.size / TILE_WIDTH ** (level === 'entries' ? 0 : level));
  if (index * TILE_WIDTH + width > hashes) return 'is of a larger log than the checkpoint signs';
  const there = await files.get(name, BUNDLE_BYTES_MAX);
  if (!there) return 'is missing';
  const same = await corruptAsUndefined(() =>
    level === 'entries'
      ? sameEntries(files, there.bytes, place, head)
      : sameHashes(files, there.bytes, { ...place, level }, head),
  );
  return same ? undefined : 'was changed';
}

async function headProblem(files: LogFiles, signed: TreeHead): Promise<string | undefined> {
  const stored = await files.get('head', CHECKPOINT_BYTES_MAX);
  const head = stored && (await corruptAsUndefined(async () => decodeHead(stored.bytes)));
  if (!head) return 'was changed';
  if (head.size < signed.size) return 'is older than the signed checkpoint';
  return head.size === signed.size && !head.root.equals(signed.root)
    ? 'contradicts the signed checkpoint'
    : undefined;
}

/** Batches stay for a while, also those of writers that lost a race: each must be signed for its own name. */
async function batchProblem(
  files: LogFiles,
  name: string,
  keys: readonly string[],
): Promise<string | undefined> {
  const match = /^staging\/(\d{1,16})-([0-9a-f]{64})$/.exec(name);
  if (!match?.[1] || !match[2]) return 'does not belong into a log';
  const head = { size: Number(match[1]), root: Buffer.from(match[2], 'hex') };
  const stored = await files.get(name, BATCH_BYTES_MAX);
  const batch = stored && (await corruptAsUndefined(async () => openBatch(stored.bytes, head, keys)));
  return batch ? undefined : 'was changed';
}

async function corruptAsUndefined<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof WeighlockError && error.code === 'WL_LOG_CORRUPT') return undefined;
    throw error;
  }
}

interface Place {
  readonly level: number | 'entries';
  readonly index: number;
  readonly width: number;
}

async function sameEntries(
  files: LogFiles,
  bytes: Uint8Array,
  place: Place,
  head: TreeHead,
): Promise<boolean> {
  const entries = decodeBundle(bytes, place.width, 'entries');
  const begin = place.index * TILE_WIDTH;
  const reader = new LogReader(files);
  for (const [i, entry] of entries.entries()) {
    const leaf = await reader.rangeHash(begin + i, begin + i + 1, head.size);
    if (!leaf.equals(leafHash(entry))) return false;
  }
  return true;
}

async function sameHashes(
  files: LogFiles,
  bytes: Uint8Array,
  place: Place & { readonly level: number },
  head: TreeHead,
): Promise<boolean> {
  if (bytes.length !== place.width * HASH_BYTES) return false;
  const hashes = decodeTile(bytes, place.width, 'tile');
  const reader = new LogReader(files);
  const span = TILE_WIDTH ** place.level;
  const begin = place.index * TILE_WIDTH;
  for (const [i, hash] of hashes.entries()) {
    const at = (begin + i) * span;
    if (!(await reader.rangeHash(at, at + span, head.size)).equals(hash)) return false;
  }
  return true;
}

/** The level, number and width that a tile's name says; undefined unless it is exactly such a name. */
function parseName(name: string): Place | undefined {
  const match = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d{1,3}))?$/.exec(name);
  if (!match?.[1] || !match[2]) return undefined;
  const index = Number(match[2].replaceAll('x', '').replaceAll('/', ''));
  const width = match[3] === undefined ? TILE_WIDTH : Number(match[3]);
  const level = match[1] === 'entries' ? 'entries' : Number(match[1]);
  if (width < 1 || width > TILE_WIDTH) return undefined;
  const canonical = level === 'entries' ? bundlePath(index, width) : tilePath(level, index, width);
  return canonical === name ? { level, index, width } : undefined;
}

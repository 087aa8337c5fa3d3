/**
 * Audit: every file of a log against its signed tree.
 *
 * The entries and the bottom tiles both say what the leaves are; whichever of them has the root of the checkpoint
 * tells the truth, and every other file is held against it, so that what was changed can be named.
 */
import { WeighlockError } from '../base/errors.ts';
import { BATCH_BYTES_MAX, decodeHead, openBatch, stagingName } from './batch.ts';
import { CHECKPOINT_BYTES_MAX } from './checkpoint.ts';
import { EMPTY_ROOT, type Hash, leafHash, nodeHash } from './merkle.ts';
import type { LogFiles, TreeHead } from './reader.ts';
import {
  BUNDLE_BYTES_MAX,
  bundlePath,
  decodeBundle,
  decodeTile,
  foldHashes,
  TILE_WIDTH,
  tilePath,
  tileWidth,
} from './tile.ts';

export interface AuditedLog {
  readonly files: LogFiles;
  /** Names of all files that stand there, relative to the log. */
  readonly names: readonly string[];
  /** The tree that the checkpoint signs. */
  readonly head: TreeHead;
  /** Verifier keys of the log, for batches. */
  readonly keys: readonly string[];
}

export interface LogProblem {
  /** Name of the file, or empty for the log as a whole. */
  readonly name: string;
  readonly problem: string;
}

/** What is wrong with the log; nothing, if every file is what the checkpoint commits to. */
export async function auditLog(log: AuditedLog): Promise<LogProblem[]> {
  const rows = await trueRows(log);
  if (!rows)
    return [{ name: '', problem: 'was changed: neither entries nor tiles have the root of the checkpoint' }];
  const problems: LogProblem[] = [];
  const there = new Set(log.names);
  for (const name of currentFiles(log.head.size)) {
    if (!there.has(name)) problems.push({ name, problem: 'is missing' });
  }
  for (const name of log.names) {
    const problem = await fileProblem(log, name, rows);
    if (problem) problems.push({ name, problem });
  }
  return problems;
}

/** The hashes of every level, by the witness that has the checkpoint's root; undefined if neither has. */
async function trueRows(log: AuditedLog): Promise<Hash[][] | undefined> {
  for (const leavesOf of [leavesFromEntries, leavesFromTiles]) {
    const leaves = await corruptAsUndefined(() => leavesOf(log));
    if (leaves && rootOf(leaves).equals(log.head.root)) return levels(leaves);
  }
  return undefined;
}

async function leavesFromEntries({ files, head }: AuditedLog): Promise<Hash[]> {
  const leaves: Hash[] = [];
  for (let index = 0; index * TILE_WIDTH < head.size; index++) {
    const width = tileWidth(0, index, head.size);
    const name = bundlePath(index, width);
    for (const entry of decodeBundle(await bytesOf(files, name), width, name)) leaves.push(leafHash(entry));
  }
  return leaves;
}

async function leavesFromTiles({ files, head }: AuditedLog): Promise<Hash[]> {
  const leaves: Hash[] = [];
  for (let index = 0; index * TILE_WIDTH < head.size; index++) {
    const width = tileWidth(0, index, head.size);
    const name = tilePath(0, index, width);
    leaves.push(...decodeTile(await bytesOf(files, name), width, name));
  }
  return leaves;
}

async function bytesOf(files: LogFiles, name: string): Promise<Uint8Array> {
  const stored = await files.get(name, BUNDLE_BYTES_MAX);
  if (!stored) throw new WeighlockError('WL_LOG_CORRUPT', `${name} is missing`);
  return stored.bytes;
}

/** Row 0 are the leaves, row n the roots of complete tiles of row n - 1. */
function levels(leaves: Hash[]): Hash[][] {
  const rows = [leaves];
  for (let row = leaves; row.length >= TILE_WIDTH; ) {
    const next: Hash[] = [];
    for (let at = 0; at + TILE_WIDTH <= row.length; at += TILE_WIDTH)
      next.push(foldHashes(row.slice(at, at + TILE_WIDTH)));
    rows.push(next);
    row = next;
  }
  return rows;
}

/** MTH(D[n]) of RFC 6962, bottom up: an odd hash at the end moves up as it is. */
function rootOf(leaves: readonly Hash[]): Hash {
  let row = [...leaves];
  while (row.length > 1) {
    const next: Hash[] = [];
    for (let i = 0; i < row.length; i += 2) {
      const [left, right] = [row[i], row[i + 1]];
      if (left) next.push(right ? nodeHash(left, right) : left);
    }
    row = next;
  }
  return row[0] ?? EMPTY_ROOT;
}

/** The files that a log of this size must have; those of earlier sizes may stand beside them. */
function currentFiles(size: number): string[] {
  const names = size > 0 ? ['head', 'checkpoint'] : [];
  for (let level = 0; Math.floor(size / TILE_WIDTH ** level) > 0; level++) {
    for (let index = 0; tileWidth(level, index, size) > 0; index++) {
      const width = tileWidth(level, index, size);
      names.push(tilePath(level, index, width));
      if (level === 0) names.push(bundlePath(index, width));
    }
  }
  return names;
}

async function fileProblem(
  log: AuditedLog,
  name: string,
  rows: readonly Hash[][],
): Promise<string | undefined> {
  if (name === 'checkpoint') return undefined;
  if (name === 'head') return headProblem(log);
  if (name.startsWith('staging/')) return batchProblem(log, name);
  const place = parseName(name);
  if (!place) return 'does not belong into a log';
  const { level, index, width } = place;
  const expected = (rows[level === 'entries' ? 0 : level] ?? []).slice(
    index * TILE_WIDTH,
    index * TILE_WIDTH + width,
  );
  if (expected.length < width) return 'is of a larger log than the checkpoint signs';
  const there = await corruptAsUndefined(async () => {
    const bytes = await bytesOf(log.files, name);
    return level === 'entries'
      ? decodeBundle(bytes, width, name).map(leafHash)
      : decodeTile(bytes, width, name);
  });
  return there && expected.every((hash, i) => there[i]?.equals(hash)) ? undefined : 'was changed';
}

async function headProblem(log: AuditedLog): Promise<string | undefined> {
  const signed = log.head;
  const stored = await log.files.get('head', CHECKPOINT_BYTES_MAX);
  const head = stored && (await corruptAsUndefined(async () => decodeHead(stored.bytes)));
  if (!head) return 'was changed';
  if (head.size < signed.size) return 'is older than the signed checkpoint';
  if (head.size === signed.size)
    return head.root.equals(signed.root) ? undefined : 'contradicts the signed checkpoint';
  // A writer died, or is about to sign: then its batch is there.
  const problem = await batchProblem(log, stagingName(head));
  return problem ? 'was changed: no gate staged the tree that it names' : undefined;
}

/** Batches stay for a while, also those of writers that lost a race: each must be signed for its own name. */
async function batchProblem({ files, keys }: AuditedLog, name: string): Promise<string | undefined> {
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
    if (
      error instanceof WeighlockError &&
      (error.code === 'WL_LOG_CORRUPT' || error.code === 'WL_VAULT_CORRUPT')
    ) {
      return undefined;
    }
    throw error;
  }
}

interface Place {
  readonly level: number | 'entries';
  readonly index: number;
  readonly width: number;
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

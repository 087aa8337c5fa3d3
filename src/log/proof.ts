/**
 * Offline proofs that an entry is in the log: the text format c2sp.org/tlog-proof@v1, one file that holds the
 * entry's index, the inclusion path and the signed checkpoint.
 */
import { WeighlockError } from '../base/errors.ts';
import { type Checkpoint, openCheckpoint } from './checkpoint.ts';
import { leafHash, verifyInclusion } from './merkle.ts';
import { HASH_BYTES } from './tile.ts';

const HEADER = 'c2sp.org/tlog-proof@v1';

/** An inclusion path in a log of at most 2^53 entries. */
const HASHES_MAX = 53;

export function encodeProof(
  index: number,
  hashes: readonly Uint8Array[],
  checkpoint: Uint8Array,
): Uint8Array {
  const lines = [HEADER, `index ${index}`, ...hashes.map((hash) => Buffer.from(hash).toString('base64'))];
  return Buffer.concat([Buffer.from(`${lines.join('\n')}\n\n`), checkpoint]);
}

/**
 * The index and checkpoint of a proof that `entry` is in the log `origin`, signed by one of `keys`.
 * Throws WL_LOG_CORRUPT if it does not prove that.
 */
export function verifyProof(
  proof: Uint8Array,
  entry: Uint8Array,
  log: { readonly origin: string; readonly keys: readonly string[] },
): { index: number; checkpoint: Checkpoint } {
  const bad = (why: string) => new WeighlockError('WL_LOG_CORRUPT', `the log proof ${why}`);
  const text = Buffer.from(proof).toString('utf8');
  const end = text.indexOf('\n\n');
  if (end < 0) throw bad('is malformed');
  const [header, indexLine, ...lines] = text.slice(0, end).split('\n');
  const index = /^index (0|[1-9]\d{0,15})$/.exec(indexLine ?? '')?.[1];
  if (header !== HEADER || index === undefined || lines.length > HASHES_MAX) throw bad('is malformed');
  const hashes = lines.map((line) => Buffer.from(line, 'base64'));
  if (hashes.some((hash, i) => hash.length !== HASH_BYTES || hash.toString('base64') !== lines[i])) {
    throw bad('is malformed');
  }
  const checkpoint = openCheckpoint(Buffer.from(text.slice(end + 2)), log.origin, log.keys);
  const { size, root } = checkpoint;
  if (!verifyInclusion({ leaf: leafHash(entry), index: Number(index), size, root, proof: hashes })) {
    throw bad('does not prove that the log holds this record');
  }
  return { index: Number(index), checkpoint };
}

/**
 * What a writer leaves for whoever comes after it: the unsigned head of the log, and signed batches of new files.
 */
import { createHash, verify } from 'node:crypto';
import { canonicalJson } from '../base/canonical-json.ts';
import { WeighlockError } from '../base/errors.ts';
import { type NoteSigner, splitKey } from './checkpoint.ts';
import type { TreeHead } from './reader.ts';
import { BUNDLE_BYTES_MAX, HASH_BYTES } from './tile.ts';

/** A staged batch: at most a bundle of entries and a few tiles, in base64. */
export const BATCH_BYTES_MAX = 4 * BUNDLE_BYTES_MAX;

/** The digest is what is signed: a batch is longer than the texts that AWS KMS signs by Ed25519 (4096 bytes). */
const BATCH_CONTEXT = 'weighlock.log-batch/v2\n';

export interface Batch {
  readonly from: number;
  readonly size: number;
  readonly root: string;
  /** Name of each new file → its bytes in base64. */
  readonly files: Readonly<Record<string, string>>;
}

/** The bytes of a signed batch. Ed25519 is deterministic: rivals with the same batch write the same bytes. */
export async function signBatch(batch: Batch, signer: NoteSigner): Promise<Uint8Array> {
  const signature = await signer.sign(signedText(batch));
  return encodeSigned(batch, signature);
}

function signedText(batch: Batch): Buffer {
  return Buffer.from(`${BATCH_CONTEXT}${createHash('sha256').update(canonicalJson(batch)).digest('hex')}\n`);
}

function encodeSigned(batch: Batch, signature: Uint8Array): Uint8Array {
  return Buffer.from(canonicalJson({ batch, signature: Buffer.from(signature).toString('base64') }));
}

/** The batch in `bytes`, if a gate staged it for exactly this head. Throws WL_LOG_CORRUPT. */
export function openBatch(bytes: Uint8Array, head: TreeHead, keys: readonly string[]): Batch {
  const name = stagingName(head);
  const { batch, signature } = parseSigned(bytes, name);
  const text = signedText(batch);
  const known = keys.some((key) => verify(null, text, splitKey(key).publicKey, signature));
  if (!known || batch.size !== head.size || batch.root !== head.root.toString('base64')) {
    throw new WeighlockError('WL_LOG_CORRUPT', `${name} was not staged by a gate of this vault`);
  }
  if (Buffer.compare(encodeSigned(batch, signature), bytes) !== 0) {
    throw new WeighlockError('WL_LOG_CORRUPT', `${name} was changed where its signature does not reach`);
  }
  return batch;
}

/** Where the batch that leads to this head is staged. */
export function stagingName(head: TreeHead): string {
  return `staging/${head.size}-${head.root.toString('hex')}`;
}

/** Size of the tree that a staged batch leads to, by its name below `staging/`; undefined for other names. */
export function stagedSize(name: string): number | undefined {
  const [, size] = /^(\d{1,15})-[0-9a-f]{64}$/.exec(name) ?? [];
  return size === undefined ? undefined : Number(size);
}

export function encodeHead({ root, size }: Pick<Batch, 'root' | 'size'>): Uint8Array {
  return Buffer.from(canonicalJson({ root, size }));
}

export function decodeHead(bytes: Uint8Array): TreeHead {
  const value = parseJson(bytes, 'head');
  const root = Buffer.from(typeof value.root === 'string' ? value.root : '', 'base64');
  const size = value.size;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 1 || root.length !== HASH_BYTES) {
    throw new WeighlockError('WL_LOG_CORRUPT', 'the log’s head is malformed');
  }
  // One head has one spelling: white space or spare bits of base64 would be a change that nothing notices.
  if (Buffer.compare(encodeHead({ root: root.toString('base64'), size }), bytes) !== 0) {
    throw new WeighlockError('WL_LOG_CORRUPT', 'the log’s head was changed');
  }
  return { size, root };
}

function parseSigned(bytes: Uint8Array, name: string): { batch: Batch; signature: Buffer } {
  const { batch, signature } = parseJson(bytes, name);
  if (typeof batch !== 'object' || batch === null || typeof signature !== 'string') {
    throw new WeighlockError('WL_LOG_CORRUPT', `${name} is malformed`);
  }
  // Its shape needs no further check: it is used only if the signature over all of it is a gate's.
  return { batch: batch as Batch, signature: Buffer.from(signature, 'base64') };
}

function parseJson(bytes: Uint8Array, name: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Falls through: malformed is malformed.
  }
  throw new WeighlockError('WL_LOG_CORRUPT', `${name} is malformed`);
}

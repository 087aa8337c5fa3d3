/**
 * The state: one small signed object that says how the vault stands now, and until when it may be believed. What
 * belongs to single models is in index shards, believed only through their digests here; a receipt says what the
 * store answered when a revision's files were completed.
 */
import { z } from 'zod';
import { canonicalJson } from '../base/canonical-json.ts';
import { type Sha256, sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import { parseRepoPath } from '../base/name.ts';
import { encodeEnvelope, type KnownKey, openEnvelope, seal } from './envelope.ts';
import type { Signer } from './key.ts';
import { commitShape as commit, digestShape as digest, modelShape } from './shapes.ts';

const STATE_TYPE = 'application/vnd.weighlock.state+json';
const RECEIPT_TYPE = 'application/vnd.weighlock.receipt+json';

/** Longest state: 256 shard digests and the revocations, grants and deployments of a large vault. */
export const STATE_BYTES_MAX = 16 << 20;
/** Longest index shard: some ten thousand revisions. */
export const SHARD_BYTES_MAX = 64 << 20;
/** Longest receipt: some ten thousand files. */
export const RECEIPT_BYTES_MAX = 16 << 20;

/** The statement that says something, and its entry in the log. */
const logged = { statement: digest, logIndex: z.int().min(0) };

const grantSchema = z.object({
  name: z.string(),
  token: digest,
  role: z.enum(['reader', 'auditor']),
  models: z.array(z.string()),
  grantedAt: z.string(),
  expiresAt: z.string().optional(),
  logIndex: z.int().min(0),
});

const deploymentSchema = z.object({
  target: z.string(),
  place: z.string(),
  model: modelShape,
  commit,
  logIndex: z.int().min(0),
});

const followSchema = z.object({
  revision: z.string(),
  update: z.enum(['notify', 'candidate', 'auto']),
  logIndex: z.int().min(0),
});

const stateSchema = z.object({
  type: z.literal('weighlock.state/v1'),
  vault: z.string(),
  /** Grows by one with every state: an older one is a replay. */
  sequence: z.int().min(1),
  log: z.object({ size: z.int().min(0), root: z.string() }),
  /** First two hex digits of a model name's sha256 → digest of the shard that lists it. */
  index: z.record(z.string().regex(/^[0-9a-f]{2}$/), digest),
  /** Files that no revision may hold any more, by digest. */
  revokedFiles: z.record(digest, z.object(logged)).default({}),
  /** Who may read through a gateway, by the digest of the statement that says so. */
  grants: z.record(digest, grantSchema).default({}),
  /** What runs where, by the digest of the statement that says so. */
  deployments: z.record(digest, deploymentSchema).default({}),
  /** Models that are watched upstream. */
  follows: z.record(modelShape, followSchema).default({}),
  issuedAt: z.string(),
  expiresAt: z.string(),
});

export type State = z.infer<typeof stateSchema>;

const revisionSchema = z.object({
  /** Number and digest of the record that counts: the last one logged. */
  number: z.int().min(0),
  record: digest,
  logIndex: z.int().min(0),
  verdict: z.enum(['admitted', 'held', 'refused']),
  decidedAt: z.string(),
  /** The statement that removed the revision's files, where they were. */
  removed: z.object(logged).optional(),
  /** The statement that revoked it, or a file of it. */
  revoked: z.object(logged).optional(),
  /** Statements of what was observed of it, the oldest first; what is older still is in the log. */
  evidence: z.array(z.object(logged)).optional(),
  /** Statements of what people decided about it, the oldest first; what is older still is in the log. */
  reviews: z.array(z.object(logged)).optional(),
  /** The tag or branch under which upstream had it when it was admitted, where it was asked for by one. */
  upstream: z.string().optional(),
  /** Digest of the receipt; absent while an admitted revision is not published yet. */
  receipt: digest.optional(),
});

/** A place in a channel's history. */
const placeSchema = z.object({ commit, logIndex: z.int().min(0), at: z.string() });

const channelSchema = z.object({
  commit,
  logIndex: z.int().min(0),
  /** Where it stood before and stands now, the oldest first; what is older still is in the log. */
  history: z.array(placeSchema).default([]),
});

const modelSchema = z.object({
  revisions: z.record(commit, revisionSchema),
  channels: z.record(z.string(), channelSchema),
  /** The first record that admitted a revision, whatever became of it: who the model comes from is held against it. */
  first: z.object({ commit, number: z.int().min(0), record: digest, logIndex: z.int().min(0) }).optional(),
});

const shardSchema = z.object({
  models: z.record(modelShape, modelSchema),
});

export type Grant = z.infer<typeof grantSchema>;
export type Follow = z.infer<typeof followSchema>;
export type ChannelIndex = z.infer<typeof channelSchema>;
export type RevisionIndex = z.infer<typeof revisionSchema>;
export type ModelIndex = z.infer<typeof modelSchema>;
export type Shard = z.infer<typeof shardSchema>;

const receiptSchema = z.object({
  type: z.literal('weighlock.receipt/v1'),
  vault: z.string(),
  record: digest,
  files: z.array(
    z.object({
      path: z.string().transform((text) => parseRepoPath(text)),
      sizeBytes: z.int().min(0),
      version: z.string().optional(),
      etag: z.string().optional(),
      checksum: z.string().optional(),
    }),
  ),
});

export type Receipt = z.infer<typeof receiptSchema>;

/** The shard in which a model is listed. */
export function shardOf(model: string): string {
  return sha256(model).slice(0, 2);
}

export function encodeShard(shard: Shard): { bytes: Uint8Array; digest: Sha256 } {
  const bytes = Buffer.from(canonicalJson(shard));
  return { bytes, digest: sha256(bytes) };
}

/** The shard with this digest. Throws WL_VAULT_CORRUPT if the bytes are others. */
export function openShard(bytes: Uint8Array, expected: Sha256): Shard {
  if (sha256(bytes) !== expected) throw corrupt(`the index shard ${expected}`, 'was changed');
  return shardSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
}

export async function signState(state: State, signer: Signer): Promise<Uint8Array> {
  return sign(STATE_TYPE, state, signer);
}

export function openState(bytes: Uint8Array, keys: readonly KnownKey[]): State {
  return openSigned(bytes, STATE_TYPE, { keys, schema: stateSchema, named: 'registry/state' });
}

export async function signReceipt(receipt: Receipt, signer: Signer): Promise<Uint8Array> {
  return sign(RECEIPT_TYPE, receipt, signer);
}

export function openReceipt(bytes: Uint8Array, keys: readonly KnownKey[], named: string): Receipt {
  return openSigned(bytes, RECEIPT_TYPE, { keys, schema: receiptSchema, named });
}

async function sign(type: string, value: unknown, signer: Signer): Promise<Uint8Array> {
  return encodeEnvelope(await seal(type, Buffer.from(canonicalJson(value)), signer));
}

function openSigned<T>(
  bytes: Uint8Array,
  type: string,
  by: { readonly keys: readonly KnownKey[]; readonly schema: z.ZodType<T>; readonly named: string },
): T {
  const opened = openEnvelope(bytes, type, by.keys);
  if (!opened) throw corrupt(by.named, 'is not signed by a gate key of the trust file');
  const parsed = by.schema.safeParse(JSON.parse(opened.payload.toString('utf8')));
  if (!parsed.success) throw corrupt(by.named, 'is signed but malformed: was it written by another version?');
  return parsed.data;
}

function corrupt(what: string, why: string): WeighlockError {
  return new WeighlockError('WL_VAULT_CORRUPT', `${what} ${why}`);
}

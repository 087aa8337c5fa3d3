/** Removals: the signed statement that the files of a revision were taken out of the vault, and why. */
import { z } from 'zod';
import { canonicalJson } from '../base/canonical-json.ts';
import { parseSha256, type Sha256, sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import { isCommit, parseModelName } from '../base/name.ts';
import { encodeEnvelope, type KnownKey, openEnvelope, seal } from './envelope.ts';
import type { Signer } from './key.ts';

const REMOVAL_TYPE = 'application/vnd.weighlock.removal+json';

/** Longest removal: identities and a reason. */
export const REMOVAL_BYTES_MAX = 1 << 16;

const schema = z.object({
  type: z.literal('weighlock.removal/v1'),
  vault: z.string(),
  model: z.string().transform((text) => parseModelName(text)),
  commit: z.string().refine(isCommit),
  /** The record whose files are removed: a later one of the same revision is not touched. */
  record: z.string().transform((text) => parseSha256(text) ?? z.NEVER),
  reason: z.string(),
  removedAt: z.string(),
  /** Size of the log when the statement was made: its entry stands at or after it. */
  logSize: z.int().min(0),
  tool: z.object({ name: z.string(), version: z.string() }),
});

export type RemovalBody = z.infer<typeof schema>;

export interface SignedRemoval {
  readonly body: RemovalBody;
  readonly bytes: Uint8Array;
  readonly digest: Sha256;
}

export async function signRemoval(body: RemovalBody, signer: Signer): Promise<SignedRemoval> {
  const bytes = encodeEnvelope(await seal(REMOVAL_TYPE, Buffer.from(canonicalJson(body)), signer));
  return { body, bytes, digest: sha256(bytes) };
}

/** Throws WL_VAULT_CORRUPT unless one of the keys signed it. */
export function openRemoval(bytes: Uint8Array, keys: readonly KnownKey[], named: string): SignedRemoval {
  const opened = openEnvelope(bytes, REMOVAL_TYPE, keys);
  const parsed = opened && schema.safeParse(JSON.parse(opened.payload.toString('utf8')));
  if (!parsed?.success)
    throw new WeighlockError(
      'WL_VAULT_CORRUPT',
      `${named} is not a removal signed by a gate key of the trust file`,
    );
  return { body: parsed.data, bytes, digest: sha256(bytes) };
}

/**
 * The trust file: the root of what a verifier believes. It names one vault, the keys of its gates and of its log,
 * the people who may approve, and the policies that count. It is made once, pinned by whoever verifies, never
 * taken from the vault, and replaced only by a next version that a gate key of the version before has signed.
 */
import { z } from 'zod';
import { canonicalJson } from '../base/canonical-json.ts';
import { WeighlockError } from '../base/errors.ts';
import { type KnownKey, seal, unseal } from './envelope.ts';
import { isGateKey, keyIdOf, type Signer } from './key.ts';

const TRUST_TYPE = 'application/vnd.weighlock.trust+json';

/** A key counts for log entries from index `from` up to, and without, index `until`. */
const span = { from: z.int().min(0), until: z.int().min(0).optional() };

/** Names of one person beside the first. */
export const ACCOUNTS_MAX = 16;

/** Keys that one person had before: one for each year of a long life. */
export const FORMER_KEYS_MAX = 64;

const trustSchema = z.strictObject({
  type: z.literal('weighlock.trust/v1'),
  vault: z.string().regex(/^[0-9a-f]{32}$/),
  version: z.int().min(1),
  origin: z.string().min(1).max(200),
  gates: z
    .array(
      z.strictObject({
        publicKey: z.string().refine(isGateKey, 'is not a P-256 public key in PEM'),
        ...span,
      }),
    )
    .min(1)
    .max(64),
  logs: z
    .array(z.strictObject({ key: z.string(), ...span }))
    .min(1)
    .max(64),
  approvers: z
    .array(
      z.strictObject({
        name: z.string(),
        publicKey: z.string(),
        /** Other names under which the person asks for admissions, such as accounts. */
        accounts: z.array(z.string().min(1).max(200)).max(ACCOUNTS_MAX).optional(),
        /** Keys that the person had before: what they signed counts in records that were logged below `until`. */
        former: z
          .array(z.strictObject({ publicKey: z.string(), until: z.int().min(0) }))
          .max(FORMER_KEYS_MAX)
          .optional(),
      }),
    )
    .max(1024),
  policies: z.union([z.literal('any'), z.array(z.string().regex(/^[0-9a-f]{64}$/))]),
});

export type Trust = z.infer<typeof trustSchema>;

const fileSchema = z.strictObject({
  trust: trustSchema,
  signatures: z
    .array(z.strictObject({ keyid: z.string(), sig: z.string() }))
    .min(1)
    .max(8),
});

/** Longest trust file that is read. */
export const TRUST_BYTES_MAX = 1 << 20;

/** The text of a trust file, readable by people, signed over its canonical JSON. */
export async function signTrust(trust: Trust, signer: Signer): Promise<string> {
  const { signatures } = await seal(TRUST_TYPE, Buffer.from(canonicalJson(trust)), signer);
  return `${JSON.stringify({ trust, signatures }, null, 2)}\n`;
}

/**
 * The trust in a file's text. It must be signed by one of its own gate keys; where an earlier version `before` is at
 * hand, by one of that. Throws WL_TRUST_INVALID.
 */
export function openTrust(text: string, before?: Trust): Trust {
  const { trust, signatures } = parse(text);
  const payload = Buffer.from(canonicalJson(trust));
  const envelope = { payload: payload.toString('base64'), payloadType: TRUST_TYPE, signatures };
  const signedBy = (keys: readonly KnownKey[]) => unseal(envelope, TRUST_TYPE, keys) !== undefined;
  if (!before) {
    if (!signedBy(gateKeys(trust))) throw invalid('is not signed by a gate key that it names');
    return trust;
  }
  if (trust.vault !== before.vault) throw invalid(`is of another vault, ${trust.vault}`);
  if (trust.version < before.version) throw invalid('is older than the one that is pinned');
  if (trust.version === before.version && canonicalJson(trust) !== canonicalJson(before)) {
    throw invalid('differs from the one that is pinned under the same version');
  }
  if (trust.version > before.version && !signedBy(gateKeys(before))) {
    throw invalid('is not signed by a gate key of the version that is pinned');
  }
  return trust;
}

/** The gate keys in force for log entry `index`; every one ever named, without an index. */
export function gateKeys(trust: Trust, index?: number): KnownKey[] {
  return trust.gates
    .filter(
      ({ from, until }) =>
        index === undefined || (from <= index && index < (until ?? Number.POSITIVE_INFINITY)),
    )
    .map(({ publicKey }) => ({ keyId: keyIdOf(publicKey), publicKey }));
}

/** Somebody who may approve and waive, and the names under which they ask for admissions. */
export type Person = KnownKey & { readonly name: string; readonly names: readonly string[] };

/**
 * The people who may approve and waive, by the keys that they sign with; with `logIndex`, also by keys that they had when that
 * entry was logged.
 */
export function peopleOf(trust: Trust, logIndex = Number.POSITIVE_INFINITY): Person[] {
  return trust.approvers.flatMap(({ name, publicKey, accounts = [], former = [] }) => {
    const then = former.filter(({ until }) => logIndex < until).map((key) => key.publicKey);
    const names = [name, ...accounts];
    return [publicKey, ...then].map((one) => ({ name, names, publicKey: one, keyId: keyIdOf(one) }));
  });
}

export function logKeys(trust: Trust): string[] {
  return trust.logs.map(({ key }) => key);
}

function parse(text: string): z.infer<typeof fileSchema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid('is not JSON', error);
  }
  const parsed = fileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw invalid(`is malformed at ${issue?.path.join('.') || 'its top'}: ${issue?.message}`);
}

function invalid(why: string, cause?: unknown): WeighlockError {
  return new WeighlockError('WL_TRUST_INVALID', `the trust file ${why}`, { cause });
}

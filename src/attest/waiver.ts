/**
 * Waivers: a person named in the trust file takes one kind of finding on one file upon himself, for a reason and for a
 * time. A waiver names the file by its digest, so that it lifts nothing from any other bytes, and the vault whose
 * trust file names the person, so that it is worth nothing elsewhere.
 */
import { z } from 'zod';
import { canonicalJson } from '../base/canonical-json.ts';
import { type Sha256, sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import { type Envelope, encodeEnvelope, openEnvelope, seal } from './envelope.ts';
import type { Signer } from './key.ts';
import { digestShape as digest } from './shapes.ts';
import { peopleOf, type Trust } from './trust.ts';

const WAIVER_TYPE = 'application/vnd.weighlock.waiver+json';

/** A file of waivers, and the waivers in it: people write them one by one. */
export const WAIVERS_BYTES_MAX = 4 << 20;
const WAIVERS_MAX = 1000;

/** Longest time that a waiver may hold. */
export const WAIVER_DAYS_MAX = 366;

const text = z.string().min(1).max(2000);

const waiverSchema = z.strictObject({
  type: z.literal('weighlock.waiver/v1'),
  /** The id of the vault whose trust file names the approver. */
  vault: z.string().regex(/^[0-9a-f]{32}$/),
  /** The file. */
  sha256: digest,
  /** Either one rule, for example `archive/torchscript`, or one global, for example `mylib.Net`. */
  lifts: z.union([z.strictObject({ rule: text }), z.strictObject({ global: text })]),
  reason: text,
  /** As the trust file names whoever signed. */
  approver: text,
  madeAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
});

export type WaiverBody = z.infer<typeof waiverSchema>;

/** A waiver whose signature was checked. */
export interface Waiver {
  readonly body: WaiverBody;
  /** The envelope as it is stored. */
  readonly bytes: Uint8Array;
  readonly digest: Sha256;
}

export async function signWaiver(body: WaiverBody, signer: Signer): Promise<Waiver> {
  const payload = Buffer.from(canonicalJson(waiverSchema.parse(body)));
  const bytes = encodeEnvelope(await seal(WAIVER_TYPE, payload, signer));
  return { body, bytes, digest: sha256(bytes) };
}

/** The text of a file of waivers: a JSON array of envelopes. */
export function encodeWaivers(waivers: readonly Pick<Waiver, 'bytes'>[]): string {
  const envelopes = waivers.map(({ bytes }) => JSON.parse(Buffer.from(bytes).toString('utf8')) as Envelope);
  return `${JSON.stringify(envelopes, null, 2)}\n`;
}

/**
 * The waivers of a file. Throws WL_WAIVER_INVALID for one that no approver of the trust file signed, that was made for
 * another vault, or that claims another name than the key has: one that cannot be believed is a mistake or an attack,
 * and is not passed over in silence. Expired ones are returned: whoever applies them says so.
 */
export function openWaivers(text: string, trust: Trust): readonly Waiver[] {
  let envelopes: unknown;
  try {
    envelopes = JSON.parse(text);
  } catch (cause) {
    throw invalid('the file of waivers is not JSON', cause);
  }
  if (!Array.isArray(envelopes) || envelopes.length > WAIVERS_MAX)
    throw invalid(`a file of waivers is an array of at most ${WAIVERS_MAX} envelopes`);
  return envelopes.map((envelope: Envelope, number) => open(envelope, number + 1, trust));
}

function open(envelope: Envelope, number: number, trust: Trust): Waiver {
  const bytes = Buffer.from(canonicalJson(envelope));
  const people = peopleOf(trust);
  const opened = openEnvelope(bytes, WAIVER_TYPE, people);
  if (!opened) throw invalid(`waiver ${number} is not signed by an approver of the trust file`);
  const parsed = waiverSchema.safeParse(JSON.parse(opened.payload.toString('utf8')));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(`waiver ${number} is malformed at ${issue?.path.join('.')}: ${issue?.message}`);
  }
  const body = parsed.data;
  const signer = people.find(({ keyId }) => keyId === opened.keyId);
  if (body.vault !== trust.vault) throw invalid(`waiver ${number} was made for the vault ${body.vault}`);
  if (body.approver !== signer?.name)
    throw invalid(`waiver ${number} says that ${body.approver} signed, and the key is ${signer?.name}'s`);
  const daysMs = Date.parse(body.expiresAt) - Date.parse(body.madeAt);
  if (daysMs > WAIVER_DAYS_MAX * 86_400_000)
    throw invalid(`waiver ${number} holds for more than ${WAIVER_DAYS_MAX} days`);
  return { body, bytes, digest: sha256(bytes) };
}

function invalid(message: string, cause?: unknown): WeighlockError {
  return new WeighlockError('WL_WAIVER_INVALID', message, { cause });
}

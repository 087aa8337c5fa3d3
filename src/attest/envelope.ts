/**
 * DSSE envelopes: everything signed except the log's notes. The signature is over the pre-authentication encoding
 * `DSSEv1 <length> <type> <length> <payload>` of github.com/secure-systems-lab/dsse, so that a payload of one type
 * cannot be taken for another.
 */
import { createPublicKey, verify } from 'node:crypto';
import { canonicalJson } from '../base/canonical-json.ts';
import type { Signer } from './key.ts';

export const IN_TOTO = 'application/vnd.in-toto+json';

export interface Envelope {
  readonly payload: string;
  readonly payloadType: string;
  readonly signatures: readonly { readonly sig: string; readonly keyid: string }[];
}

/** A public key that a verifier accepts. */
export interface KnownKey {
  readonly keyId: string;
  readonly publicKey: string;
}

/** More than one signature per statement is used only for rotated trust files. */
const SIGNATURES_MAX = 8;

export async function seal(payloadType: string, payload: Uint8Array, signer: Signer): Promise<Envelope> {
  const signature = await signer.sign(preAuthEncoding(payloadType, payload));
  return {
    payload: Buffer.from(payload).toString('base64'),
    payloadType,
    signatures: [{ sig: Buffer.from(signature).toString('base64'), keyid: signer.keyId }],
  };
}

/** What an envelope holds, and who signed it. */
export interface Unsealed {
  readonly payload: Buffer;
  readonly keyId: string;
  /** The signature that fits, in base64. */
  readonly sig: string;
}

/** An envelope as it is stored. */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  return Buffer.from(canonicalJson(envelope));
}

/**
 * The payload of a stored envelope; undefined unless the type and one key fit, and the bytes are exactly those that
 * `encodeEnvelope` writes: what no signature covers (white space, a key id) cannot be changed unnoticed either.
 */
export function openEnvelope(
  bytes: Uint8Array,
  payloadType: string,
  keys: readonly KnownKey[],
): Unsealed | undefined {
  let envelope: unknown;
  try {
    envelope = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
  const opened = unseal(envelope, payloadType, keys);
  if (!opened) return undefined;
  const { payload, sig, keyId } = opened;
  const signatures = [{ sig, keyid: keyId }];
  const expected = encodeEnvelope({ payload: payload.toString('base64'), payloadType, signatures });
  return Buffer.compare(expected, bytes) === 0 ? opened : undefined;
}

/** The payload, and the id of the key that signed it; undefined unless the type and one key fit. */
export function unseal(
  envelope: unknown,
  payloadType: string,
  keys: readonly KnownKey[],
): Unsealed | undefined {
  if (!isEnvelope(envelope) || envelope.payloadType !== payloadType) return undefined;
  const payload = Buffer.from(envelope.payload, 'base64');
  if (payload.toString('base64') !== envelope.payload) return undefined;
  const message = preAuthEncoding(payloadType, payload);
  for (const { sig } of envelope.signatures) {
    const signature = Buffer.from(sig, 'base64');
    if (signature.toString('base64') !== sig) continue;
    for (const { keyId, publicKey } of keys) {
      if (verify('sha256', message, createPublicKey(publicKey), signature)) return { payload, keyId, sig };
    }
  }
  return undefined;
}

export function preAuthEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType);
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${type.length} `),
    type,
    Buffer.from(` ${payload.length} `),
    payload,
  ]);
}

function isEnvelope(value: unknown): value is Envelope {
  if (typeof value !== 'object' || value === null) return false;
  const { payload, payloadType, signatures } = value as Record<string, unknown>;
  return (
    typeof payload === 'string' &&
    typeof payloadType === 'string' &&
    Array.isArray(signatures) &&
    signatures.length <= SIGNATURES_MAX &&
    signatures.every((item: unknown) => typeof (item as { sig?: unknown } | null)?.sig === 'string')
  );
}

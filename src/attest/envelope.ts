/**
 * DSSE envelopes: everything signed except the log's notes. The signature is over the pre-authentication encoding
 * `DSSEv1 <length> <type> <length> <payload>` of github.com/secure-systems-lab/dsse, so that a payload of one type
 * cannot be taken for another.
 */
import { createPublicKey, verify } from 'node:crypto';
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

/** The payload, and the id of the key that signed it; undefined unless the type and one key fit. */
export function unseal(
  envelope: unknown,
  payloadType: string,
  keys: readonly KnownKey[],
): { readonly payload: Buffer; readonly keyId: string } | undefined {
  if (!isEnvelope(envelope) || envelope.payloadType !== payloadType) return undefined;
  const payload = Buffer.from(envelope.payload, 'base64');
  if (payload.toString('base64') !== envelope.payload) return undefined;
  const message = preAuthEncoding(payloadType, payload);
  for (const { sig } of envelope.signatures) {
    for (const key of keys) {
      if (verify('sha256', message, createPublicKey(key.publicKey), Buffer.from(sig, 'base64'))) {
        return { payload, keyId: key.keyId };
      }
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

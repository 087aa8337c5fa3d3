/** `registry/vault`: what a vault says it is, so that another vault, format or foreign data is noticed early. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { LogSigner, Signer } from '../attest/key.ts';
import type { Trust } from '../attest/trust.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import { WeighlockError } from '../base/errors.ts';
import { verifierKey } from '../log/checkpoint.ts';

export const FORMAT = 1;

const schema = z.object({
  type: z.literal('weighlock.vault'),
  format: z.int(),
  id: z.string().regex(/^[0-9a-f]{32}$/),
  origin: z.string(),
});

export type Descriptor = z.infer<typeof schema>;

export function newDescriptor(): Descriptor {
  const id = randomBytes(16).toString('hex');
  return { type: 'weighlock.vault', format: FORMAT, id, origin: `weighlock/${id}` };
}

export function encodeDescriptor(descriptor: Descriptor): Uint8Array {
  return Buffer.from(`${canonicalJson(descriptor)}\n`);
}

/** Throws WL_VAULT_FOREIGN for anything that this version does not understand. */
export function openDescriptor(bytes: Uint8Array): Descriptor {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    throw new WeighlockError('WL_VAULT_FOREIGN', 'registry/vault is not a Weighlock vault descriptor', {
      cause: error,
    });
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success)
    throw new WeighlockError('WL_VAULT_FOREIGN', 'registry/vault is not a Weighlock vault descriptor');
  if (parsed.data.format !== FORMAT) {
    throw new WeighlockError(
      'WL_VAULT_FOREIGN',
      `the vault has format ${parsed.data.format}; this version knows ${FORMAT}`,
      {
        hint: 'Use a version of Weighlock that knows this format.',
      },
    );
  }
  if (Buffer.compare(encodeDescriptor(parsed.data), bytes) !== 0)
    throw new WeighlockError(
      'WL_VAULT_FOREIGN',
      'registry/vault was changed: it is not as Weighlock writes it',
    );
  return parsed.data;
}

/** The trust file that a new vault begins with: one gate, one log, nobody who approves, any policy. */
export function firstTrust(
  { id, origin }: Descriptor,
  { signer, logSigner }: { readonly signer: Signer; readonly logSigner: LogSigner },
): Trust {
  return {
    type: 'weighlock.trust/v1',
    vault: id,
    version: 1,
    origin,
    gates: [{ publicKey: signer.publicKey, from: 0 }],
    logs: [{ key: verifierKey(origin, logSigner.publicKey), from: 0 }],
    approvers: [],
    policies: 'any',
  };
}

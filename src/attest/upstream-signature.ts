/**
 * Upstream signatures: a `model.sig` that a publisher ships, in the form of OpenSSF Model Signing (sigstore bundle v0.3, DSSE,
 * in-toto; serialised by files, SHA-256), held against keys that whoever runs the gate has configured. Signatures of the keyless
 * kind, which name a person by a certificate, are not read.
 */
import { z } from 'zod';
import type { Sha256 } from '../base/digest.ts';
import { SIGNATURE_PATH } from '../base/name.ts';
import { IN_TOTO, type KnownKey, unseal } from './envelope.ts';
import { isIgnored, rootDigest } from './model-signing.ts';

/** A key that somebody trusts for the models of a pattern; the name is for people. */
export interface PublisherKey extends KnownKey {
  readonly name: string;
}

export type UpstreamSignature =
  /** The repo ships none. */
  | { readonly status: 'none' }
  /** It is of a form or kind that is not read, or no configured key made it. */
  | { readonly status: 'unverified'; readonly because: string }
  /** A configured key made it, and it is about other files than these. */
  | { readonly status: 'mismatch'; readonly key: string; readonly because: string }
  | { readonly status: 'verified'; readonly key: string };

const BUNDLE = /^application\/vnd\.dev\.sigstore\.bundle(\.v0\.3\+json|\+json;version=0\.[123])$/;
const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
const PREDICATE_TYPE = 'https://model_signing/signature/v1.0';

/** Resources of one signature: as many as a repo has files. */
const RESOURCES_MAX = 100_000;

const bundleSchema = z.object({
  mediaType: z.string().regex(BUNDLE),
  verificationMaterial: z.looseObject({ publicKey: z.unknown().optional() }),
  dsseEnvelope: z.unknown(),
});

const digest = z.string().regex(/^[0-9a-f]{64}$/);

const statementSchema = z.object({
  _type: z.literal(STATEMENT_TYPE),
  predicateType: z.literal(PREDICATE_TYPE),
  subject: z.tuple([z.object({ digest: z.object({ sha256: digest }) })]),
  predicate: z.object({
    serialization: z.looseObject({ method: z.literal('files'), hash_type: z.literal('sha256') }),
    resources: z
      .array(z.object({ name: z.string(), algorithm: z.literal('sha256'), digest }))
      .max(RESOURCES_MAX),
  }),
});

/** What the signature is held against: a manifest, or what is like one. */
interface Signable {
  readonly files: readonly { readonly path: string; readonly sha256: Sha256 }[];
  /** Left out here: they may be signed and are not missed. */
  readonly excluded: readonly { readonly path: string }[];
}

/** Verified where exactly the files that the source has were signed. Never throws on input. */
export function verifyUpstream(
  bundle: Uint8Array | undefined,
  manifest: Signable,
  keys: readonly PublisherKey[],
): UpstreamSignature {
  if (bundle === undefined) return { status: 'none' };
  const parsed = bundleSchema.safeParse(parse(bundle));
  if (!parsed.success) return unverified('it is no sigstore bundle of a version that is read');
  if (parsed.data.verificationMaterial.publicKey === undefined)
    return unverified('it was made with a certificate, and only keys are read');
  if (keys.length === 0) return unverified('no key is configured for this publisher');
  const opened = unseal(parsed.data.dsseEnvelope, IN_TOTO, keys);
  const key = keys.find(({ keyId }) => keyId === opened?.keyId);
  if (!opened || !key) return unverified('no configured key made it');
  const statement = statementSchema.safeParse(parse(opened.payload));
  if (!statement.success)
    return { status: 'mismatch', key: key.name, because: 'it is no statement about files by SHA-256' };
  const because = contradiction(statement.data, manifest);
  return because === undefined
    ? { status: 'verified', key: key.name }
    : { status: 'mismatch', key: key.name, because };
}

function unverified(because: string): UpstreamSignature {
  return { status: 'unverified', because };
}

/** What is not as it was signed. */
function contradiction(
  { subject: [{ digest: root }], predicate }: z.infer<typeof statementSchema>,
  { files, excluded }: Signable,
): string | undefined {
  const resources = predicate.resources.map(({ name, digest: sha256 }) => ({ path: name, sha256 }));
  if (rootDigest(resources) !== root.sha256) return 'its digest does not follow from its files';
  const signed = new Map(resources.map(({ path, sha256 }) => [path, sha256]));
  if (signed.size !== resources.length) return 'it names a file twice';
  for (const { path, sha256 } of files) {
    if (path === SIGNATURE_PATH || isIgnored(path)) continue;
    const known = signed.get(path);
    if (known === undefined) return `${path} was not signed`;
    if (known !== sha256) return `${path} is not what was signed`;
  }
  const there = new Set([...files, ...excluded].map(({ path }) => path));
  const missing = resources.find(({ path }) => !there.has(path) && !isIgnored(path));
  return missing && `${missing.path} was signed and is not there`;
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

/**
 * OpenSSF Model Signing: the `model.sig` beside the files of a published revision, as the official `model_signing`
 * tool writes and verifies it (sigstore bundle v0.3, DSSE, in-toto statement, predicate
 * https://model_signing/signature/v1.0). Resources are ordered by path component in UTF-8; the subject's digest is
 * SHA-256 over their raw digests in that order.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../base/canonical-json.ts';
import { SIGNATURE_PATH } from '../base/name.ts';
import { type Envelope, IN_TOTO, type KnownKey, seal, unseal } from './envelope.ts';
import type { Signer } from './key.ts';

const MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
const PREDICATE_TYPE = 'https://model_signing/signature/v1.0';

/** What the official verifier ignores by default, anywhere at the top of the folder. */
const IGNORED = ['.git', '.gitattributes', '.github', '.gitignore'];

export interface SignedResource {
  readonly path: string;
  readonly sha256: string;
}

/** What a `model.sig` vouches for. */
export interface SignedModel {
  /** The label that it was signed under. */
  readonly name: string;
  readonly resources: readonly SignedResource[];
}

/** The bundle over these files, as the bytes of `model.sig`. `name` labels the subject. */
export async function signModel(
  name: string,
  files: readonly SignedResource[],
  signer: Signer,
): Promise<Uint8Array> {
  const resources = files.filter(({ path }) => !isIgnored(path)).sort(byComponents);
  const statement = {
    _type: STATEMENT_TYPE,
    subject: [{ name, digest: { sha256: rootDigest(resources) } }],
    predicateType: PREDICATE_TYPE,
    predicate: {
      serialization: {
        method: 'files',
        hash_type: 'sha256',
        allow_symlinks: false,
        ignore_paths: [...IGNORED, SIGNATURE_PATH],
      },
      resources: resources.map(({ path, sha256 }) => ({ name: path, algorithm: 'sha256', digest: sha256 })),
    },
  };
  return encodeBundle(await seal(IN_TOTO, Buffer.from(canonicalJson(statement)), signer), signer.keyId);
}

function encodeBundle({ payload, payloadType, signatures }: Envelope, keyId: string): Uint8Array {
  const bundle = {
    mediaType: MEDIA_TYPE,
    verificationMaterial: { publicKey: { hint: keyId }, tlogEntries: [] },
    // The format asks for an empty key id: the hint above names the key.
    dsseEnvelope: { payload, payloadType, signatures: signatures.map(({ sig }) => ({ sig, keyid: '' })) },
  };
  return Buffer.from(`${JSON.stringify(bundle)}\n`);
}

/**
 * What a `model.sig` vouches for, if one of the keys signed it, its digest follows from its resources, and its bytes
 * are exactly those that `signModel` writes, also where no signature covers them. Undefined otherwise.
 */
export function verifyModelSignature(bundle: Uint8Array, keys: readonly KnownKey[]): SignedModel | undefined {
  const parsed = parseJson(bundle);
  if (parsed?.mediaType !== MEDIA_TYPE) return undefined;
  const opened = unseal(parsed.dsseEnvelope, IN_TOTO, keys);
  if (!opened) return undefined;
  const { payload, keyId, sig } = opened;
  const signatures = [{ sig, keyid: '' }];
  const expected = encodeBundle(
    { payload: payload.toString('base64'), payloadType: IN_TOTO, signatures },
    keyId,
  );
  if (Buffer.compare(expected, bundle) !== 0) return undefined;
  const statement = parseJson(payload);
  if (statement?.predicateType !== PREDICATE_TYPE || statement._type !== STATEMENT_TYPE) return undefined;
  // Signed by our own gate: the shape is what signModel wrote.
  const { subject, predicate } = statement as unknown as {
    subject: readonly [{ name: string; digest: { sha256: string } }];
    predicate: { resources: { name: string; digest: string }[] };
  };
  const resources = predicate.resources.map(({ name, digest }) => ({ path: name, sha256: digest }));
  const [{ name, digest }] = subject;
  return digest.sha256 === rootDigest(resources) ? { name, resources } : undefined;
}

/** Files that `model.sig` says nothing about, since the official verifier ignores them: our record covers them. */
export function isIgnored(path: string): boolean {
  return path === SIGNATURE_PATH || IGNORED.includes(path.split('/', 1)[0] ?? '');
}

/** Over the raw digests, in the order of the resources. */
export function rootDigest(resources: readonly SignedResource[]): string {
  const hash = createHash('sha256');
  for (const { sha256 } of resources) hash.update(Buffer.from(sha256, 'hex'));
  return hash.digest('hex');
}

function byComponents(a: SignedResource, b: SignedResource): number {
  const left = a.path.split('/');
  const right = b.path.split('/');
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = Buffer.compare(Buffer.from(left[i] ?? ''), Buffer.from(right[i] ?? ''));
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function parseJson(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

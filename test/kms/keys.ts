/** Keys of the KMS stand-in, and what GetPublicKey and Sign do with them: KMS's rules, checked in KMS's order. */
import { createPublicKey, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { signDigest } from './ecdsa.ts';

export type Action = 'GetPublicKey' | 'Sign';
export type KeySpec = 'ECC_NIST_P256' | 'ECC_NIST_EDWARDS25519' | 'ECC_NIST_P384' | 'SYMMETRIC_DEFAULT';
export type KeyState = 'Enabled' | 'Disabled' | 'PendingDeletion';

export interface StandInKey {
  readonly arn: string;
  readonly spec: KeySpec;
  readonly usage: 'SIGN_VERIFY' | 'KEY_AGREEMENT' | 'ENCRYPT_DECRYPT';
  state: KeyState;
  /** Actions that no policy allows. */
  readonly denied: Set<Action>;
  readonly privateKey: KeyObject | undefined;
}

/** An error as KMS names it. */
export class KmsError extends Error {
  readonly status: number;

  constructor(name: string, message: string, status = 400) {
    super(message);
    this.name = name;
    this.status = status;
  }
}

const ACCOUNT = '111122223333';
const MESSAGE_BYTES_MAX = 4096;

/** Algorithms of each kind of key, and the message types and lengths that each takes. */
const ALGORITHMS: Readonly<Record<KeySpec, readonly string[]>> = {
  ECC_NIST_P256: ['ECDSA_SHA_256'],
  ECC_NIST_P384: ['ECDSA_SHA_384'],
  ECC_NIST_EDWARDS25519: ['ED25519_SHA_512', 'ED25519_PH_SHA_512'],
  SYMMETRIC_DEFAULT: [],
};
const DIGEST_BYTES: Readonly<Record<string, number>> = { ECDSA_SHA_256: 32, ECDSA_SHA_384: 48 };

export class Keys {
  readonly #region: string;
  readonly #keys = new Map<string, StandInKey>();
  readonly #aliases = new Map<string, string>();

  constructor(region: string) {
    this.#region = region;
  }

  create(spec: KeySpec, usage: StandInKey['usage'] = 'SIGN_VERIFY'): StandInKey {
    const arn = `arn:aws:kms:${this.#region}:${ACCOUNT}:key/${randomUUID()}`;
    const key = {
      arn,
      spec,
      usage,
      state: 'Enabled' as const,
      denied: new Set<Action>(),
      privateKey: generate(spec),
    };
    this.#keys.set(arn, key);
    return key;
  }

  /** Points an alias to a key. Returns its ARN. */
  alias(name: string, key: StandInKey): string {
    const arn = `arn:aws:kms:${this.#region}:${ACCOUNT}:alias/${name}`;
    this.#aliases.set(arn, key.arn);
    return arn;
  }

  perform(action: Action, body: Record<string, unknown>): Record<string, unknown> {
    const key = this.#find(action, body);
    return action === 'Sign' ? performSign(key, body) : performGetPublicKey(key);
  }

  #find(action: Action, { KeyId }: Record<string, unknown>): StandInKey {
    const name = String(KeyId);
    const key = this.#keys.get(this.#aliases.get(name) ?? name);
    if (!key)
      throw new KmsError(
        'NotFoundException',
        name.includes(':alias/') ? `Alias ${name} is not found.` : `Key '${name}' does not exist`,
      );
    if (key.denied.has(action))
      throw new KmsError(
        'AccessDeniedException',
        `User: arn:aws:sts::${ACCOUNT}:assumed-role/gate/i-1 is not authorized to perform: kms:${action} on resource: ${key.arn} because no resource-based policy allows the kms:${action} action`,
      );
    if (key.state === 'Disabled') throw new KmsError('DisabledException', `${key.arn} is disabled.`);
    if (key.state === 'PendingDeletion')
      throw new KmsError('KMSInvalidStateException', `${key.arn} is pending deletion.`);
    return key;
  }
}

function performGetPublicKey(key: StandInKey): Record<string, unknown> {
  if (!key.privateKey) throw new KmsError('UnsupportedOperationException', '');
  const PublicKey = createPublicKey(key.privateKey)
    .export({ type: 'spki', format: 'der' })
    .toString('base64');
  return {
    KeyId: key.arn,
    PublicKey,
    KeySpec: key.spec,
    CustomerMasterKeySpec: key.spec,
    KeyUsage: key.usage,
    SigningAlgorithms: ALGORITHMS[key.spec],
  };
}

function performSign(key: StandInKey, body: Record<string, unknown>): Record<string, unknown> {
  const { SigningAlgorithm, MessageType = 'RAW' } = body;
  const algorithm = String(SigningAlgorithm);
  const message = Buffer.from(String(body.Message ?? ''), 'base64');
  if (message.length < 1 || message.length > MESSAGE_BYTES_MAX)
    throw new KmsError(
      'ValidationException',
      `1 validation error detected: Message has ${message.length} bytes`,
    );
  if (MessageType !== 'RAW' && MessageType !== 'DIGEST')
    throw new KmsError('ValidationException', `1 validation error detected: messageType ${MessageType}`);
  if (key.usage !== 'SIGN_VERIFY' || !key.privateKey)
    throw new KmsError(
      'InvalidKeyUsageException',
      `${key.arn} key usage is ${key.usage} which is not valid for Sign.`,
    );
  if (!ALGORITHMS[key.spec].includes(algorithm))
    throw new KmsError(
      'InvalidKeyUsageException',
      `Algorithm ${algorithm} is incompatible with key spec ${key.spec}.`,
    );
  return {
    KeyId: key.arn,
    SigningAlgorithm: algorithm,
    Signature: signature(key.privateKey, { algorithm, type: MessageType, message }).toString('base64'),
  };
}

function signature(
  key: KeyObject,
  { algorithm, type, message }: { algorithm: string; type: 'RAW' | 'DIGEST'; message: Buffer },
): Buffer {
  if (algorithm.startsWith('ED25519')) {
    // Ed25519ph is not for checkpoints, and nobody here should ask for it.
    if (algorithm !== 'ED25519_SHA_512' || type !== 'RAW')
      throw new KmsError('ValidationException', `MessageType ${type} is not valid for ${algorithm}.`);
    return sign(null, message, key);
  }
  if (type === 'RAW') return sign(algorithm === 'ECDSA_SHA_384' ? 'sha384' : 'sha256', message, key);
  if (message.length !== DIGEST_BYTES[algorithm])
    throw new KmsError('ValidationException', `Digest is invalid length for algorithm ${algorithm}.`);
  if (algorithm !== 'ECDSA_SHA_256') throw new KmsError('UnsupportedOperationException', '');
  return signDigest(message, key);
}

function generate(spec: KeySpec): KeyObject | undefined {
  switch (spec) {
    case 'ECC_NIST_P256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    case 'ECC_NIST_P384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
    case 'ECC_NIST_EDWARDS25519':
      return generateKeyPairSync('ed25519').privateKey;
    case 'SYMMETRIC_DEFAULT':
      return undefined;
  }
}

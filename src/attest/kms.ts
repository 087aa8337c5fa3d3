/**
 * Keys in AWS KMS: the private key never leaves it, and who may sign is a matter of IAM. Two permissions are used,
 * kms:GetPublicKey when a key is opened and kms:Sign for each signature.
 *
 * KMS is not believed: every signature is verified with the public key before anybody sees it, so that neither a
 * defect nor an alias that was pointed elsewhere puts a bad signature into the log.
 */
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import {
  GetPublicKeyCommand,
  type GetPublicKeyCommandOutput,
  type KMSClient,
  type MessageType,
  SignCommand,
  type SigningAlgorithmSpec,
} from '@aws-sdk/client-kms';
import { WeighlockError } from '../base/errors.ts';
import { isGateKey, keyIdOf, type LogSigner, type Signer } from './key.ts';
import { parseKmsArn } from './kms-arn.ts';
import { kmsFailure } from './kms-failure.ts';

export interface KmsKey {
  /** A client for the region of the key. */
  readonly client: KMSClient;
  /** ARN of a key or of an alias. */
  readonly keyArn: string;
}

/** KMS signs no longer message than this: more has to be signed by digest, which Ed25519 as we use it has not. */
const MESSAGE_BYTES_MAX = 4096;

/** A P-256 key in AWS KMS. */
export class KmsSigner implements Signer {
  readonly publicKey: string;
  readonly keyId: string;
  readonly #key: OpenKey;

  private constructor(key: OpenKey, publicKey: string) {
    this.#key = key;
    this.publicKey = publicKey;
    this.keyId = keyIdOf(publicKey);
  }

  /** Throws WL_KEY_REFUSED, WL_KEY_UNAVAILABLE, or WL_CONFIG_INVALID where the key is of another kind. */
  static async open(name: KmsKey): Promise<KmsSigner> {
    const key = await openKey(name, {
      spec: 'ECC_NIST_P256',
      purpose: 'gate',
      fits: (publicKey) => isGateKey(pemOf(publicKey)),
      algorithm: 'ECDSA_SHA_256',
      messageType: 'DIGEST',
    });
    return new KmsSigner(key, pemOf(key.publicKey));
  }

  async sign(message: Uint8Array): Promise<Uint8Array> {
    const digest = createHash('sha256').update(message).digest();
    return signChecked(this.#key, digest, (signature) =>
      verify('sha256', message, this.#key.publicKey, signature),
    );
  }
}

/** An Ed25519 key in AWS KMS. */
export class KmsLogSigner implements LogSigner {
  readonly #key: OpenKey;

  private constructor(key: OpenKey) {
    this.#key = key;
  }

  get publicKey(): KeyObject {
    return this.#key.publicKey;
  }

  /** Throws WL_KEY_REFUSED, WL_KEY_UNAVAILABLE, or WL_CONFIG_INVALID where the key is of another kind. */
  static async open(name: KmsKey): Promise<KmsLogSigner> {
    const key = await openKey(name, {
      spec: 'ECC_NIST_EDWARDS25519',
      purpose: 'log',
      fits: (publicKey) => publicKey.asymmetricKeyType === 'ed25519',
      // The other one, ED25519_PH_SHA_512, is Ed25519ph of RFC 8032, which no verifier of checkpoints knows.
      algorithm: 'ED25519_SHA_512',
      messageType: 'RAW',
    });
    return new KmsLogSigner(key);
  }

  /** Throws WL_LIMIT for a text that is longer than KMS signs. */
  async sign(text: Uint8Array): Promise<Uint8Array> {
    if (text.length > MESSAGE_BYTES_MAX) {
      throw new WeighlockError(
        'WL_LIMIT',
        `AWS KMS signs at most ${MESSAGE_BYTES_MAX} bytes by Ed25519, and this text has ${text.length}`,
      );
    }
    return signChecked(this.#key, text, (signature) => verify(null, text, this.#key.publicKey, signature));
  }
}

interface KeyKind {
  readonly spec: 'ECC_NIST_P256' | 'ECC_NIST_EDWARDS25519';
  readonly purpose: 'gate' | 'log';
  readonly fits: (publicKey: KeyObject) => boolean;
  readonly algorithm: SigningAlgorithmSpec;
  readonly messageType: MessageType;
}

interface OpenKey extends KmsKey, KeyKind {
  /** The key itself, where `keyArn` may be an alias. */
  readonly resolved: string | undefined;
  readonly publicKey: KeyObject;
}

async function openKey({ client, keyArn }: KmsKey, kind: KeyKind): Promise<OpenKey> {
  const { region } = parseKmsArn(keyArn);
  if ((await client.config.region()) !== region) throw new Error(`the client is not for ${region}`);
  let answer: GetPublicKeyCommandOutput;
  try {
    answer = await client.send(new GetPublicKeyCommand({ KeyId: keyArn }));
  } catch (error) {
    throw kmsFailure(error, { permission: 'kms:GetPublicKey', keyArn });
  }
  // Not every KMS that is not AWS's tells the spec; the public key itself always does.
  const { KeySpec = kind.spec, KeyUsage } = answer;
  if (KeySpec !== kind.spec || KeyUsage !== 'SIGN_VERIFY') {
    throw new WeighlockError(
      'WL_CONFIG_INVALID',
      `${keyArn} is ${KeySpec} with usage ${KeyUsage}: the ${kind.purpose} key is ${kind.spec} with usage SIGN_VERIFY`,
      { hint: `Make one: aws kms create-key --key-spec ${kind.spec} --key-usage SIGN_VERIFY` },
    );
  }
  const publicKey = readPublicKey(keyArn, answer);
  if (!kind.fits(publicKey)) throw answeredNonsense(keyArn, `a public key that is not ${kind.spec}`);
  return { client, keyArn, ...kind, resolved: answer.KeyId, publicKey };
}

function pemOf(publicKey: KeyObject): string {
  return publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

function readPublicKey(keyArn: string, { PublicKey }: GetPublicKeyCommandOutput): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(PublicKey ?? []), format: 'der', type: 'spki' });
  } catch (error) {
    throw answeredNonsense(keyArn, 'a public key that cannot be read', error);
  }
}

/** The signature of KMS over a message or its digest, if it is one: `verified` says so. */
async function signChecked(
  key: OpenKey,
  message: Uint8Array,
  verified: (signature: Uint8Array) => boolean,
): Promise<Uint8Array> {
  const command = new SignCommand({
    KeyId: key.keyArn,
    Message: message,
    MessageType: key.messageType,
    SigningAlgorithm: key.algorithm,
  });
  const answer = await key.client.send(command).catch((error: unknown) => {
    throw kmsFailure(error, { permission: 'kms:Sign', keyArn: key.keyArn });
  });
  const signature = answer.Signature;
  if (signature && verified(signature)) return signature;
  // Some emulators give an ARN here and a bare id there.
  const bare = (id?: string) => id?.replace(/^arn:.*:key\//, '');
  const elsewhere = bare(answer.KeyId) !== bare(key.resolved);
  throw new WeighlockError(
    'WL_SIGNATURE_WRONG',
    elsewhere
      ? `AWS KMS signed with ${answer.KeyId}, and ${key.keyArn} was ${key.resolved} when it was opened: the signature was not used`
      : `AWS KMS gave a signature that the public key of ${key.keyArn} does not verify: it was not used`,
    elsewhere
      ? { hint: 'Point the alias back, or have the vault’s owner add the new key to the trust file.' }
      : {},
  );
}

function answeredNonsense(keyArn: string, what: string, cause?: unknown): WeighlockError {
  return new WeighlockError('WL_SIGNATURE_WRONG', `AWS KMS answered with ${what} for ${keyArn}`, { cause });
}

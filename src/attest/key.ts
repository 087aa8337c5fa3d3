/**
 * Keys: EC P-256 for statements and model signatures, Ed25519 for the log. Private keys never enter the vault.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import { WeighlockError } from '../base/errors.ts';

/** Whoever signs statements; the private key may be elsewhere (KMS). */
export interface Signer {
  /** SPKI PEM of the P-256 key, trailing newline included. */
  readonly publicKey: string;
  /** Hex SHA-256 of that PEM text: the hint of OpenSSF model signing. */
  readonly keyId: string;
  /** ECDSA with SHA-256 over the message, DER. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** Signs the log's checkpoints: Ed25519 over exactly the bytes given. */
export interface LogSigner {
  readonly publicKey: KeyObject;
  sign(text: Uint8Array): Promise<Uint8Array>;
}

/** Hex SHA-256 of the PEM text of a public key. */
export function keyIdOf(publicKeyPem: string): string {
  return createHash('sha256').update(publicKeyPem).digest('hex');
}

/** Whether the text is a P-256 public key in exactly the PEM that `LocalSigner` gives: key ids are digests of it. */
export function isGateKey(pem: string): boolean {
  if (!pem.startsWith('-----BEGIN PUBLIC KEY-----\n')) return false;
  try {
    const key = createPublicKey(pem);
    const plain = key.export({ type: 'spki', format: 'pem' }).toString();
    return key.asymmetricKeyDetails?.namedCurve === 'prime256v1' && plain === pem;
  } catch {
    return false;
  }
}

/** A P-256 key in a PEM file of this machine. */
export class LocalSigner implements Signer {
  readonly publicKey: string;
  readonly keyId: string;
  readonly #key: KeyObject;

  constructor(privateKeyPem: string) {
    this.#key = privateKey(privateKeyPem, 'ec');
    if (this.#key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
      throw new WeighlockError('WL_CONFIG_INVALID', 'the gate key is not on the curve P-256');
    }
    this.publicKey = createPublicKey(this.#key).export({ type: 'spki', format: 'pem' }).toString();
    this.keyId = keyIdOf(this.publicKey);
  }

  async sign(message: Uint8Array): Promise<Uint8Array> {
    return sign('sha256', message, this.#key);
  }
}

/** An Ed25519 key in a PEM file of this machine. */
export class LocalLogSigner implements LogSigner {
  readonly publicKey: KeyObject;
  readonly #key: KeyObject;

  constructor(privateKeyPem: string) {
    this.#key = privateKey(privateKeyPem, 'ed25519');
    this.publicKey = createPublicKey(this.#key);
  }

  async sign(text: Uint8Array): Promise<Uint8Array> {
    return sign(null, text, this.#key);
  }
}

/** New private keys as PKCS #8 PEM. */
export function generateKeys(): { readonly gate: string; readonly log: string } {
  const pem = { type: 'pkcs8', format: 'pem' } as const;
  return {
    gate: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export(pem).toString(),
    log: generateKeyPairSync('ed25519').privateKey.export(pem).toString(),
  };
}

function privateKey(pem: string, type: 'ec' | 'ed25519'): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (error) {
    throw new WeighlockError('WL_CONFIG_INVALID', 'a private key file is not a PEM private key', {
      cause: error,
    });
  }
  if (key.asymmetricKeyType !== type) {
    throw new WeighlockError('WL_CONFIG_INVALID', `a private key is ${key.asymmetricKeyType}, not ${type}`);
  }
  return key;
}

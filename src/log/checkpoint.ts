/**
 * Checkpoints: what the log claims to be, signed. The text is C2SP tlog-checkpoint, the signature a C2SP signed
 * note with Ed25519, so that Go's `sumdb/note` and other independent verifiers accept it.
 *
 *   <origin>\n<size>\n<base64 root>\n\n— <name> <base64(key id ‖ signature)>\n
 */
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { WeighlockError } from '../base/errors.ts';
import { HASH_BYTES } from './tile.ts';

export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

/** Whoever signs checkpoints; the private key may be elsewhere (KMS). */
export interface NoteSigner {
  /** `name+<key id>+<base64 key>` as Go's `note.NewVerifier` takes it. */
  readonly verifierKey: string;
  /** Ed25519 over exactly these bytes. */
  sign(text: Uint8Array): Promise<Uint8Array>;
}

/** Longest checkpoint that is read: three lines and a few signatures. */
export const CHECKPOINT_BYTES_MAX = 16_384;

const ED25519 = 0x01;

/** Signatures by others (witnesses) may stand beside ours; anything else may not. */
const SIGNATURE_LINE = /^— [^\s+]+ [A-Za-z0-9+/]+={0,2}$/;
/** DER prefix of an Ed25519 SubjectPublicKeyInfo, before the 32 bytes of the key (RFC 8410). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** The verifier key of an Ed25519 public key under a name. */
export function verifierKey(name: string, publicKey: KeyObject): string {
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(SPKI_PREFIX.length);
  const typed = Buffer.concat([Buffer.of(ED25519), raw]);
  return `${name}+${keyId(name, typed).toString('hex')}+${typed.toString('base64')}`;
}

/** SHA-256(name ‖ 0x0A ‖ type ‖ key), first four bytes. */
function keyId(name: string, typedKey: Uint8Array): Buffer {
  return createHash('sha256').update(name).update('\n').update(typedKey).digest().subarray(0, 4);
}

export async function signCheckpoint(checkpoint: Checkpoint, signer: NoteSigner): Promise<Uint8Array> {
  const text = `${checkpoint.origin}\n${checkpoint.size}\n${checkpoint.root.toString('base64')}\n`;
  const { name, id } = splitKey(signer.verifierKey);
  const signature = await signer.sign(Buffer.from(text));
  return Buffer.from(`${text}\n— ${name} ${Buffer.concat([id, signature]).toString('base64')}\n`);
}

/**
 * The checkpoint in a signed note, if one of the keys signed it and its origin is `origin`.
 * Throws WL_LOG_CORRUPT otherwise.
 */
export function openCheckpoint(note: Uint8Array, origin: string, keys: readonly string[]): Checkpoint {
  const bad = (why: string) => new WeighlockError('WL_LOG_CORRUPT', `the log's checkpoint ${why}`);
  if (note.length > CHECKPOINT_BYTES_MAX) throw bad('is too long');
  const whole = Buffer.from(note).toString('utf8');
  const end = whole.indexOf('\n\n');
  if (end < 0 || !whole.endsWith('\n')) throw bad('is not a signed note');
  const text = whole.slice(0, end + 1);
  const signatures = whole
    .slice(end + 2)
    .split('\n')
    .slice(0, -1);
  if (!signatures.every((line) => SIGNATURE_LINE.test(line))) throw bad('has a malformed signature');
  if (!keys.some((key) => signatures.some((line) => signedBy(key, text, line)))) {
    throw bad('is not signed by a log key of the trust file');
  }
  const [named, size, root, ...more] = text.split('\n');
  if (named !== origin) throw bad(`is of another log, "${named}"`);
  if (!size || !/^(0|[1-9]\d{0,15})$/.test(size) || !root || more.length !== 1) throw bad('is malformed');
  const decoded = Buffer.from(root, 'base64');
  if (decoded.length !== HASH_BYTES || decoded.toString('base64') !== root) throw bad('has a malformed root');
  return { origin: named, size: Number(size), root: decoded };
}

function signedBy(key: string, text: string, line: string): boolean {
  const { name, id, publicKey } = splitKey(key);
  const start = `— ${name} `;
  if (!line.startsWith(start)) return false;
  const bytes = Buffer.from(line.slice(start.length), 'base64');
  if (!bytes.subarray(0, 4).equals(id)) return false;
  return verify(null, Buffer.from(text), publicKey, bytes.subarray(4));
}

/** The parts of a verifier key. Throws WL_TRUST_INVALID if it is malformed or its id does not fit. */
export function splitKey(key: string): { name: string; id: Buffer; publicKey: KeyObject } {
  const match = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(key);
  const typed = Buffer.from(match?.[3] ?? '', 'base64');
  if (!match?.[1] || !match[2] || typed.length !== 33 || typed[0] !== ED25519) {
    throw new WeighlockError('WL_TRUST_INVALID', `"${key}" is not an Ed25519 log key`);
  }
  const id = keyId(match[1], typed);
  if (id.toString('hex') !== match[2])
    throw new WeighlockError('WL_TRUST_INVALID', `the id in "${key}" is wrong`);
  const publicKey = createPublicKey({
    key: Buffer.concat([SPKI_PREFIX, typed.subarray(1)]),
    format: 'der',
    type: 'spki',
  });
  return { name: match[1], id, publicKey };
}

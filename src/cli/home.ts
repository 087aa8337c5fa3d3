/**
 * The home of Weighlock on one machine: private keys (or the names of those in AWS KMS), pinned trust files, what was
 * seen of each vault, and which vault stood where,
 * and what was verified. None of it is in any vault.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { KMSClient } from '@aws-sdk/client-kms';
import { generateKeys, LocalLogSigner, LocalSigner, type LogSigner, type Signer } from '../attest/key.ts';
import { isArn, parseKmsArn } from '../attest/kms-arn.ts';
import { openTrust, type Trust } from '../attest/trust.ts';
import { WeighlockError } from '../base/errors.ts';
import { own } from '../base/own.ts';
import { FileMemory } from '../registry/memory.ts';
import type { Seen } from '../upstream/look.ts';

export interface HomeSettings {
  readonly home: string;
  /** Files of private keys, or ARNs of keys in AWS KMS. */
  readonly key: string;
  readonly logKey: string;
  /** A client for the keys that AWS KMS has in a region. */
  readonly kms: (region: string) => Promise<KMSClient>;
}

/** Revisions whose verification is remembered: beyond, the oldest is verified again. */
const VERIFIED_MAX = 10_000;

export class Home {
  readonly path: string;
  readonly #key: string;
  readonly #logKey: string;
  readonly #kms: HomeSettings['kms'];

  constructor({ home, key, logKey, kms }: HomeSettings) {
    this.path = home;
    this.#key = key;
    this.#logKey = logKey;
    this.#kms = kms;
  }

  /** Where the gate's and the log's key are: files, or ARNs of keys in AWS KMS. */
  get keys(): readonly [string, string] {
    return [this.#key, this.#logKey];
  }

  /** The keys that are files of this machine. */
  get keyFiles(): readonly string[] {
    return this.keys.filter((name) => !isArn(name));
  }

  hasKeys(): boolean {
    return this.keyFiles.every((file) => existsSync(file));
  }

  /** Makes the key files that are not there yet. Returns whether any was made. Keys in AWS KMS are made there. */
  makeKeys(): boolean {
    if (this.hasKeys()) return false;
    const made = generateKeys();
    if (!isArn(this.#key)) createPrivate(this.#key, made.gate);
    if (!isArn(this.#logKey)) createPrivate(this.#logKey, made.log);
    return true;
  }

  /** A key for a person, in a file of its own that must not be there yet. */
  makePersonalKey(file: string): Signer {
    if (existsSync(file)) throw new WeighlockError('WL_USAGE', `${file} is there already: name a new file`);
    createPrivate(path.resolve(file), generateKeys().gate);
    return new LocalSigner(read(file));
  }

  /** The key of a person, for statements that the person signs. Throws WL_CONFIG_INVALID. */
  personalKey(file: string): Signer {
    return new LocalSigner(read(file));
  }

  async signers(): Promise<{ readonly signer: Signer; readonly logSigner: LogSigner }> {
    for (const file of this.keyFiles) {
      if (existsSync(file)) continue;
      throw new WeighlockError(
        'WL_KEY_UNKNOWN',
        `there is no private key at ${file}: this machine is no gate`,
        {
          hint: 'Run the command where the gate’s keys are, or name them with WEIGHLOCK_KEY and WEIGHLOCK_LOG_KEY.',
        },
      );
    }
    const [signer, logSigner] = await Promise.all([this.#signer(), this.#logSigner()]);
    return { signer, logSigner };
  }

  async #signer(): Promise<Signer> {
    if (!isArn(this.#key)) return new LocalSigner(read(this.#key));
    // Loaded only where keys are in AWS KMS: its client is large, and most commands sign nothing.
    const { KmsSigner } = await import('../attest/kms.ts');
    return KmsSigner.open(await this.#inKms(this.#key));
  }

  async #logSigner(): Promise<LogSigner> {
    if (!isArn(this.#logKey)) return new LocalLogSigner(read(this.#logKey));
    const { KmsLogSigner } = await import('../attest/kms.ts');
    return KmsLogSigner.open(await this.#inKms(this.#logKey));
  }

  async #inKms(keyArn: string): Promise<{ readonly client: KMSClient; readonly keyArn: string }> {
    return { client: await this.#kms(parseKmsArn(keyArn).region), keyArn };
  }

  trustFile(vault: string): string {
    return path.join(this.path, 'trust', `${vault}.json`);
  }

  /** The trust file that is pinned here for a vault. */
  pinned(vault: string): Trust | undefined {
    const file = this.trustFile(vault);
    if (!existsSync(file)) return undefined;
    try {
      return openTrust(read(file));
    } catch (error) {
      if (!(error instanceof WeighlockError) || error.code !== 'WL_TRUST_INVALID') throw error;
      throw new WeighlockError('WL_TRUST_INVALID', `${file}, which is pinned here: ${error.message}`, {
        cause: error,
      });
    }
  }

  pin(vault: string, text: string): void {
    replace(this.trustFile(vault), text);
  }

  unpin(vault: string): void {
    rmSync(this.trustFile(vault), { force: true });
  }

  memory(vault: string): FileMemory {
    return new FileMemory(path.join(this.path, 'seen', `${vault}.json`));
  }

  /** When this machine last verified every byte of the revision with this record. */
  verifiedAt(vault: string, record: string): string | undefined {
    return readJson(this.#verifiedFile(vault))[record];
  }

  rememberVerified(vault: string, { record, at }: { readonly record: string; readonly at: string }): void {
    const file = this.#verifiedFile(vault);
    // The latest come last; what was verified longest ago is forgotten first.
    const { [record]: _before, ...others } = readJson(file);
    const kept = Object.entries(others).slice(1 - VERIFIED_MAX);
    replace(file, `${JSON.stringify(Object.fromEntries([...kept, [record, at]]), null, 2)}\n`);
  }

  #verifiedFile(vault: string): string {
    return path.join(this.path, 'verified', `${vault}.json`);
  }

  /** What was seen upstream of the models that are followed; losing it costs a look. */
  upstream(vault: string): { recall(model: string): Seen; remember(model: string, seen: Seen): void } {
    const file = path.join(this.path, 'upstream', `${vault}.json`);
    const all = () => readJson(file) as unknown as Record<string, Seen>;
    return {
      recall: (model) => own(all(), model) ?? {},
      remember: (model, seen) => replace(file, `${JSON.stringify({ ...all(), [model]: seen }, null, 2)}\n`),
    };
  }

  /** The vault that stood at a place when this machine last used it. */
  vaultAt(place: string): string | undefined {
    return this.#places()[place];
  }

  rememberPlace(place: string, vault: string): void {
    const places = this.#places();
    if (places[place] === vault) return;
    replace(
      path.join(this.path, 'places.json'),
      `${JSON.stringify({ ...places, [place]: vault }, null, 2)}\n`,
    );
  }

  #places(): Record<string, string> {
    return readJson(path.join(this.path, 'places.json'));
  }
}

/** A small file of names and texts; empty where there is none. */
function readJson(file: string): Record<string, string> {
  if (!existsSync(file)) return {};
  try {
    return JSON.parse(read(file)) as Record<string, string>;
  } catch (error) {
    throw new WeighlockError('WL_CONFIG_INVALID', `${file} is damaged`, {
      cause: error,
      hint: 'Restore it from a backup.',
    });
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new WeighlockError('WL_CONFIG_INVALID', `cannot read ${file}`, { cause: error });
  }
}

/** Created for its owner alone, whole or not at all, never overwritten: a rival's key counts if it was first. */
function createPrivate(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const temporary = temporaryFor(file);
  try {
    writeFileSync(temporary, text, { mode: 0o600, flag: 'wx', flush: true });
    linkSync(temporary, file);
  } catch (error) {
    if (!existsSync(file)) throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function temporaryFor(file: string): string {
  return `${file}.${randomBytes(6).toString('hex')}`;
}

function replace(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const temporary = temporaryFor(file);
  writeFileSync(temporary, text, { mode: 0o600, flush: true });
  renameSync(temporary, file);
}

/**
 * FileChecks: the digests of files of this machine. A file is read once while it is the same unchanged file, however many
 * wait for it; a few are read at a time. What somebody waits for goes before what is read *ahead*, because it may be
 * asked for next.
 */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

/** Reads a file to its end; ends early, with an error, where the signal is aborted. */
export type HashFile = (handle: FileHandle, signal: AbortSignal) => Promise<string>;

export interface Checking {
  /** What `fileMark` says of the file. */
  readonly identity: string;
  /** Opens it when its turn comes; rejects where another has taken its place, whose digest would count for it. */
  readonly open: () => Promise<FileHandle>;
}

/** More files at once do not make hashing faster; each of them would only take longer. */
const AT_ONCE_MAX = 4;
/** Of these, read ahead: a file that somebody waits for finds a place free. */
const AHEAD_AT_ONCE_MAX = 2;
/** Files that wait to be read ahead; what is beyond is read when it is asked for. */
const AHEAD_MAX = 10_000;
/** Digests that are remembered. */
const KNOWN_MAX = 100_000;
/** One read. The next one waits until others had their turn: no answer stands still behind a large file. */
const READ_BYTES = 256 << 10;

interface Check extends Checking {
  readonly digest: PromiseWithResolvers<string>;
}

type Checks = Map<string, Check>;

export class FileChecks {
  readonly #hash: HashFile;
  /** By identity; a check that failed is forgotten. */
  readonly #known = new Map<string, Promise<string>>();
  /** What is not begun, in the order in which it was asked for. */
  readonly #waitedFor: Checks = new Map();
  readonly #ahead: Checks = new Map();
  readonly #running = { all: 0, ahead: 0 };
  readonly #closing = new AbortController();

  constructor(hash: HashFile = hashFile) {
    this.#hash = hash;
  }

  /** The digest of the file. Rejects where it cannot be read, and when this is closed. */
  digestOf(file: Checking): Promise<string> {
    const { identity } = file;
    const ahead = this.#ahead.get(identity);
    if (ahead) {
      this.#ahead.delete(identity);
      this.#waitedFor.set(identity, ahead);
      this.#start();
    }
    return this.#known.get(identity) ?? this.#add(file, this.#waitedFor);
  }

  /** Has the digest ready for whoever asks for it later. What fails, fails for them. */
  ahead(file: Checking): void {
    if (this.#known.has(file.identity) || this.#ahead.size >= AHEAD_MAX) return;
    this.#add(file, this.#ahead).catch(() => undefined);
  }

  /** Ends what is under way. */
  close(): void {
    this.#closing.abort();
    for (const waiting of [this.#waitedFor, this.#ahead]) {
      for (const { digest } of waiting.values()) digest.reject(this.#closing.signal.reason);
      waiting.clear();
    }
  }

  #add(file: Checking, waiting: Checks): Promise<string> {
    const digest = Promise.withResolvers<string>();
    if (this.#closing.signal.aborted) digest.reject(this.#closing.signal.reason);
    this.#known.set(file.identity, digest.promise);
    digest.promise.catch(() => this.#known.delete(file.identity));
    const [oldest] = this.#known.keys();
    if (this.#known.size > KNOWN_MAX && oldest !== undefined) this.#known.delete(oldest);
    waiting.set(file.identity, { ...file, digest });
    this.#start();
    return digest.promise;
  }

  #start(): void {
    while (this.#running.all < AT_ONCE_MAX && !this.#closing.signal.aborted) {
      if (this.#begin(this.#waitedFor, 'waited for')) continue;
      if (this.#running.ahead >= AHEAD_AT_ONCE_MAX || !this.#begin(this.#ahead, 'ahead')) return;
    }
  }

  /** Begins the first of those that wait; false where none does. */
  #begin(waiting: Checks, urgency: 'waited for' | 'ahead'): boolean {
    const [check] = waiting.values();
    if (!check) return false;
    waiting.delete(check.identity);
    const count = (change: 1 | -1) => {
      this.#running.all += change;
      if (urgency === 'ahead') this.#running.ahead += change;
    };
    count(1);
    this.#read(check)
      .then(check.digest.resolve, check.digest.reject)
      .finally(() => {
        count(-1);
        this.#start();
      });
    return true;
  }

  async #read({ open }: Check): Promise<string> {
    const handle = await open();
    try {
      return await this.#hash(handle, this.#closing.signal);
    } finally {
      await handle.close();
    }
  }
}

async function hashFile(handle: FileHandle, signal: AbortSignal): Promise<string> {
  const digest = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  for (let at = 0; ; ) {
    signal.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, READ_BYTES, at);
    if (bytesRead === 0) return digest.digest('hex');
    digest.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}

/**
 * DirectoryData: files of a directory vault, sent by the gateway itself. A file is hashed before the first byte of it is
 * given out, and again whenever it is not the same unchanged file any more.
 *
 * A client that waits for a file that is still being hashed gets the head of the answer within a few seconds, and the
 * body when the file is found to be right. That is what every huggingface_hub outlives: silence within a body makes it
 * ask again, six times in all, and each time it meets the same check, further on. Silence before the head ends 0.30 and
 * 1.x, and an answer of 503 ends 1.x and 2.x. So that clients mostly need not wait, the large files of a revision are
 * hashed as soon as somebody reads any of it.
 */
import type { FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { WeighlockError } from '../base/errors.ts';
import { fileMark } from '../base/file-mark.ts';
import type { DirectoryVault } from '../vault/directory.ts';
import { fileKey, type Key, type RevisionId, revisionPrefix } from '../vault/layout.ts';
import type { ServedFile } from './catalog.ts';
import type { ByteSpan, DataDoor, Delivery } from './data.ts';
import { FileChecks, type HashFile } from './file-checks.ts';

/** One read: large enough that system calls do not count, small enough for many clients at once. */
const READ_BYTES = 64 << 10;
/** What is smaller is hashed before anybody notices. */
const AHEAD_BYTES_MIN = 8 << 20;
/** A check that takes no longer is answered by its outcome; clients wait ten seconds at a time. */
const HEAD_WITHIN_MS = 5_000;
/** Revisions that were prepared, remembered. */
const PREPARED_MAX = 10_000;

export interface DirectoryDataOptions {
  /** How files are hashed, for tests. */
  readonly hash?: HashFile;
  /** How long the head of an answer waits for the check of its file. */
  readonly headWithinMs?: number;
}

export class DirectoryData implements DataDoor {
  readonly #vault: DirectoryVault;
  readonly #checks: FileChecks;
  readonly #headWithinMs: number;
  readonly #prepared = new Set<string>();

  constructor(vault: DirectoryVault, { hash, headWithinMs = HEAD_WITHIN_MS }: DirectoryDataOptions = {}) {
    this.#vault = vault;
    this.#headWithinMs = headWithinMs;
    this.#checks = new FileChecks(hash);
  }

  /** Has the large files of a revision hashed, once, behind what somebody waits for. */
  prepare(id: RevisionId): void {
    const prefix = revisionPrefix(id);
    if (this.#prepared.has(prefix)) return;
    this.#prepared.add(prefix);
    const [oldest] = this.#prepared.keys();
    if (this.#prepared.size > PREPARED_MAX && oldest !== undefined) this.#prepared.delete(oldest);
    // Whatever is wrong with a file is said to whoever asks for it.
    this.#prepare(id).catch(() => this.#prepared.delete(prefix));
  }

  async open(
    id: RevisionId,
    file: ServedFile,
    { span, signal }: { readonly span: ByteSpan | undefined; readonly signal: AbortSignal },
  ): Promise<Delivery> {
    this.prepare(id);
    const range = span ?? { first: 0, last: file.sizeBytes - 1 };
    const checking = this.#check(id, file, signal);
    // Whoever does not read the stream is told nothing.
    checking.catch(() => undefined);
    const patience = new AbortController();
    const late = sleep(this.#headWithinMs, undefined, { signal: patience.signal }).catch(() => undefined);
    const identity = await Promise.race([checking, late]).finally(() => patience.abort());
    return {
      by: 'stream',
      bytes:
        identity === undefined
          ? this.#streamChecked({ id, file, checking }, range, signal)
          : this.#stream({ id, file, identity }, range, signal),
    };
  }

  async firstByte(id: RevisionId, file: ServedFile): Promise<Uint8Array> {
    this.prepare(id);
    return this.#collect(id, file, { first: 0, last: 0 });
  }

  /** Prepares nothing: listings read a card of every model. */
  async read(id: RevisionId, file: ServedFile): Promise<Uint8Array> {
    if (file.sizeBytes === 0) return Buffer.alloc(0);
    return this.#collect(id, file, { first: 0, last: file.sizeBytes - 1 });
  }

  async close(): Promise<void> {
    this.#checks.close();
  }

  async #prepare(id: RevisionId): Promise<void> {
    const stored = await this.#vault.stat(id);
    const large = stored.filter(({ sizeBytes }) => sizeBytes >= AHEAD_BYTES_MIN);
    // As clients ask for them.
    large.sort((a, b) => (a.path < b.path ? -1 : 1));
    for (const { path } of large) {
      const identity = await this.#identify(fileKey(id, path));
      this.#checks.ahead({ identity, open: () => this.#reopen({ id, file: { path }, identity }) });
    }
  }

  async #collect(id: RevisionId, file: ServedFile, span: ByteSpan): Promise<Uint8Array> {
    const { signal } = new AbortController();
    const identity = await this.#check(id, file, signal);
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.#stream({ id, file, identity }, span, signal)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  /** Hashes the file unless this very file was hashed before; returns what it is recognised by. */
  async #check(id: RevisionId, file: ServedFile, signal: AbortSignal): Promise<string> {
    const key = fileKey(id, file.path);
    const identity = await this.#identify(key);
    const open = () => this.#reopen({ id, file, identity });
    const digest = await unlessGone(this.#checks.digestOf({ identity, open }), signal);
    if (digest !== file.sha256 || (await this.#identify(key)) !== identity) throw changed(id, file);
    return identity;
  }

  /** The file, if it is still the one that was recognised. */
  async #reopen(known: Recognised): Promise<FileHandle> {
    const handle = await this.#vault.openFile(fileKey(known.id, known.file.path));
    try {
      await requireUnchanged(known, handle);
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async #identify(key: Key): Promise<string> {
    const handle = await this.#vault.openFile(key);
    try {
      return fileMark(await handle.stat({ bigint: true }));
    } finally {
      await handle.close();
    }
  }

  async *#streamChecked(
    { id, file, checking }: { id: RevisionId; file: ServedFile; checking: Promise<string> },
    span: ByteSpan,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    // No byte of the file, but it makes the head of the answer go out.
    yield Buffer.alloc(0);
    const identity = await checking;
    yield* this.#stream({ id, file, identity }, span, signal);
  }

  /** Opened only when it is read: a client that has gone by then leaves nothing open. */
  async *#stream(
    checked: Recognised,
    { first, last }: ByteSpan,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    const handle = await this.#reopen(checked);
    try {
      for (let at = first; at <= last; ) {
        signal.throwIfAborted();
        const length = Math.min(READ_BYTES, last + 1 - at);
        const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(length), 0, length, at);
        // Nothing is given out of a file that was written to since it was hashed.
        await requireUnchanged(checked, handle);
        if (bytesRead === 0) throw changed(checked.id, checked.file);
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await handle.close();
    }
  }
}

interface Recognised {
  readonly id: RevisionId;
  readonly file: Pick<ServedFile, 'path'>;
  readonly identity: string;
}

async function requireUnchanged({ id, file, identity }: Recognised, handle: FileHandle): Promise<void> {
  if (fileMark(await handle.stat({ bigint: true })) !== identity) throw changed(id, file);
}

/** Waits only as long as the client does: what it waited for goes on, for the next time that it asks. */
async function unlessGone<T>(result: Promise<T>, signal: AbortSignal): Promise<T> {
  const gone = Promise.withResolvers<never>();
  const abort = () => gone.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort);
  try {
    return await Promise.race([result, gone.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function changed({ model, commit }: RevisionId, { path }: Pick<ServedFile, 'path'>): WeighlockError {
  return new WeighlockError(
    'WL_VAULT_CORRUPT',
    `${path} of ${model}@${commit.slice(0, 12)} is not the admitted file any more`,
    { hint: 'It is not served. `weighlock verify` names what else was changed.' },
  );
}

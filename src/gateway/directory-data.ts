/**
 * DirectoryData: files of a directory vault, sent by the gateway itself. A file is hashed before the first byte of it is
 * given out, and again whenever it is not the same unchanged file any more.
 */
import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { WeighlockError } from '../base/errors.ts';
import type { DirectoryVault } from '../vault/directory.ts';
import { fileKey, type RevisionId } from '../vault/layout.ts';
import type { ServedFile } from './catalog.ts';
import type { ByteSpan, DataDoor, Delivery } from './data.ts';

/** One read: large enough that system calls do not count, small enough for many clients at once. */
const READ_BYTES = 256 << 10;
/** Files whose check is remembered. */
const CHECKED_MAX = 100_000;

export class DirectoryData implements DataDoor {
  readonly #vault: DirectoryVault;
  /** Identity of a file that was hashed → the digest that it has, or will have. */
  readonly #checked = new Map<string, Promise<string>>();

  constructor(vault: DirectoryVault) {
    this.#vault = vault;
  }

  async open(
    id: RevisionId,
    file: ServedFile,
    { span, signal }: { readonly span: ByteSpan | undefined; readonly signal: AbortSignal },
  ): Promise<Delivery> {
    const handle = await this.#vault.openFile(fileKey(id, file.path));
    try {
      const identity = await this.#check(id, file, handle);
      const range = span ?? { first: 0, last: file.sizeBytes - 1 };
      return { by: 'stream', bytes: this.#stream({ id, file, identity }, range, signal) };
    } finally {
      await handle.close();
    }
  }

  async firstByte(id: RevisionId, file: ServedFile): Promise<Uint8Array> {
    return this.#collect(id, file, { first: 0, last: 0 });
  }

  async read(id: RevisionId, file: ServedFile): Promise<Uint8Array> {
    if (file.sizeBytes === 0) return Buffer.alloc(0);
    return this.#collect(id, file, { first: 0, last: file.sizeBytes - 1 });
  }

  async close(): Promise<void> {}

  async #collect(id: RevisionId, file: ServedFile, span: ByteSpan): Promise<Uint8Array> {
    const delivery = await this.open(id, file, { span, signal: new AbortController().signal });
    const chunks: Uint8Array[] = [];
    if (delivery.by === 'stream') for await (const chunk of delivery.bytes) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  /** Hashes the file unless this very file was hashed before; returns what it is recognised by. */
  async #check(id: RevisionId, file: ServedFile, handle: FileHandle): Promise<string> {
    const identity = identityOf(await handle.stat({ bigint: true }));
    let digest = this.#checked.get(identity);
    if (!digest) {
      digest = hash(handle);
      this.#checked.set(identity, digest);
      digest.catch(() => this.#checked.delete(identity));
      const [oldest] = this.#checked.keys();
      if (this.#checked.size > CHECKED_MAX && oldest !== undefined) this.#checked.delete(oldest);
    }
    if ((await digest) !== file.sha256) throw changed(id, file);
    await requireUnchanged({ id, file, identity }, handle);
    return identity;
  }

  /** Opened only when it is read: a client that has gone by then leaves nothing open. */
  async *#stream(
    checked: Checked,
    { first, last }: ByteSpan,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    const handle = await this.#vault.openFile(fileKey(checked.id, checked.file.path));
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

interface Checked {
  readonly id: RevisionId;
  readonly file: ServedFile;
  readonly identity: string;
}

async function requireUnchanged({ id, file, identity }: Checked, handle: FileHandle): Promise<void> {
  if (identityOf(await handle.stat({ bigint: true })) !== identity) throw changed(id, file);
}

/** Another file, or one that was written to, has another: nobody but the system's administrator sets a ctime. */
function identityOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}

async function hash(handle: FileHandle): Promise<string> {
  const digest = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  for (let at = 0; ; ) {
    const { bytesRead } = await handle.read(buffer, 0, READ_BYTES, at);
    if (bytesRead === 0) return digest.digest('hex');
    digest.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}

function changed({ model, commit }: RevisionId, { path }: ServedFile): WeighlockError {
  return new WeighlockError(
    'WL_VAULT_CORRUPT',
    `${path} of ${model}@${commit.slice(0, 12)} is not the admitted file any more`,
    { hint: 'It is not served. `weighlock verify` names what else was changed.' },
  );
}

/**
 * DirectoryVault: a vault in a local directory, the embedded default.
 *
 * Keys are relative paths. An object is created by linking a finished, synced temporary file to its name, so that
 * it is there whole or not at all, and never overwritten. Swaps and staging areas are guarded by kernel locks,
 * which die with their holder. A staged tree becomes a revision by one rename.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import type { RepoPath } from '../base/name.ts';
import { directoryLeftovers } from './directory-leftovers.ts';
import { DirectoryStaging } from './directory-staging.ts';
import { codeOf, syncDirectory, unavailable, writeSynced } from './durable-file.ts';
import { KernelLock } from './kernel-lock.ts';
import { fileKey, type Key, type RevisionId, revisionPrefix, STAGING_PREFIX } from './layout.ts';
import type {
  Leftover,
  Listed,
  ReadOptions,
  Staging,
  StoredFile,
  StoredObject,
  Tag,
  Vault,
  VaultTicket,
} from './vault.ts';

/** How long a swap waits for another writer's swap, which takes milliseconds. */
const SWAP_WAIT_MS = 20_000;

/** One read of a large file: large enough that system calls do not count. */
const READ_BYTES = 1 << 20;

export class DirectoryVault implements Vault {
  readonly location: string;
  readonly place: string;
  readonly ticket: VaultTicket;
  readonly publishes = 'at once';
  readonly #root: string;

  constructor(root: string) {
    this.#root = path.resolve(root);
    this.location = this.#root;
    this.place = this.#root;
    this.ticket = { kind: 'directory', path: this.#root };
  }

  async get(key: Key, bytesMax: number): Promise<StoredObject | undefined> {
    return guarded(`read ${key}`, () => {
      const bytes = readWhole(this.#file(key), bytesMax, key);
      return bytes && { bytes, tag: tagOf(bytes) };
    });
  }

  async create(key: Key, bytes: Uint8Array): Promise<'created' | 'exists'> {
    return guarded(`write ${key}`, () => {
      const target = this.#file(key);
      const temporary = this.#temporary(bytes);
      try {
        mkdirSync(path.dirname(target), { recursive: true });
        linkSync(temporary, target);
        syncDirectory(path.dirname(target));
        return 'created';
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
        const there = readWhole(target, Number.MAX_SAFE_INTEGER, key);
        return there && Buffer.compare(there, bytes) === 0 ? 'created' : 'exists';
      } finally {
        rmSync(temporary, { force: true });
      }
    });
  }

  async swap(key: Key, bytes: Uint8Array, expected: Tag | undefined): Promise<'swapped' | 'lost'> {
    return guarded(`replace ${key}`, () => {
      mkdirSync(this.#file(STAGING_PREFIX), { recursive: true });
      const lock = KernelLock.acquire(this.#file(`${STAGING_PREFIX}swap.lock` as Key), SWAP_WAIT_MS);
      if (!lock) {
        throw new WeighlockError(
          'WL_VAULT_UNAVAILABLE',
          `another writer holds ${this.location} for too long`,
        );
      }
      try {
        const target = this.#file(key);
        const there = readWhole(target, Number.MAX_SAFE_INTEGER, key);
        if ((there && tagOf(there)) !== expected) return 'lost';
        mkdirSync(path.dirname(target), { recursive: true });
        renameSync(this.#temporary(bytes), target);
        syncDirectory(path.dirname(target));
        return 'swapped';
      } finally {
        lock.release();
      }
    });
  }

  async *list(prefix: Key): AsyncIterable<Listed> {
    yield* this.#walk(prefix);
  }

  async *#walk(prefix: string): AsyncIterable<Listed> {
    const entries = await readdir(this.#file(prefix as Key), { withFileTypes: true }).catch(
      (error: unknown) => {
        if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
        throw unavailable(`list ${prefix}`, error);
      },
    );
    for (const entry of entries) {
      const key = `${prefix}${entry.name}`;
      if (entry.isDirectory()) yield* this.#walk(`${key}/`);
      else {
        // A name that is not UTF-8 leads to nothing when it is asked for; it is still there, and is listed.
        const stat = lstatSync(this.#file(key as Key), { throwIfNoEntry: false });
        yield { key: key as Key, sizeBytes: stat?.size ?? 0, modified: stat?.mtime ?? new Date(0) };
      }
    }
  }

  /** A regular file, for reading, to be closed by whoever called. */
  async openFile(key: Key): Promise<FileHandle> {
    const handle = await open(this.#file(key), READING).catch((error: unknown) => {
      throw codeOf(error) === 'ELOOP' ? notRegular(key) : unavailable(`read ${key}`, error);
    });
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
    throw notRegular(key);
  }

  async *read(key: Key, { range, signal }: ReadOptions = {}): AsyncIterable<Uint8Array> {
    const handle = await this.openFile(key);
    try {
      const end = range ? range.offset + range.length : Number.MAX_SAFE_INTEGER;
      for (let at = range?.offset ?? 0; at < end; ) {
        signal?.throwIfAborted();
        const length = Math.min(READ_BYTES, end - at);
        const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(length), 0, length, at);
        if (bytesRead === 0 && range) throw unavailable(`read ${key}`, new Error('it ends early'));
        if (bytesRead === 0) return;
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await handle.close();
    }
  }

  async stat(id: RevisionId): Promise<readonly StoredFile[]> {
    const prefix = revisionPrefix(id);
    this.#requireOwnFolders(prefix);
    const files: StoredFile[] = [];
    for await (const { key, sizeBytes } of this.list(prefix)) {
      files.push({ path: key.slice(prefix.length) as RepoPath, sizeBytes });
    }
    return files;
  }

  /** A link among the folders of a revision leads to where others may write once everything was checked. */
  #requireOwnFolders(prefix: Key): void {
    const parts = prefix.split('/').filter((part) => part !== '');
    for (let depth = 1; depth <= parts.length; depth++) {
      const folder = parts.slice(0, depth).join('/') as Key;
      const stat = lstatSync(this.#file(folder), { throwIfNoEntry: false });
      if (stat === undefined) return;
      if (!stat.isDirectory())
        throw new WeighlockError('WL_VAULT_CORRUPT', `${folder} is not a folder but a link or a file`);
    }
  }

  async inspect(id: RevisionId, file: RepoPath): Promise<StoredFile | undefined> {
    const key = fileKey(id, file);
    return guarded(`look at ${key}`, () => {
      const stat = lstatSync(this.#file(key), { throwIfNoEntry: false });
      return stat && { path: file, sizeBytes: stat.size };
    });
  }

  async stage(id: RevisionId): Promise<Staging> {
    return guarded(`stage in ${this.location}`, () => DirectoryStaging.take(this.#root, id));
  }

  async resume(area: string, id: RevisionId): Promise<Staging | 'busy' | 'gone'> {
    return guarded(`resume staging in ${this.location}`, () => DirectoryStaging.resume(this.#root, area, id));
  }

  async keepsVersions(): Promise<boolean> {
    return false;
  }

  async *leftovers(): AsyncIterable<Leftover> {
    yield* directoryLeftovers(this.#root);
  }

  async remove(key: Key): Promise<void> {
    return guarded(`remove ${key}`, () => {
      rmSync(this.#file(key), { force: true });
      this.#removeEmptyFolders(path.dirname(key));
    });
  }

  /** A store without folders would not show them either. */
  #removeEmptyFolders(folder: string): void {
    if (folder === '.' || folder === '' || !folder.includes('/')) return;
    const full = this.#file(folder as Key);
    if (!existsSync(full)) return;
    try {
      rmdirSync(full);
    } catch (error) {
      if (codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST') return;
      throw error;
    }
    this.#removeEmptyFolders(path.dirname(folder));
  }

  async close(): Promise<void> {}

  #file(key: Key): string {
    return path.join(this.#root, key);
  }

  /** A synced file with these bytes, beside the staging areas, to be linked or renamed to its place. */
  #temporary(bytes: Uint8Array): string {
    const folder = this.#file(`${STAGING_PREFIX}tmp` as Key);
    mkdirSync(folder, { recursive: true });
    const name = path.join(folder, randomBytes(12).toString('hex'));
    writeSynced(name, bytes);
    return name;
  }
}

/**
 * O_NOFOLLOW: a link in the place of an object would let another writer choose what we read. O_NONBLOCK: a pipe there
 * would let one hold us for ever.
 */
const READING = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

function notRegular(key: Key): WeighlockError {
  return new WeighlockError('WL_VAULT_CORRUPT', `${key} is not a regular file`);
}

/** Runs `work`, turning what the file system says into our errors. */
async function guarded<T>(doing: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw unavailable(doing, error);
  }
}

function tagOf(bytes: Uint8Array): Tag {
  return sha256(bytes) as string as Tag;
}

function readWhole(file: string, bytesMax: number, key: Key): Uint8Array | undefined {
  let fd: number;
  try {
    fd = openSync(file, READING);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    if (codeOf(error) === 'ELOOP') throw notRegular(key);
    throw error;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw notRegular(key);
    if (stat.size > bytesMax) {
      throw new WeighlockError(
        'WL_VAULT_CORRUPT',
        `${key} has ${stat.size} bytes, more than the ${bytesMax} it may have`,
      );
    }
    const bytes = Buffer.allocUnsafe(stat.size);
    let filled = 0;
    while (filled < bytes.length) {
      const read = readSync(fd, bytes, filled, bytes.length - filled, filled);
      if (read === 0) break;
      filled += read;
    }
    return bytes.subarray(0, filled);
  } finally {
    closeSync(fd);
  }
}

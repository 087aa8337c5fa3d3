/**
 * A staging area of a DirectoryVault:
 *
 *   staging/<id>/lock       held by the kernel for whoever works here
 *   staging/<id>/purpose    what it is for, so that a later run finds it
 *   staging/<id>/parts/…    files still being written
 *   staging/<id>/files/…    finished files, named as in the model: the tree that publishing renames
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fdatasync,
  fstatSync,
  fsync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writevSync,
} from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { WeighlockError } from '../base/errors.ts';
import { parseCommit, parseModelName, parseRepoPath, type RepoPath } from '../base/name.ts';
import { readAt } from '../base/read-at.ts';
import { release } from '../base/release.ts';
import { codeOf, syncDirectory, unavailable, writeSynced } from './durable-file.ts';
import { KernelLock } from './kernel-lock.ts';
import { type RevisionId, revisionPrefix, STAGING_PREFIX } from './layout.ts';
import type {
  ExpectedFile,
  FinishedFiles,
  StagedFile,
  StagedReader,
  StagedWriter,
  Staging,
  StagingDoor,
  StagingTicket,
  StoredFile,
} from './vault.ts';

/** Somebody may look into an area, and create its lock file, just while it is removed. */
const REMOVAL_ATTEMPTS_MAX = 5;

/** Bytes gathered before one vectored write: fewer system calls, little memory. */
const WRITE_BYTES = 1 << 20;

/**
 * Bytes after which the disk is set to work on what was written, while more arrives. Left to itself the kernel
 * gathers gigabytes, and the sync at the end of each file waits for all of them.
 */
const SYNC_BYTES = 64 << 20;

const sync = promisify(fsync);
const syncData = promisify(fdatasync);

export class DirectoryStaging implements Staging {
  readonly id: string;
  readonly ticket: StagingTicket;
  readonly #folder: string;
  readonly #vaultRoot: string;
  readonly #revision: RevisionId;
  readonly #lock: KernelLock;

  private constructor(vaultRoot: string, id: string, from: { revision: RevisionId; lock: KernelLock }) {
    this.id = id;
    this.#vaultRoot = vaultRoot;
    this.#revision = from.revision;
    this.#folder = folderOf(vaultRoot, id);
    this.#lock = from.lock;
    this.ticket = { kind: 'directory', path: this.#folder };
  }

  /** An abandoned area of this revision, or a new one. Never one that a living process holds. */
  static take(vaultRoot: string, revision: RevisionId): DirectoryStaging {
    for (const id of areas(vaultRoot)) {
      const area = DirectoryStaging.resume(vaultRoot, id, revision);
      if (area instanceof DirectoryStaging) return area;
    }
    const id = randomBytes(12).toString('hex');
    const folder = folderOf(vaultRoot, id);
    mkdirSync(path.dirname(folder), { recursive: true });
    // One by one: a recursive mkdir on a read-only disk says that something does not exist.
    mkdirSync(folder);
    mkdirSync(path.join(folder, 'files'));
    const lock = KernelLock.acquire(path.join(folder, 'lock'), 0);
    if (!lock) throw new Error(`somebody holds the new staging area ${folder}`);
    writeSynced(path.join(folder, 'purpose'), Buffer.from(purposeFor(revision)));
    return new DirectoryStaging(vaultRoot, id, { revision, lock });
  }

  static resume(vaultRoot: string, id: string, revision: RevisionId): DirectoryStaging | 'busy' | 'gone' {
    const folder = folderOf(vaultRoot, id);
    if (purposeOf(folder) !== purposeFor(revision)) return 'gone';
    let lock: KernelLock | undefined;
    try {
      lock = KernelLock.acquire(path.join(folder, 'lock'), 0);
    } catch {
      return 'gone'; // Published or discarded between the look and the lock.
    }
    if (!lock) return 'busy';
    if (purposeOf(folder) !== undefined) {
      rmSync(path.join(folder, 'parts'), { recursive: true, force: true });
      mkdirSync(path.join(folder, 'files'), { recursive: true });
      return new DirectoryStaging(vaultRoot, id, { revision, lock });
    }
    lock.release();
    return 'gone';
  }

  /** The area, whatever it was for, unless somebody holds it. */
  static abandoned(vaultRoot: string, id: string): DirectoryStaging | 'busy' | 'gone' {
    const revision = revisionOf(purposeOf(folderOf(vaultRoot, id)));
    return revision ? DirectoryStaging.resume(vaultRoot, id, revision) : 'gone';
  }

  /** Whether a living process holds the area. */
  static isHeld(vaultRoot: string, id: string): boolean {
    const file = path.join(folderOf(vaultRoot, id), 'lock');
    if (!existsSync(file)) return false;
    const lock = KernelLock.acquire(file, 0);
    lock?.release();
    return lock === undefined;
  }

  async finished(): Promise<FinishedFiles> {
    return { readable: this.#staged(), notes: [] };
  }

  async keep(): Promise<void> {
    this.adopt();
  }

  adopt(): void {
    throw new Error('nothing waits as an upload in a directory');
  }

  #staged(): StagedFile[] {
    const root = path.join(this.#folder, 'files');
    const files: StagedFile[] = [];
    for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
      if (entry.isDirectory()) continue;
      const file = path.join(entry.parentPath, entry.name);
      // A link here was put by somebody else: not ours, not followed.
      if (!entry.isFile()) rmSync(file, { force: true });
      else files.push({ path: parseRepoPath(path.relative(root, file)), sizeBytes: statSync(file).size });
    }
    return files;
  }

  async put(file: RepoPath, bytes: Uint8Array): Promise<void> {
    const writer = new DirectoryWriter(this.#folder, file);
    await writer.write(Uint8Array.from(bytes)); // The writer takes over what it is given.
    await writer.finish();
  }

  async publish(groups: readonly (readonly ExpectedFile[])[]): Promise<readonly StoredFile[]> {
    const id = this.#revision;
    const order = groups.flat().map((file) => file.path);
    const target = path.join(this.#vaultRoot, revisionPrefix(id));
    const source = path.join(this.#folder, 'files');
    try {
      await this.#keepOnly(new Set(order));
      syncTree(source);
      mkdirSync(path.dirname(target), { recursive: true });
      renameSync(source, target);
      syncDirectory(path.dirname(target));
    } catch (error) {
      if (codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST') throw overtaken(id);
      throw unavailable(`publish ${id.model}`, error);
    }
    const stored = order.map((file) => ({ path: file, sizeBytes: sizeOf(path.join(target, file), file) }));
    await this.discard();
    return stored;
  }

  async release(): Promise<void> {
    this.#lock.release();
  }

  async discard(): Promise<void> {
    try {
      // Without a purpose nobody tries to take the area any more, which would put a lock file back in it.
      rmSync(path.join(this.#folder, 'purpose'), { force: true });
      rmSync(this.#folder, { recursive: true, force: true, maxRetries: REMOVAL_ATTEMPTS_MAX });
    } catch (error) {
      throw unavailable(`remove the staging area ${this.id}`, error);
    } finally {
      this.#lock.release();
    }
  }

  /** The published tree holds the files of the record and nothing else. */
  async #keepOnly(order: ReadonlySet<RepoPath>): Promise<void> {
    const there = this.#staged();
    for (const { path: file } of there) {
      if (!order.has(file)) rmSync(path.join(this.#folder, 'files', file));
    }
    const names = new Set(there.map((file) => file.path));
    for (const file of order) {
      if (!names.has(file)) throw new Error(`${file} is to be published and was not staged`);
    }
    removeEmptyFolders(path.join(this.#folder, 'files'));
  }
}

/** The staging area in a folder, for a worker thread that fills it while another holds the lock. */
export function openDirectoryDoor(folder: string): StagingDoor {
  const files = path.join(folder, 'files');
  return {
    create: async (file) => new DirectoryWriter(folder, file),
    open: async (file) => openReader(path.join(files, file)),
    remove: async (file) => rmSync(path.join(files, file), { force: true }),
    close: async () => {},
  };
}

class DirectoryWriter implements StagedWriter {
  readonly readable = true;
  readonly #part: string;
  readonly #target: string;
  readonly #fd: number;
  #open = true;
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #unsyncedBytes = 0;
  #writeback: Promise<void> = Promise.resolve();

  constructor(folder: string, file: RepoPath) {
    const parts = path.join(folder, 'parts');
    this.#part = path.join(parts, randomBytes(8).toString('hex'));
    this.#target = path.join(folder, 'files', file);
    try {
      mkdirSync(parts, { recursive: true });
      this.#fd = openSync(this.#part, 'wx', 0o644);
    } catch (error) {
      throw unavailable('write a staged file', error);
    }
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#gathered.push(chunk);
    this.#gatheredBytes += chunk.length;
    if (this.#gatheredBytes < WRITE_BYTES) return;
    this.#flush();
    if (this.#unsyncedBytes < SYNC_BYTES) return;
    this.#unsyncedBytes = 0;
    await this.#writeback.catch((error: unknown) => {
      throw unavailable('write a staged file', error);
    });
    this.#writeback = syncData(this.#fd);
    this.#writeback.catch(() => {}); // Its failure is met by whoever awaits it next.
  }

  async finish(): Promise<undefined> {
    try {
      this.#flush();
      await this.#writeback;
      await sync(this.#fd);
      this.#close();
      mkdirSync(path.dirname(this.#target), { recursive: true });
      renameSync(this.#part, this.#target);
    } catch (error) {
      throw unavailable('write a staged file', error);
    }
  }

  async abort(): Promise<void> {
    await this.#writeback.catch(() => {});
    this.#close();
    rmSync(this.#part, { force: true });
  }

  /** Once only: the number of a closed file may be another file's already. */
  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#fd);
  }

  #flush(): void {
    const all = this.#gathered;
    this.#unsyncedBytes += this.#gatheredBytes;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    let left = all;
    try {
      while (left.length > 0) left = unwritten(left, writevSync(this.#fd, left));
      all.forEach(release);
    } catch (error) {
      throw unavailable('write a staged file', error);
    }
  }
}

/** What remains of `chunks` after the first `written` bytes of them. */
function unwritten(chunks: readonly Uint8Array[], written: number): Uint8Array[] {
  const left: Uint8Array[] = [];
  let skip = written;
  for (const chunk of chunks) {
    if (skip < chunk.length) left.push(chunk.subarray(skip));
    skip = Math.max(0, skip - chunk.length);
  }
  return left;
}

function openReader(file: string): StagedReader {
  const fd = openSync(file, 'r');
  const { size: sizeBytes } = fstatSync(fd);
  return {
    sizeBytes,
    read: (offset, length) => readAt(fd, sizeBytes, { offset, length }),
    close: () => closeSync(fd),
  };
}

/** Ids of areas, as `take` makes them. */
const ID = /^[0-9a-f]{24}$/;

export function areas(vaultRoot: string): string[] {
  const staging = path.join(vaultRoot, STAGING_PREFIX);
  return existsSync(staging) ? readdirSync(staging).filter((name) => ID.test(name)) : [];
}

export function folderOf(vaultRoot: string, id: string): string {
  if (!ID.test(id)) throw new WeighlockError('WL_VAULT_CORRUPT', `"${id}" is not the id of a staging area`);
  return path.join(vaultRoot, STAGING_PREFIX, id);
}

function purposeFor({ model, commit }: RevisionId): string {
  return `${model}@${commit}`;
}

function revisionOf(purpose: string | undefined): RevisionId | undefined {
  const [, model, commit] = /^(.+)@([0-9a-f]{40})$/.exec(purpose ?? '') ?? [];
  return model && commit ? { model: parseModelName(model), commit: parseCommit(commit) } : undefined;
}

function purposeOf(folder: string): string | undefined {
  try {
    return readFileSync(path.join(folder, 'purpose'), 'utf8');
  } catch (error) {
    if (codeOf(error) !== undefined) return undefined;
    throw error;
  }
}

/** What stands there is not what was staged here, whoever wrote it: it must be read before anybody vouches for it. */
function overtaken({ model, commit }: RevisionId): WeighlockError {
  return new WeighlockError(
    'WL_STAGING_LOST',
    `somebody else put files where ${model}@${commit.slice(0, 12)} was about to be published`,
    { hint: 'Run the command again: it checks every byte that stands there.' },
  );
}

function sizeOf(file: string, name: RepoPath): number {
  try {
    return statSync(file).size;
  } catch {
    throw new WeighlockError(
      'WL_VAULT_CORRUPT',
      `${name} is missing from a revision that stands in the vault`,
    );
  }
}

function removeEmptyFolders(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const inside = path.join(folder, entry.name);
    removeEmptyFolders(inside);
    if (readdirSync(inside).length === 0) rmSync(inside, { recursive: true });
  }
}

function syncTree(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) syncTree(path.join(folder, entry.name));
  }
  syncDirectory(folder);
}

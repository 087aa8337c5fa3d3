/**
 * A local directory as a source: a checkout, a training run's output, a snapshot in a Hub client's cache.
 *
 * The attacker's move: a folder handed over as "a model" holds a link to somebody's keys, a pipe that never ends,
 * or a file that changes between being scanned and being stored. So links are followed to regular files only, and
 * only where they stay inside; everything else that is no file is refused by name; and a file must be the same
 * before, during and after it is read.
 */
import { constants, type Dirent } from 'node:fs';
import { type FileHandle, open, opendir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { WeighlockError } from '../base/errors.ts';
import { byPath } from '../base/manifest.ts';
import { type ModelName, parseRepoPath, refuseClashes } from '../base/name.ts';
import {
  type ByteRange,
  refuseRange,
  type Source,
  type SourceFile,
  type SourceRevision,
  type SourceTicket,
} from './source.ts';

/** As many files as a listing of the Hub may have. */
const ENTRIES_MAX = 100_000;

/** Deeper than any model, shallower than what a path of 700 bytes could hold. */
const DEPTH_MAX = 32;

/** One read: large enough for a disk's full speed, small enough to hash and scan while the next one runs. */
const READ_BYTES = 1 << 20;

/** Folders that tools keep beside a model's files, never part of it: git's own, and the Hub client's bookkeeping. */
const SKIPPED: ReadonlySet<string> = new Set(['.git', '.cache/huggingface']);

/** What tells two states of a file apart without reading it. */
interface Identity {
  readonly device: bigint;
  readonly inode: bigint;
  readonly sizeBytes: bigint;
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
}

export class DirectorySource implements Source {
  readonly ticket: SourceTicket & { readonly kind: 'directory' };
  readonly contacted: ReadonlySet<string>;
  readonly #root: string;
  /** How each file was when first seen, so that all of its ranges come from one state. */
  readonly #seen = new Map<string, Identity>();

  constructor(ticket: SourceTicket & { readonly kind: 'directory' }) {
    this.ticket = ticket;
    this.#root = resolve(ticket.path);
    this.contacted = new Set([this.#root]);
  }

  /** `model` is what the content shall be called; a directory has no revisions. Errors also: WL_LIMIT, WL_SOURCE_CHANGED. */
  async resolve(
    model: ModelName,
    revision: string | undefined,
    signal?: AbortSignal,
  ): Promise<SourceRevision> {
    if (revision !== undefined)
      throw new WeighlockError(
        'WL_REVISION_NOT_FOUND',
        `the directory ${this.#root} has no revision "${revision}"`,
      );
    const area = await openArea(this.#root);
    const files: SourceFile[] = [];
    for await (const path of walk(area, signal)) {
      const name = parseRepoPath(path);
      const handle = await openFile(area, path);
      await using _ = handle;
      const identity = await identityOf(handle);
      this.#seen.set(path, identity);
      files.push({ path: name, sizeBytes: Number(identity.sizeBytes), declared: { kind: 'none' } });
    }
    refuseClashes(files.map(({ path }) => path));
    return {
      kind: 'directory',
      endpoint: this.#root,
      model,
      requested: '',
      commit: undefined,
      tags: [],
      files: files.sort(byPath),
    };
  }

  /** Errors: WL_SOURCE_CHANGED where the file is not what it was when it was listed or first read. */
  async *read(
    _revision: Pick<SourceRevision, 'model' | 'commit'>,
    file: SourceFile,
    range: ByteRange,
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    refuseRange(file, range);
    const area = await openArea(this.#root);
    const handle = await openFile(area, file.path);
    await using _ = handle;
    await this.#refuseChange(file, handle);
    const end = range.offset + range.length;
    for (let at = range.offset; at < end; ) {
      signal?.throwIfAborted();
      const wanted = Math.min(READ_BYTES, end - at);
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(wanted), 0, wanted, at);
      if (bytesRead === 0) throw changed(file.path, 'it ends sooner than it did');
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
    await this.#refuseChange(file, handle);
  }

  async close(): Promise<void> {}

  async #refuseChange(file: SourceFile, handle: FileHandle): Promise<void> {
    const now = await identityOf(handle);
    const before = this.#seen.get(file.path) ?? now;
    this.#seen.set(file.path, before);
    if (Number(now.sizeBytes) !== file.sizeBytes)
      throw changed(file.path, `it has ${now.sizeBytes} bytes, and had ${file.sizeBytes}`);
    const same =
      now.device === before.device &&
      now.inode === before.inode &&
      now.modifiedNs === before.modifiedNs &&
      now.changedNs === before.changedNs;
    if (!same) throw changed(file.path, 'it was written or replaced');
  }
}

/** Where files may really lie: below the directory, or in the store that a Hub client's cache links to. */
interface Area {
  /** With every link resolved. */
  readonly root: string;
  readonly blobs: string | undefined;
}

async function openArea(path: string): Promise<Area> {
  try {
    const root = await realpath(path);
    if (!(await stat(root)).isDirectory())
      throw new WeighlockError('WL_MODEL_NOT_FOUND', `${path} is not a directory`);
    return { root, blobs: cacheBlobs(root) };
  } catch (cause) {
    if (cause instanceof WeighlockError) throw cause;
    throw new WeighlockError('WL_MODEL_NOT_FOUND', `the directory ${path} cannot be read`, {
      cause,
      hint: 'Check the spelling and the permissions of the path.',
    });
  }
}

/**
 * A Hub client's cache keeps `models--org--name/snapshots/<commit>/<path>` as links into
 * `models--org--name/blobs/`: the one place outside the directory that its links may lead to.
 */
function cacheBlobs(root: string): string | undefined {
  const snapshots = dirname(root);
  const repo = dirname(snapshots);
  const isCache = basename(snapshots) === 'snapshots' && /^models--/.test(basename(repo));
  return isCache ? join(repo, 'blobs') : undefined;
}

async function* walk({ root }: Area, signal: AbortSignal | undefined): AsyncGenerator<string> {
  const folders: { readonly path: string; readonly depth: number }[] = [{ path: '', depth: 0 }];
  let entries = 0;
  for (let folder = folders.pop(); folder; folder = folders.pop()) {
    if (folder.depth > DEPTH_MAX) throw tooMuch(root, `is deeper than ${DEPTH_MAX} folders`);
    // Names are bytes to the system: what is not UTF-8 would be listed under one name and opened under another.
    for await (const entry of await opendir(join(root, folder.path), {
      encoding: 'buffer' as BufferEncoding,
    })) {
      signal?.throwIfAborted();
      if (++entries > ENTRIES_MAX) throw tooMuch(root, `has more than ${ENTRIES_MAX} entries`);
      const name = readName(entry, folder.path);
      const path = folder.path === '' ? name : `${folder.path}/${name}`;
      if (entry.isDirectory()) {
        if (!SKIPPED.has(path)) folders.push({ path, depth: folder.depth + 1 });
      } else if (entry.isFile() || entry.isSymbolicLink()) yield path;
      else throw refused(path, `is a ${specialKind(entry)}, not a file`);
    }
  }
}

function readName(entry: Dirent<string>, folder: string): string {
  const raw = Buffer.from(entry.name);
  const name = raw.toString('utf8');
  if (Buffer.from(name).equals(raw)) return name;
  throw refused(`${folder}/${name}`, 'has a name that is not UTF-8');
}

function specialKind(entry: Dirent<string>): string {
  if (entry.isFIFO()) return 'named pipe';
  if (entry.isSocket()) return 'socket';
  return entry.isBlockDevice() || entry.isCharacterDevice() ? 'device' : 'special file';
}

/** Opens the regular file that the path leads to; a link is resolved first and may not leave the area. */
async function openFile({ root, blobs }: Area, path: string): Promise<FileHandle> {
  const place = join(root, path);
  let target: string;
  try {
    target = await realpath(place);
  } catch (cause) {
    if (isCode(cause, 'ELOOP')) throw refused(path, 'is a link that leads in circles');
    if (isCode(cause, 'ENOENT')) throw missing(path, cause);
    throw new WeighlockError('WL_SOURCE_UNAVAILABLE', `${path} cannot be read`, { cause });
  }
  const inside = [root, blobs].some((folder) => folder !== undefined && target.startsWith(folder + sep));
  if (!inside) throw refused(path, 'is a link that leaves the directory');
  // Not blocking on a pipe, and not following a link that was put there since.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(target, flags).catch((cause: unknown) => {
    if (isCode(cause, 'ELOOP') || isCode(cause, 'ENOENT')) throw missing(path, cause);
    if (isCode(cause, 'ENXIO')) throw refused(path, 'is not a regular file');
    throw new WeighlockError('WL_SOURCE_UNAVAILABLE', `${path} cannot be read`, { cause });
  });
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw refused(
    path,
    target === place ? 'is not a regular file' : 'is a link to something that is not a regular file',
  );
}

async function identityOf(handle: FileHandle): Promise<Identity> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await handle.stat({ bigint: true });
  return { device: dev, inode: ino, sizeBytes: size, modifiedNs: mtimeNs, changedNs: ctimeNs };
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function refused(path: string, why: string): WeighlockError {
  return new WeighlockError('WL_PATH_REFUSED', `${JSON.stringify(path)} ${why}`, {
    hint: 'Remove it from the directory, or replace it by a plain file.',
  });
}

function missing(path: string, cause: unknown): WeighlockError {
  return new WeighlockError('WL_SOURCE_CHANGED', `${JSON.stringify(path)} is not there (any more)`, {
    cause,
  });
}

function changed(path: string, why: string): WeighlockError {
  return new WeighlockError('WL_SOURCE_CHANGED', `${path} changed while it was read: ${why}`);
}

function tooMuch(root: string, what: string): WeighlockError {
  return new WeighlockError('WL_LIMIT', `the directory ${root} ${what}`);
}

/**
 * Files of this machine as a subject. Whatever stands there is listed, or said to be unreadable; nothing stops the
 * rest.
 *
 * The attacker's move: a folder with a pipe that never ends, a link in circles, or a million names, so that the scan
 * hangs or gives up and somebody takes silence for an answer.
 */
import { constants, type Dirent, type Stats } from 'node:fs';
import { lstat, opendir, stat } from 'node:fs/promises';
import path from 'node:path';
import { WeighlockError } from '../base/errors.ts';
import { byPath } from '../base/manifest.ts';
import { codeOf } from '../vault/durable-file.ts';
import type { Subject, SubjectFile, Unreadable } from './subject.ts';

/** As many files as a repo of the Hub may have: their facts are kept until all were judged together. */
export const FILES_MAX = 100_000;

/** Names that are looked at, files or not. */
const ENTRIES_MAX = 2 * FILES_MAX;

/** Deeper than any model; a path of 4096 bytes holds no more than a few thousand. */
const DEPTH_MAX = 64;

/** Lines about what cannot be read; the last says that there is more. */
const UNREADABLE_MAX = 1000;

/** Folders that tools keep beside a model's files, never part of it. */
const SKIPPED: ReadonlySet<string> = new Set(['.git', '.cache/huggingface']);

/** Opens without blocking on a pipe. */
export const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

/** Throws WL_FILE_UNREADABLE where nothing that can be read has this name. */
export async function localSubject(name: string): Promise<Subject> {
  const target = path.resolve(name);
  const found = await stat(target).catch((error: unknown) => {
    throw new WeighlockError('WL_FILE_UNREADABLE', `${name} ${reasonOf(error)}`, { cause: error });
  });
  if (found.isDirectory()) return new Walk(target).run(name);
  const special = specialKind(found);
  if (special !== undefined)
    throw new WeighlockError('WL_FILE_UNREADABLE', `${name} is a ${special}, not a file`);
  const file = { path: path.basename(target), sizeBytes: found.size };
  return {
    name,
    ticket: { kind: 'local', root: path.dirname(target) },
    files: [file],
    unreadable: [],
  };
}

interface Folder {
  readonly path: string;
  /** Folders on the way here, by device and inode: meeting one again is a circle. */
  readonly above: readonly string[];
}

class Walk {
  readonly #root: string;
  readonly #files: SubjectFile[] = [];
  readonly #unreadable: Unreadable[] = [];
  readonly #folders: Folder[] = [];
  #entries = 0;

  constructor(root: string) {
    this.#root = root;
  }

  async run(name: string): Promise<Subject> {
    this.#folders.push({ path: '', above: [] });
    for (let folder = this.#folders.pop(); folder; folder = this.#folders.pop()) {
      await this.#enter(folder).catch((error: unknown) => {
        this.#refuse(folder.path === '' ? '.' : folder.path, reasonOf(error));
      });
      if (this.#full()) break;
    }
    return {
      name,
      ticket: { kind: 'local', root: this.#root },
      files: this.#files.sort(byPath),
      unreadable: this.#unreadable,
    };
  }

  async #enter({ path: folder, above }: Folder): Promise<void> {
    const { dev, ino } = await stat(path.join(this.#root, folder));
    const identity = `${dev}:${ino}`;
    if (above.includes(identity)) {
      this.#refuse(folder, 'is a link that leads in circles');
      return;
    }
    if (above.length > DEPTH_MAX) {
      this.#refuse(folder, `is deeper than ${DEPTH_MAX} folders`);
      return;
    }
    // Names are bytes to the system: what is not UTF-8 would be shown under one name and opened under another.
    const entries = await opendir(path.join(this.#root, folder), { encoding: 'buffer' as BufferEncoding });
    for await (const entry of entries) {
      this.#entries += 1;
      if (this.#full()) return;
      await this.#take(entry, { path: folder, above: [...above, identity] });
    }
  }

  async #take(entry: Dirent<string>, folder: Folder): Promise<void> {
    const raw = Buffer.from(entry.name);
    const name = raw.toString('utf8');
    const at = folder.path === '' ? name : `${folder.path}/${name}`;
    if (!Buffer.from(name).equals(raw)) {
      this.#refuse(at, 'has a name that is not UTF-8');
      return;
    }
    if (SKIPPED.has(at)) return;
    const place = path.join(this.#root, at);
    let found: Stats;
    try {
      found = await lstat(place);
      if (found.isSymbolicLink()) found = await stat(place);
    } catch (error) {
      this.#refuse(at, reasonOf(error));
      return;
    }
    const special = specialKind(found);
    if (found.isDirectory()) this.#folders.push({ path: at, above: folder.above });
    else if (special === undefined) this.#files.push({ path: at, sizeBytes: found.size });
    else this.#refuse(at, `is a ${special}, not a file`);
  }

  #full(): boolean {
    if (this.#entries <= ENTRIES_MAX && this.#files.length < FILES_MAX) return false;
    this.#unreadable.push({
      path: '.',
      code: 'WL_LIMIT',
      message: `holds more than ${FILES_MAX} files or ${ENTRIES_MAX} names: the rest was not looked at`,
    });
    return true;
  }

  #refuse(at: string, message: string): void {
    if (this.#unreadable.length < UNREADABLE_MAX)
      this.#unreadable.push({ path: at, code: 'WL_FILE_UNREADABLE', message });
    else if (this.#unreadable.length === UNREADABLE_MAX)
      this.#unreadable.push({ path: '.', code: 'WL_LIMIT', message: 'has more that cannot be read' });
  }
}

function specialKind(found: Stats): string | undefined {
  if (found.isFile() || found.isDirectory()) return undefined;
  if (found.isFIFO()) return 'named pipe';
  if (found.isSocket()) return 'socket';
  return found.isBlockDevice() || found.isCharacterDevice() ? 'device' : 'special file';
}

/** What a failed call of the system says about a file, as the end of a sentence that begins with its name. */
export function reasonOf(error: unknown): string {
  switch (codeOf(error)) {
    case 'ENOENT':
      return 'is not there (any more)';
    case 'EACCES':
    case 'EPERM':
      return 'may not be read by this user';
    case 'ELOOP':
      return 'is a link that leads in circles';
    case 'ENOTDIR':
      return 'leads through something that is no folder';
    case 'ENXIO':
    case 'ENODEV':
      return 'is a device, not a file';
    default:
      return `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/**
 * The cache that Hub clients keep on a node: `models--org--name/` with `blobs/`, `snapshots/<commit>/<path>` (links into
 * the blobs, or files where links are not to be had) and `refs/<name>`. Everything in it is a stranger's, who may write
 * to it while we look: names are parsed, nothing is read or removed behind a link that leads out of a model's own
 * folder, and what is gone by the time that we come to it is passed over.
 */
import { constants, existsSync } from 'node:fs';
import { type FileHandle, lstat, open, readdir, realpath, rmdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import { WeighlockError } from '../base/errors.ts';
import { type Commit, isCommit, type ModelName, parseModelName } from '../base/name.ts';
import { codeOf } from '../vault/durable-file.ts';

/** Longest file under refs/: one commit. */
const REF_BYTES_MAX = 100;

/** Neither a link nor a pipe that was put there since it was listed is waited for or followed. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** What is said of a file that is not there any more, or not one any more. */
const GONE: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ENXIO']);

export interface CachedFile {
  readonly commit: Commit;
  /** Below the snapshot, as the cache names it: not a parsed path. */
  readonly path: string;
  /** The file as it stands in the snapshot: a link, mostly. */
  readonly place: string;
  /** Where its bytes are; undefined for a link that leads nowhere or out of the model's folder. */
  readonly bytesAt: string | undefined;
}

export interface CachedModel {
  readonly model: ModelName;
  /** Its real place: nothing outside it is read or removed. */
  readonly folder: string;
  readonly files: readonly CachedFile[];
  /** Bytes that no snapshot refers to. */
  readonly orphans: readonly string[];
  /** Links where the layout has folders, which clients would follow and we do not. */
  readonly links: readonly string[];
}

export interface CacheContent {
  readonly models: readonly CachedModel[];
  /** Folders that are no model of a name that we know: datasets, spaces, anything else. */
  readonly passedOver: readonly string[];
}

/** The folder that holds `models--…`: the one named, or `hub` below it. Throws WL_USAGE where there is none. */
export function cacheFolder(named: string): string {
  const below = path.join(named, 'hub');
  const folder = existsSync(below) ? below : named;
  if (existsSync(folder)) return folder;
  throw new WeighlockError('WL_USAGE', `there is no folder ${named}`, {
    hint: 'Name the cache: $HF_HUB_CACHE, $HF_HOME, or ~/.cache/huggingface/hub.',
  });
}

export async function readCache(named: string): Promise<CacheContent> {
  const folder = await realpath(named);
  const models: CachedModel[] = [];
  const passedOver: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const isFolder = entry.isDirectory();
    if (entry.name.startsWith('.') || !(isFolder || entry.isSymbolicLink())) continue;
    const model = modelOf(entry.name);
    const place = path.join(folder, entry.name);
    if (model && isFolder) models.push(await readModel(model, place));
    else if (model) models.push({ model, folder, files: [], orphans: [], links: [place] });
    else if (isFolder) passedOver.push(entry.name);
  }
  return { models: models.sort((a, b) => (a.model < b.model ? -1 : 1)), passedOver };
}

/** The file itself, open; undefined where it is gone, or is no file any more. */
export async function openCached(place: string): Promise<FileHandle | undefined> {
  const handle = await open(place, OPEN_FLAGS).catch(unlessGone);
  if (handle === undefined || (await handle.stat()).isFile()) return handle;
  await handle.close();
  return undefined;
}

/**
 * Takes away the file or link, and says whether it is gone. Where it stands is looked at again just before: a folder on
 * the way may have been swapped for a link since. Between that look and the removal a small window stays.
 */
export async function removePlace({ folder }: CachedModel, place: string): Promise<boolean> {
  const parent = await realpath(path.dirname(place)).catch(unlessGone);
  if (parent === undefined) return true;
  if (!isInside(folder, parent)) return false;
  try {
    await unlink(path.join(parent, path.basename(place)));
  } catch (error) {
    // EISDIR or EPERM: a folder stands there by now.
    return codeOf(error) === 'ENOENT';
  }
  return true;
}

/** Takes away the folders that the file left empty, up to and with its snapshot. */
export async function removeEmptyFolders(model: CachedModel, { place }: CachedFile): Promise<void> {
  const snapshots = path.join(model.folder, 'snapshots');
  for (let at = path.dirname(place); at !== snapshots && isInside(snapshots, at); at = path.dirname(at)) {
    const parent = await realpath(path.dirname(at)).catch(unlessGone);
    if (parent === undefined || !isInside(model.folder, parent)) return;
    const isLeft = await rmdir(path.join(parent, path.basename(at))).then(
      () => false,
      (error: unknown) => codeOf(error) !== 'ENOENT',
    );
    if (isLeft) return;
  }
}

/** Lets no name stand for the commit any more: an offline client would go on using what is left of it. */
export async function removeRefs(model: CachedModel, commit: Commit): Promise<void> {
  for (const place of (await listBelow(path.join(model.folder, 'refs'))).places) {
    if ((await readRef(place)) === commit) await removePlace(model, place);
  }
}

async function readRef(place: string): Promise<string | undefined> {
  const handle = await openCached(place);
  try {
    const read = await handle?.read(Buffer.alloc(REF_BYTES_MAX + 1), 0, REF_BYTES_MAX + 1, 0);
    if (read === undefined || read.bytesRead > REF_BYTES_MAX) return undefined;
    return read.buffer.toString('utf8', 0, read.bytesRead).trim();
  } finally {
    await handle?.close();
  }
}

async function readModel(model: ModelName, folder: string): Promise<CachedModel> {
  const files: CachedFile[] = [];
  const snapshots = await listFolder(path.join(folder, 'snapshots'));
  const links = [...snapshots.links];
  for (const root of snapshots.entries) {
    const commit = path.basename(root);
    if (!isCommit(commit)) continue;
    const { places, links: linked } = await listBelow(root);
    links.push(...linked);
    for (const place of places) {
      const bytesAt = await bytesOf(place, folder);
      files.push({ commit, path: path.relative(root, place), place, bytesAt });
    }
  }
  const blobs = await listBelow(path.join(folder, 'blobs'));
  const refs = await listFolder(path.join(folder, 'refs'));
  const used = new Set(files.map((file) => file.bytesAt));
  const orphans = blobs.places.filter((blob) => !used.has(blob));
  return { model, folder, files, orphans, links: [...links, ...blobs.links, ...refs.links] };
}

async function bytesOf(place: string, folder: string): Promise<string | undefined> {
  const target = await realpath(place).catch(unlessGone);
  if (target === undefined || !isInside(folder, target)) return undefined;
  const stat = await lstat(target).catch(unlessGone);
  return stat?.isFile() ? target : undefined;
}

/** Everything below the folder that is no folder, links unfollowed; the folder itself where it is a link. */
async function listBelow(
  root: string,
): Promise<{ readonly places: readonly string[]; readonly links: readonly string[] }> {
  const places: string[] = [];
  const { entries, links } = await listFolder(root);
  // Ends with the tree, which is as deep as a path may be long.
  const waiting = [...entries];
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    const stat = await lstat(place).catch(unlessGone);
    if (stat?.isDirectory()) {
      // One by one: a folder may hold more than a call takes arguments.
      for (const entry of (await listFolder(place)).entries) waiting.push(entry);
    } else if (stat) places.push(place);
  }
  return { places: places.sort(), links };
}

/** What stands in a real folder; nothing of what is behind a link, which is named instead. */
async function listFolder(
  folder: string,
): Promise<{ readonly entries: readonly string[]; readonly links: readonly string[] }> {
  const stat = await lstat(folder).catch(unlessGone);
  if (stat?.isSymbolicLink()) return { entries: [], links: [folder] };
  const names = stat?.isDirectory() ? await readdir(folder).catch(unlessGone) : undefined;
  return { entries: (names ?? []).map((name) => path.join(folder, name)), links: [] };
}

function isInside(folder: string, place: string): boolean {
  return place === folder || place.startsWith(`${folder}${path.sep}`);
}

function unlessGone(error: unknown): undefined {
  if (GONE.has(codeOf(error))) return undefined;
  throw error;
}

function modelOf(folder: string): ModelName | undefined {
  const [kind, ...parts] = folder.split('--');
  if (kind !== 'models') return undefined;
  try {
    return parseModelName(parts.join('/'));
  } catch {
    return undefined;
  }
}

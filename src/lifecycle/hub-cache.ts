/**
 * The cache that Hub clients keep on a node: `models--org--name/` with `blobs/`, `snapshots/<commit>/<path>` (links into
 * the blobs, or files where links are not to be had) and `refs/<name>`. Everything in it is a stranger's: names are
 * parsed, and no link that leads out of a model's own folder is followed.
 */
import { existsSync, type Stats } from 'node:fs';
import { lstat, readdir, readFile, realpath, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { WeighlockError } from '../base/errors.ts';
import { type Commit, isCommit, type ModelName, parseModelName } from '../base/name.ts';
import { codeOf } from '../vault/durable-file.ts';

/** Longest file under refs/: one commit. */
const REF_BYTES_MAX = 100;

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
  readonly folder: string;
  readonly files: readonly CachedFile[];
  /** Bytes that no snapshot refers to. */
  readonly orphans: readonly string[];
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

export async function readCache(folder: string): Promise<CacheContent> {
  const models: CachedModel[] = [];
  const passedOver: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name.startsWith('.') || !entry.isDirectory()) continue;
    const model = modelOf(entry.name);
    if (model) models.push(await readModel(model, path.join(folder, entry.name)));
    else passedOver.push(entry.name);
  }
  return { models: models.sort((a, b) => (a.model < b.model ? -1 : 1)), passedOver };
}

/** Takes a snapshot's file away, with its bytes; `others` are files that still need them. */
export async function removeFile(file: CachedFile, others: readonly CachedFile[]): Promise<void> {
  await rm(file.place, { force: true });
  const shared = others.some(({ bytesAt, place }) => bytesAt === file.bytesAt && place !== file.place);
  if (file.bytesAt !== undefined && !shared) await rm(file.bytesAt, { force: true });
  await removeEmptyFolders(path.dirname(file.place));
}

/** Lets no name stand for the commit any more: an offline client would go on using what is left of it. */
export async function removeRefs({ folder }: CachedModel, commit: Commit): Promise<void> {
  const refs = path.join(folder, 'refs');
  for (const entry of await entriesBelow(refs)) {
    const stat = await lstat(entry);
    if (!stat.isFile() || stat.size > REF_BYTES_MAX) continue;
    if ((await readFile(entry, 'utf8')).trim() === commit) await rm(entry, { force: true });
  }
}

async function readModel(model: ModelName, folder: string): Promise<CachedModel> {
  const own = await realpath(folder);
  const files: CachedFile[] = [];
  const snapshots = path.join(folder, 'snapshots');
  for (const commit of await namesIn(snapshots)) {
    if (!isCommit(commit)) continue;
    const root = path.join(snapshots, commit);
    for (const place of await entriesBelow(root)) {
      files.push({ commit, path: path.relative(root, place), place, bytesAt: await bytesAt(place, own) });
    }
  }
  const used = new Set(files.map((file) => file.bytesAt));
  const blobs = await entriesBelow(path.join(own, 'blobs'));
  return { model, folder, files, orphans: blobs.filter((blob) => !used.has(blob)) };
}

async function bytesAt(place: string, own: string): Promise<string | undefined> {
  const target = await realpath(place).catch(() => undefined);
  if (target === undefined || !target.startsWith(`${own}${path.sep}`)) return undefined;
  const stat: Stats = await lstat(target);
  return stat.isFile() ? target : undefined;
}

/** Everything below the folder that is no folder, links unfollowed. */
async function entriesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(nothing);
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}

async function namesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(nothing);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

function nothing(error: unknown): [] {
  if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
  throw error;
}

/** Up to and with the snapshot itself. */
async function removeEmptyFolders(folder: string): Promise<void> {
  if (path.basename(folder) === 'snapshots') return;
  try {
    await rmdir(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST' || codeOf(error) === 'ENOENT') return;
    throw error;
  }
  await removeEmptyFolders(path.dirname(folder));
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

/** Trees as the Hub lists them: files and folders, sorted, in pages, with what `expand` adds. */
import { createHash } from 'node:crypto';
import { identityOf } from './content.ts';
import type { RepoCommit, StandInFile } from './model.ts';

export async function treeItem(commit: RepoCommit, file: StandInFile, expand: boolean): Promise<unknown> {
  const identity = await identityOf(file);
  const item: Record<string, unknown> = {
    type: 'file',
    oid: identity.oid,
    size: identity.sizeBytes,
    path: file.path,
  };
  if (identity.kind === 'lfs') {
    item.lfs = { oid: identity.sha256, size: identity.sizeBytes, pointerSize: identity.pointer.length };
  }
  if (expand) {
    item.lastCommit = { id: commit.id, title: commit.title, date: commit.date };
    item.securityFileStatus = scanOf(file);
  }
  return item;
}

function scanOf(file: StandInFile): unknown {
  const status = file.scan ?? 'safe';
  return {
    status,
    avScan: { status },
    pickleImportScan: { status, pickleImports: [] },
    jFrogScan: { status },
    protectAiScan: { status },
  };
}

/** A listed thing: a file, or a folder that holds some. */
type Listed = { readonly file: StandInFile } | { readonly folder: string };

/** What stands below `folder` (empty for the root), folders first, as pages are cut from it. */
export function listTree(commit: RepoCommit, folder: string, recursive: boolean): Listed[] {
  const prefix = folder === '' ? '' : `${folder}/`;
  const folders = new Set<string>();
  const files: StandInFile[] = [];
  for (const file of commit.files) {
    if (!file.path.startsWith(prefix)) continue;
    const rest = file.path.slice(prefix.length);
    for (let slash = rest.indexOf('/'); slash > 0; slash = rest.indexOf('/', slash + 1)) {
      folders.add(prefix + rest.slice(0, slash));
      if (!recursive) break;
    }
    if (recursive || !rest.includes('/')) files.push(file);
  }
  const sorted = files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return [...[...folders].sort().map((path) => ({ folder: path })), ...sorted.map((file) => ({ file }))];
}

export async function listedItem(commit: RepoCommit, listed: Listed, expand: boolean): Promise<unknown> {
  if ('file' in listed) return treeItem(commit, listed.file, expand);
  const oid = createHash('sha1').update(`tree ${commit.id} ${listed.folder}`).digest('hex');
  const lastCommit = { id: commit.id, title: commit.title, date: commit.date };
  return { type: 'directory', oid, size: 0, path: listed.folder, ...(expand ? { lastCommit } : {}) };
}

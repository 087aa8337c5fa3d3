/**
 * File trees: the folders of a revision, each with the name that git would give to what is served of it.
 *
 * Where nothing is excluded and no file is executable, that is the very tree id that upstream has.
 */
import { createHash } from 'node:crypto';
import type { RepoPath } from '../base/name.ts';
import type { ServedFile, ServedRevision } from './catalog.ts';
import { identityOf } from './file-identity.ts';

export interface Folder {
  readonly path: string;
  /** 40 hex digits. */
  readonly treeId: string;
}

export type TreeEntry =
  | { readonly is: 'folder'; readonly folder: Folder }
  | { readonly is: 'file'; readonly file: ServedFile };

interface Node {
  readonly path: string;
  readonly folders: Map<string, Node>;
  readonly files: Map<string, ServedFile>;
}

export class FileTree {
  readonly #files: ServedRevision['files'];
  /** By path, the root as ''. */
  readonly #folders = new Map<string, Folder>();

  constructor({ files }: ServedRevision) {
    this.#files = files;
    const root: Node = { path: '', folders: new Map(), files: new Map() };
    for (const [path, file] of files) plant(root, path, file);
    this.#name(root);
  }

  folder(path: string): Folder | undefined {
    return this.#folders.get(path);
  }

  /** What stands in a folder, or anywhere below it: folders first, then files, each sorted by path. */
  list(folder: string, depth: 'this folder' | 'everything below'): TreeEntry[] {
    const prefix = folder === '' ? '' : `${folder}/`;
    const isIn = (path: string) =>
      path.startsWith(prefix) &&
      path !== '' &&
      (depth === 'everything below' || !path.includes('/', prefix.length));
    const entries: TreeEntry[] = [];
    for (const found of [...this.#folders.values()].sort(byPath)) {
      if (isIn(found.path)) entries.push({ is: 'folder', folder: found });
    }
    for (const file of this.#files.values()) if (isIn(file.path)) entries.push({ is: 'file', file });
    return entries;
  }

  /** Names a folder after everything below it; no deeper than a path has parts, which its length bounds. */
  #name(node: Node): string {
    const entries: { readonly sortedBy: string; readonly line: Buffer }[] = [];
    for (const [name, inside] of node.folders) {
      // git sorts a folder as if its name ended in a slash.
      entries.push({ sortedBy: `${name}/`, line: treeLine('40000', name, this.#name(inside)) });
    }
    for (const [name, file] of node.files) {
      entries.push({ sortedBy: name, line: treeLine('100644', name, identityOf(file).oid) });
    }
    entries.sort((a, b) => Buffer.compare(Buffer.from(a.sortedBy), Buffer.from(b.sortedBy)));
    const body = Buffer.concat(entries.map(({ line }) => line));
    const treeId = createHash('sha1').update(`tree ${body.length}\0`).update(body).digest('hex');
    this.#folders.set(node.path, { path: node.path, treeId });
    return treeId;
  }
}

function plant(root: Node, path: RepoPath, file: ServedFile): void {
  let node = root;
  let from = 0;
  for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', from)) {
    const name = path.slice(from, slash);
    let next = node.folders.get(name);
    if (next === undefined) {
      next = { path: path.slice(0, slash), folders: new Map(), files: new Map() };
      node.folders.set(name, next);
    }
    node = next;
    from = slash + 1;
  }
  node.files.set(path.slice(from), file);
}

function treeLine(mode: string, name: string, id: string): Buffer {
  return Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')]);
}

function byPath(a: Folder, b: Folder): number {
  return a.path < b.path ? -1 : 1;
}

/** Kept as long as the catalog keeps the revision. */
const trees = new WeakMap<ServedRevision, FileTree>();

export function treeOf(revision: ServedRevision): FileTree {
  let tree = trees.get(revision);
  if (tree === undefined) {
    tree = new FileTree(revision);
    trees.set(revision, tree);
  }
  return tree;
}

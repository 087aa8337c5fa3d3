/** Files that differ, told by digest. */
import type { SideFile } from './side.ts';

export interface FileMark {
  readonly path: string;
  readonly sizeBytes: number;
}

export interface FileChanges {
  readonly added: readonly FileMark[];
  readonly removed: readonly FileMark[];
  readonly changed: readonly { readonly path: string; readonly from: number; readonly to: number }[];
  /** The same content under another name. */
  readonly renamed: readonly { readonly from: string; readonly to: string; readonly sizeBytes: number }[];
  readonly same: number;
}

export function fileChanges(a: readonly SideFile[], b: readonly SideFile[]): FileChanges {
  const before = new Map(a.map((file) => [file.path, file]));
  const after = new Map(b.map((file) => [file.path, file]));
  const gone = a.filter(({ path }) => !after.has(path));
  const come = b.filter(({ path }) => !before.has(path));
  const renamed: { from: string; to: string; sizeBytes: number }[] = [];
  for (const file of come) {
    const origin = gone.find((one) => same(one, file) && !renamed.some(({ from }) => from === one.path));
    if (origin && file.sizeBytes > 0)
      renamed.push({ from: origin.path, to: file.path, sizeBytes: file.sizeBytes });
  }
  const from = new Set(renamed.map((one) => one.from));
  const to = new Set(renamed.map((one) => one.to));
  const both = b.flatMap((file) => {
    const old = before.get(file.path);
    return old === undefined ? [] : [{ old, file }];
  });
  const changed = both.filter(({ old, file }) => !same(old, file));
  return {
    added: come.filter(({ path }) => !to.has(path)).map(mark),
    removed: gone.filter(({ path }) => !from.has(path)).map(mark),
    changed: changed.map(({ old, file }) => ({ path: file.path, from: old.sizeBytes, to: file.sizeBytes })),
    renamed,
    same: both.length - changed.length,
  };
}

function mark({ path, sizeBytes }: SideFile): FileMark {
  return { path, sizeBytes };
}

/** Equal where they share a digest of one kind: a source names LFS files by one, and all others by another. */
function same(a: SideFile, b: SideFile): boolean {
  return a.sizeBytes === b.sizeBytes && a.names.some((name) => b.names.includes(name));
}

/** The paths on each side whose content the other does not have. */
export function touched({ added, removed, changed }: FileChanges): [string[], string[]] {
  const both = changed.map(({ path }) => path);
  return [
    [...removed.map(({ path }) => path), ...both],
    [...added.map(({ path }) => path), ...both],
  ];
}

/**
 * The corpus as the tests and the bench see it. An *entry* is one file, or one folder whose files are a repo; the
 * *manifest* lists them and says what the answer must be. README.md tells what the fields mean.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type CaseFile, type Judged, judge } from '../attacks/case.ts';

export interface Entry {
  readonly path: string;
  readonly family: string;
  readonly kind: 'gadget' | 'parser' | 'container' | 'config' | 'benign';
  readonly expect: 'not-clean' | 'clean' | 'any';
  readonly weightsOnly: boolean;
  readonly blind: boolean;
  readonly madeBy: string;
  readonly repo?: boolean;
  readonly rule?: string;
  readonly note: string;
}

export const CORPUS = import.meta.dirname;

export function readManifest(): readonly Entry[] {
  return JSON.parse(readFileSync(join(CORPUS, 'manifest.json'), 'utf8'));
}

/** The files of an entry: its own, or those of its folder by their paths in the repo. */
export function filesOf({ path, repo }: Entry): readonly CaseFile[] {
  if (!repo) return [{ path: basename(path), content: readFileSync(join(CORPUS, path)) }];
  const root = join(CORPUS, path);
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((found) => found.isFile())
    .map((found) => join(found.parentPath, found.name))
    .sort()
    .map((file) => ({ path: file.slice(root.length + 1), content: readFileSync(file) }));
}

/** What the scanners say of an entry: its files, then the repo that they make. */
export async function judgeEntry(entry: Entry): Promise<Judged> {
  return await judge(filesOf(entry));
}

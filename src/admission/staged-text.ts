/**
 * What a reviewer has to read: the code, templates and configurations of a revision that is held, as they are staged. Every text
 * is held to the digest on record; what the store does not give back before it is published is named, and not shown.
 */
import { sha256 } from '../base/digest.ts';
import type { RepoPath } from '../base/name.ts';
import type { Registry } from '../registry/registry.ts';
import { openStagingDoor } from '../vault/open.ts';
import type { StagingDoor } from '../vault/vault.ts';
import type { Held } from './review.ts';

/** One text, and all of them: more is not read on a terminal, and stands in the repo upstream. */
const TEXT_BYTES_MAX = 256 << 10;
const TEXTS_BYTES_MAX = 2 << 20;

/** Formats that people read when they decide, code first: what others are long in may not take its room. */
const READ_BY_PEOPLE = ['python', 'template', 'json'];

export interface StagedText {
  readonly path: RepoPath;
  /** Undefined where it cannot be shown, and why. */
  readonly text: string | undefined;
  readonly why?: string;
}

/** Never throws: a staging area that is gone or busy is a reason, not an error. */
export async function stagedTexts(registry: Registry, { id, record }: Held): Promise<readonly StagedText[]> {
  const { staging, coverage } = record.body;
  const paths = READ_BY_PEOPLE.flatMap((read) =>
    coverage.filter(({ format }) => format === read).map(({ path }) => path),
  );
  const none = (why: string) => paths.map((path): StagedText => ({ path, text: undefined, why }));
  if (paths.length === 0) return [];
  const area = staging === undefined ? 'gone' : await registry.vault.resume(staging, id);
  if (typeof area === 'string') return none(`the staging area is ${area}`);
  try {
    const door = await openStagingDoor(area.ticket, 0);
    try {
      return await readAll(door, record.body.manifest.files, paths);
    } finally {
      await door.close();
    }
  } finally {
    await area.release();
  }
}

async function readAll(
  door: StagingDoor,
  files: Held['record']['body']['manifest']['files'],
  paths: readonly RepoPath[],
): Promise<readonly StagedText[]> {
  const known = new Map(files.map((file) => [file.path, file]));
  const texts: StagedText[] = [];
  let left = TEXTS_BYTES_MAX;
  for (const path of paths) {
    const file = known.get(path);
    if (!file || file.sizeBytes > TEXT_BYTES_MAX || file.sizeBytes > left) {
      texts.push({ path, text: undefined, why: 'it is too long to be shown' });
      continue;
    }
    left -= file.sizeBytes;
    texts.push(await readOne(door, file));
  }
  return texts;
}

async function readOne(
  door: StagingDoor,
  { path, sizeBytes, sha256: expected }: Held['record']['body']['manifest']['files'][number],
): Promise<StagedText> {
  const changed = { path, text: undefined, why: 'it was changed since it was staged' };
  try {
    const reader = await door.open(path);
    try {
      // Its own size is whatever somebody made of it in the store.
      if (reader.sizeBytes !== sizeBytes) return changed;
      const bytes = reader.read(0, sizeBytes);
      return sha256(bytes) === expected ? { path, text: Buffer.from(bytes).toString('utf8') } : changed;
    } finally {
      reader.close();
    }
  } catch {
    return { path, text: undefined, why: 'the store does not give it back before it is published' };
  }
}

/** Code by line: Python and scripts that differ, as unified patches. */
import { createTwoFilesPatch } from 'diff';
import type { Looks } from './diff.ts';
import type { FileChanges } from './files.ts';
import type { Side } from './side.ts';

export interface CodeChange {
  readonly file: string;
  readonly added: number;
  readonly removed: number;
  /** Unified, without the names of files; cut where it is very long. */
  readonly patch: string;
}

/** Longest patch that is shown. */
const PATCH_CHARS_MAX = 200_000;

/** How long one comparison may take, and all of one kind: hostile texts make it quadratic. */
const COMPARE_MS_MAX = 2_000;
const ALL_MS_MAX = 30_000;

const CONTEXT_LINES = 3;

export async function codeChanges(
  { changed, added, removed }: FileChanges,
  { looks, sides }: { readonly looks: Looks; readonly sides: { readonly a: Side; readonly b: Side } },
): Promise<readonly CodeChange[]> {
  const found: CodeChange[] = [];
  const patches = new Patches();
  for (const { path } of [...changed, ...added, ...removed]) {
    const format = (looks.b.get(path) ?? looks.a.get(path))?.facts.format;
    if (format !== 'python' && !path.endsWith('.py')) continue;
    const patch = patches.of(await textAt(sides.a, path), await textAt(sides.b, path));
    const lines = patch.split('\n');
    found.push({
      file: path,
      added: lines.filter((line) => line.startsWith('+')).length,
      removed: lines.filter((line) => line.startsWith('-')).length,
      patch,
    });
  }
  return found;
}

/** The text of a file: empty where there is no such file, undefined where it is there and cannot be read. */
export async function textAt(side: Side, path: string): Promise<string | undefined> {
  return side.files.some((file) => file.path === path) ? side.text(path) : '';
}

/** What differs between two texts, line by line; a sentence where that is not known, or finding it out takes too long. */
export class Patches {
  #leftMs = ALL_MS_MAX;

  of(from: string | undefined, to: string | undefined): string {
    if (from === undefined || to === undefined)
      return `@@ not compared: ${from === undefined ? 'what it was' : 'what it is now'} is too long to be read, or cannot be @@\n`;
    if (this.#leftMs <= 0) return '@@ not compared: too much differs @@\n';
    const begun = performance.now();
    const patch = createTwoFilesPatch('a', 'b', from, to, '', '', {
      context: CONTEXT_LINES,
      timeout: Math.min(COMPARE_MS_MAX, this.#leftMs),
    });
    this.#leftMs -= performance.now() - begun;
    if (patch === undefined) return '@@ too different to be compared line by line @@\n';
    const body = patch.slice(Math.max(0, patch.indexOf('@@')));
    return body.length > PATCH_CHARS_MAX ? `${body.slice(0, PATCH_CHARS_MAX)}\n… cut\n` : body;
  }
}

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

/** Longest patch that is shown, and how long one comparison may take: hostile texts make it quadratic. */
const PATCH_CHARS_MAX = 200_000;
const COMPARE_MS_MAX = 2_000;

const CONTEXT_LINES = 3;

export async function codeChanges(
  { changed, added, removed }: FileChanges,
  { looks, sides }: { readonly looks: Looks; readonly sides: { readonly a: Side; readonly b: Side } },
): Promise<readonly CodeChange[]> {
  const found: CodeChange[] = [];
  for (const { path } of [...changed, ...added, ...removed]) {
    const format = (looks.b.get(path) ?? looks.a.get(path))?.facts.format;
    if (format !== 'python' && !path.endsWith('.py')) continue;
    const read = async (side: Side) =>
      side.files.some((file) => file.path === path) ? ((await side.text(path)) ?? '') : '';
    const patch = patchOf(await read(sides.a), await read(sides.b));
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

/** What differs between two texts, line by line; a sentence where finding it out takes too long. */
export function patchOf(from: string, to: string): string {
  const patch = createTwoFilesPatch('a', 'b', from, to, '', '', {
    context: CONTEXT_LINES,
    timeout: COMPARE_MS_MAX,
  });
  if (patch === undefined) return '@@ too different to be compared line by line @@\n';
  const body = patch.slice(Math.max(0, patch.indexOf('@@')));
  return body.length > PATCH_CHARS_MAX ? `${body.slice(0, PATCH_CHARS_MAX)}\n… cut\n` : body;
}

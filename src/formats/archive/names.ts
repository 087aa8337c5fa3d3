/**
 * Names of members. They are never used as paths here, but whoever extracts the archive may, so names that lead
 * out of a folder or that readers see differently are problems.
 */
import { printable } from '../../base/errors.ts';
import type { Notes } from './notes.ts';

/** What is wrong with a name, or undefined. */
export function nameProblem(name: string): string | undefined {
  if (name === '') return 'is empty';
  // The attacker's move: `data.pkl\0.txt`, which CPython cuts at the NUL.
  if (/[\0-\x1f\x7f]/.test(name)) return 'holds a control character';
  if (name.startsWith('/') || /^[A-Za-z]:/.test(name)) return 'is absolute';
  if (name.includes('\\')) return 'holds a backslash';
  if (name.split('/').includes('..')) return 'leads out of its folder';
  return undefined;
}

/** Names that some reader takes for one and the same: equal but for case, as miniz looks them up. */
export function noteDuplicates(
  entries: readonly { readonly name: string; readonly offset: number }[],
  notes: Notes,
): void {
  const seen = new Set<string>();
  for (const { name, offset } of entries) {
    const folded = name.toLowerCase();
    if (seen.has(folded)) {
      const detail = `two members are named "${printable(name)}" or differ in case only`;
      notes.contradiction({ code: 'duplicate-member', offset, detail, member: name }, 0);
    }
    seen.add(folded);
  }
}

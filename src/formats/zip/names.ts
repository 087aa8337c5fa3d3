/**
 * Names of members. They are never used as paths here, but whoever extracts the archive may, so names that lead
 * out of a folder or that readers see differently are problems.
 */
import { printable } from '../../base/errors.ts';
import type { Notes } from './notes.ts';

const UTF8_FLAG = 1 << 11;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

interface NamePlace {
  readonly flags: number;
  readonly offset: number;
}

/** The name as text. Without the UTF-8 flag only ASCII is a name that all readers agree on. */
export function memberName(raw: Uint8Array, { flags, offset }: NamePlace, notes: Notes): string {
  const name = decoded(raw, flags);
  const reason = name === undefined ? 'is neither ASCII nor UTF-8 as flagged' : problemOf(name);
  const shown = name ?? Buffer.from(raw).toString('latin1');
  if (reason !== undefined) {
    const detail = `the member name "${printable(shown)}" ${reason}`;
    notes.contradiction({ code: 'bad-member-name', offset, detail, member: shown }, raw.length);
  }
  return shown;
}

function decoded(raw: Uint8Array, flags: number): string | undefined {
  if (!raw.some((byte) => byte >= 0x80)) return Buffer.from(raw).toString('latin1');
  if ((flags & UTF8_FLAG) === 0) return undefined;
  try {
    return UTF8.decode(raw);
  } catch {
    return undefined;
  }
}

function problemOf(name: string): string | undefined {
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
  entries: readonly { readonly name: string; readonly directoryOffset: number }[],
  notes: Notes,
): void {
  const seen = new Set<string>();
  for (const { name, directoryOffset: offset } of entries) {
    const folded = name.toLowerCase();
    if (seen.has(folded)) {
      const detail = `two members are named "${printable(name)}" or differ in case only`;
      notes.contradiction({ code: 'duplicate-member', offset, detail, member: name }, 0);
    }
    seen.add(folded);
  }
}

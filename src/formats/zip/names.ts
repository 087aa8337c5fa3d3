/**
 * Names of members as zip writes them: in ASCII, or in UTF-8 where a flag says so.
 */
import { printable } from '../../base/errors.ts';
import { nameProblem } from '../archive/names.ts';
import type { Notes } from '../archive/notes.ts';

const UTF8_FLAG = 1 << 11;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

interface NamePlace {
  readonly flags: number;
  readonly offset: number;
}

/** The name as text. Without the UTF-8 flag only ASCII is a name that all readers agree on. */
export function memberName(raw: Uint8Array, { flags, offset }: NamePlace, notes: Notes): string {
  const name = decoded(raw, flags);
  const reason = name === undefined ? 'is neither ASCII nor UTF-8 as flagged' : nameProblem(name);
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

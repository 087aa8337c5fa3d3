/**
 * Extra fields of zip headers (APPNOTE 4.5): the zip64 sizes are read, padding and times are accounted for, whatever
 * else stands there is a gap.
 */
import type { Notes } from '../archive/notes.ts';
import { Unreadable, viewOf } from './unreadable.ts';

const ZIP64 = 0x0001;

/** Times and owners of the usual tools, and the padding of PyTorch (`FB`) and of Android's aligner. */
const HARMLESS = new Set([ZIP64, 0x000a, 0x5455, 0x7875, 0x5855, 0x4246, 0xd935, 0xcafe]);

interface Place {
  readonly offset: number;
  readonly member: string;
}

/** Fields by id. A field that changes the member's name for some readers (0x7075) is among the gaps. */
export function extraFields(
  bytes: Uint8Array,
  { offset, member }: Place,
  notes: Notes,
): Map<number, Uint8Array> {
  const fields = new Map<number, Uint8Array>();
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 <= bytes.length ? at + 4 + view.getUint16(at + 2, true) : bytes.length + 1;
    const id = at + 4 <= bytes.length ? view.getUint16(at, true) : -1;
    if (end > bytes.length || fields.has(id)) {
      notes.contradiction(
        { code: 'bad-extra-field', offset: offset + at, detail: 'an extra field is cut or doubled', member },
        bytes.length - at,
      );
      return fields;
    }
    if (!HARMLESS.has(id)) {
      const reason = `an extra field of the unknown kind 0x${id.toString(16)}`;
      notes.gap({ offset: offset + at, length: end - at, reason, member });
    }
    fields.set(id, bytes.subarray(at + 4, end));
    at = end;
  }
  return fields;
}

/** The values, each 0xffffffff replaced by the next value of the zip64 field. Throws Unreadable where one lacks. */
export function zip64Values(
  fields: ReadonlyMap<number, Uint8Array>,
  values: readonly number[],
  offset: number,
): number[] {
  const field = fields.get(ZIP64);
  let at = 0;
  return values.map((value) => {
    if (value !== 0xffffffff) return value;
    if (field === undefined || at + 8 > field.length)
      throw new Unreadable('zip64-missing', offset, 'a zip64 size is announced and not there');
    const wide = viewOf(field).getBigUint64(at, true);
    at += 8;
    if (wide > BigInt(Number.MAX_SAFE_INTEGER))
      throw new Unreadable('too-large', offset, 'a size is larger than any file');
    return Number(wide);
  });
}

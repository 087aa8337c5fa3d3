/**
 * Headers of tar members, as strict as all readers together: where they would read a field differently, it is not read.
 *
 * Source: POSIX ustar and pax (IEEE 1003.1, pax), GNU tar's manual ("Basic Tar Format"), CPython's `tarfile`.
 */
import { Malformed } from '../malformed.ts';
import { isTar, TAR_HEADER_BYTES } from './recognise.ts';

export type TarKind =
  | 'file'
  | 'folder'
  | 'hard-link'
  | 'symbolic-link'
  | 'device'
  | 'extended'
  | 'global'
  | 'long-name'
  | 'long-link'
  | 'unknown';

export interface TarHeader {
  readonly name: string;
  readonly link: string;
  readonly kind: TarKind;
  readonly sizeBytes: number;
  /** What readers take for different names; undefined where the name is one to all. */
  readonly doubt: string | undefined;
}

const KINDS: Readonly<Record<string, TarKind>> = {
  '\0': 'file',
  '0': 'file',
  '7': 'file',
  '1': 'hard-link',
  '2': 'symbolic-link',
  '3': 'device',
  '4': 'device',
  '5': 'folder',
  '6': 'device',
  x: 'extended',
  g: 'global',
  L: 'long-name',
  K: 'long-link',
};

/** Mode, owner, group, time, and the numbers of devices. */
const NUMBERS: readonly (readonly [number, number])[] = [
  [100, 108],
  [108, 116],
  [116, 124],
  [136, 148],
  [329, 337],
  [337, 345],
];

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The header in 512 bytes that lie at `offset`. Throws Malformed where they are none. */
export function readTarHeader(block: Uint8Array, offset: number): TarHeader {
  if (!isTar(block)) throw new Malformed('bad-header', offset, 'a tar header does not have its checksum');
  const bytes = Buffer.from(block.buffer, block.byteOffset, TAR_HEADER_BYTES);
  const magic = bytes.toString('latin1', 257, 265);
  const posix = magic === 'ustar\x0000';
  if (!posix && magic !== 'ustar  \0' && !/^\0+$/.test(magic))
    throw new Malformed('bad-header', offset, 'a tar header is of a kind that does not exist');
  const prefix = textOf(bytes.subarray(345, 500));
  const name = textOf(bytes.subarray(0, 100));
  if (name === undefined || prefix === undefined)
    throw new Malformed('bad-member-name', offset, 'a member name is not UTF-8');
  const sizeBytes = numberOf(bytes.subarray(124, 136));
  if (sizeBytes === undefined)
    throw new Malformed('bad-header', offset, 'the size in a tar header is no number');
  // CPython takes a header with any field that is no number for the end of the archive.
  if (!NUMBERS.every(([from, to]) => isNumber(bytes.subarray(from, to))))
    throw new Malformed('bad-header', offset, 'a field of a tar header is no number');
  const kind = KINDS[String.fromCharCode(bytes[156] ?? 0)] ?? 'unknown';
  // The attacker's move: GNU tar ignores the prefix of its own headers, CPython puts it in front of the name.
  const doubt = !posix && prefix !== '' ? 'has a prefix that only some readers see' : undefined;
  return {
    name: posix && prefix !== '' ? `${prefix}/${name}` : name,
    link: textOf(bytes.subarray(157, 257)) ?? '',
    kind: kind === 'file' && bytes[156] === 0 && name.endsWith('/') ? 'folder' : kind,
    sizeBytes,
    doubt,
  };
}

/** Text up to the first NUL, or undefined where it is not UTF-8. */
export function textOf(field: Uint8Array): string | undefined {
  const end = field.indexOf(0);
  try {
    return UTF8.decode(end < 0 ? field : field.subarray(0, end));
  } catch {
    return undefined;
  }
}

/** Octal digits that end with a blank or NUL, or a positive number in base 256. */
function numberOf(field: Uint8Array): number | undefined {
  if (field[0] === 0x80) {
    const value = field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0);
    return Number.isSafeInteger(value) ? value : undefined;
  }
  const match = /^ *([0-7]{1,12})[ \0]*$/.exec(Buffer.from(field).toString('latin1'));
  return match === null ? undefined : Number.parseInt(match[1] ?? '', 8);
}

/** A number of any form, or none. */
function isNumber(field: Uint8Array): boolean {
  if (field[0] === 0x80 || field[0] === 0xff) return true;
  return /^ *[0-7]*[ \0]*$/.test(Buffer.from(field).toString('latin1'));
}

/** Records of a pax header: `length key=value\n` one after another. Throws Malformed where they are not. */
export function readPax(bytes: Uint8Array, offset: number): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const digits = /^([1-9][0-9]{0,6}) /.exec(Buffer.from(bytes.subarray(at, at + 9)).toString('latin1'));
    const length = Number(digits?.[1] ?? 0);
    const record = bytes.subarray(at + (digits?.[0].length ?? 0), at + length);
    const equals = record.indexOf(0x3d);
    if (digits === null || at + length > bytes.length || equals < 1 || record[record.length - 1] !== 0x0a)
      throw new Malformed('bad-header', offset + at, 'a record of a pax header is not of its form');
    try {
      const key = UTF8.decode(record.subarray(0, equals));
      if (records.has(key))
        throw new Malformed('bad-header', offset + at, 'a pax header says something twice');
      records.set(key, UTF8.decode(record.subarray(equals + 1, -1)));
    } catch (error) {
      if (error instanceof Malformed) throw error;
      throw new Malformed('bad-header', offset + at, 'a record of a pax header is not UTF-8');
    }
    at += length;
  }
  return records;
}

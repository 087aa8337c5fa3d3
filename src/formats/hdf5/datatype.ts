/**
 * Datatypes, dataspaces and attributes, as far as they decide how many bytes lie where and what text they hold.
 * https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, sections IV.A.2.b, d and m.
 */
import type { Cursor } from '../cursor.ts';
import { Malformed } from '../malformed.ts';
import type { Hdf5Space } from './space.ts';

/** Names of the datatype classes by number. */
const CLASSES = [
  'integer',
  'float',
  'time',
  'string',
  'bits',
  'opaque',
  'compound',
  'reference',
  'enum',
  'sequence',
  'array',
  'complex',
] as const;

export interface Datatype {
  /** `text` is a string of variable length, which lies in the global heap. */
  readonly kind: (typeof CLASSES)[number] | 'text' | 'committed';
  readonly elementBytes: number;
}

export interface Dataspace {
  readonly shape: readonly number[];
  readonly elements: number;
}

/** Most dimensions: H5S_MAX_RANK. */
const RANK_MAX = 32;

const COMMITTED: Datatype = { kind: 'committed', elementBytes: 0 };

export function readDatatype(cursor: Cursor, { shared }: { readonly shared: boolean }): Datatype {
  if (shared) return COMMITTED;
  const at = cursor.offset;
  const classAndVersion = cursor.u8();
  const bits = cursor.u8();
  cursor.skip(2);
  const elementBytes = cursor.u32();
  const kind = CLASSES[classAndVersion & 0x0f];
  if (kind === undefined) throw new Malformed('unknown-datatype', at, 'a datatype of an unknown class');
  return { kind: kind === 'sequence' && (bits & 0x0f) === 1 ? 'text' : kind, elementBytes };
}

export function readDataspace(cursor: Cursor, space: Hdf5Space): Dataspace {
  const at = cursor.offset;
  const version = cursor.u8();
  if (version !== 1 && version !== 2)
    throw new Malformed('bad-dataspace', at, `a dataspace of version ${version}`);
  const rank = cursor.u8();
  if (rank > RANK_MAX) throw new Malformed('bad-dataspace', at, `${rank} dimensions`);
  cursor.skip(1);
  const isNull = cursor.u8() === 2 && version === 2;
  if (version === 1) cursor.skip(4);
  const shape: number[] = [];
  let elements = isNull ? 0 : 1;
  for (let left = rank; left > 0; left -= 1) {
    const size = cursor.uint(space.lengthBytes);
    if (size === undefined) throw new Malformed('bad-dataspace', at, 'a dimension without a size');
    shape.push(size);
    elements *= size;
    if (!Number.isSafeInteger(elements))
      throw new Malformed('bad-dataspace', at, 'more elements than any file holds');
  }
  return { shape, elements };
}

export interface RawAttribute {
  readonly name: string;
  readonly datatype: Datatype;
  readonly dataspace: Dataspace;
  readonly data: Cursor;
}

/** An attribute message; its data may refer to the global heap. */
export function readAttribute(
  cursor: Cursor,
  space: Hdf5Space,
  cut: (bytes: Buffer, at: number) => Cursor,
): RawAttribute {
  const at = cursor.offset;
  const version = cursor.u8();
  if (version < 1 || version > 3)
    throw new Malformed('bad-attribute', at, `an attribute of version ${version}`);
  const flags = cursor.u8();
  const [nameBytes, typeBytes, spaceBytes] = [cursor.u16(), cursor.u16(), cursor.u16()];
  if (version === 3) cursor.skip(1);
  const part = (length: number): Cursor => {
    const begin = cursor.offset;
    const bytes = cursor.take(length);
    // Version 1 fills each part up to a multiple of eight.
    if (version === 1) cursor.skip(Math.min(cursor.left, (8 - (length % 8)) % 8));
    return cut(bytes, begin);
  };
  const name = part(nameBytes).cString();
  const shared = version > 1 ? flags : 0;
  const datatype = readDatatype(part(typeBytes), { shared: (shared & 1) !== 0 });
  if ((shared & 2) !== 0) throw new Malformed('bad-attribute', at, 'an attribute with a shared dataspace');
  const dataspace = readDataspace(part(spaceBytes), space);
  const begin = cursor.offset;
  return { name, datatype, dataspace, data: cut(cursor.take(cursor.left), begin) };
}

/**
 * numpy's `.npy`: a header (a Python literal), then the raw array, or, where the type holds Python objects, a pickle.
 *
 * Source: numpy/lib/format.py (format versions 1.0, 2.0 and 3.0).
 */
import type { BaseFacts, Parse, Problem } from '../parse.ts';
import type { PickleFacts } from '../pickle/facts.ts';
import { parsePickle } from '../pickle/parse.ts';
import { type Literal, parseLiteral } from './literal.ts';

export interface NumpyFacts extends BaseFacts {
  readonly format: 'numpy';
  /** As the header writes it; a structured type as JSON. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Present where the array holds Python objects: its pickle, which begins at `pickleOffset`. */
  readonly pickle?: PickleFacts;
  readonly pickleOffset?: number;
}

export const NUMPY_PARSER = 'numpy/2';

/** Longest header: numpy itself refuses more than 10,000 unless told otherwise. */
const HEADER_BYTES_MAX = 64 << 10;

/** Fields of structured types, at any depth. */
const FIELDS_MAX = 4096;

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** Whether bytes start as an `.npy` file does. */
export function isNumpy(head: Uint8Array): boolean {
  return MAGIC.every((byte, at) => head[at] === byte);
}

/** The facts of an `.npy` file. Reads forward; never throws. Complete only where the array has exactly its bytes. */
export function* parseNumpy({
  sizeBytes,
  offset: origin = 0,
}: {
  sizeBytes: number;
  offset?: number;
}): Parse<NumpyFacts> {
  const start = yield { offset: origin, length: Math.min(sizeBytes, 12) };
  const version = start[6] ?? 0;
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const begin = version === 1 ? 10 : 12;
  if (!isNumpy(start) || version < 1 || version > 3 || start.length < begin)
    return broken(sizeBytes, 'bad-header', 'the header is not one of numpy format 1 to 3');
  const headerBytes = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (headerBytes > HEADER_BYTES_MAX || begin + headerBytes > sizeBytes)
    return broken(sizeBytes, 'bad-header', `the header is longer than the file or ${HEADER_BYTES_MAX} bytes`);
  const rest = start.subarray(begin, begin + headerBytes);
  const more = headerBytes - rest.length;
  const header = Buffer.concat([
    rest,
    more > 0 ? yield { offset: origin + start.length, length: more } : new Uint8Array(0),
  ]);
  const array = arrayOf(header.toString(version === 3 ? 'utf8' : 'latin1'));
  if (array === undefined)
    return broken(sizeBytes, 'bad-header', 'the header is not the literal that numpy writes');
  const dataOffset = begin + headerBytes;
  const base = {
    format: 'numpy',
    parser: NUMPY_PARSER,
    sizeBytes,
    dtype: array.dtype,
    shape: array.shape,
  } as const;
  if (array.itemBytes === 'objects') {
    const pickle = yield* parsePickle({ sizeBytes: sizeBytes - dataOffset, offset: origin + dataOffset });
    const shift = <T extends { readonly offset: number }>(at: T): T => ({
      ...at,
      offset: at.offset + dataOffset,
    });
    return {
      ...base,
      gaps: pickle.gaps.map(shift),
      problems: pickle.problems.map(shift),
      pickle,
      pickleOffset: dataOffset,
    };
  }
  const elements = array.shape.reduce((product, length) => product * length, 1);
  if (elements * array.itemBytes === sizeBytes - dataOffset) return { ...base, gaps: [], problems: [] };
  const detail = 'the array does not have the size that its header says';
  return {
    ...base,
    gaps: [{ offset: dataOffset, length: sizeBytes - dataOffset, reason: detail }],
    problems: [{ code: 'array-size', offset: dataOffset, detail }],
  };
}

function broken(sizeBytes: number, code: string, detail: string): NumpyFacts {
  const problem: Problem = { code, offset: 0, detail };
  const gap = { offset: 0, length: sizeBytes, reason: detail };
  return {
    format: 'numpy',
    parser: NUMPY_PARSER,
    sizeBytes,
    dtype: '',
    shape: [],
    gaps: [gap],
    problems: [problem],
  };
}

interface ArrayHeader {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly itemBytes: number | 'objects';
}

function arrayOf(text: string): ArrayHeader | undefined {
  const header = parseLiteral(text);
  if (!(header instanceof Map) || header.size !== 3) return undefined;
  const [descr, order, shape] = [header.get('descr'), header.get('fortran_order'), header.get('shape')];
  if (descr === undefined || typeof order !== 'boolean' || !isShape(shape)) return undefined;
  const itemBytes = itemBytesOf(descr, { left: FIELDS_MAX });
  if (itemBytes === undefined) return undefined;
  return { dtype: typeof descr === 'string' ? descr : JSON.stringify(descr), shape, itemBytes };
}

function isShape(value: Literal | undefined): value is readonly number[] {
  return Array.isArray(value) && value.length <= 64 && value.every((length) => typeof length === 'number');
}

/** Bytes of one element, `objects` where any part of it is a Python object, undefined where it is not understood. */
function itemBytesOf(descr: Literal, budget: { left: number }): number | 'objects' | undefined {
  if (--budget.left < 0) return undefined;
  if (typeof descr === 'string') return simpleBytes(descr);
  if (!Array.isArray(descr)) return undefined;
  let sum = 0;
  let objects = false;
  for (const field of descr) {
    if (!Array.isArray(field) || field.length < 2 || field.length > 3) return undefined;
    const [name, type, shape = []] = field as Literal[];
    const named =
      typeof name === 'string' || (Array.isArray(name) && name.every((part) => typeof part === 'string'));
    const dimensions = typeof shape === 'number' ? [shape] : shape;
    if (!named || type === undefined || !isShape(dimensions)) return undefined;
    const bytes = itemBytesOf(type, budget);
    if (bytes === undefined) return undefined;
    if (bytes === 'objects') objects = true;
    else sum += dimensions.reduce((product, length) => product * length, bytes);
  }
  return objects ? 'objects' : sum;
}

function simpleBytes(descr: string): number | 'objects' | undefined {
  if (/^\|?O[48]?$/.test(descr)) return 'objects';
  const match = /^[<>|=]?([biufcSaUVmM?])([0-9]{0,9})(?:\[[0-9]{0,9}[A-Za-z]{1,2}\])?$/.exec(descr);
  if (match === null) return undefined;
  const bytes = match[2] === '' ? (match[1] === '?' ? 1 : Number.NaN) : Number(match[2]);
  if (Number.isNaN(bytes)) return undefined;
  return match[1] === 'U' ? bytes * 4 : bytes;
}

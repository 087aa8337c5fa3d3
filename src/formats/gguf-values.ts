/**
 * The typed values of GGUF metadata.
 */
import { Malformed } from './malformed.ts';
import type { Parse } from './parse.ts';
import { decodeUtf8 } from './utf8.ts';
import type { Window } from './window.ts';

/** A short value as it is; arrays and long text by kind and length. */
export type MetadataValue =
  | string
  | number
  | boolean
  | { readonly array: string; readonly length: number }
  | { readonly textBytes: number };

/** Longest text that is held while it is read: the longest known are chat templates of some 20 KB. */
const TEXT_BYTES_MAX = 4 * 1024 * 1024;

/** Longest text that is kept as it is. */
const SHORT_CHARS_MAX = 256;

/** Most elements of an array: vocabularies have up to some 300,000. */
const ARRAY_MAX = 16_000_000;

/** Deepest array in array: none is known in real files; readers recurse here. */
const ARRAY_DEPTH_MAX = 4;

const TYPE_NAMES = [
  'uint8',
  'int8',
  'uint16',
  'int16',
  'uint32',
  'int32',
  'float32',
  'bool',
  'string',
  'array',
  'uint64',
  'int64',
  'float64',
] as const;

const FIXED_BYTES: readonly (number | undefined)[] = [1, 1, 2, 2, 4, 4, 4, 1, undefined, undefined, 8, 8, 8];

/** The number of the type that counts are written as. */
export const UINT32 = 4;

const BOOL = 7;
const STRING = 8;
const ARRAY = 9;

export class GgufValues {
  /** Bytes of a length: 4 in version 1, 8 since. */
  lengthBytes: 4 | 8 = 8;
  readonly #window: Window;

  constructor(window: Window) {
    this.#window = window;
  }

  *length(what: string, max: number): Parse<number> {
    const at = this.#window.offset;
    yield* this.#window.need(this.lengthBytes);
    const value = this.lengthBytes === 8 ? this.#window.u64() : this.#window.u32();
    if (value === undefined || value > max)
      throw new Malformed('too-many', at, `the file claims ${value ?? 'more than 2^53'} ${what}`);
    return value;
  }

  *text(bytesMax: number): Parse<string> {
    const at = this.#window.offset;
    const length = yield* this.length('bytes of text', bytesMax);
    yield* this.#window.need(length);
    const text = decodeUtf8(this.#window.slice(length));
    if (text === undefined) throw new Malformed('not-utf8', at, 'text that is not UTF-8');
    return text;
  }

  /** The next value with the number of its type; `text` is the whole text of a string. */
  *value(): Parse<{ readonly type: number; readonly value: MetadataValue; readonly text?: string }> {
    yield* this.#window.need(4);
    const type = this.#window.u32();
    if (type === STRING) {
      const text = yield* this.text(TEXT_BYTES_MAX);
      const value = text.length <= SHORT_CHARS_MAX ? text : { textBytes: Buffer.byteLength(text) };
      return { type, value, text };
    }
    if (type === ARRAY) return { type, value: yield* this.#array(0) };
    return { type, value: yield* this.#scalar(type) };
  }

  *#scalar(type: number): Parse<number | boolean> {
    const at = this.#window.offset;
    const size = FIXED_BYTES[type];
    if (size === undefined) throw new Malformed('unknown-type', at, `metadata of the unknown type ${type}`);
    yield* this.#window.need(size);
    const bytes = this.#window.slice(size);
    if (type !== BOOL) return readNumber(bytes, type);
    const bit = bytes[0] ?? 0;
    if (bit > 1) throw new Malformed('bad-bool', at, `a truth value of ${bit}`);
    return bit === 1;
  }

  *#array(depth: number): Parse<MetadataValue> {
    const at = this.#window.offset;
    if (depth >= ARRAY_DEPTH_MAX) throw new Malformed('too-deep', at, 'arrays nested too deeply');
    yield* this.#window.need(4);
    const type = this.#window.u32();
    const length = yield* this.length('elements', ARRAY_MAX);
    const size = FIXED_BYTES[type];
    if (size !== undefined) {
      this.#window.skip(size * length);
    } else if (type === STRING) {
      yield* this.#strings(length);
    } else if (type === ARRAY) {
      for (let left = length; left > 0; left -= 1) yield* this.#array(depth + 1);
    } else {
      throw new Malformed('unknown-type', at, `an array of the unknown type ${type}`);
    }
    return { array: TYPE_NAMES[type] ?? 'unknown', length };
  }

  /** Vocabularies: hundreds of thousands of short strings, so without a generator for each. */
  *#strings(length: number): Parse<void> {
    for (let left = length; left > 0; left -= 1) {
      if (!this.#window.has(this.lengthBytes)) yield* this.#window.need(this.lengthBytes);
      const bytes = this.lengthBytes === 8 ? this.#window.u64() : this.#window.u32();
      if (bytes === undefined) throw new Malformed('too-many', this.#window.offset, 'an impossible length');
      this.#window.skip(bytes);
    }
  }
}

function readNumber(bytes: Buffer, type: number): number {
  switch (TYPE_NAMES[type]) {
    case 'uint8':
      return bytes.readUInt8();
    case 'int8':
      return bytes.readInt8();
    case 'uint16':
      return bytes.readUInt16LE();
    case 'int16':
      return bytes.readInt16LE();
    case 'uint32':
      return bytes.readUInt32LE();
    case 'int32':
      return bytes.readInt32LE();
    case 'float32':
      return bytes.readFloatLE();
    case 'uint64':
      return Number(bytes.readBigUInt64LE());
    case 'int64':
      return Number(bytes.readBigInt64LE());
    default:
      return bytes.readDoubleLE();
  }
}

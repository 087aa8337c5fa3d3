/**
 * MessagePack, as Flax writes its checkpoints: maps and lists down to numbers, text and bytes, and *extensions* for
 * arrays, which hold shape, dtype and bytes as MessagePack again. Walked as it streams by; data is passed over.
 * Formats: https://github.com/msgpack/msgpack/blob/master/spec.md and
 * https://github.com/google/flax/blob/main/flax/serialization.py.
 */
import { Account, Malformed, quoted } from './malformed.ts';
import type { BaseFacts, Parse } from './parse.ts';
import { decodeUtf8 } from './utf8.ts';
import { Window } from './window.ts';

export const MSGPACK_PARSER = 'msgpack/2';

export interface MsgpackFacts extends BaseFacts {
  readonly format: 'msgpack';
  readonly values: number;
  /** Arrays of Flax. */
  readonly arrays: number;
  readonly dataBytes: number;
  /** Keys of the outermost map. */
  readonly keys: readonly string[];
}

/** Deepest nesting: parameters of real models stay below 20. */
const DEPTH_MAX = 256;

/** Most values: a checkpoint has some a thousand layers; lists of numbers in them are arrays. */
const VALUES_MAX = 20_000_000;

/** Longest text that is looked at, longer is passed over; most keys kept. */
const TEXT_BYTES_MAX = 4096;
const KEYS_MAX = 256;

/** Keys and values of msgpack-numpy are shorter. */
const KEY_BYTES_MAX = 8;

/** Extensions of Flax: an array, a complex number, a scalar of NumPy. */
const ARRAY = 1;
const COMPLEX = 2;
const SCALAR = 3;

/** A map with at least one key that is short printable text: no other format begins so. */
export function isMsgpack(head: Uint8Array): boolean {
  const [first = 0, second = 0, third = 0] = head;
  const at = first >= 0x81 && first <= 0x8f ? 1 : first === 0xde ? 3 : first === 0xdf ? 5 : 0;
  if (at === 0 || (at === 3 && second === 0 && third === 0)) return false;
  const marker = head[at] ?? 0;
  const length = marker >= 0xa1 && marker <= 0xbf ? marker & 0x1f : 0;
  const key = Buffer.from(head.subarray(at + 1, at + 1 + length)).toString('latin1');
  return length > 0 && key.length === length && /^[\w/.:-]+$/.test(key);
}

export function* parseMsgpack(sizeBytes: number): Parse<MsgpackFacts> {
  const walk = new Walk(sizeBytes);
  try {
    yield* walk.read();
  } catch (thrown) {
    walk.account.give(thrown, sizeBytes);
  }
  const { account, values, arrays, dataBytes, keys } = walk;
  const { gaps, problems } = account;
  return {
    format: 'msgpack',
    parser: MSGPACK_PARSER,
    sizeBytes,
    gaps,
    problems,
    values,
    arrays,
    dataBytes,
    keys,
  };
}

/** A container that is open: values that are still to come, of a map twice as many. */
interface Level {
  readonly kind: 'map' | 'list' | 'extension';
  left: number;
  /** Where an extension must end. */
  readonly end: number | undefined;
}

/** Of a value in what holds it. */
type Role = 'key' | 'value';

class Walk {
  readonly account = new Account();
  readonly keys: string[] = [];
  values = 0;
  arrays = 0;
  dataBytes = 0;
  readonly #window: Window;
  readonly #levels: Level[] = [];
  /** The latest key of a map, where it is short. */
  #key = '';

  constructor(sizeBytes: number) {
    this.#window = new Window(sizeBytes);
  }

  *read(): Parse<void> {
    const window = this.#window;
    do {
      yield* this.#value();
      for (let level = this.#levels.at(-1); level?.left === 0; level = this.#levels.at(-1)) {
        if (level.end !== undefined && level.end !== window.offset)
          throw new Malformed('bad-extension', window.offset, 'an extension does not end with its content');
        this.#levels.pop();
      }
    } while (this.#levels.length > 0);
    if (window.remaining === 0) return;
    this.account.problem('trailing-data', window.offset, `${window.remaining} bytes follow the value`);
    this.account.gap(window.offset, window.remaining, 'follows the value');
  }

  *#value(): Parse<void> {
    const window = this.#window;
    const level = this.#levels.at(-1);
    const role: Role = level?.kind === 'map' && level.left % 2 === 0 ? 'key' : 'value';
    if (level !== undefined) level.left -= 1;
    this.values += 1;
    if (this.values > VALUES_MAX)
      throw new Malformed('too-many', window.offset, `more than ${VALUES_MAX} values`);
    if (!window.has(1)) yield* window.need(1);
    const at = window.offset;
    const marker = window.u8();
    if (marker < 0x80 || marker >= 0xe0) return;
    if (marker < 0x90) return this.#open('map', (marker & 0x0f) * 2);
    if (marker < 0xa0) return this.#open('list', marker & 0x0f);
    if (marker < 0xc0) return yield* this.#text(marker & 0x1f, role);
    switch (marker) {
      case 0xc0:
      case 0xc2:
      case 0xc3:
        return;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return yield* this.#bytes(1 << (marker - 0xc4), role);
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return yield* this.#extension(yield* this.#length(1 << (marker - 0xc7)));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return yield* this.#extension(1 << (marker - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return yield* this.#text(yield* this.#length(1 << (marker - 0xd9)), role);
      case 0xdc:
      case 0xdd:
        return this.#open('list', yield* this.#length(2 << (marker - 0xdc)));
      case 0xde:
      case 0xdf:
        return this.#open('map', 2 * (yield* this.#length(2 << (marker - 0xde))));
      default: {
        const bytes = NUMBER_BYTES.get(marker);
        if (bytes === undefined)
          throw new Malformed('bad-marker', at, 'a marker that the format does not know');
        window.skip(bytes);
      }
    }
  }

  #open(kind: 'map' | 'list', left: number): void {
    this.#push({ kind, left, end: undefined });
  }

  #push(level: Level): void {
    if (this.#levels.length >= DEPTH_MAX)
      throw new Malformed('too-deep', this.#window.offset, `nested deeper than ${DEPTH_MAX}`);
    this.#levels.push(level);
  }

  *#length(bytes: number): Parse<number> {
    yield* this.#window.need(bytes);
    return this.#window.slice(bytes).readUIntBE(0, bytes);
  }

  *#bytes(lengthBytes: number, role: Role): Parse<void> {
    const length = yield* this.#length(lengthBytes);
    this.dataBytes += length;
    const at = this.#window.offset;
    // Arrays of Flax are numbers; msgpack-numpy keeps arrays of objects as pickles, and loads them.
    if (this.#levels.at(-2)?.kind !== 'extension' && (yield* this.#window.reach(2)) >= 2) {
      const [first, protocol = 0] = this.#window.peek(2);
      if (length > 2 && first === 0x80 && protocol >= 2 && protocol <= 5)
        this.account.problem('pickle-inside', at, 'bytes that begin as a pickle');
    }
    if (length > KEY_BYTES_MAX) return this.#window.skip(length);
    yield* this.#window.need(length);
    this.#short(this.#window.slice(length).toString('latin1'), at, role);
  }

  /**
   * The attacker's move: an array of msgpack-numpy whose kind is objects. Its data is a pickle, of a protocol that need
   * not look like one.
   */
  #short(text: string, at: number, role: Role): void {
    if (role === 'key') this.#key = text;
    else if (this.#key === 'kind' && text === 'O')
      this.account.problem('object-array', at, 'an array of the kind "O"');
  }

  *#text(length: number, role: Role): Parse<void> {
    const at = this.#window.offset;
    if (length > TEXT_BYTES_MAX) return this.#window.skip(length);
    yield* this.#window.need(length);
    const text = decodeUtf8(this.#window.slice(length));
    if (text === undefined) return this.account.problem('not-utf8', at, 'text that is not UTF-8');
    this.#short(text, at, role);
    if (role === 'key' && this.#levels.length === 1 && this.keys.length < KEYS_MAX)
      this.keys.push(text.slice(0, 256));
    if (this.#levels.at(-1)?.kind !== 'extension' && this.#levels.at(-2)?.kind !== 'extension') return;
    // The dtype of an array: one of objects would be pickles to NumPy.
    if (/^(?:\|?O\d?|object.*)$/.test(text))
      this.account.problem('object-array', at, `an array of the dtype ${quoted(text)}`);
  }

  /** An array of Flax is MessagePack inside; of another extension nobody knows what its reader makes of it. */
  *#extension(length: number): Parse<void> {
    yield* this.#window.need(1);
    const at = this.#window.offset;
    const type = this.#window.u8();
    if (type !== ARRAY && type !== SCALAR && type !== COMPLEX) {
      this.account.problem('unknown-extension', at, `an extension of the type ${type}`);
      this.account.gap(at, length + 1, 'an extension that is not known');
      this.#window.skip(length);
      return;
    }
    if (type === ARRAY) this.arrays += 1;
    if (length > this.#window.remaining) throw this.#window.truncated(length);
    this.#push({ kind: 'extension', left: 1, end: at + 1 + length });
  }
}

/** Bytes behind the markers of numbers. */
const NUMBER_BYTES: ReadonlyMap<number, number> = new Map([
  [0xca, 4],
  [0xcb, 8],
  [0xcc, 1],
  [0xcd, 2],
  [0xce, 4],
  [0xcf, 8],
  [0xd0, 1],
  [0xd1, 2],
  [0xd2, 4],
  [0xd3, 8],
]);

/**
 * Universal Binary JSON, as XGBoost writes its models: objects and lists down to numbers and text, nothing else.
 * Walked as it streams by. Format: https://ubjson.org/ (draft 12).
 */
import { Account, Malformed } from './malformed.ts';
import type { BaseFacts, Parse } from './parse.ts';
import { decodeUtf8 } from './utf8.ts';
import { Window } from './window.ts';

export const UBJSON_PARSER = 'ubjson/1';

export interface UbjsonFacts extends BaseFacts {
  readonly format: 'ubjson';
  readonly values: number;
  /** Keys of the outermost object. */
  readonly keys: readonly string[];
}

/** Deepest nesting, most values (numbers of typed lists are not counted), most keys kept. */
const DEPTH_MAX = 256;
const VALUES_MAX = 50_000_000;
const KEYS_MAX = 256;

/** Longest text: XGBoost keeps the names of features and few settings. */
const TEXT_BYTES_MAX = 1024 * 1024;

/** Bytes behind the markers of fixed length: nothing, truth, numbers, a character. */
const FIXED_BYTES: ReadonlyMap<string, number> = new Map([
  ['Z', 0],
  ['T', 0],
  ['F', 0],
  ['i', 1],
  ['U', 1],
  ['C', 1],
  ['I', 2],
  ['l', 4],
  ['d', 4],
  ['L', 8],
  ['D', 8],
]);

/** An object whose first key has its length as a number: `{`, the marker of a number, the number, printable text. */
export function isUbjson(head: Uint8Array): boolean {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  const width = FIXED_BYTES.get(String.fromCharCode(bytes[1] ?? 0)) ?? 0;
  if (bytes[0] !== 0x7b || !/[iUIlL]/.test(String.fromCharCode(bytes[1] ?? 0)) || bytes.length < 3 + width)
    return false;
  const length = width === 8 ? Number(bytes.readBigInt64BE(2)) : bytes.readUIntBE(2, width);
  const key = bytes.toString('latin1', 2 + width, 2 + width + length);
  return length > 0 && length < 256 && key.length === length && /^[\w .:-]+$/.test(key);
}

export function* parseUbjson(sizeBytes: number): Parse<UbjsonFacts> {
  const walk = new Walk(sizeBytes);
  try {
    yield* walk.read();
  } catch (thrown) {
    walk.account.give(thrown, sizeBytes);
  }
  const { account, values, keys } = walk;
  const { gaps, problems } = account;
  return { format: 'ubjson', parser: UBJSON_PARSER, sizeBytes, gaps, problems, values, keys };
}

interface Level {
  readonly kind: 'object' | 'list';
  /** Values to come, where the container says so; otherwise a closing bracket ends it. */
  left: number | undefined;
  /** The marker of all values, where the container says so. */
  readonly type: string | undefined;
}

class Walk {
  readonly account = new Account();
  readonly keys: string[] = [];
  values = 0;
  readonly #window: Window;
  readonly #levels: Level[] = [];

  constructor(sizeBytes: number) {
    this.#window = new Window(sizeBytes);
  }

  *read(): Parse<void> {
    const window = this.#window;
    yield* this.#value(yield* this.#marker());
    for (let level = this.#levels.at(-1); level !== undefined; level = this.#levels.at(-1)) {
      if (yield* this.#closes(level)) {
        this.#levels.pop();
        continue;
      }
      if (level.left !== undefined) level.left -= 1;
      if (level.kind === 'object') yield* this.#key();
      yield* this.#value(level.type ?? (yield* this.#marker()));
    }
    if (window.remaining === 0) return;
    this.account.problem('trailing-data', window.offset, `${window.remaining} bytes follow the object`);
    this.account.gap(window.offset, window.remaining, 'follows the object');
  }

  *#closes(level: Level): Parse<boolean> {
    if (level.left !== undefined) return level.left === 0;
    yield* this.#window.need(1);
    if (this.#window.peek(1).toString('latin1') !== (level.kind === 'object' ? '}' : ']')) return false;
    this.#window.skip(1);
    return true;
  }

  /** The next marker; `N` stands for nothing. */
  *#marker(): Parse<string> {
    for (;;) {
      if (!this.#window.has(1)) yield* this.#window.need(1);
      const marker = String.fromCharCode(this.#window.u8());
      if (marker !== 'N') return marker;
    }
  }

  *#value(marker: string): Parse<void> {
    this.values += 1;
    if (this.values > VALUES_MAX)
      throw new Malformed('too-many', this.#window.offset, `more than ${VALUES_MAX} values`);
    const fixed = FIXED_BYTES.get(marker);
    if (fixed !== undefined) return this.#window.skip(fixed);
    if (marker === 'S' || marker === 'H') return void (yield* this.#text());
    if (marker === '{') return yield* this.#open('object');
    if (marker === '[') return yield* this.#open('list');
    throw new Malformed('bad-marker', this.#window.offset, 'a marker that the format does not know');
  }

  *#open(kind: Level['kind']): Parse<void> {
    const window = this.#window;
    if (this.#levels.length >= DEPTH_MAX)
      throw new Malformed('too-deep', window.offset, `nested deeper than ${DEPTH_MAX}`);
    const type = (yield* this.#takes('$')) ? yield* this.#marker() : undefined;
    const left = (yield* this.#takes('#')) ? yield* this.#count() : undefined;
    if (type !== undefined && left === undefined)
      throw new Malformed('bad-container', window.offset, 'a container with a type and no number');
    const fixed = type === undefined ? undefined : FIXED_BYTES.get(type);
    // A list of numbers is data: passed over at once. Without bytes it would be a bomb of values from nothing.
    if (kind === 'list' && fixed !== undefined && left !== undefined) window.skip(fixed * left);
    else this.#levels.push({ kind, left, type });
  }

  *#takes(marker: string): Parse<boolean> {
    yield* this.#window.need(1);
    if (this.#window.peek(1).toString('latin1') !== marker) return false;
    this.#window.skip(1);
    return true;
  }

  *#count(): Parse<number> {
    const at = this.#window.offset;
    const marker = yield* this.#marker();
    const width = FIXED_BYTES.get(marker) ?? 0;
    if (!/[iUIlL]/.test(marker)) throw new Malformed('bad-length', at, 'a length that is no whole number');
    yield* this.#window.need(width);
    const bytes = this.#window.slice(width);
    const count =
      width === 8
        ? Number(bytes.readBigInt64BE())
        : marker === 'U'
          ? (bytes[0] ?? 0)
          : bytes.readIntBE(0, width);
    if (count < 0 || !Number.isSafeInteger(count))
      throw new Malformed('bad-length', at, 'an impossible length');
    return count;
  }

  *#text(): Parse<string> {
    const length = yield* this.#count();
    const at = this.#window.offset;
    if (length > TEXT_BYTES_MAX) throw new Malformed('text-too-long', at, `text of ${length} bytes`);
    yield* this.#window.need(length);
    const text = decodeUtf8(this.#window.slice(length));
    if (text === undefined) throw new Malformed('not-utf8', at, 'text that is not UTF-8');
    return text;
  }

  *#key(): Parse<void> {
    const key = yield* this.#text();
    if (this.#levels.length === 1 && this.keys.length < KEYS_MAX) this.keys.push(key.slice(0, 256));
  }
}

/**
 * A JSON reader (RFC 8259) that reports what `JSON.parse` hides: duplicate keys, numbers that lose precision,
 * several documents in one file. It calls a visitor as it reads, builds no tree and does not recurse, so neither
 * depth nor size of hostile input reaches the stack or the heap.
 *
 * Python's `json` also takes `NaN` and `Infinity`, and real configs hold them: they are ordinary
 * numbers here.
 */

export interface JsonVisitor {
  open(kind: 'object' | 'array'): void;
  close(kind: 'object' | 'array'): void;
  key(name: string): void;
  /** `written`: how a number or word is spelled, `1.0` for 1. */
  value(value: string | number | boolean | null, written?: string): void;
  /** The same key again in one object: readers differ in which one counts. */
  duplicate(name: string, offset: number): void;
}

export type JsonOutcome =
  | { readonly ok: true; readonly documents: number }
  | { readonly ok: false; readonly code: string; readonly offset: number; readonly detail: string };

/** Deepest nesting: real configs stay below 20, CPython's own reader gives up at about 1,000. */
export const JSON_DEPTH_MAX = 256;

/** Most keys in one object: the largest vocabularies hold some 300,000. */
const JSON_KEYS_MAX = 2_000_000;

/** Most documents in one text (JSON lines). */
const DOCUMENTS_MAX = 1_000_000;

/** Reads `text` and tells the visitor. Offsets are in UTF-16 units of `text`. Never throws on input. */
export function readJson(text: string, visitor: JsonVisitor): JsonOutcome {
  try {
    return { ok: true, documents: new Reader(text, visitor).documents() };
  } catch (thrown) {
    if (!(thrown instanceof JsonError)) throw thrown;
    return { ok: false, code: thrown.code, offset: thrown.offset, detail: thrown.message };
  }
}

class JsonError extends Error {
  readonly code: string;
  readonly offset: number;

  constructor(code: string, offset: number, detail: string) {
    super(detail);
    this.code = code;
    this.offset = offset;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

const WORDS: ReadonlyMap<string, boolean | null | number> = new Map<string, boolean | null | number>([
  ['true', true],
  ['false', false],
  ['null', null],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

const NUMBER = /-?(?:0|[1-9]\d{0,400})(?:\.\d{1,400})?(?:[eE][+-]?\d{1,10})?/y;
const WORD = /-?[A-Za-z]{1,10}/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

class Reader {
  readonly #text: string;
  readonly #visitor: JsonVisitor;
  #at = 0;
  /** One entry a level: the keys seen, or undefined for an array. */
  readonly #levels: (Set<string> | undefined)[] = [];

  constructor(text: string, visitor: JsonVisitor) {
    this.#text = text;
    this.#visitor = visitor;
  }

  documents(): number {
    let count = 0;
    this.#space();
    while (this.#at < this.#text.length) {
      if (count === DOCUMENTS_MAX) throw this.#error('too-many-documents', 'more documents than the limit');
      if (count > 0 && this.#text.charCodeAt(this.#at - 1) !== 0x0a)
        throw this.#error('trailing-data', 'something follows the document');
      this.#document();
      count += 1;
      this.#space();
    }
    if (count === 0) throw this.#error('no-value', 'there is no value');
    return count;
  }

  #document(): void {
    let state: 'value' | 'first' | 'after' = 'value';
    for (;;) {
      this.#space();
      if (state === 'value') {
        state = this.#value();
      } else if (state === 'first') {
        if (this.#closes()) {
          state = 'after';
        } else {
          this.#key();
          state = 'value';
        }
      } else {
        if (this.#levels.length === 0) return;
        if (this.#text.charCodeAt(this.#at) === COMMA) {
          this.#at += 1;
          this.#space();
          this.#key();
          state = 'value';
        } else if (!this.#closes()) {
          throw this.#error('comma-expected', 'a comma or a closing bracket was expected');
        }
      }
    }
  }

  /** A scalar is read whole; a container is only opened. */
  #value(): 'first' | 'after' {
    const code = this.#text.charCodeAt(this.#at);
    if (code === QUOTE) {
      this.#visitor.value(this.#string());
      return 'after';
    }
    if (code !== OPEN_OBJECT && code !== OPEN_ARRAY) {
      const start = this.#at;
      const value = this.#scalar();
      this.#visitor.value(value, this.#text.slice(start, this.#at));
      return 'after';
    }
    if (this.#levels.length >= JSON_DEPTH_MAX)
      throw this.#error('too-deep', `nested deeper than ${JSON_DEPTH_MAX}`);
    this.#at += 1;
    this.#levels.push(code === OPEN_OBJECT ? new Set() : undefined);
    this.#visitor.open(code === OPEN_OBJECT ? 'object' : 'array');
    return 'first';
  }

  /** Closes the innermost container if its closing bracket is next. */
  #closes(): boolean {
    const kind = this.#levels.at(-1) === undefined ? 'array' : 'object';
    const code = this.#text.charCodeAt(this.#at);
    if (code !== (kind === 'object' ? CLOSE_OBJECT : CLOSE_ARRAY)) return false;
    this.#at += 1;
    this.#levels.pop();
    this.#visitor.close(kind);
    return true;
  }

  /** Inside an object: the key and its colon. Inside an array: nothing. */
  #key(): void {
    const keys = this.#levels.at(-1);
    if (keys === undefined) return;
    const at = this.#at;
    if (this.#text.charCodeAt(at) !== QUOTE) throw this.#error('key-expected', 'a key was expected');
    const name = this.#string();
    if (keys.has(name)) this.#visitor.duplicate(name, at);
    if (keys.size >= JSON_KEYS_MAX) throw this.#error('too-many-keys', `more than ${JSON_KEYS_MAX} keys`);
    keys.add(name);
    this.#space();
    if (this.#text.charCodeAt(this.#at) !== COLON)
      throw this.#error('colon-expected', 'a colon was expected');
    this.#at += 1;
    this.#visitor.key(name);
  }

  #string(): string {
    const text = this.#text;
    const start = this.#at + 1;
    let escaped = false;
    for (let at = start; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) {
        this.#at = at + 1;
        return escaped ? this.#unescape(start, at) : text.slice(start, at);
      }
      if (code < 0x20) throw new JsonError('control-character', at, 'a control character inside a string');
      if (code === BACKSLASH) {
        ESCAPE.lastIndex = at;
        if (!ESCAPE.test(text)) throw new JsonError('bad-escape', at, 'an unknown escape');
        escaped = true;
        at = ESCAPE.lastIndex - 1;
      }
    }
    throw this.#error('truncated', 'the text ends inside a string');
  }

  /** Every escape between the two places was checked before: what is left is a JSON string by the grammar. */
  #unescape(start: number, end: number): string {
    return String(JSON.parse(`"${this.#text.slice(start, end)}"`));
  }

  #scalar(): number | boolean | null {
    const start = this.#at;
    NUMBER.lastIndex = start;
    if (NUMBER.test(this.#text)) {
      this.#at = NUMBER.lastIndex;
      return Number(this.#text.slice(start, this.#at));
    }
    WORD.lastIndex = start;
    if (WORD.test(this.#text)) {
      const word = WORDS.get(this.#text.slice(start, WORD.lastIndex));
      if (word !== undefined) {
        this.#at = WORD.lastIndex;
        return word;
      }
    }
    throw this.#error(
      start >= this.#text.length ? 'truncated' : 'value-expected',
      start >= this.#text.length ? 'the text ends where a value should be' : 'a value was expected',
    );
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at += 1;
    }
  }

  #error(code: string, detail: string): JsonError {
    return new JsonError(code, this.#at, detail);
  }
}

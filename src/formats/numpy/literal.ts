/**
 * Python literals, as numpy writes its headers: strings, whole numbers, True and False, tuples, lists, dicts. Nothing
 * is evaluated; what is not exactly such a literal is undefined.
 */

export type Literal = string | number | boolean | readonly Literal[] | ReadonlyMap<string, Literal>;

/** Containers in containers: structured types of the field have two or three. */
const DEPTH_MAX = 16;

/** The one literal that the text holds, with nothing but blanks around it. */
export function parseLiteral(text: string): Literal | undefined {
  const reader = new Reader(text);
  const value = reader.value(0);
  return value !== undefined && reader.atEnd() ? value : undefined;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  atEnd(): boolean {
    this.#take(/\s*/y);
    return this.#at === this.#text.length;
  }

  value(depth: number): Literal | undefined {
    if (depth > DEPTH_MAX) return undefined;
    const text = this.#take(/\s*'([^'\\\n]*)'|\s*"([^"\\\n]*)"/y);
    if (text !== undefined) return text[1] ?? text[2];
    const number = this.#take(/\s*([0-9]{1,15})(?:L(?=[,)\]\s]))?/y);
    if (number !== undefined) return Number(number[1]);
    const truth = this.#take(/\s*(True|False)\b/y);
    if (truth !== undefined) return truth[1] === 'True';
    if (this.#take(/\s*\(/y)) return this.#items(/\s*\)/y, depth);
    if (this.#take(/\s*\[/y)) return this.#items(/\s*\]/y, depth);
    if (this.#take(/\s*\{/y)) return this.#pairs(depth);
    return undefined;
  }

  #items(close: RegExp, depth: number): Literal[] | undefined {
    const items: Literal[] = [];
    for (;;) {
      if (this.#take(close)) return items;
      const item = this.value(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
      if (!this.#take(/\s*,/y)) return this.#take(close) ? items : undefined;
    }
  }

  #pairs(depth: number): Map<string, Literal> | undefined {
    const pairs = new Map<string, Literal>();
    for (;;) {
      if (this.#take(/\s*\}/y)) return pairs;
      const key = this.value(depth + 1);
      if (typeof key !== 'string' || pairs.has(key) || !this.#take(/\s*:/y)) return undefined;
      const value = this.value(depth + 1);
      if (value === undefined) return undefined;
      pairs.set(key, value);
      if (!this.#take(/\s*,/y)) return this.#take(/\s*\}/y) ? pairs : undefined;
    }
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at = pattern.lastIndex;
    return match;
  }
}

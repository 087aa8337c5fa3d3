/** Queries: the parameters behind a target's question mark, few and strictly decoded. */

/** Most parameters of a query: the longest that clients send names twenty properties to expand. */
const PARAMETERS_MAX = 64;

export class Query {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  /** The first value. */
  get(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }

  /** Every value, in order. */
  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** `true` as Python's clients (`True`), JavaScript's (`true`) and others (`1`) send it. */
  isSet(name: string): boolean {
    const value = this.get(name);
    return value !== undefined && /^(?:true|1)$/i.test(value);
  }

  /** A whole number from `from` to `to`; undefined where it is not given, 'wrong' where it is no such number. */
  number(
    name: string,
    { from, to }: { readonly from: number; readonly to: number },
  ): number | 'wrong' | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    if (!/^\d{1,15}$/.test(value) || Number(value) < from) return 'wrong';
    return Math.min(Number(value), to);
  }
}

export const NO_QUERY = new Query(new Map());

/** Undefined for more parameters than are read, a broken escape, or bytes that are not UTF-8. */
export function parseQuery(text: string): Query | undefined {
  if (text === '') return NO_QUERY;
  const pairs = text.split('&', PARAMETERS_MAX + 1);
  if (pairs.length > PARAMETERS_MAX) return undefined;
  const values = new Map<string, string[]>();
  try {
    for (const pair of pairs) {
      if (pair === '') continue;
      const equals = pair.indexOf('=');
      // Some clients write `expand[]=…` for what others write `expand=…`.
      const name = decode(equals < 0 ? pair : pair.slice(0, equals)).replace(/\[\]$/, '');
      const value = equals < 0 ? '' : decode(pair.slice(equals + 1));
      const known = values.get(name);
      if (known === undefined) values.set(name, [value]);
      else known.push(value);
    }
  } catch {
    return undefined;
  }
  return new Query(values);
}

function decode(text: string): string {
  const spaced = text.replaceAll('+', ' ');
  return spaced.includes('%') ? decodeURIComponent(spaced) : spaced;
}

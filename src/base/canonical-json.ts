/**
 * One spelling for a JSON value, so that equal values have equal digests.
 *
 * RFC 8785 (JSON Canonicalization Scheme) for the values that we use: keys sorted by UTF-16 code units, no
 * white space, numbers as ECMAScript prints them. `undefined` members are left out, as JSON.stringify does.
 */

/** Canonical JSON text. Throws a TypeError for what JSON cannot say (non-finite numbers, functions, bigints). */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`${value} has no JSON form`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`;
  if (typeof value === 'object') {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
    return `{${members.join(',')}}`;
  }
  throw new TypeError(`${typeof value} has no JSON form`);
}

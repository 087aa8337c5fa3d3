/** What an object of a cluster holds, of whatever shape it is: what is of another shape reads as nothing. */

/** Entries of one list that are read. */
export const PARTS_MAX = 1_000;

export type Parts = Readonly<Record<string, unknown>>;
export type Labels = Readonly<Record<string, string>>;

export function record(value: unknown): Parts {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

/** Lists are read one entry beyond their limit, so that a longer one is seen as such. */
export function list(value: unknown, max = PARTS_MAX): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, max + 1) : [];
}

export function words(value: unknown): string[] {
  return list(value).filter((word) => typeof word === 'string');
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 4_096) : '';
}

export function labelsOf(value: unknown): Labels {
  return Object.fromEntries(
    Object.entries(record(value)).flatMap(([name, one]) => (typeof one === 'string' ? [[name, one]] : [])),
  );
}

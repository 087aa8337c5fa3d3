/** Looking up by a name that somebody else chose: `constructor` is a fine name, and every object seems to have it. */
export function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

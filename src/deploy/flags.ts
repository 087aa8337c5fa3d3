/** Options of a target as they were typed. */
import { WeighlockError } from '../base/errors.ts';
import type { Flags } from './deploy.ts';

export function text(flags: Flags, name: string): string | undefined {
  const value = flags[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** An option that may be repeated. */
export function texts(flags: Flags, name: string): readonly string[] {
  const value = flags[name];
  return Array.isArray(value) ? (value as readonly string[]) : [];
}

/** Throws WL_USAGE for what is no whole number within the bounds. */
export function whole(
  flags: Flags,
  name: string,
  { min, max }: { readonly min: number; readonly max: number },
): number | undefined {
  const given = text(flags, name);
  if (given === undefined) return undefined;
  const value = /^\d{1,10}$/.test(given) ? Number(given) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new WeighlockError(
    'WL_USAGE',
    `${optionOf(name)} is a whole number from ${min} to ${max}, not "${given}"`,
  );
}

/** Throws WL_USAGE for what is not of the form. */
export function shaped(
  flags: Flags,
  name: string,
  { form, says }: { readonly form: RegExp; readonly says: string },
): string | undefined {
  const given = text(flags, name);
  if (given === undefined || form.test(given)) return given;
  throw new WeighlockError('WL_USAGE', `${optionOf(name)} takes ${says}, not "${given}"`);
}

/** `startSeconds` as it is typed: `--start-seconds`. */
function optionOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

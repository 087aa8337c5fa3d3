/** Asked paths: the body of `paths-info`, a form from Python, JSON from JavaScript. */
import type { Answer } from './answer.ts';
import { refuse } from './refusal.ts';

/** Largest body that is read: ten thousand paths of a hundred bytes. */
export const PATHS_BYTES_MAX = 1 << 20;

/** Most paths in one body. */
const PATHS_MAX = 10_000;

export type AskedPaths =
  | { readonly is: 'asked'; readonly paths: readonly string[]; readonly expand: boolean }
  | { readonly is: 'refused'; readonly answer: Answer };

export function readAskedPaths(body: Buffer, contentType: string | undefined): AskedPaths {
  const text = body.toString('utf8');
  const asked = /^application\/json\b/i.test(contentType ?? '') ? readJson(text) : readForm(text);
  if (asked === 'malformed')
    return { is: 'refused', answer: refuse({ is: 'bad request', sentence: 'The paths cannot be read' }) };
  if (asked === 'too many' || asked.paths.length > PATHS_MAX)
    return { is: 'refused', answer: refuse({ is: 'body too large' }) };
  return { is: 'asked', ...asked };
}

type Read = { readonly paths: readonly string[]; readonly expand: boolean } | 'malformed' | 'too many';

function readForm(text: string): Read {
  // Counted before it is parsed: a megabyte of `&` is a million parameters.
  if (text.split('&', PATHS_MAX + 3).length > PATHS_MAX + 2) return 'too many';
  const form = new URLSearchParams(text);
  return { paths: form.getAll('paths'), expand: /^(?:true|1)$/i.test(form.get('expand') ?? '') };
}

function readJson(text: string): Read {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'malformed';
  }
  if (typeof value !== 'object' || value === null) return 'malformed';
  const { paths, expand } = value as { readonly paths?: unknown; readonly expand?: unknown };
  const all: readonly unknown[] = Array.isArray(paths) ? paths : [paths];
  if (!all.every((path) => typeof path === 'string')) return 'malformed';
  return { paths: all, expand: expand === true };
}

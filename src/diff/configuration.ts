/** Configuration by key: every JSON file that differs, but for those that are lists of words or of shards. */
import type { FileChanges } from './files.ts';
import type { Side } from './side.ts';
import { TEMPLATE_FILE } from './templates.ts';

export interface ConfigurationChange {
  readonly file: string;
  /** `rope_scaling.factor`; empty for a file as a whole that is no JSON. */
  readonly key: string;
  /** As JSON, cut; undefined where the key is not there. */
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** Keys of one file, and how deep they are told apart. */
const KEYS_MAX = 5_000;
const DEPTH_MAX = 12;
const VALUE_CHARS_MAX = 200;

/** Files that are data: the tokenizer has a comparison of its own, an index of shards follows from the tensors. */
const DATA = /(^|\/)(tokenizer\.json|vocab\.json|.*\.index\.json)$/;

export async function configurationChanges(
  { changed, added, removed }: FileChanges,
  { a, b }: { readonly a: Side; readonly b: Side },
): Promise<readonly ConfigurationChange[]> {
  const found: ConfigurationChange[] = [];
  for (const { path } of [...changed, ...added, ...removed]) {
    if (!path.endsWith('.json') || DATA.test(path)) continue;
    const from = await keysOf(a, path);
    const to = await keysOf(b, path);
    for (const key of [...new Set([...from.keys(), ...to.keys()])].sort()) {
      const [before, after] = [from.get(key), to.get(key)];
      if ((before === after && before !== NOT_READ) || isTemplate(path, key, [before, after])) continue;
      found.push({ file: path, key, from: cut(before), to: cut(after) });
    }
  }
  return found;
}

const NOT_READ = '(not read)';

/** What the comparison of templates tells: a text under the one key that it reads. */
function isTemplate(path: string, key: string, values: readonly (string | undefined)[]): boolean {
  const isText = values.every((value) => value === undefined || value.startsWith('"'));
  return key === 'chat_template' && TEMPLATE_FILE.test(path) && isText;
}

async function keysOf(side: Side, path: string): Promise<ReadonlyMap<string, string>> {
  const flat = new Map<string, string>();
  if (!side.files.some((file) => file.path === path)) return flat;
  const text = await side.text(path);
  let value: unknown;
  try {
    value = JSON.parse(text ?? '');
  } catch {
    return flat.set('', text === undefined ? NOT_READ : '(no JSON)');
  }
  flatten(value, '', { flat, depth: 0 });
  return flat;
}

/** Objects by key, everything else as one value. Depth and number are bounded: what is deeper is one value too. */
function flatten(
  value: unknown,
  key: string,
  { flat, depth }: { readonly flat: Map<string, string>; readonly depth: number },
): void {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject || depth >= DEPTH_MAX || flat.size >= KEYS_MAX || Object.keys(value).length === 0) {
    flat.set(key, JSON.stringify(value) ?? 'undefined');
    return;
  }
  for (const [name, inner] of Object.entries(value))
    flatten(inner, key === '' ? name : `${key}.${name}`, { flat, depth: depth + 1 });
}

function cut(text: string | undefined): string | undefined {
  return text !== undefined && text.length > VALUE_CHARS_MAX ? `${text.slice(0, VALUE_CHARS_MAX)}…` : text;
}

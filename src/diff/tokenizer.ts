/** Tokenizers: how many words, which special ones came and went, and which steps around them differ. */
import { sha256 } from '../base/digest.ts';
import type { FileChanges } from './files.ts';
import type { Side } from './side.ts';

export interface TokenizerChange {
  readonly file: string;
  /** `vocabulary`, `special tokens`, or a step: `normalizer`, `pre_tokenizer`, … */
  readonly what: string;
  readonly from: string;
  readonly to: string;
}

const STEPS = ['normalizer', 'pre_tokenizer', 'post_processor', 'decoder', 'truncation', 'padding'] as const;
const SAID_CHARS_MAX = 300;

interface Read {
  readonly words: number;
  readonly merges: number;
  /** Of words, their numbers and merges: two that were swapped change no count. */
  readonly content: string;
  readonly special: readonly string[];
  readonly steps: ReadonlyMap<string, string>;
}

export async function tokenizerChanges(
  { changed, added, removed }: FileChanges,
  { a, b }: { readonly a: Side; readonly b: Side },
): Promise<readonly TokenizerChange[]> {
  const found: TokenizerChange[] = [];
  for (const { path: file } of [...changed, ...added, ...removed]) {
    if (!/(^|\/)tokenizer\.json$/.test(file)) continue;
    const [from, to] = [await readTokenizer(a, file), await readTokenizer(b, file)];
    const note = (what: string, before: string, after: string) => {
      if (before !== after) found.push({ file, what, from: cut(before), to: cut(after) });
    };
    note('vocabulary', sizeOf(from), sizeOf(to));
    const gone = (from?.special ?? []).filter((token) => !to?.special.includes(token));
    const come = (to?.special ?? []).filter((token) => !from?.special.includes(token));
    note('special tokens', gone.join(' '), come.join(' '));
    for (const step of STEPS) note(step, from?.steps.get(step) ?? '', to?.steps.get(step) ?? '');
  }
  return found;
}

function sizeOf(read: Read | undefined): string {
  return read === undefined
    ? 'not read'
    : `${read.words} words, ${read.merges} merges, content ${read.content.slice(0, 12)}`;
}

async function readTokenizer(side: Side, path: string): Promise<Read | undefined> {
  if (!side.files.some((file) => file.path === path)) return undefined;
  let value: Record<string, unknown>;
  try {
    value = JSON.parse((await side.text(path)) ?? '') as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const model = value.model as { readonly vocab?: object; readonly merges?: readonly unknown[] } | undefined;
  const tokens = Array.isArray(value.added_tokens) ? (value.added_tokens as { content?: unknown }[]) : [];
  return {
    words: Object.keys(model?.vocab ?? {}).length,
    merges: Array.isArray(model?.merges) ? model.merges.length : 0,
    content: sha256(Buffer.from(JSON.stringify([model?.vocab ?? {}, model?.merges ?? []]))),
    special: tokens.flatMap((token) => (typeof token?.content === 'string' ? [token.content] : [])),
    steps: new Map(STEPS.map((step) => [step, JSON.stringify(value[step] ?? null)])),
  };
}

function cut(text: string): string {
  return text.length > SAID_CHARS_MAX ? `${text.slice(0, SAID_CHARS_MAX)}…` : text;
}

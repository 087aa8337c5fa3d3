/** Chat templates that differ: their text by line, and what each makes of the same conversation, in a process that can be ended. */
import { renderTemplate } from '../rendering/render.ts';
import { patchOf } from './code.ts';
import type { FileChanges } from './files.ts';
import type { Side } from './side.ts';

export interface TemplateChange {
  readonly file: string;
  /** `chat_template`, or the name among several; empty for a file that is a template. */
  readonly where: string;
  readonly patch: string;
  /** What a sample conversation becomes; a sentence in brackets where it is not rendered. */
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** Templates that are rendered: each takes two processes. */
const RENDERED_MAX = 8;

export async function templateChanges(
  { changed, added, removed }: FileChanges,
  { a, b }: { readonly a: Side; readonly b: Side },
): Promise<readonly TemplateChange[]> {
  const found: TemplateChange[] = [];
  for (const { path } of [...changed, ...added, ...removed]) {
    if (!/(\.jinja2?|(tokenizer|processor)_config\.json|chat_template\.json)$/.test(path)) continue;
    const [from, to] = [await templatesIn(a, path), await templatesIn(b, path)];
    for (const where of [...new Set([...from.keys(), ...to.keys()])].sort()) {
      const [before, after] = [from.get(where), to.get(where)];
      if (before === after || found.length >= RENDERED_MAX) continue;
      found.push({
        file: path,
        where,
        patch: patchOf(before ?? '', after ?? ''),
        from: await rendered(before),
        to: await rendered(after),
      });
    }
  }
  return found;
}

async function templatesIn(side: Side, path: string): Promise<ReadonlyMap<string, string>> {
  if (!side.files.some((file) => file.path === path)) return new Map();
  const text = await side.text(path);
  if (text === undefined) return new Map();
  if (!path.endsWith('.json')) return new Map([['', text]]);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return new Map();
  }
  const template = (value as { readonly chat_template?: unknown } | null)?.chat_template;
  if (typeof template === 'string') return new Map([['chat_template', template]]);
  if (!Array.isArray(template)) return new Map();
  return new Map(
    template.flatMap((one: { readonly name?: unknown; readonly template?: unknown } | null) =>
      typeof one?.name === 'string' && typeof one.template === 'string'
        ? [[`chat_template ${one.name}`, one.template] as const]
        : [],
    ),
  );
}

async function rendered(template: string | undefined): Promise<string | undefined> {
  if (template === undefined) return undefined;
  const outcome = await renderTemplate(template);
  return outcome.outcome === 'rendered' ? outcome.text : `[not rendered: ${outcome.reason}]`;
}

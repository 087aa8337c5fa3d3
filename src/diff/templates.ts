/** Chat templates that differ: their text by line, and what each makes of the same conversation, in a process that can be ended. */
import { renderTemplate } from '../rendering/render.ts';
import { Patches, textAt } from './code.ts';
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

/** Templates that are rendered, each in two processes; of more only the text is compared. */
const RENDERED_MAX = 8;

/** Files that hold templates. */
export const TEMPLATE_FILE = /(\.jinja2?|(tokenizer|processor)_config\.json|chat_template\.json)$/;

export async function templateChanges(
  { changed, added, removed }: FileChanges,
  { a, b }: { readonly a: Side; readonly b: Side },
): Promise<readonly TemplateChange[]> {
  const found: TemplateChange[] = [];
  const patches = new Patches();
  for (const { path } of [...changed, ...added, ...removed]) {
    if (!TEMPLATE_FILE.test(path)) continue;
    const [from, to] = [templatesIn(path, await textAt(a, path)), templatesIn(path, await textAt(b, path))];
    for (const where of [...new Set([...from.keys(), ...to.keys()])].sort()) {
      const [before, after] = [from.get(where), to.get(where)];
      if (before === after && before !== null) continue;
      const isShown = found.length < RENDERED_MAX;
      found.push({
        file: path,
        where,
        patch: patches.of(textOf(before), textOf(after)),
        from: isShown ? await rendered(before) : TOO_MANY,
        to: isShown ? await rendered(after) : TOO_MANY,
      });
    }
  }
  return found;
}

const TOO_MANY = `[not rendered: more than ${RENDERED_MAX} templates differ]`;

/** Null where there may be one, and its file cannot be read. */
type Template = string | null | undefined;

function textOf(template: Template): string | undefined {
  return template === null ? undefined : (template ?? '');
}

/** The templates of a file by name; the text of a file that is not there is empty. */
function templatesIn(path: string, text: string | undefined): ReadonlyMap<string, Template> {
  if (text === undefined) return new Map([['', null]]);
  if (!path.endsWith('.json')) return text === '' ? new Map() : new Map([['', text]]);
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

async function rendered(template: Template): Promise<string | undefined> {
  if (template === undefined) return undefined;
  if (template === null) return '[not rendered: it is too long to be read, or cannot be]';
  const outcome = await renderTemplate(template);
  return outcome.outcome === 'rendered' ? outcome.text : `[not rendered: ${outcome.reason}]`;
}

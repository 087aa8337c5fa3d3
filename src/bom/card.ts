/** A model card: what its publisher declares at the top of README.md. Claims, not facts. */
import { parseDocument } from 'yaml';

export interface Card {
  readonly baseModels: readonly string[];
  readonly datasets: readonly string[];
  readonly languages: readonly string[];
  readonly task: string | undefined;
  readonly license: string | undefined;
}

/** Longest declaration that is read, and how many names of one kind are taken from it. */
const FRONT_CHARS_MAX = 64 << 10;
const NAMES_MAX = 200;
const NAME_CHARS_MAX = 200;

const NOTHING: Card = { baseModels: [], datasets: [], languages: [], task: undefined, license: undefined };

/** What is declared; nothing where there is no declaration, or it is not YAML. Never throws on input. */
export function readCard(text: string): Card {
  const front = /^\uFEFF?---\r?\n([\s\S]*?)\r?\n---/.exec(text.slice(0, FRONT_CHARS_MAX))?.[1];
  if (front === undefined) return NOTHING;
  let value: unknown;
  try {
    value = parseDocument(front).toJS({ maxAliasCount: 0 });
  } catch {
    return NOTHING;
  }
  if (typeof value !== 'object' || value === null) return NOTHING;
  const card = value as Readonly<Record<string, unknown>>;
  const [task] = names(card.pipeline_tag);
  const [license] = names(card.license);
  return {
    baseModels: names(card.base_model),
    datasets: names(card.datasets),
    languages: names(card.language),
    task,
    license,
  };
}

/** One name or a list of them. */
function names(value: unknown): readonly string[] {
  const list = Array.isArray(value) ? value : [value];
  return list
    .filter(
      (name): name is string => typeof name === 'string' && name !== '' && name.length <= NAME_CHARS_MAX,
    )
    .slice(0, NAMES_MAX);
}

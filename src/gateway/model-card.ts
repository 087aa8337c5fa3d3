/**
 * The model's card: what it says of itself in the front matter of README.md and in config.json, in the Hub's terms.
 * Both are a stranger's text: what is not of the expected form is left out, and nothing of it decides anything.
 */
import { parseDocument } from 'yaml';
import { parseRepoPath, type RepoPath } from '../base/name.ts';
import type { ModelCard, ServedFile } from './catalog.ts';

/** Longer cards and configurations are left out. */
const CARD_BYTES_MAX = 1 << 20;
/** Parsing stops everybody else for about a millisecond a kilobyte. Cards full of evaluation results are longer. */
const FRONT_MATTER_CHARS_MAX = 64 << 10;
const TAGS_MAX = 500;
const TAG_CHARS_MAX = 200;
/** Names of Python's own in `ModelCardData(**card)`, by which huggingface_hub takes a card: one that has them breaks it. */
const TAKEN_KEYS = ['self', 'ignore_metadata_errors'];
/** Of config.json, what the Hub shows. */
const CONFIG_KEYS = ['architectures', 'model_type', 'auto_map', 'quantization_config'];

export const EMPTY_CARD: ModelCard = {
  tags: [],
  pipelineTag: undefined,
  libraryName: undefined,
  cardData: undefined,
  config: undefined,
};

/** Reads the card of a revision with these files; `read` gives a file whole. */
export async function readCard(
  files: ReadonlyMap<RepoPath, ServedFile>,
  read: (file: ServedFile) => Promise<Uint8Array>,
): Promise<ModelCard> {
  const text = async (path: string): Promise<string | undefined> => {
    const file = files.get(parseRepoPath(path));
    if (!file || file.sizeBytes > CARD_BYTES_MAX) return undefined;
    return Buffer.from(await read(file)).toString('utf8');
  };
  const [readme, config] = await Promise.all([text('README.md'), text('config.json')]);
  return cardOf(frontMatter(readme ?? ''), parseConfig(config ?? ''));
}

function cardOf(
  cardData: Record<string, unknown> | undefined,
  config: Record<string, unknown> | undefined,
): ModelCard {
  const word = (key: string) => words(cardData?.[key])[0];
  const libraryName = word('library_name');
  const pipelineTag = word('pipeline_tag');
  const license = word('license');
  const tags = [
    ...(libraryName ? [libraryName] : []),
    ...words(cardData?.tags),
    ...(pipelineTag ? [pipelineTag] : []),
    ...words(cardData?.language),
    ...words(cardData?.datasets).map((name) => `dataset:${name}`),
    ...words(cardData?.base_model).map((name) => `base_model:${name}`),
    ...(license ? [`license:${license}`] : []),
  ];
  return { tags: [...new Set(tags)].slice(0, TAGS_MAX), pipelineTag, libraryName, cardData, config };
}

/** The YAML between the first two `---` lines of a README. */
export function frontMatter(readme: string): Record<string, unknown> | undefined {
  const [, yaml] =
    /^\uFEFF?---\r?\n([\s\S]*?)\r?\n---(?:\r?\n|$)/.exec(readme.slice(0, FRONT_MATTER_CHARS_MAX)) ?? [];
  if (yaml === undefined) return undefined;
  try {
    // Looking for keys that come twice takes the square of their number.
    const document = parseDocument(yaml, { logLevel: 'silent', uniqueKeys: false });
    if (document.errors.length > 0) return undefined;
    // Through JSON: dates become text, and whatever is no JSON is gone.
    const card = asObject(JSON.parse(JSON.stringify(document.toJS({ maxAliasCount: 0 }))));
    return card && Object.fromEntries(Object.entries(card).filter(([key]) => !TAKEN_KEYS.includes(key)));
  } catch {
    return undefined;
  }
}

function parseConfig(text: string): Record<string, unknown> | undefined {
  try {
    const config = asObject(JSON.parse(text));
    const shown = CONFIG_KEYS.flatMap((key) =>
      config && Object.hasOwn(config, key) ? [[key, config[key]]] : [],
    );
    return shown.length > 0 ? Object.fromEntries(shown) : undefined;
  } catch {
    return undefined;
  }
}

/** One word or a list of words; anything else counts as none. */
function words(value: unknown): string[] {
  const list = Array.isArray(value) ? value : [value];
  return list.filter(
    (item): item is string => typeof item === 'string' && item !== '' && item.length <= TAG_CHARS_MAX,
  );
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

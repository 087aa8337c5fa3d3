/**
 * References: other repos that a repo leads to. Some bring *code* that loading runs, some bring *content* without
 * which there is nothing to load (the weights below an adapter, a vision tower, a tokenizer), and some are only
 * *mentioned* (what a model was made from). Who wants to load a model without the Hub needs the first two.
 */
import type { Facts } from '../formats/facts.ts';

export type ReferenceRole = 'code' | 'content' | 'mention';

/** Another repo that this one leads to, and the key that does. */
export interface Reference {
  readonly repo: string;
  readonly from: string;
  readonly key: string;
  readonly role: ReferenceRole;
  /** A branch, tag or commit, where the reference names one. */
  readonly revision?: string;
}

/** A notable key with the file that holds it. */
export interface PlacedKey {
  readonly file: string;
  readonly key: string;
  readonly where: string;
  readonly value: string | number | boolean;
}

/** Most references of one repo: a config with more is made to flood whoever follows them. */
const REFERENCES_MAX = 1000;

/** `org/name`, as the Hub spells it; a path on somebody's disk is none. */
const REPO_ID = /^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}$/;

/** `org/name`, then a revision behind `@`, then the name of a function behind `:`, as kernels are named. */
const REFERENCE = /^([^@:]{3,200})(?:@([\w./-]{1,100}))?(?::[\w.-]{1,100})?$/;

const HUB_URL = /^https?:\/\/(?:www\.)?huggingface\.co\/([^/?#]{1,96}\/[^/?#]{1,96})(?:[/?#]|$)/;

/** Names of files have this form too: `checkpoints/model.bin` is no repo. */
const FILE_NAME =
  /\.(?:safetensors|bin|pt|pth|ckpt|pkl|onnx|gguf|h5|json|ya?ml|txt|model|py|npz?|wav|png|jpe?g)$/i;

export function referencesOf(
  files: readonly { readonly path: string; readonly facts: Facts }[],
  keys: readonly PlacedKey[],
): Reference[] {
  const found = new Map<string, Reference>();
  const add = (text: string, reference: Omit<Reference, 'repo' | 'revision'>) => {
    const [, repo = '', revision] = REFERENCE.exec(text) ?? [];
    if (!REPO_ID.test(repo) || FILE_NAME.test(repo) || found.size >= REFERENCES_MAX) return;
    const id = JSON.stringify([repo, revision, reference.from, reference.key]);
    if (!found.has(id))
      found.set(id, { repo, ...reference, ...(revision === undefined ? {} : { revision }) });
  };
  for (const { file: from, key, value, where } of keys) {
    const role = roleOf(key);
    if (role === undefined || typeof value !== 'string') continue;
    const foreign = value.indexOf('--');
    if (!NAMES_MODULES.has(key)) add(value, { from, key: where, role });
    else if (foreign > 0) add(value.slice(0, foreign), { from, key: where, role });
  }
  for (const { path: from, facts } of files) {
    if (facts.format === 'text')
      for (const model of facts.card?.baseModels ?? [])
        add(model, { from, key: 'base_model', role: 'mention' });
    if (facts.format === 'python')
      for (const { repo, line } of facts.repos) add(repo, { from, key: `line ${line}`, role: 'content' });
    if (facts.format === 'gguf') for (const one of ggufReferences(facts)) add(one.repo, { from, ...one });
  }
  return [...found.values()];
}

/** Keys whose value is `module.Class`, or `org/repo--module.Class`. */
const NAMES_MODULES: ReadonlySet<string> = new Set(['auto_map', 'type']);

const CODE: ReadonlySet<string> = new Set([
  'auto_map',
  'type',
  'custom_pipeline',
  'custom_pipelines',
  'custom_generate',
  'experts_implementation',
  '_attn_implementation',
  '_attn_implementation_internal',
  'attn_implementation',
]);

/** What a configuration says it was made from; under which name it was saved (`_name_or_path`) says nothing. */
const MENTIONS: ReadonlySet<string> = new Set(['base_model']);

const CONTENT: ReadonlySet<string> = new Set(['vision_tower', 'mm_vision_tower', 'audio_tower']);

function roleOf(key: string): ReferenceRole | undefined {
  if (CODE.has(key)) return 'code';
  if (MENTIONS.has(key)) return 'mention';
  return CONTENT.has(key) || key.endsWith('_name_or_path') ? 'content' : undefined;
}

/** https://github.com/ggml-org/ggml/blob/master/docs/gguf.md: an adapter is nothing without the model that it adapts. */
function ggufReferences({ metadata }: Extract<Facts, { format: 'gguf' }>) {
  const adapter = metadata.some(({ key, value }) => key === 'general.type' && value === 'adapter');
  return metadata.flatMap(({ key, value }) => {
    if (!/^general\.(?:base_model\.\d{1,4}|source)\.(?:repo_url|url)$/.test(key)) return [];
    const repo = typeof value === 'string' ? HUB_URL.exec(value)?.[1] : undefined;
    const needed = adapter && key.startsWith('general.base_model.');
    const role: ReferenceRole = needed ? 'content' : 'mention';
    return repo === undefined ? [] : [{ repo, key, role }];
  });
}

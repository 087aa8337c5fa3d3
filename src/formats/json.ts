/**
 * JSON text: configs, tokenizers, indices. The whole text is read by the tokenizer; kept are the keys that decide
 * which code and which files a loader will reach for, with their values, and every template.
 */
import { type JsonVisitor, readJson } from './json-reader.ts';
import { type KerasObject, KerasWatch } from './keras.ts';
import { Account, quoted } from './malformed.ts';
import type { BaseFacts } from './parse.ts';
import { analyseTemplate, looksLikeTemplate, type TemplateUse } from './template.ts';
import type { TextBase } from './text-base.ts';
import { byteOffset } from './utf8.ts';

export const JSON_PARSER = 'json/4';

/** A key that scanners judge, wherever it stands: `path` as in `quantization_config.auto_map.AutoModel`. */
export interface Notable {
  readonly key: string;
  readonly path: string;
  readonly value: string | number | boolean;
}

export interface JsonFacts extends BaseFacts, TextBase {
  readonly format: 'json';
  readonly documents: number;
  readonly notable: readonly Notable[];
  readonly templates: readonly TemplateUse[];
  /** What Keras would look up and call; undefined where it is no configuration of Keras. */
  readonly keras?: readonly KerasObject[];
  /** The files that a `weight_map` names, sorted; undefined where there is none. */
  readonly shards?: readonly string[];
  /** Keys that stand twice in one object: readers differ in which one counts. All their values were judged. */
  readonly duplicateKeys: readonly string[];
}

/** Most notable values kept; a file with more is not fully described and gets a gap. */
const NOTABLE_MAX = 2048;

/** Longest value kept, in characters. */
const VALUE_CHARS_MAX = 1024;

/** Most files that an index may name. */
const SHARDS_MAX = 20_000;

/** Most templates of one file, and duplicate keys kept as examples. */
const TEMPLATES_MAX = 64;
const DUPLICATES_MAX = 16;

/** Keys whose values decide what a loader runs or fetches, at any depth. */
const NOTABLE_KEYS: ReadonlySet<string> = new Set([
  'auto_map',
  'trust_remote_code',
  'custom_pipelines',
  'custom_pipeline',
  'custom_generate',
  '_target_',
  '_attn_implementation',
  '_attn_implementation_internal',
  'attn_implementation',
  'base_model',
  'vision_tower',
  'mm_vision_tower',
  'audio_tower',
  'tokenizer_class',
  'processor_class',
  'architectures',
  'model_type',
  '_class_name',
  'experts_implementation',
  'license',
]);

/** The facts of JSON text, or why it is none. Never throws on hostile input. */
export function describeJson(
  text: string,
  sizeBytes: number,
): { readonly facts: Omit<JsonFacts, keyof TextBase> } | { readonly code: string; readonly detail: string } {
  const collector = new Collector();
  const body = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  const outcome = readJson(body, collector);
  if (!outcome.ok) {
    const offset = byteOffset(body, outcome.offset);
    return { code: outcome.code, detail: `not JSON at ${offset}: ${outcome.detail}` };
  }
  const account = new Account();
  if (collector.keras.overflow) collector.overflows.add('more objects of Keras than are kept');
  for (const reason of collector.overflows) {
    account.problem('too-much', 0, reason);
    account.gap(0, sizeBytes, reason);
  }
  const facts = {
    format: 'json' as const,
    parser: JSON_PARSER,
    sizeBytes,
    gaps: account.gaps,
    problems: account.problems,
    documents: outcome.documents,
    notable: collector.notable,
    templates: collector.templates,
    duplicateKeys: collector.duplicates,
    ...(collector.keras.objects.length === 0 ? {} : { keras: collector.keras.objects }),
  };
  const { shards } = collector;
  return { facts: shards === undefined ? facts : { ...facts, shards: [...shards].sort() } };
}

class Collector implements JsonVisitor {
  readonly notable: Notable[] = [];
  readonly templates: TemplateUse[] = [];
  readonly duplicates: string[] = [];
  readonly overflows = new Set<string>();
  readonly keras = new KerasWatch();
  shards: Set<string> | undefined;
  /** One entry a level: the key at hand, or the index in an array. */
  readonly #path: (string | number)[] = [];
  /** The notable key whose container is open, and at which depth it was opened. */
  #inside: { readonly key: string; readonly depth: number } | undefined;

  open(kind: 'object' | 'array'): void {
    this.#next();
    const key = this.#path.at(-1);
    if (this.#inside === undefined && typeof key === 'string' && isNotable(key))
      this.#inside = { key, depth: this.#path.length };
    if (key === 'weight_map') this.shards ??= new Set();
    this.keras.open(key);
    this.#path.push(kind === 'object' ? '' : -1);
  }

  close(): void {
    this.#path.pop();
    this.keras.close(() => this.#where());
    if (this.#inside?.depth === this.#path.length) this.#inside = undefined;
  }

  key(name: string): void {
    this.#path[this.#path.length - 1] = name;
  }

  duplicate(name: string): void {
    if (this.duplicates.length < DUPLICATES_MAX) this.duplicates.push(name.slice(0, VALUE_CHARS_MAX));
  }

  value(value: string | number | boolean | null): void {
    this.#next();
    const key = this.#path.at(-1);
    this.keras.value(key, value);
    if (value === null) return;
    if (this.#path.at(-2) === 'weight_map' && typeof value === 'string') this.#shard(value);
    if (typeof value === 'string' && value.length > 2 && looksLikeTemplate(value) && this.#underTemplate())
      this.#template(value);
    const notable =
      this.#inside?.key ??
      (typeof key === 'string' && isNotable(key) ? key : (this.#moduleType(value) ?? this.#mxnet(value)));
    if (notable !== undefined) this.#note(notable, value);
  }

  /** In an array, moves on to the next index. */
  #next(): void {
    const last = this.#path.at(-1);
    if (typeof last === 'number') this.#path[this.#path.length - 1] = last + 1;
  }

  /** sentence-transformers' modules.json: `[{"type": "package.module.Class"}]` names classes to import. */
  #moduleType(value: string | number | boolean): string | undefined {
    const [index, key, more] = this.#path;
    if (more !== undefined || typeof index !== 'number' || key !== 'type') return undefined;
    return typeof value === 'string' && value.includes('.') ? 'type' : undefined;
  }

  /** A graph of MXNet: `nodes.7.op`. `Custom` calls Python by a name, the native ones hold addresses of memory. */
  #mxnet(value: string | number | boolean): string | undefined {
    const [nodes, , op, more] = this.#path;
    if (nodes !== 'nodes' || op !== 'op' || more !== undefined || typeof value !== 'string') return undefined;
    return /^(?:Custom|_Native|_NDArray|_CustomFunction|_CachedOp)$/.test(value) ? 'mxnet_op' : undefined;
  }

  #underTemplate(): boolean {
    return this.#path.some((part) => typeof part === 'string' && /template/i.test(part));
  }

  #note(key: string, value: string | number | boolean): void {
    if (this.notable.length >= NOTABLE_MAX) {
      this.overflows.add(`more than ${NOTABLE_MAX} keys that decide about code`);
      return;
    }
    this.notable.push({
      key,
      path: this.#where(),
      value: typeof value === 'string' ? value.slice(0, VALUE_CHARS_MAX) : value,
    });
  }

  #template(value: string): void {
    if (this.templates.length >= TEMPLATES_MAX) {
      this.overflows.add(`more than ${TEMPLATES_MAX} templates`);
      return;
    }
    this.templates.push(analyseTemplate(value, this.#where()));
  }

  #shard(value: string): void {
    this.shards ??= new Set();
    if (this.shards.size >= SHARDS_MAX) this.overflows.add(`an index of more than ${SHARDS_MAX} files`);
    else this.shards.add(value.slice(0, VALUE_CHARS_MAX));
  }

  #where(): string {
    const path = this.#path.map((part) => (typeof part === 'number' ? String(part) : part)).join('.');
    return path.length > VALUE_CHARS_MAX ? quoted(path) : path;
  }
}

function isNotable(key: string): boolean {
  // `tokenizer_name_or_path`, `base_model_name_or_path`, …: what else is fetched.
  return NOTABLE_KEYS.has(key) || (key.endsWith('_name_or_path') && key !== '_name_or_path');
}

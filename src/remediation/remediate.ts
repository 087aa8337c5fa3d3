/**
 * Remediating a folder: a second folder with the same model, in which pickled weights are safetensors, code is left out,
 * and templates are replaced or taken away, as far as was asked for. Nothing of the first folder is loaded or run. What
 * was done to each file is on record, with the digest before and after.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import type { RepoPath } from '../base/name.ts';
import { openCheckpoint } from './checkpoint.ts';
import { openFile } from './open-file.ts';
import { tensorsOf } from './tensors.ts';
import { Unconvertible } from './unconvertible.ts';
import { writeSafetensors } from './write-safetensors.ts';

export interface OriginalFile {
  readonly path: RepoPath;
  readonly sha256: string;
  readonly format: string;
}

export interface RemediationPlan {
  /** The files of the model, below `from`. */
  readonly from: string;
  readonly to: string;
  readonly files: readonly OriginalFile[];
  readonly code: 'kept' | 'excluded';
  /** What becomes of chat templates: kept, taken away, or replaced by this text. */
  readonly template: 'kept' | 'removed' | { readonly text: string };
}

/** What became of one file. */
export interface Deed {
  readonly path: string;
  readonly sha256: string;
  readonly did: 'kept' | 'converted' | 'rewritten' | 'excluded';
  readonly why: string;
  /** Of a converted or rewritten file: what stands for it. */
  readonly into?: string;
  readonly tensors?: number;
  /** What a checkpoint held beside its weights, and was left behind. */
  readonly left?: readonly string[];
}

/** Names under which pickled weights come, each with what becomes of it. */
const WEIGHTS: readonly (readonly [RegExp, string])[] = [
  [/^(.*?)pytorch_model(-\d+-of-\d+)?\.bin$/, '$1model$2.safetensors'],
  [/^(.*)\.(?:bin|pt|pth|ckpt|pkl)$/, '$1.safetensors'],
];

const INDEX = /^(.*?)pytorch_model\.bin\.index\.json$/;

/** Code, and what a machine runs by itself. */
const CODE = /\.(?:py|pyc|pyd|pyw|so|dll|dylib|sh|bash|bat|cmd|ps1|js|ipynb|exe)$/i;

/** Configurations that are rewritten are read whole. */
const CONFIG_BYTES_MAX = 64 << 20;

/** Formats whose tensors can be taken, and those that a loader would unpack under the name of weights. */
const PICKLED: ReadonlySet<string> = new Set(['pickle', 'pytorch', 'tar']);
const PACKED: ReadonlySet<string> = new Set(['zip', 'compressed', '7z']);

/** Throws WL_NOT_CONVERTIBLE where weights cannot be converted; the new folder is then incomplete, and to be dropped. */
export function remediate(plan: RemediationPlan): readonly Deed[] {
  const paths = new Set<string>(plan.files.map((file) => file.path));
  return plan.files.map((file) => new Remediation(plan, paths).file(file));
}

class Remediation {
  readonly #plan: RemediationPlan;
  readonly #paths: ReadonlySet<string>;

  constructor(plan: RemediationPlan, paths: ReadonlySet<string>) {
    this.#plan = plan;
    this.#paths = paths;
  }

  file(file: OriginalFile): Deed {
    const about = { path: file.path, sha256: file.sha256 };
    if (this.#plan.code === 'excluded' && CODE.test(file.path))
      return { ...about, did: 'excluded', why: 'it is code' };
    const packed = PACKED.has(file.format) && convertedName(file.path) !== undefined;
    if (packed || PICKLED.has(file.format)) return this.#pickled(file);
    if (INDEX.test(file.path)) return this.#index(file);
    if (this.#plan.template !== 'kept' && isTemplate(file)) return this.#template(file);
    this.#copy(file.path);
    return { ...about, did: 'kept', why: 'nothing in it was asked to be changed' };
  }

  #pickled({ path: name, sha256: digest }: OriginalFile): Deed {
    const about = { path: name, sha256: digest };
    const into = convertedName(name);
    if (into === undefined)
      return { ...about, did: 'excluded', why: 'it is a pickle and no weights by its name' };
    if (this.#paths.has(into))
      return { ...about, did: 'excluded', why: `${into} holds the same weights already` };
    try {
      using file = openFile(path.join(this.#plan.from, name));
      const { tensors, from, left } = tensorsOf(openCheckpoint(file));
      const written = writeSafetensors(this.#target(into), tensors, file);
      const where = from === '' ? '' : `, taken from its ${from}`;
      const why = `${written.tensors} tensors written as safetensors${where}`;
      return {
        ...about,
        did: 'converted',
        why,
        into,
        tensors: written.tensors,
        left: left.slice(0, LEFT_MAX),
      };
    } catch (error) {
      if (!(error instanceof Unconvertible)) throw error;
      if (isTrainingState(name)) return { ...about, did: 'excluded', why: `it ${error.message}` };
      throw new WeighlockError('WL_NOT_CONVERTIBLE', `${name} cannot be converted: it ${error.message}`);
    }
  }

  /** The index of shards: their new names. */
  #index({ path: name, sha256: digest }: OriginalFile): Deed {
    const into = name.replace(INDEX, '$1model.safetensors.index.json');
    const about = { path: name, sha256: digest };
    if (this.#paths.has(into)) return { ...about, did: 'excluded', why: `${into} stands beside it` };
    const index = this.#json(name);
    const map = (index.weight_map ?? {}) as Record<string, unknown>;
    const weightMap = Object.fromEntries(
      Object.entries(map).map(([tensor, shard]) => [tensor, convertedName(String(shard)) ?? String(shard)]),
    );
    this.#write(into, `${JSON.stringify({ ...index, weight_map: weightMap }, null, 2)}\n`);
    return { ...about, did: 'rewritten', why: 'its shards have new names', into };
  }

  #template({ path: name, sha256: digest }: OriginalFile): Deed {
    const about = { path: name, sha256: digest };
    const { template } = this.#plan;
    const text = typeof template === 'object' ? template.text : undefined;
    if (/\.jinja2?$/.test(name)) {
      if (text === undefined) return { ...about, did: 'excluded', why: 'it is a chat template' };
      this.#write(name, text);
      return { ...about, did: 'rewritten', why: 'its template was replaced', into: name };
    }
    const { chat_template: before, ...config } = this.#json(name);
    const after = text === undefined ? config : { ...config, chat_template: text };
    if (before === undefined) {
      this.#copy(name);
      return { ...about, did: 'kept', why: 'it holds no template' };
    }
    this.#write(name, `${JSON.stringify(after, null, 2)}\n`);
    const why = text === undefined ? 'its template was taken away' : 'its template was replaced';
    return { ...about, did: 'rewritten', why, into: name };
  }

  #json(name: string): Record<string, unknown> {
    const bytes = readFileSync(path.join(this.#plan.from, name));
    try {
      if (bytes.length > CONFIG_BYTES_MAX) throw new RangeError('too long');
      const value: unknown = JSON.parse(bytes.toString('utf8'));
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
    } catch (cause) {
      throw new WeighlockError('WL_NOT_CONVERTIBLE', `${name} cannot be rewritten: it is no JSON object`, {
        cause,
      });
    }
    throw new WeighlockError('WL_NOT_CONVERTIBLE', `${name} cannot be rewritten: it is no JSON object`);
  }

  #copy(name: string): void {
    copyFileSync(path.join(this.#plan.from, name), this.#target(name));
  }

  #write(name: string, text: string): void {
    writeFileSync(this.#target(name), text, { flag: 'wx' });
  }

  #target(name: string): string {
    const target = path.join(this.#plan.to, name);
    mkdirSync(path.dirname(target), { recursive: true });
    return target;
  }
}

/** What was left behind of one checkpoint, on record; an optimizer has thousands. */
const LEFT_MAX = 100;

function convertedName(name: string): string | undefined {
  for (const [pattern, into] of WEIGHTS) if (pattern.test(name)) return name.replace(pattern, into);
  return undefined;
}

/** What training leaves beside the weights, and no runtime reads. */
function isTrainingState(name: string): boolean {
  return /(?:^|\/)(?:training_args|optimizer|scheduler|rng_state|scaler)[\w.-]*\.(?:bin|pt|pth|pkl)$/.test(
    name,
  );
}

function isTemplate({ path: name }: OriginalFile): boolean {
  return (
    /\.jinja2?$/.test(name) || /(?:^|\/)(?:tokenizer_config|chat_template|processor_config)\.json$/.test(name)
  );
}

/** The record of what was done, as bytes that are the same for the same deeds. */
export function deedsDocument(
  origin: object,
  deeds: readonly Deed[],
): { readonly bytes: Uint8Array; readonly digest: string } {
  const bytes = Buffer.from(`${JSON.stringify({ type: 'weighlock.derived/v1', origin, deeds }, null, 2)}\n`);
  return { bytes, digest: sha256(bytes) };
}

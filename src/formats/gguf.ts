/**
 * GGUF, versions 1 to 3: magic, counts, metadata, tensor infos, padding, tensor data.
 * Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Every count and length in the header is the
 * file's own word, and readers that believed them were exploited: each is checked before it is used.
 */

import { GGML_TYPES } from './gguf-types.ts';
import { GgufValues, type MetadataValue, UINT32 } from './gguf-values.ts';
import { Account, Malformed, quoted } from './malformed.ts';
import type { BaseFacts, Parse } from './parse.ts';
import type { SecretFact } from './secrets.ts';
import { analyseTemplate, type TemplateUse } from './template.ts';
import { accountForTensors, elements, TENSOR_NAME_CHARS_MAX, TENSORS_MAX, type Tensor } from './tensors.ts';
import { Window } from './window.ts';

export const GGUF_PARSER = 'gguf/2';

export interface GgufFacts extends BaseFacts {
  readonly format: 'gguf';
  readonly version: number;
  readonly architecture?: string;
  /** Metadata: short values as they are, arrays and long text by their length. */
  readonly metadata: readonly { readonly key: string; readonly value: MetadataValue }[];
  readonly templates: readonly TemplateUse[];
  /** What looks like a secret in the metadata, as lines of `key = value`. */
  readonly secrets?: readonly SecretFact[];
  readonly tensors: readonly Tensor[];
}

/** Most metadata entries: real files have below 100. */
const METADATA_MAX = 65_536;

/** Longest metadata key: the specification's own limit. */
const KEY_BYTES_MAX = 65_535;

/** GGML_MAX_DIMS. */
const DIMENSIONS_MAX = 4;

const ALIGNMENT_DEFAULT = 32;

/** Largest alignment: more is no alignment but room to hide in. */
const ALIGNMENT_MAX = 4096;

export function isGguf(head: Uint8Array): boolean {
  return head[0] === 0x47 && head[1] === 0x47 && head[2] === 0x55 && head[3] === 0x46;
}

export function* parseGguf(sizeBytes: number): Parse<GgufFacts> {
  const reader = new Reader(sizeBytes);
  try {
    yield* reader.read();
  } catch (thrown) {
    reader.account.give(thrown, sizeBytes);
  }
  return reader.facts();
}

class Reader {
  readonly account = new Account();
  readonly #sizeBytes: number;
  readonly #window: Window;
  readonly #values: GgufValues;
  readonly #metadata: { key: string; value: MetadataValue }[] = [];
  readonly #templates: TemplateUse[] = [];
  #version = 0;
  #alignment = ALIGNMENT_DEFAULT;
  #architecture: string | undefined;
  #tensors: Tensor[] = [];

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
    this.#window = new Window(sizeBytes);
    this.#values = new GgufValues(this.#window);
  }

  facts(): GgufFacts {
    return {
      format: 'gguf',
      parser: GGUF_PARSER,
      sizeBytes: this.#sizeBytes,
      gaps: this.account.gaps,
      problems: this.account.problems,
      version: this.#version,
      ...(this.#architecture === undefined ? {} : { architecture: this.#architecture }),
      metadata: this.#metadata,
      templates: this.#templates,
      tensors: this.#tensors,
    };
  }

  *read(): Parse<void> {
    yield* this.#window.need(8);
    this.#window.u32();
    this.#version = this.#window.u32();
    if (this.#version < 1 || this.#version > 3)
      throw new Malformed('unknown-version', 4, `version ${this.#version} is not one of 1 to 3`);
    this.#values.lengthBytes = this.#version === 1 ? 4 : 8;
    const tensorCount = yield* this.#values.length('tensors', TENSORS_MAX);
    const metadataCount = yield* this.#values.length('metadata entries', METADATA_MAX);
    yield* this.#readMetadata(metadataCount);
    yield* this.#readTensors(tensorCount);
    const dataBegin = align(this.#window.offset, this.#alignment);
    this.#tensors = this.#tensors.map((tensor) => ({
      ...tensor,
      begin: tensor.begin + dataBegin,
      end: tensor.end + dataBegin,
    }));
    const begin = this.#tensors.length === 0 ? this.#window.offset : Math.min(dataBegin, this.#sizeBytes);
    const slackBytesMax = this.#alignment - 1;
    accountForTensors(this.#tensors, { begin, end: this.#sizeBytes, slackBytesMax }, this.account);
  }

  *#readMetadata(count: number): Parse<void> {
    const keys = new Set<string>();
    for (let left = count; left > 0; left -= 1) {
      const at = this.#window.offset;
      const key = yield* this.#values.text(KEY_BYTES_MAX);
      if (keys.has(key)) this.account.problem('duplicate-key', at, `the key ${quoted(key)} stands twice`);
      keys.add(key);
      const { type, value, text } = yield* this.#values.value();
      this.#metadata.push({ key: key.slice(0, TENSOR_NAME_CHARS_MAX), value });
      if (key === 'general.architecture' && typeof value === 'string') this.#architecture = value;
      if (key === 'general.alignment') {
        // Readers that ask for this type without looking stop with an assertion at any other.
        if (type !== UINT32) this.account.problem('bad-alignment', at, 'the alignment is of another type');
        this.#align(value, at);
      }
      if (text !== undefined && /template/i.test(key)) this.#templates.push(analyseTemplate(text, key));
    }
  }

  #align(value: MetadataValue, at: number): void {
    const sane =
      typeof value === 'number' && value >= 1 && value <= ALIGNMENT_MAX && (value & (value - 1)) === 0;
    if (!sane)
      throw new Malformed('bad-alignment', at, `the alignment ${JSON.stringify(value)} is no power of two`);
    this.#alignment = value;
  }

  *#readTensors(count: number): Parse<void> {
    const names = new Set<string>();
    for (let left = count; left > 0; left -= 1) {
      const at = this.#window.offset;
      const name = yield* this.#values.text(TENSOR_NAME_CHARS_MAX);
      if (names.has(name))
        this.account.problem('duplicate-tensor', at, `the tensor ${quoted(name)} stands twice`);
      names.add(name);
      this.#tensors.push(yield* this.#readTensor(name, at));
    }
  }

  *#readTensor(name: string, at: number): Parse<Tensor> {
    yield* this.#window.need(4);
    const dimensions = this.#window.u32();
    if (dimensions > DIMENSIONS_MAX)
      throw new Malformed('too-many-dimensions', at, `tensor ${quoted(name)} has ${dimensions} dimensions`);
    const shape: number[] = [];
    for (let left = dimensions; left > 0; left -= 1)
      shape.push(yield* this.#values.length('elements', Number.MAX_SAFE_INTEGER));
    yield* this.#window.need(12);
    const type = GGML_TYPES.get(this.#window.u32());
    const begin = this.#window.u64();
    const count = elements(shape);
    if (type === undefined || begin === undefined || count === undefined)
      throw new Malformed(
        'bad-tensor',
        at,
        `tensor ${quoted(name)} has an unknown type or an impossible size`,
      );
    if (begin % this.#alignment !== 0)
      this.account.problem('unaligned-tensor', at, `tensor ${quoted(name)} starts at an unaligned offset`);
    // Blocks run along the first dimension: a row that is no multiple of a block cannot be read.
    if ((shape[0] ?? 1) % type.blockElements !== 0)
      this.account.problem(
        'size-mismatch',
        at,
        `tensor ${quoted(name)} does not fill whole blocks of ${type.name}`,
      );
    const bytes = Math.ceil(count / type.blockElements) * type.blockBytes;
    if (!Number.isSafeInteger(begin + bytes))
      throw new Malformed('bad-tensor', at, `tensor ${quoted(name)} has an impossible size`);
    return { name, dtype: type.name, shape, begin, end: begin + bytes };
  }
}

function align(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

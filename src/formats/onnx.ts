/**
 * ONNX: one protobuf message that holds a graph with its weights. Walked without loading it; tensor data is passed
 * over. Schema: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
 */
import { Account } from './malformed.ts';
import { ONNX_SCHEMA } from './onnx-schema.ts';
import { isTensor, TensorChecks } from './onnx-tensors.ts';
import type { BaseFacts, Parse } from './parse.ts';
import { Protobuf, type ProtobufVisitor } from './protobuf.ts';
import { Window } from './window.ts';

export const ONNX_PARSER = 'onnx/2';

export interface ExternalRange {
  readonly location: string;
  readonly begin: number;
  readonly length?: number;
}

export interface OnnxFacts extends BaseFacts {
  readonly format: 'onnx';
  readonly irVersion?: number;
  readonly producer: string;
  /** Versions by domain; the default domain is the empty text. */
  readonly opsets: readonly { readonly domain: string; readonly version: number }[];
  /** Operators used, by domain, with how often; also those inside functions and subgraphs. */
  readonly operators: readonly { readonly domain: string; readonly name: string; readonly count: number }[];
  /** Functions that the model defines itself, as `domain.name`. */
  readonly functions: readonly string[];
  /** Files that hold tensor data outside; hostile text. */
  readonly externalFiles: readonly string[];
  /** Which bytes of those files tensors take; `length` is unknown where the model does not say it. */
  readonly external: readonly ExternalRange[];
  /** Keys of external data other than the five that the format knows; hostile text. */
  readonly externalKeys: readonly string[];
  /** Graphs for training, which run before or beside the model. */
  readonly trainings: number;
  readonly metadata: readonly { readonly key: string; readonly value: string }[];
  readonly initializers: number;
  readonly nodes: number;
}

/** Most different operators, functions, external files and metadata entries kept; a model with more gets a gap. */
const LIST_MAX = 4096;

/** Keys of external data that the format knows. */
const EXTERNAL_KEYS: ReadonlySet<string> = new Set(['location', 'offset', 'length', 'checksum', 'basepath']);

/** Longest name or value kept. */
const CHARS_MAX = 256;

/** `ir_version` as the first field (all known writers do so), a sane version, and a second known field. */
export function isOnnx(head: Uint8Array): boolean {
  const [tag, version, next] = head;
  if (tag !== 0x08 || version === undefined || version > 64 || next === undefined) return false;
  return [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72].includes(next);
}

export function* parseOnnx(sizeBytes: number): Parse<OnnxFacts> {
  const account = new Account();
  const collector = new Collector();
  try {
    const window = new Window(sizeBytes);
    collector.tensors = new TensorChecks(account, () => window.offset);
    yield* new Protobuf(window, ONNX_SCHEMA, account).walk('Model', collector);
  } catch (thrown) {
    account.give(thrown, sizeBytes);
  }
  // Any protobuf message may begin like a model; only one with a graph is one.
  if (collector.graphs !== 1) {
    account.problem('graph-count', 0, `${collector.graphs} graphs where one was expected`);
    account.gap(0, sizeBytes, 'not one model');
  }
  if (collector.overflow) {
    account.problem('too-many', 0, `more than ${LIST_MAX} names of one kind`);
    account.gap(0, sizeBytes, 'more names than are kept');
  }
  return {
    format: 'onnx',
    parser: ONNX_PARSER,
    sizeBytes,
    gaps: account.gaps,
    problems: account.problems,
    ...collector.facts(),
  };
}

class Collector implements ProtobufVisitor {
  graphs = 0;
  overflow = false;
  tensors: TensorChecks | undefined;
  #trainings = 0;
  #irVersion: number | undefined;
  #producer = '';
  #nodes = 0;
  #initializers = 0;
  readonly #opsets: { domain: string; version: number }[] = [];
  readonly #operators = new Map<string, { domain: string; name: string; count: number }>();
  readonly #functions: string[] = [];
  readonly #external = new Set<string>();
  readonly #externalKeys = new Set<string>();
  readonly #metadata: { key: string; value: string }[] = [];
  /** Fields of the messages that are open, innermost last. */
  readonly #open: Map<number, string | number>[] = [];
  #inGraph = 0;

  facts() {
    return {
      ...(this.#irVersion === undefined ? {} : { irVersion: this.#irVersion }),
      producer: this.#producer.slice(0, CHARS_MAX),
      opsets: this.#opsets,
      operators: [...this.#operators.values()].toSorted(byDomainAndName),
      functions: this.#functions.toSorted(),
      externalFiles: [...this.#external].sort(),
      external: this.tensors?.ranges ?? [],
      externalKeys: [...this.#externalKeys].sort(),
      trainings: this.#trainings,
      metadata: this.#metadata,
      initializers: this.#initializers,
      nodes: this.#nodes,
    };
  }

  open(message: string): void {
    this.#open.push(new Map());
    if (message === 'Graph') {
      if (this.#inGraph === 0 && this.#open.length === 2) this.graphs += 1;
      this.#inGraph += 1;
    }
    if (isTensor(message)) this.tensors?.open();
    if (message === 'Training') this.#trainings += 1;
    if (message === 'Node') this.#nodes += 1;
    if (message === 'Initializer') this.#initializers += 1;
  }

  text(message: string, field: number, value: string): void {
    this.#open.at(-1)?.set(field, value.slice(0, CHARS_MAX));
    if (message === 'Model' && field === 2) this.#producer = value;
  }

  data(message: string, field: number, length: number): void {
    if (isTensor(message)) this.tensors?.data(field, length);
  }

  number(message: string, field: number, value: number): void {
    if (isTensor(message)) this.tensors?.number(field, value);
    this.#open.at(-1)?.set(field, value);
    if (message === 'Model' && field === 1) this.#irVersion = value;
  }

  close(message: string): void {
    const fields = this.#open.pop();
    const text = (field: number) => {
      const value = fields?.get(field);
      return typeof value === 'string' ? value : '';
    };
    const { length } = this.#open;
    switch (message) {
      case 'Graph':
        this.#inGraph -= 1;
        break;
      case 'Opset':
        this.#keep(this.#opsets, { domain: text(1), version: Number(fields?.get(2) ?? 0) });
        break;
      case 'Node':
        this.#operator(text(7), text(4));
        break;
      case 'Function':
        this.#keep(this.#functions, `${text(10)}.${text(1)}`);
        break;
      case 'External':
        this.#externalEntry(text(1), text(2));
        break;
      case 'Tensor':
      case 'Initializer':
        this.tensors?.close();
        break;
      case 'Entry':
        if (length === 1) this.#keep(this.#metadata, { key: text(1), value: text(2) });
        break;
      default:
    }
  }

  #operator(domain: string, name: string): void {
    // `ai.onnx` is the long form of the default domain.
    const key = `${domain}\0${name}`;
    const known = this.#operators.get(key);
    if (known !== undefined) known.count += 1;
    else if (this.#operators.size >= LIST_MAX) this.overflow = true;
    else this.#operators.set(key, { domain, name, count: 1 });
  }

  /** Readers that set whatever key stands there as an attribute were led astray (CVE-2026-34445). */
  #externalEntry(key: string, value: string): void {
    this.tensors?.external(key, value);
    const names = key === 'location' ? this.#external : this.#externalKeys;
    if (EXTERNAL_KEYS.has(key) && key !== 'location') return;
    if (names.size >= LIST_MAX) this.overflow = true;
    else names.add(key === 'location' ? value : key);
  }

  #keep<T>(list: T[], item: T): void {
    if (list.length >= LIST_MAX) this.overflow = true;
    else list.push(item);
  }
}

function byDomainAndName(
  a: { readonly domain: string; readonly name: string },
  b: { readonly domain: string; readonly name: string },
): number {
  const [left, right] = [`${a.domain}\0${a.name}`, `${b.domain}\0${b.name}`];
  return left < right ? -1 : left > right ? 1 : 0;
}

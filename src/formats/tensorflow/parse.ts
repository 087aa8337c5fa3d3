/**
 * TensorFlow graphs in protobuf: a SavedModel, a MetaGraphDef (`.meta` of a checkpoint), a frozen GraphDef, and
 * beside a SavedModel Keras' metadata and the fingerprint. A *graph* is nodes, each an *operation* by name, and a
 * *library* of functions made of nodes as well. The facts are the inventory of operations, wherever they stand.
 */
import { describeJson, type JsonFacts } from '../json.ts';
import { Account } from '../malformed.ts';
import type { BaseFacts, Parse } from '../parse.ts';
import { Protobuf, type ProtobufVisitor } from '../protobuf.ts';
import type { TextBase } from '../text-base.ts';
import { Window } from '../window.ts';
import { TENSORFLOW_SCHEMA } from './schema.ts';

export const TENSORFLOW_PARSER = 'tensorflow/1';

export type TensorflowKind = 'saved-model' | 'meta-graph' | 'graph' | 'keras-metadata' | 'fingerprint';

export interface TensorflowFacts extends BaseFacts {
  readonly format: 'tensorflow';
  readonly kind: TensorflowKind;
  /** Operations with how often they stand in nodes, of functions too. */
  readonly operations: readonly { readonly name: string; readonly count: number }[];
  /** Functions that the library defines. */
  readonly functions: readonly string[];
  /** Short constant texts that are an absolute path, a detour or an address; hostile text. */
  readonly paths: readonly string[];
  /** What Keras keeps of each layer, judged as its configurations are. */
  readonly configs: readonly Omit<JsonFacts, keyof TextBase>[];
}

const ROOTS: Readonly<Record<TensorflowKind, string>> = {
  'saved-model': 'SavedModel',
  'meta-graph': 'MetaGraphDef',
  graph: 'GraphDef',
  'keras-metadata': 'KerasMetadata',
  fingerprint: 'FingerprintDef',
};

/** Most different names kept of a kind, and most configurations: a large model has some thousand layers. */
const NAMES_MAX = 65_536;
const PATHS_MAX = 256;
const CONFIGS_MAX = 20_000;

/** Longest name kept. */
const CHARS_MAX = 256;

/** An absolute path, a detour, or an address; `/part` is what TensorFlow itself adds to where it saves. */
const PATH =
  /^(?:\/(?!part$)[^/\s]|~\/|[A-Za-z]:[\\/]|[a-z][a-z0-9+.-]{1,20}:\/\/|\\\\)|(?:^|[\\/])\.\.[\\/]/;

export function isTensorflow(head: Uint8Array): boolean {
  return kindOf(head) !== undefined;
}

export function* parseTensorflow(sizeBytes: number): Parse<TensorflowFacts> {
  const window = new Window(sizeBytes);
  yield* window.reach(Math.min(sizeBytes, HEAD_BYTES));
  const kind = kindOf(window.held.subarray(0, HEAD_BYTES)) ?? 'graph';
  const account = new Account();
  const collector = new Collector(account, sizeBytes);
  try {
    yield* new Protobuf(window, TENSORFLOW_SCHEMA, account).walk(ROOTS[kind], collector);
  } catch (thrown) {
    account.give(thrown, sizeBytes);
  }
  return {
    format: 'tensorflow',
    parser: TENSORFLOW_PARSER,
    sizeBytes,
    gaps: account.gaps,
    problems: account.problems,
    kind,
    ...collector.facts(),
  };
}

/** Bytes that tell the kinds apart. */
const HEAD_BYTES = 256;

/** What the first fields of a message are, as far as the head goes. */
function kindOf(head: Uint8Array): TensorflowKind | undefined {
  const walk = new Head(head);
  // `saved_model_schema_version: 1`, then a meta graph, which begins with its info.
  if (walk.is(0x08, 0x01, 0x12) && walk.enter() && walk.is(0x0a)) return 'saved-model';
  // Four hashes of 64 bits.
  const print = new Head(head);
  if ([0x08, 0x10, 0x18, 0x20].every((tag) => print.is(tag) && (print.varint() ?? 0) > 0xffff_ffff))
    return 'fingerprint';
  const first = new Head(head);
  if (!first.is(0x0a) || !first.enter()) return undefined;
  if (first.is(0x12)) {
    // The list of operations that were used, each with its name first.
    const listed = first.enter() && first.is(0x0a) && first.enter() && first.is(0x0a);
    return listed && first.name() !== undefined ? 'meta-graph' : undefined;
  }
  // Keras numbers its nodes, leaving 0 out, and calls the first one root.
  if (first.is(0x10)) first.varint();
  if (first.is(0x1a)) return first.name() === 'root' ? 'keras-metadata' : undefined;
  if (!first.is(0x0a) || first.name() === undefined) return undefined;
  return first.is(0x12) && /^_?[A-Z][A-Za-z0-9_>]*$/.test(first.name() ?? '') ? 'graph' : undefined;
}

/** Reads the first fields of a message without asking for more than the head. */
class Head {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Moves over these bytes if they are next. */
  is(...bytes: readonly number[]): boolean {
    if (!bytes.every((byte, index) => this.#bytes[this.#at + index] === byte)) return false;
    this.#at += bytes.length;
    return true;
  }

  varint(): number | undefined {
    let value = 0;
    for (let scale = 1, left = 10; left > 0; scale *= 128, left -= 1) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) return undefined;
      this.#at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    return undefined;
  }

  /** Enters a message; only its length is read. */
  enter(): boolean {
    return (this.varint() ?? 0) > 0;
  }

  /** Length and text, if it is printable. */
  name(): string | undefined {
    const length = this.varint() ?? 0;
    const text = Buffer.from(this.#bytes.subarray(this.#at, this.#at + length)).toString('latin1');
    this.#at += length;
    return /^[\x20-\x7e]+$/.test(text) ? text : undefined;
  }
}

class Collector implements ProtobufVisitor {
  readonly #account: Account;
  readonly #sizeBytes: number;
  readonly #operations = new Map<string, number>();
  readonly #functions = new Set<string>();
  readonly #paths = new Set<string>();
  readonly #configs: Omit<JsonFacts, keyof TextBase>[] = [];
  readonly #open: string[] = [];
  #overflow = false;

  constructor(account: Account, sizeBytes: number) {
    this.#account = account;
    this.#sizeBytes = sizeBytes;
  }

  facts() {
    return {
      operations: [...this.#operations].map(([name, count]) => ({ name, count })).sort(byName),
      functions: [...this.#functions].sort(),
      paths: [...this.#paths].sort(),
      configs: this.#configs,
    };
  }

  open(message: string): void {
    this.#open.push(message);
  }

  close(): void {
    this.#open.pop();
  }

  number(): void {}

  text(message: string, field: number, value: string): void {
    const name = value.slice(0, CHARS_MAX);
    if (message === 'NodeDef' && field === 2) this.#operation(name);
    else if (message === 'OpDef' && this.#open.at(-2) === 'FunctionDef')
      this.#keep(this.#functions, name, NAMES_MAX);
    else if (message === 'TensorProto' && PATH.test(value)) this.#keep(this.#paths, name, PATHS_MAX);
    else if (message === 'KerasObject') this.#config(value);
  }

  #operation(name: string): void {
    const count = this.#operations.get(name) ?? 0;
    if (count === 0 && this.#operations.size >= NAMES_MAX) this.#tooMany();
    else this.#operations.set(name, count + 1);
  }

  #keep(names: Set<string>, name: string, max: number): void {
    if (names.size < max) names.add(name);
    else if (!names.has(name) && names === this.#functions) this.#tooMany();
  }

  #config(text: string): void {
    const json = describeJson(text, Buffer.byteLength(text));
    if (!('facts' in json)) this.#gap('config-malformed', `a configuration of Keras is ${json.detail}`);
    else if (this.#configs.length >= CONFIGS_MAX) this.#tooMany();
    else if (json.facts.keras !== undefined || json.facts.notable.length > 0 || json.facts.gaps.length > 0) {
      this.#configs.push(json.facts);
      if (json.facts.gaps.length > 0)
        this.#gap('config-unread', 'a configuration of Keras was not read as a whole');
    }
  }

  #tooMany(): void {
    if (!this.#overflow) this.#gap('too-many', 'more names than are kept');
    this.#overflow = true;
  }

  #gap(code: string, detail: string): void {
    this.#account.problem(code, 0, detail);
    this.#account.gap(0, this.#sizeBytes, detail);
  }
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

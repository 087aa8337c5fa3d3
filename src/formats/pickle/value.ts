/**
 * Abstract values: what the machine knows of an object without making it. A value keeps its kind, and of short
 * texts, small tuples and imports enough to name what is called with what.
 */
import { printable } from '../../base/errors.ts';
import { TEXT_BYTES_MAX } from './facts.ts';

export type Kind =
  | 'none'
  | 'bool'
  | 'int'
  | 'float'
  | 'str'
  | 'bytes'
  | 'pickle'
  | 'bytearray'
  | 'tuple'
  | 'list'
  | 'dict'
  | 'set'
  | 'frozenset'
  | 'global'
  | 'result'
  | 'persistent'
  | 'unknown';

/** An imported name: as Python 3 resolves it, and as written. */
export interface GlobalName {
  readonly module: string;
  readonly name: string;
  readonly writtenModule: string;
  readonly writtenName: string;
}

interface Details {
  readonly text?: string;
  readonly number?: number;
  readonly items?: Value[];
  readonly count?: number;
  readonly global?: GlobalName;
  readonly weight?: number;
}

/** Elements of a tuple that are kept, and the most values that one value may hold on to, itself included. */
const ITEMS_MAX = 8;
const WEIGHT_MAX = 32;
const LIST_ITEMS_MAX = 4;

/** One shape of object for every kind, so that the machine's loop stays monomorphic. */
export class Value {
  readonly kind: Kind;
  /** Of a string (exact, or undefined where it was not kept), of a persistent id in text. */
  readonly text: string | undefined;
  readonly number: number | undefined;
  readonly items: Value[] | undefined;
  count: number;
  readonly global: GlobalName | undefined;
  /** How many values it keeps alive; 0 for the shared ones. */
  readonly weight: number;

  constructor(kind: Kind, details: Details) {
    this.kind = kind;
    this.text = details.text;
    this.number = details.number;
    this.items = details.items;
    this.count = details.count ?? 0;
    this.global = details.global;
    this.weight = details.weight ?? 1;
  }
}

function shared(kind: Kind): Value {
  return new Value(kind, { weight: 0 });
}

export const NONE = shared('none');
export const TRUE = shared('bool');
export const FALSE = shared('bool');
export const FLOAT = shared('float');
export const EMPTY_TUPLE = new Value('tuple', { items: [], weight: 0 });
export const UNKNOWN = shared('unknown');
export const OPAQUE: Readonly<Record<Kind, Value>> = {
  none: NONE,
  bool: TRUE,
  int: shared('int'),
  float: FLOAT,
  str: shared('str'),
  bytes: shared('bytes'),
  pickle: shared('pickle'),
  bytearray: shared('bytearray'),
  tuple: shared('tuple'),
  list: shared('list'),
  dict: shared('dict'),
  set: shared('set'),
  frozenset: shared('frozenset'),
  global: UNKNOWN,
  result: UNKNOWN,
  persistent: shared('persistent'),
  unknown: UNKNOWN,
};

const SMALL_INTS = Array.from({ length: 256 }, (_, number) => new Value('int', { number, weight: 0 }));

export function int(number: number): Value {
  return SMALL_INTS[number] ?? new Value('int', { number });
}

export function str(text: string): Value {
  return new Value('str', { text, weight: 1 + (text.length >> 6) });
}

/** A tuple that keeps its first elements, as far as the weight allows; what it does not keep it knows by kind. */
export function tuple(values: readonly Value[]): Value {
  if (values.length === 0) return EMPTY_TUPLE;
  const items: Value[] = [];
  let weight = 1;
  for (let i = 0; i < values.length && i < ITEMS_MAX; i++) {
    const value = values[i] ?? UNKNOWN;
    const fits = weight + value.weight <= WEIGHT_MAX;
    items.push(fits ? value : OPAQUE[value.kind]);
    if (fits) weight += value.weight;
  }
  return new Value('tuple', { items, count: values.length, weight });
}

/** Lists keep their first leaves, for messages: never containers, so that a list cannot hold on to a tree. */
export function list(): Value {
  return new Value('list', { items: [], weight: LIST_ITEMS_MAX });
}

export function addToList(target: Value, value: Value): void {
  if (target.items === undefined) return;
  target.count++;
  if (target.items.length < LIST_ITEMS_MAX && target.items.length < target.count) {
    target.items.push(
      value.weight <= 1 + (TEXT_BYTES_MAX >> 6) && value.items === undefined ? value : OPAQUE[value.kind],
    );
  }
}

/** Kinds, one level deep for tuples inside: `(str, (int, int))`. */
export function shapeOf(value: Value, depth = 2): string {
  if (value.kind !== 'tuple') return value.kind;
  if (value.items === undefined || depth === 0) return 'tuple';
  const kinds = value.items.map((item) => shapeOf(item, depth - 1));
  if (value.count > value.items.length) kinds.push('…');
  return `(${kinds.join(', ')})`;
}

/** Longest preview of arguments, in characters. */
const PREVIEW_CHARS_MAX = 120;

/** A readable, cut, printable rendering for messages. */
export function previewOf(value: Value): string {
  const whole = render(value, 3);
  return printable(whole.length > PREVIEW_CHARS_MAX ? `${whole.slice(0, PREVIEW_CHARS_MAX)}…` : whole);
}

function render(value: Value, depth: number): string {
  switch (value.kind) {
    case 'str':
      return value.text === undefined ? 'str(…)' : JSON.stringify(value.text);
    case 'int':
      return value.number === undefined ? 'int' : String(value.number);
    case 'none':
      return 'None';
    case 'bool':
      return value === TRUE ? 'True' : 'False';
    case 'tuple':
    case 'list': {
      const [open, close] = value.kind === 'tuple' ? '()' : '[]';
      if (value.items === undefined || depth === 0) return `${open}…${close}`;
      const more = value.count > value.items.length ? ['…'] : [];
      return `${open}${[...value.items.map((item) => render(item, depth - 1)), ...more].join(', ')}${close}`;
    }
    case 'global':
      return value.global ? `${value.global.module}.${value.global.name}` : 'global';
    case 'result':
      return value.global ? `${value.global.module}.${value.global.name}(…)` : 'result';
    default:
      return value.kind;
  }
}

/** The number 0x1950a86a20f9469cfc6c, the first pickle of PyTorch's format before 1.6: told apart by identity. */
export const TORCH_LEGACY_MAGIC = shared('int');

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

/** Elements of a tuple that are kept, and the most values that one value may hold on to, itself included. */
const ITEMS_MAX = 8;
const WEIGHT_MAX = 32;
/** Elements of a list that are kept. */
export const LIST_ITEMS_MAX = 4;

/** One shape of object for every kind, so that the machine's loop stays monomorphic; filled in by the makers below. */
export class Value {
  readonly kind: Kind;
  /** How many values it keeps alive; 0 for the shared ones. */
  readonly weight: number;
  /** Of a string: exact, or undefined where it was not kept. */
  text: string | undefined = undefined;
  number: number | undefined = undefined;
  /** The first elements of a tuple or list. */
  items: Value[] | undefined = undefined;
  /** All elements of a tuple or list. */
  count = 0;
  /** Of a dict that is the state of a joblib array: its entries. */
  entries: Map<string, Value> | undefined = undefined;
  /** What was imported, or whose call made this. */
  global: GlobalName | undefined = undefined;
  /** BUILD has given it a state. */
  built = false;

  constructor(kind: Kind, weight: number) {
    this.kind = kind;
    this.weight = weight;
  }
}

function shared(kind: Kind): Value {
  return new Value(kind, 0);
}

export const NONE = shared('none');
export const TRUE = shared('bool');
export const FALSE = shared('bool');
export const FLOAT = shared('float');
export const EMPTY_TUPLE = tupleOf([], 0);
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

const SMALL_INTS = Array.from({ length: 256 }, (_, number) => integer(number, 0));

export function int(number: number): Value {
  return SMALL_INTS[number] ?? integer(number, 1);
}

function integer(number: number, weight: number): Value {
  const value = new Value('int', weight);
  value.number = number;
  return value;
}

export function str(text: string): Value {
  const value = new Value('str', 1 + (text.length >> 6));
  value.text = text;
  return value;
}

/** What was imported, or the result of calling it. */
export function named(kind: 'global' | 'result', global: GlobalName): Value {
  const value = new Value(kind, 1);
  value.global = global;
  return value;
}

/** What a persistent id brings: a storage of so many elements. */
export function storage(elements: number): Value {
  const value = new Value('persistent', 1);
  value.number = elements;
  return value;
}

/** A tuple that keeps its first elements, as far as the weight allows; what it does not keep it knows by kind. */
export function tuple(values: Value[]): Value {
  if (values.length === 0) return EMPTY_TUPLE;
  let weight = 1;
  for (const value of values) weight += value.weight;
  if (weight <= WEIGHT_MAX && values.length <= ITEMS_MAX) return tupleOf(values, weight);
  weight = 1;
  const items = values.slice(0, ITEMS_MAX).map((value) => {
    if (weight + value.weight > WEIGHT_MAX) return OPAQUE[value.kind];
    weight += value.weight;
    return value;
  });
  const cut = tupleOf(items, weight);
  cut.count = values.length;
  return cut;
}

function tupleOf(items: Value[], weight: number): Value {
  const value = new Value('tuple', weight);
  value.items = items;
  value.count = items.length;
  return value;
}

/** Lists keep their first leaves, for messages: never containers, so that a list cannot hold on to a tree. */
export function list(): Value {
  const value = new Value('list', LIST_ITEMS_MAX);
  value.items = [];
  return value;
}

export function addToList(target: Value, values: readonly Value[]): void {
  if (target.items === undefined) return;
  target.count += values.length;
  for (let i = 0; i < values.length && target.items.length < LIST_ITEMS_MAX; i++) {
    const value = values[i] ?? UNKNOWN;
    const leaf = value.weight <= 1 + (TEXT_BYTES_MAX >> 6) && value.items === undefined;
    target.items.push(leaf ? value : OPAQUE[value.kind]);
  }
}

/** Kinds, one level deep for tuples inside: `(str, (int, int))`. */
export function shapeOf(value: Value, depth = 2): string {
  if (value.kind !== 'tuple') return value.kind;
  if (value.items === undefined || depth === 0) return 'tuple';
  if (value.count === 1 && value.items[0]?.kind !== 'tuple') return `(${value.items[0]?.kind})`;
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

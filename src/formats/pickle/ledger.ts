/**
 * The ledger of one input: what its streams did, merged and bounded, ready to become facts.
 */
import type { Gap } from '../../base/finding.ts';
import type { Problem } from '../parse.ts';
import {
  ENTRIES_MAX,
  NESTED_BYTES_MAX,
  NESTED_MAX,
  NESTED_TOTAL_BYTES_MAX,
  type NestedPickle,
  type PickleFacts,
  type PickleGlobal,
  type PickleOperation,
  PROBLEMS_MAX,
  STORAGES_MAX,
  type StorageReference,
} from './facts.ts';
import { Broken } from './stack.ts';
import { containerClass, storageReference } from './storage.ts';
import { type GlobalName, previewOf, shapeOf, type Value } from './value.ts';

/** What nested pickles share with the one around them, so that many small ones cost no more than one large. */
export interface Budget {
  entries: number;
  nestedBytes: number;
  nested: number;
}

export function newBudget(): Budget {
  return { entries: ENTRIES_MAX, nestedBytes: NESTED_TOTAL_BYTES_MAX, nested: NESTED_MAX };
}

/** `-readonly`: the counts grow while the pickle runs. */
type Entry = { -readonly [Key in keyof PickleGlobal]: PickleGlobal[Key] };

/**
 * Functions that call, or are steered by, some of their arguments (their indices): which globals or constants those
 * are belongs to the shape. The attacker's move: a permitted function that calls another permitted one with anything.
 */
const STEERED_BY: Readonly<Record<string, readonly number[]>> = {
  'builtins.getattr': [0, 1],
  '_codecs.encode': [1],
  'copyreg._reconstructor': [1],
  'torch._tensor._rebuild_from_type_v2': [0],
  'numpy.random._pickle.__bit_generator_ctor': [0],
  'numpy.random._pickle.__randomstate_ctor': [0, 1],
  'numpy.random._pickle.__generator_ctor': [0, 1],
  'pandas.core.indexes.base._new_Index': [0],
  'pandas.core.indexes.datetimes._new_DatetimeIndex': [0],
};

/** Functions that call methods of some of their arguments, or iterate them: what made those belongs to the shape. */
const MADE_BY: Readonly<Record<string, readonly number[]>> = {
  'builtins.bytearray': [0],
  'torch._utils._rebuild_tensor': [0],
  'torch._utils._rebuild_tensor_v2': [0],
  'torch._utils._rebuild_tensor_v3': [0],
  'torch._utils._rebuild_qtensor': [0],
  'torch._utils._rebuild_parameter': [0],
  'torch._utils._rebuild_parameter_with_state': [0],
  'torch._utils._rebuild_device_tensor_from_cpu_tensor': [0],
};

export class Ledger {
  protocol = 0;
  streams = 0;
  opcodes = 0;
  readonly budget: Budget;
  readonly storages: StorageReference[] = [];
  readonly nested: NestedPickle[] = [];
  readonly #entries: Entry[] = [];
  /** By global, which the machine makes once per name and stream, then by operation and shape. */
  readonly #byGlobal = new Map<string, Map<string, Entry>>();
  readonly #known = new WeakMap<GlobalName, Map<string, Entry>>();
  readonly #problems: Problem[] = [];
  readonly #gaps: Gap[] = [];
  readonly #odd: { readonly offset: number; readonly preview: string }[] = [];
  readonly #numbers: boolean;
  #persistent = 0;
  #oddCount = 0;

  constructor(budget: Budget, ids?: 'numbers') {
    this.budget = budget;
    this.#numbers = ids === 'numbers';
  }

  /** Notes an operation on a value. Throws Broken at ENTRIES_MAX: what cannot be told apart is not followed. */
  note(operation: PickleOperation, target: Value, given: Value | undefined, offset: number): void {
    const { module, name } = target.global ?? { module: '', name: `<${target.kind}>` };
    const on = target.kind === 'result' ? 'result' : 'itself';
    const shape = given === undefined ? '' : this.#shape(module, name, given);
    const entries = this.#entriesOf(target.global, name);
    const key = `${operation} ${on} ${shape}`;
    const entry = entries.get(key);
    if (entry !== undefined) {
      entry.count++;
      return;
    }
    if (this.budget.entries-- <= 0) throw tooMany();
    const preview = given === undefined ? '' : previewOf(given);
    this.#add(entries, key, {
      module,
      name,
      ...writtenName(target.global),
      operation,
      on,
      shape,
      preview,
      offset,
      count: 1,
    });
  }

  /** An extension code: what it imports is decided by a registry outside of the file. */
  noteExtension(code: number, offset: number): void {
    const name = `<extension ${code}>`;
    const entries = this.#entriesOf(undefined, name);
    const entry = entries.get('ext');
    if (entry !== undefined) {
      entry.count++;
      return;
    }
    if (this.budget.entries-- <= 0) throw tooMany();
    const [module, shape, preview] = ['', '', ''];
    this.#add(entries, 'ext', {
      module,
      name,
      operation: 'ext',
      on: 'itself',
      shape,
      preview,
      offset,
      count: 1,
    });
  }

  #entriesOf(global: GlobalName | undefined, name: string): Map<string, Entry> {
    const known = global === undefined ? undefined : this.#known.get(global);
    if (known !== undefined) return known;
    const { module = '', writtenModule = '', writtenName = '' } = global ?? {};
    const key = `${module}\n${name}\n${writtenModule}\n${writtenName}`;
    const entries = this.#byGlobal.get(key) ?? new Map<string, Entry>();
    this.#byGlobal.set(key, entries);
    if (global !== undefined) this.#known.set(global, entries);
    return entries;
  }

  #add(entries: Map<string, Entry>, key: string, entry: Entry): void {
    entries.set(key, entry);
    this.#entries.push(entry);
  }

  #shape(module: string, name: string, given: Value): string {
    const callee = `${module}.${name}`;
    const steers = Object.hasOwn(STEERED_BY, callee) ? STEERED_BY[callee] : undefined;
    const made = Object.hasOwn(MADE_BY, callee) ? MADE_BY[callee] : undefined;
    if ((steers ?? made) === undefined || given.items === undefined || given.kind !== 'tuple')
      return shapeOf(given);
    const kinds = given.items.map((item, at) => {
      if (steers?.includes(at)) return steering(item);
      return made?.includes(at) ? maker(item) : shapeOf(item, 1);
    });
    return `(${given.count > kinds.length ? [...kinds, '…'].join(', ') : kinds.join(', ')})`;
  }

  /** The class that an id of a layer names, which the loader hands back; undefined for all other ids. */
  containerId(value: Value): Value | undefined {
    const container = this.#numbers ? undefined : containerClass(value);
    if (container !== undefined) this.#persistent++;
    return container;
  }

  /** Returns how many elements the storage has that the id names, at most. */
  persistentId(value: Value, offset: number): number | undefined {
    this.#persistent++;
    if (this.#numbers && isNumberId(value)) return undefined;
    const storage = storageReference(value);
    if (storage === undefined) {
      this.#oddCount++;
      if (this.#odd.length < PROBLEMS_MAX) this.#odd.push({ offset, preview: previewOf(value) });
    } else if (this.storages.length >= STORAGES_MAX) {
      throw new Broken('too-many-storages', `more than ${STORAGES_MAX} storages`);
    } else {
      this.storages.push(storage);
    }
    return storage?.elements;
  }

  problem(code: string, offset: number, detail: string): void {
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push({ code, offset, detail });
  }

  gap(offset: number, length: number, reason: string): void {
    this.#gaps.push({ offset, length, reason });
  }

  /** Whether bytes of this length may still be parsed as a nested pickle; takes them off the budget if so. */
  mayNest(length: number): boolean {
    if (length > NESTED_BYTES_MAX || length > this.budget.nestedBytes || this.budget.nested <= 0)
      return false;
    this.budget.nestedBytes -= length;
    this.budget.nested--;
    return true;
  }

  facts(sizeBytes: number): PickleFacts {
    return {
      format: 'pickle',
      parser: 'pickle/3',
      sizeBytes,
      gaps: this.#gaps,
      problems: this.#problems,
      protocol: this.protocol,
      streams: this.streams,
      opcodes: this.opcodes,
      globals: this.#entries,
      persistentIds: { count: this.#persistent, odd: this.#odd, oddCount: this.#oddCount },
      nested: this.nested,
    };
  }
}

/** Longest constant that becomes part of a shape. */
const STEERING_CHARS_MAX = 16;

function steering(value: Value): string {
  if (value.global !== undefined && value.kind === 'global')
    return `${value.global.module}.${value.global.name}`;
  if (value.kind === 'result') return maker(value);
  if (value.text !== undefined && value.text.length <= STEERING_CHARS_MAX) return JSON.stringify(value.text);
  return value.kind;
}

function maker(value: Value): string {
  if (value.global === undefined || value.kind !== 'result') return shapeOf(value, 1);
  return `${value.global.module}.${value.global.name}()`;
}

/** As `legacy_load` takes them: a number, in text or not. */
function isNumberId(value: Value): boolean {
  if (value.kind === 'int') return true;
  return value.kind === 'str' && value.text !== undefined && /^[0-9]{1,20}$/.test(value.text);
}

function tooMany(): Broken {
  return new Broken('too-many-globals', `more than ${ENTRIES_MAX} distinct operations on globals`);
}

function writtenName(global: GlobalName | undefined): Pick<PickleGlobal, 'written'> {
  if (global === undefined) return {};
  if (global.module === global.writtenModule && global.name === global.writtenName) return {};
  return { written: { module: global.writtenModule, name: global.writtenName } };
}

/**
 * joblib's arrays: where joblib's unpickler has set the state of a `NumpyArrayWrapper`, the raw array follows in the
 * file, in the midst of the pickle, and the wrapper is replaced by it. How many bytes are no opcodes follows from the
 * wrapper's state alone: its shape, its type, and whether the array is padded to an alignment.
 *
 * Source: `NumpyArrayWrapper.read_array` and `NumpyUnpickler.load_build` in joblib/numpy_pickle.py;
 * `arraydescr_setstate` in numpy's descriptor.c.
 */
import { named, UNKNOWN, Value } from './value.ts';

/** What follows a wrapper: so many raw bytes (behind a byte that counts padding, and the padding), or a pickle. */
export type ArrayBehind =
  | { readonly kind: 'raw'; readonly bytes: number; readonly padded: boolean }
  | { readonly kind: 'pickle' };

/** State dictionaries followed at the same time: picklers fill one before they begin the next. */
export const STATES_MAX = 64;

/** joblib itself, and the copy that scikit-learn brought until 0.22. */
const MODULES: ReadonlySet<string> = new Set([
  'joblib.numpy_pickle',
  'sklearn.externals.joblib.numpy_pickle',
]);

/** Bytes of the types whose size is fixed, as numpy's `dtype.__reduce__` names them. */
const FIXED_BYTES = /^(?:b1|[iu](?:1|2|4|8)|f(?:2|4|8|12|16)|c(?:8|16|24|32)|[mM]8)$/;
/** Types that carry their size in their state: bytes, text, structures. */
const SIZED = /^[SUV]\d{1,9}$/;

const HAS_OBJECTS = 1;

/** What stands for the array that took the wrapper's place. */
export const ARRAY = named('result', {
  module: 'numpy',
  name: 'ndarray',
  writtenModule: 'numpy',
  writtenName: 'ndarray',
});

export function isArrayWrapper(value: Value): boolean {
  if (value.kind !== 'result' || value.global === undefined) return false;
  return value.global.name === 'NumpyArrayWrapper' && MODULES.has(value.global.module);
}

/** A dictionary whose entries are kept: for the state of a wrapper. It is never exchanged for a plainer value. */
export function stateDict(): Value {
  const value = new Value('dict', 0);
  value.entries = new Map();
  return value;
}

/** More keys than a state has: what is no known key makes the state one that is not understood. */
const KEYS_MAX = 16;

export function setEntries(target: Value, pairs: readonly Value[]): void {
  const { entries } = target;
  if (entries === undefined) return;
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    const key = pairs[at]?.text ?? '';
    if (entries.size < KEYS_MAX) entries.set(key, pairs[at + 1] ?? UNKNOWN);
  }
}

/** Keeps, of a new `numpy.dtype`, the name of its type and what its size follows from. */
export function noteDtype(result: Value, given: Value): void {
  const { global } = result;
  if (global?.module !== 'numpy' || global.name !== 'dtype') return;
  const name = given.items?.[0]?.text;
  if (name === undefined || given.items?.[0]?.kind !== 'str') return;
  if (FIXED_BYTES.test(name) || SIZED.test(name) || name === 'O8') result.text = name;
  if (FIXED_BYTES.test(name)) result.number = name === 'b1' ? 1 : Number(name.slice(1));
}

/** `(version, order, subtype, names, fields, size, alignment, flags)`: the attacker may write another size here. */
export function setDtypeState(target: Value, state: Value): void {
  const name = target.text;
  if (name === undefined || target.global?.name !== 'dtype') return;
  const [subtype, size, flags] = [state.items?.[2], state.items?.[5]?.number, state.items?.[7]?.number];
  target.text = undefined;
  if (state.kind !== 'tuple' || subtype?.kind !== 'none' || flags === undefined || size === undefined) return;
  const objects = (flags & HAS_OBJECTS) !== 0;
  if (name === 'O8' ? !objects : objects && !name.startsWith('V')) return;
  if (SIZED.test(name)) target.number = size;
  target.text = objects ? 'O8' : name;
}

/** What follows a wrapper with this state, or undefined where the state does not say it beyond doubt. */
export function arrayBehind(state: Value): ArrayBehind | undefined {
  const { entries } = state;
  if (entries === undefined) return undefined;
  for (const key of entries.keys()) if (!KEYS.has(key)) return undefined;
  const [shape, dtype, alignment] = ['shape', 'dtype', ALIGNMENT].map((key) => entries.get(key));
  if (shape?.kind !== 'tuple' || shape.items === undefined || shape.count !== shape.items.length)
    return undefined;
  if (dtype?.text === undefined || dtype.global?.name !== 'dtype') return undefined;
  if (dtype.text === 'O8') return { kind: 'pickle' };
  let bytes = dtype.number;
  if (bytes === undefined || bytes <= 0) return undefined;
  for (const { number } of shape.items) {
    if (number === undefined || number < 0) return undefined;
    bytes *= number;
  }
  if (!Number.isSafeInteger(bytes)) return undefined;
  if (alignment !== undefined && alignment.kind !== 'int' && alignment.kind !== 'none') return undefined;
  return { kind: 'raw', bytes, padded: alignment?.kind === 'int' };
}

const ALIGNMENT = 'numpy_array_alignment_bytes';
const KEYS: ReadonlySet<string> = new Set(['subclass', 'shape', 'order', 'dtype', 'allow_mmap', ALIGNMENT]);

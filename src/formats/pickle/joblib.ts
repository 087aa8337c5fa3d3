/**
 * joblib's arrays: where joblib's unpickler has set the state of a `NumpyArrayWrapper`, the raw array follows in the
 * file, in the midst of the pickle, and the wrapper is replaced by it. How many bytes are no opcodes follows from the
 * wrapper's state alone: its shape, its type, and whether the array is padded to an alignment.
 *
 * Source: `NumpyArrayWrapper.read_array` and `NumpyUnpickler.load_build` in joblib/numpy_pickle.py.
 */
import { FIELDS_MAX } from './dtype.ts';
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

/** A dictionary whose entries are kept: a wrapper's state, a type's fields. It is never exchanged for a plainer value. */
export function stateDict(): Value {
  const value = new Value('dict', 0);
  value.entries = new Map();
  return value;
}

/** More keys than a state has, or than fields are followed of a type. */
const KEYS_MAX = FIELDS_MAX + 1;

export function setEntries(target: Value, pairs: readonly Value[]): void {
  const { entries } = target;
  if (entries === undefined) return;
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    const key = pairs[at]?.text ?? '';
    if (entries.size < KEYS_MAX) entries.set(key, pairs[at + 1] ?? UNKNOWN);
  }
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

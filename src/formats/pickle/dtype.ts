/**
 * numpy's types and arrays, as far as a pickle says what they are. numpy believes a type's state: the attacker's move
 * is a structure that holds objects and whose flags deny it, or a field outside of its structure. Raw bytes of the
 * file are then taken for pointers. Nothing that numpy writes looks like it, so a state must be true in itself.
 *
 * Source: `arraydescr_reduce` and `arraydescr_setstate` in numpy's descriptor.c, `array_reduce` in methods.c.
 */
import type { Value } from './value.ts';

/** Bytes of the types whose size is fixed, as numpy's `dtype.__reduce__` names them. */
const FIXED_BYTES = /^(?:b1|[iu](?:1|2|4|8)|f(?:2|4|8|12|16)|c(?:8|16|24|32)|[mM]8)$/;
/** Types that carry their size in their state: bytes, text, structures. */
const SIZED = /^[SUV]\d{1,9}$/;
const OBJECT = 'O8';

/** NPY_ITEM_HASOBJECT and NPY_LIST_PICKLE: such arrays are pickled as lists, never as raw bytes. */
const OBJECT_FLAGS = 3;

const FLAGS_LIE = 'the flags of a numpy type do not say what it holds';

/** Structures have at most so many fields here; more are not followed. scikit-learn's largest has thirteen. */
export const FIELDS_MAX = 64;

function isDtype(value: Value | undefined): value is Value {
  return value?.kind === 'result' && value.global?.module === 'numpy' && value.global.name === 'dtype';
}

/**
 * Keeps, of a new `numpy.dtype`, the name of its type and its size where it is fixed. Returns what cannot be true. The
 * attacker's move: a type of objects by another name (`object`, `O`, `i4,O`), whose flags nobody then compares.
 */
export function noteDtype(result: Value, given: Value): string | undefined {
  if (!isDtype(result)) return undefined;
  const [type] = given.items ?? [];
  if (type?.kind === 'global') return noteClass(result, type);
  const name = type?.text;
  if (name === undefined || !(FIXED_BYTES.test(name) || SIZED.test(name) || name === OBJECT))
    return 'a numpy type is not named as numpy names it';
  result.text = name;
  if (name === OBJECT) result.number = 8;
  if (FIXED_BYTES.test(name)) result.number = name === 'b1' ? 1 : Number(name.slice(1));
  return undefined;
}

/** Types that are named by a class: those of `ml_dtypes`, of which it is known how large they are, and records. */
function noteClass(result: Value, { global }: Value): string | undefined {
  const { module, name } = global ?? { module: '', name: '' };
  if (module === 'ml_dtypes') {
    result.number = name === 'bfloat16' ? 2 : 1;
    return undefined;
  }
  if (module === 'numpy' && (name === 'record' || name === 'void')) result.text = RECORD;
  else if (!PLAIN_CLASS.test(`${module}.${name}`)) return 'a numpy type is not named as numpy names it';
  return undefined;
}

/** A structure until its state says of which size. */
const RECORD = 'V';

/** Classes of numbers, whose types never change. */
const PLAIN_CLASS = /^numpy\.(?:bool_?|u?int(?:8|16|32|64)|float(?:16|32|64)|complex(?:64|128))$/;

/**
 * BUILD of a type, `(version, order, subtype, names, fields, size, alignment, flags[, metadata])`: keeps its size and
 * whether it holds objects (`text` is then `O8`). Returns what cannot be true, or undefined.
 */
export function setDtypeState(target: Value, state: Value): string | undefined {
  if (!isDtype(target)) return undefined;
  const name = target.text;
  target.text = undefined;
  if (target.count > 0) return 'the state of a numpy type is set twice';
  target.count = 1;
  const [, , subtype, names, fields, size, , flags] = state.items ?? [];
  if (state.kind !== 'tuple' || size?.number === undefined || flags?.number === undefined)
    return 'the state of a numpy type is not one that numpy writes';
  const objects = flags.number & OBJECT_FLAGS;
  if (objects !== 0 && objects !== OBJECT_FLAGS) return FLAGS_LIE;
  const said = { size: size.number, objects: objects !== 0 };
  if (names?.kind === 'tuple') return setStructure(target, { names, fields, said, name });
  if (names?.kind !== 'none' || fields?.kind !== 'none')
    return 'the fields of a numpy structure cannot be followed';
  if (subtype?.kind === 'tuple') return setSubarray(target, subtype, said);
  return setPlain(target, name, said);
}

interface Said {
  readonly size: number;
  readonly objects: boolean;
}

function setPlain(target: Value, name: string | undefined, { size, objects }: Said): string | undefined {
  // A type of another library, named by its class.
  if (name === undefined) {
    if (objects) return FLAGS_LIE;
    return size === -1 || size === target.number ? undefined : 'a numpy type of fixed size is given another';
  }
  if (name === RECORD) return 'a numpy record has no fields';
  if (objects !== (name === OBJECT)) return FLAGS_LIE;
  if (SIZED.test(name)) {
    const units = Number(name.slice(1));
    if (size !== (name.startsWith('U') ? 4 * units : units)) return 'a numpy type has two sizes';
    target.number = size;
  } else if (size !== -1) {
    return 'a numpy type of fixed size is given another';
  }
  target.text = name;
  return undefined;
}

function setSubarray(target: Value, subtype: Value, { size, objects }: Said): string | undefined {
  const [base, shape] = subtype.items ?? [];
  if (!isDtype(base) || base.number === undefined) return 'the base of a numpy subarray cannot be followed';
  let bytes = base.number;
  const counts = shape?.kind === 'tuple' ? (shape.items ?? []) : [shape];
  for (const count of counts) bytes *= count?.number ?? Number.NaN;
  if (bytes !== size) return 'a numpy type has two sizes';
  if (objects !== (base.text === OBJECT)) return FLAGS_LIE;
  target.number = size;
  if (objects) target.text = OBJECT;
  return undefined;
}

interface Structure {
  readonly names: Value;
  readonly fields: Value | undefined;
  readonly said: Said;
  readonly name: string | undefined;
}

function setStructure(target: Value, { names, fields, said, name }: Structure): string | undefined {
  const entries = fields?.entries;
  if (fields !== undefined) fields.number = 1;
  if (entries === undefined || entries.size !== names.count || entries.size > FIELDS_MAX)
    return 'the fields of a numpy structure cannot be followed';
  let objects = false;
  for (const field of entries.values()) {
    const [type, offset] = field.items ?? [];
    const from = offset?.number;
    if (!isDtype(type) || type.number === undefined || from === undefined)
      return 'a field of a numpy structure cannot be followed';
    if (from < 0 || from + type.number > said.size) return 'a field lies outside of its numpy structure';
    if (type.text === OBJECT) objects = true;
  }
  if (objects !== said.objects) return FLAGS_LIE;
  target.number = said.size;
  target.text = objects ? OBJECT : name;
  return undefined;
}

/** A dictionary that a structure was made of belongs to it, and must stay as it was. */
export function isUsedAsFields(dict: Value): boolean {
  return dict.kind === 'dict' && dict.number === 1;
}

/** A call that makes an array or a number: returns what cannot be true, or undefined. */
export function lieOfArray(callee: string, given: Value): string | undefined {
  const [first, second] = given.items ?? [];
  switch (callee) {
    case 'numpy.core.multiarray._reconstruct':
    case 'numpy._core.multiarray._reconstruct':
      return lieOfEmpty(second);
    case 'numpy.ma.core._mareconstruct':
      return lieOfEmpty(given.items?.[2]);
    case 'numpy.core.multiarray.scalar':
    case 'numpy._core.multiarray.scalar':
      return first?.text === OBJECT ? 'raw bytes stand for an object' : undefined;
    case 'numpy.core.numeric._frombuffer':
    case 'numpy._core.numeric._frombuffer':
      return second?.text === OBJECT ? 'raw bytes stand for objects' : undefined;
  }
  return undefined;
}

/** Arrays begin empty, and get their shape with their state. The attacker's move: a terabyte by one number. */
function lieOfEmpty(shape: Value | undefined): string | undefined {
  const full = shape?.items?.some(({ number }) => number !== undefined && number !== 0);
  return full ? 'an array is made with a size before it has content' : undefined;
}

/** BUILD of an array, `(version, shape, type, order, content)`. */
export function lieOfArrayState(target: Value, state: Value): string | undefined {
  if (target.global?.name !== '_reconstruct') return undefined;
  const [, , type, , content] = state.items ?? [];
  if (type?.text !== OBJECT || content === undefined || content.kind === 'list') return undefined;
  return 'raw bytes stand for objects';
}

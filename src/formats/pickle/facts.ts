/**
 * Pickle: a program for a small stack machine, which a loader runs to rebuild objects. What it imports, calls and
 * changes is decided by the file, so the facts say exactly that: every *global* (a name the loader would import)
 * with what is done to it, the shape of the arguments, and where. Nothing here judges.
 */
import type { BaseFacts } from '../parse.ts';

/**
 * What the machine does with a global, or with something that a call to the global made. `pass` is the global itself
 * handed on, in arguments, a container or a state: whatever receives it may call it with anything.
 */
export type PickleOperation =
  | 'import'
  | 'pass'
  | 'reduce'
  | 'newobj'
  | 'build'
  | 'inst'
  | 'obj'
  | 'ext'
  | 'append'
  | 'setitem'
  | 'additems';

export interface PickleGlobal {
  /** As Python 3 resolves it. Empty where the target is no import: `name` then says what it is, `<str>`. */
  readonly module: string;
  readonly name: string;
  /** As the file spells it, where Python 3 maps the Python 2 name to another (protocols 0 to 2). */
  readonly written?: { readonly module: string; readonly name: string };
  readonly operation: PickleOperation;
  /** `itself`: done to the imported object; `result`: done to what a call to it returned. */
  readonly on: 'itself' | 'result';
  /** Kinds of the arguments (or of BUILD's state), for example `(str, int)`. `pickle` is bytes that were followed. */
  readonly shape: string;
  /** The arguments of the first such operation, quoted and cut, for messages only. */
  readonly preview: string;
  /** Of the first such operation. */
  readonly offset: number;
  readonly count: number;
}

/** A tensor storage that the pickle refers to, as PyTorch's persistent ids name it. */
export interface StorageReference {
  readonly key: string;
  /** For example `torch.FloatStorage`. */
  readonly type: string;
  readonly itemBytes: number;
  readonly elements: number;
}

/** A pickle in bytes of another one; of a `shadow`, what the bytes of a joblib array do for other loaders. */
export interface NestedPickle {
  readonly offset: number;
  readonly facts: PickleFacts;
  readonly shadow?: true;
}

export interface PickleFacts extends BaseFacts {
  readonly format: 'pickle';
  /** The highest protocol that a PROTO opcode announced; 0 without one. */
  readonly protocol: number;
  /** Streams that ran to their STOP. */
  readonly streams: number;
  readonly opcodes: number;
  readonly globals: readonly PickleGlobal[];
  readonly persistentIds: {
    readonly count: number;
    /** The first few that are not a PyTorch storage of the form ('storage', type, key, location, numel). */
    readonly odd: readonly { readonly offset: number; readonly preview: string }[];
    readonly oddCount: number;
  };
  /** Pickles found in bytes inside this one, `offset` in this input, offsets inside counted from there. */
  readonly nested: readonly NestedPickle[];
  /** Present where the file is PyTorch's format before 1.6: five pickles, then raw storages. */
  readonly torchLegacy?: { readonly storages: number; readonly storageBytes: number };
}

/** Bounds the time of a parse, which is linear in the bytes: 400 MB of the densest input, some 15 seconds. */
export const OPCODES_MAX = 200_000_000;

/** Bounds the stack (8 bytes an entry); picklers of the field stay in the thousands, but for very long tuples. */
export const STACK_MAX = 1 << 20;

/** Bounds the mark stack. */
export const MARKS_MAX = 1 << 20;

/** Highest memo key: a key is an index, and one pickled 4 GiB key would make CPython itself allocate 32 GiB. */
export const MEMO_KEY_MAX = 1 << 22;

/**
 * Values kept with their details (some 150 bytes each) on the stack and in the memo; beyond it only their kind is
 * kept. The memo's bound is higher: module names are taken from it behind a vocabulary of as many words.
 */
export const STACK_WEIGHT_MAX = 100_000;
export const MEMO_WEIGHT_MAX = 300_000;

/** Of these, tuples and lists: data has millions of them, which nothing ever asks for again. */
export const MEMO_ITEMS_WEIGHT_MAX = 50_000;

/** Longest text kept, in bytes: a name that is longer is not followed. Longer strings are skipped. */
export const TEXT_BYTES_MAX = 256;

/** Longest newline-terminated argument that must be held (names, memo keys). */
export const LINE_BYTES_MAX = 4096;

/** Distinct (global, operation, shape), together with those of nested pickles: bounds the size of the facts. */
export const ENTRIES_MAX = 8192;

/** Streams one after another in one input. */
export const STREAMS_MAX = 256;

/** Pickles in bytes in pickles: depth, one length, and the sum of all. */
export const NESTING_MAX = 4;
export const NESTED_BYTES_MAX = 8 << 20;
export const NESTED_TOTAL_BYTES_MAX = 64 << 20;
export const NESTED_MAX = 256;

/** Problems and odd persistent ids kept in the facts; the gap that comes with each stays in any case. */
export const PROBLEMS_MAX = 100;

/** Storages that one PyTorch pickle may refer to: the largest checkpoints have some ten thousand. */
export const STORAGES_MAX = 262_144;

/**
 * A *row* of what pickles may do: names of a module, the operations that are permitted on them, and the shapes that
 * arguments and states must have. Everything else that a pickle does is not permitted.
 */

/** Tiers of what is permitted, from the narrowest. */
export type AllowedTier = 'weights-only' | 'training-state' | 'known-classes';

/**
 * `import` the name alone · `pass` it on to whatever may call it · `call` it (REDUCE) · make
 * an instance with `new`, without its `__init__` (NEWOBJ) · `build` what a call or `new` made · set its `item`s ·
 * `append` to it.
 *
 * The attacker's move: an instance whose attribute `append` is a permitted class, so that appending constructs that
 * class with anything. So only containers whose methods are their type's may be filled.
 */
export type Permission = 'import' | 'pass' | 'call' | 'new' | 'build' | 'item' | 'append';

export interface Row {
  readonly tier: AllowedTier;
  /** A module, everything below one where it ends with a dot, or a pattern. */
  readonly module: string | RegExp;
  /** Names separated by spaces, or a pattern. */
  readonly names: string | RegExp;
  readonly may: readonly Permission[];
  /** Shapes of the arguments that `call` may have; without it any. */
  readonly shapes?: RegExp;
  /** Shapes of the arguments of `new`; without it none. */
  readonly makes?: RegExp;
  /** Shapes of the state of `build`; without it a plain dictionary. */
  readonly states?: RegExp;
}

/** A row as the lists of one tier have it. */
export type TierRow = Omit<Row, 'tier'>;

export const CLASS_NAME = /^_?[A-Z][A-Za-z0-9_]*$/;
export const CYTHON_UNPICKLER = /^__pyx_unpickle_[A-Z][A-Za-z0-9_]*$/;
export const CALL: readonly Permission[] = ['import', 'pass', 'call'];
export const INSTANCE: readonly Permission[] = ['import', 'pass', 'new', 'build'];
export const CALLED_INSTANCE: readonly Permission[] = ['import', 'pass', 'call', 'new', 'build'];
export const MAPPING: readonly Permission[] = [...CALLED_INSTANCE, 'item'];

export const NAME: readonly Permission[] = ['import', 'pass'];
export const CALLED: readonly Permission[] = ['import', 'pass', 'call', 'build'];

/** Tuples that are neither the state of attributes one by one, `(dict, dict)`, nor anything that hides one. */
export const THREE_AND_MORE = /^\((?:\w+|\([^()]*\)), (?:\w+|\([^()]*\)), .+\)$/;

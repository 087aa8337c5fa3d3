/**
 * What a pickle may do: operations on globals, in tiers. A row permits exactly the operations that it names, on
 * arguments of exactly the shapes that it names; everything else that a pickle does is not permitted.
 */
import type { PickleGlobal } from '../formats/pickle/facts.ts';
import { storageItemBytes } from '../formats/pickle/storage.ts';
import type { AllowedTier, Permission, Row } from './pickle-row.ts';
import { KNOWN_CLASSES } from './pickle-rows-classes.ts';
import { TRAINING_STATE, WEIGHTS_ONLY } from './pickle-rows-weights.ts';

const ROWS: readonly Row[] = [
  ...WEIGHTS_ONLY.map((row) => ({ ...row, tier: 'weights-only' as const })),
  ...TRAINING_STATE.map((row) => ({ ...row, tier: 'training-state' as const })),
  ...KNOWN_CLASSES.map((row) => ({ ...row, tier: 'known-classes' as const })),
];

/**
 * A state that is not a plain dictionary may be a pair, whose second part sets attributes one by one, `__class__`
 * among them; or an object, whose methods the class calls while it takes the state.
 */
const PLAIN_STATE = /^dict$/;

const NO_ARGUMENTS = /^\(\)$/;

/** The tier that permits the operation, or undefined where none does. */
export function allowedTier(global: PickleGlobal): AllowedTier | undefined {
  const needed = permissionFor(global);
  if (needed === undefined) return undefined;
  if (
    (needed === 'import' || needed === 'pass') &&
    storageItemBytes(global.module, global.name) !== undefined
  )
    return 'weights-only';
  const row = ROWS.find(
    (candidate) =>
      matches(candidate, bundled(global)) &&
      candidate.may.includes(needed) &&
      (shapesOf(candidate, needed)?.test(global.shape) ?? true),
  );
  return row?.tier;
}

function shapesOf(row: Row, needed: Permission): RegExp | undefined {
  switch (needed) {
    case 'call':
      return row.shapes;
    case 'new':
      return row.makes ?? NO_ARGUMENTS;
    case 'build':
      return row.states ?? PLAIN_STATE;
    default:
      return undefined;
  }
}

function permissionFor({ operation, on, shape }: PickleGlobal): Permission | undefined {
  switch (operation) {
    case 'import':
    case 'pass':
      return operation;
    case 'reduce':
      return on === 'itself' ? 'call' : undefined;
    case 'newobj':
      return on === 'itself' ? 'new' : undefined;
    // With arguments they call the class, `__init__` and all; without, CPython only makes the instance.
    case 'obj':
    case 'inst':
      if (on !== 'itself') return undefined;
      return shape === '()' ? 'new' : 'call';
    case 'build':
      return on === 'result' ? 'build' : undefined;
    case 'append':
      return on === 'result' ? 'append' : undefined;
    case 'setitem':
      return on === 'result' ? 'item' : undefined;
    case 'additems':
    case 'ext':
      return undefined;
  }
}

/** scikit-learn brought joblib along until 0.22. */
function bundled(global: PickleGlobal): PickleGlobal {
  const prefix = 'sklearn.externals.';
  if (!global.module.startsWith(prefix)) return global;
  return { ...global, module: global.module.slice(prefix.length) };
}

function matches(row: Row, { module, name }: PickleGlobal): boolean {
  if (!isOf(row.module, module)) return false;
  return typeof row.names === 'string' ? row.names.split(' ').includes(name) : row.names.test(name);
}

function isOf(modules: Row['module'], module: string): boolean {
  if (typeof modules !== 'string') return modules.test(module);
  return modules.endsWith('.') ? module.startsWith(modules) : module === modules;
}

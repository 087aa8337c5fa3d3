/**
 * Passing over an array of joblib in the midst of a pickle. The attacker's move: loaded without joblib, the wrapper
 * stays what it is and the bytes of the array are opcodes like all others. So they are run as such first, beside the
 * pickle: a *shadow* of the machine, which for arrays of numbers breaks within a few bytes. An array of objects is a
 * pickle itself: its shadow runs until it takes a name from the memo, which is not its own.
 */
import type { Parse } from '../parse.ts';
import { LINE_BYTES_MAX } from './facts.ts';
import { ARRAY, type ArrayBehind } from './joblib.ts';
import { type Budget, Ledger } from './ledger.ts';
import type { Machine } from './machine.ts';
import { Broken } from './stack.ts';
import type { Window } from './window.ts';

/** Bytes that are run as opcodes: whatever is still running then was made for it. */
const SHADOW_BYTES = 2 * LINE_BYTES_MAX;

/** Globals that may appear in a shadow before it counts as one that does something. */
const SHADOW_GLOBALS_MAX = 64;

/** Names that an import can have: random bytes make globals too, but not with such names. */
const NAME = /^[\w.]+$/;

/** Runs a pickle in place, to its STOP. Throws Broken as the outer one does. */
export type RunNested = (machine: Machine, window: Window) => Parse<void>;

/** Moves the window behind the array that `machine` stopped at. Throws Broken where the input ends before. */
export function* passArray(
  machine: Machine,
  { array, window, run }: { readonly array: ArrayBehind; readonly window: Window; readonly run: RunNested },
): Parse<void> {
  yield* window.fill(SHADOW_BYTES);
  runShadow(machine, window, array);
  machine.stack.pop();
  machine.stack.push(ARRAY);
  if (array.kind === 'pickle') {
    const inner = machine.nestedInPlace();
    yield* run(inner, window);
    if (inner.unsureFrom !== undefined) machine.unsure('array-not-followed', inner.unsureWhy);
    return;
  }
  let bytes = array.bytes;
  if (array.padded) {
    if (!(yield* window.fill(1))) throw cut();
    bytes += 1 + (window.bytes[0] ?? 0);
  }
  if (!window.skip(bytes)) throw cut();
}

function cut(): Broken {
  return new Broken('truncated', 'the input ends inside of an array');
}

/** Runs the bytes of the array as opcodes, on a view of the machine's stack and memo that leaves them as they are. */
function runShadow(machine: Machine, window: Window, array: ArrayBehind): void {
  const budget: Budget = { entries: SHADOW_GLOBALS_MAX, nestedBytes: 0, nested: 0 };
  const scratch = new Ledger(budget);
  const bytes = window.bytes.subarray(0, SHADOW_BYTES);
  const atEnd = window.atEnd && bytes.length === window.bytes.length;
  let lives = false;
  try {
    const pause = machine.shadow(scratch).run(bytes, window.offset, atEnd);
    const reach = pause.kind === 'more' || pause.kind === 'skip' ? pause.bytes : 0;
    // An array of objects that is longer was followed as a pickle; its shadow would have to break, and did not.
    lives = pause.kind === 'skip-line' || (reach > 0 && window.offset + reach <= machine.inputEnd && !atEnd);
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    lives = error.code === 'shadow-too-deep' || error.code === 'too-many-globals';
  }
  machine.ledger.opcodes += scratch.opcodes;
  const facts = scratch.facts(bytes.length);
  const named = facts.globals.filter(({ module, name }) => NAME.test(module) && NAME.test(name));
  if (named.length > 0)
    machine.ledger.nested.push({
      offset: window.offset,
      facts: { ...facts, gaps: [], problems: [] },
      shadow: true,
    });
  const runs = array.kind === 'raw' && named.length > 0;
  if (lives || runs || facts.problems.some(({ code }) => code === 'computed-name'))
    machine.unsure('array-runs', 'the bytes of an array also run as opcodes, for loaders other than joblib');
}

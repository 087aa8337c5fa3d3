/**
 * Opcodes that make and fill containers. Filling what is not a list, dict or set is a method call (`append`,
 * `extend`, `add`) or an item assignment on whatever lies there: the attacker's move is to let it be a module's
 * dictionary.
 */

import type { PickleOperation } from './facts.ts';
import { setEntries } from './joblib.ts';
import type { Machine } from './machine.ts';
import { type Code, fixed, type Opcode } from './opcode.ts';
import { Broken } from './stack.ts';
import {
  addToList,
  EMPTY_TUPLE,
  type Kind,
  LIST_ITEMS_MAX,
  list,
  OPAQUE,
  tuple,
  type Value,
} from './value.ts';

export const CONTAINERS: readonly (readonly [Code, Opcode])[] = [
  [')', fixed(0, (m) => m.stack.push(EMPTY_TUPLE))],
  ['t', fixed(0, (m) => pushTuple(m, m.stack.popToMark()))],
  [0x85, fixed(0, (m) => pushTuple(m, m.stack.popCount(1)))],
  [0x86, fixed(0, (m) => pushTuple(m, m.stack.popCount(2)))],
  [0x87, fixed(0, (m) => pushTuple(m, m.stack.popCount(3)))],
  [']', fixed(0, (m) => m.stack.push(list()))],
  ['l', fixed(0, (m) => pushList(m, m.stack.popToMark()))],
  ['}', fixed(0, (m) => m.stack.push(m.emptyDict()))],
  ['d', fixed(0, (m) => pushDict(m, m.stack.popToMark()))],
  [0x8f, fixed(0, (m) => m.stack.push(OPAQUE.set))],
  [0x91, fixed(0, (m) => pushFrozenset(m, m.stack.popToMark()))],
  ['a', fixed(0, (m) => fill(m, 'append', m.stack.popCount(1)))],
  ['e', fixed(0, (m) => fillMarked(m, 'append'))],
  ['s', fixed(0, (m) => fill(m, 'setitem', m.stack.popCount(2)))],
  ['u', fixed(0, (m) => fillMarked(m, 'setitem'))],
  [0x90, fixed(0, (m) => fillMarked(m, 'additems'))],
];

const FILLED_BY: Readonly<Partial<Record<PickleOperation, Kind>>> = {
  append: 'list',
  setitem: 'dict',
  additems: 'set',
};

function pushTuple(machine: Machine, values: Value[]): void {
  machine.pass(values);
  machine.stack.push(tuple(values));
}

function pushList(machine: Machine, values: readonly Value[]): void {
  machine.pass(values);
  const value = list();
  addToList(value, values);
  machine.stack.push(value);
}

function pushDict(machine: Machine, values: readonly Value[]): void {
  if (values.length % 2 !== 0) refuseOdd();
  machine.pass(values);
  nameItems(machine, values);
  machine.stack.push(OPAQUE.dict);
}

function pushFrozenset(machine: Machine, values: readonly Value[]): void {
  machine.pass(values);
  machine.stack.push(OPAQUE.frozenset);
}

type Fill = 'append' | 'setitem' | 'additems';

/** What goes into a plain container is forgotten, but for the globals among it: lists and dicts can be long. */
function fillMarked(machine: Machine, operation: Fill): void {
  const target = machine.stack.belowMark();
  machine.filled(target);
  const forgets =
    (operation !== 'append' && target.entries === undefined) ||
    (target.items !== undefined && target.items.length >= LIST_ITEMS_MAX);
  if (target.kind !== FILLED_BY[operation] || !forgets) {
    fill(machine, operation, machine.stack.popToMarkInto());
    return;
  }
  const count = machine.stack.dropToMark((value, before) => {
    machine.pass([value]);
    if (operation === 'setitem') machine.named(before);
  });
  if (operation === 'append') target.count += count;
  else if (operation === 'setitem' && count % 2 !== 0) refuseOdd();
}

function fill(machine: Machine, operation: Fill, values: readonly Value[]): void {
  const target = machine.stack.top();
  if (values.length === 0) return;
  if (operation === 'setitem' && values.length % 2 !== 0) refuseOdd();
  machine.pass(values);
  machine.filled(target);
  if (operation === 'setitem') nameItems(machine, values);
  if (target.kind !== FILLED_BY[operation]) machine.note(operation, target, tuple(values.slice(0, 2)));
  else if (operation === 'append') addToList(target, values);
  else if (operation === 'setitem') setEntries(target, values);
}

/** Keys and values one after another. */
function nameItems(machine: Machine, pairs: readonly Value[]): void {
  for (let at = 1; at < pairs.length; at += 2) if (pairs[at]?.kind === 'global') machine.named(pairs[at - 1]);
}

function refuseOdd(): never {
  throw new Broken('odd-items', 'a dict is given a key without a value');
}

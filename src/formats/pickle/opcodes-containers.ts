/**
 * Opcodes that make and fill containers. Filling what is not a list, dict or set is a method call (`append`,
 * `extend`, `add`) or an item assignment on whatever lies there: the attacker's move is to let it be a module's
 * dictionary.
 */

import type { PickleOperation } from './facts.ts';
import type { Machine } from './machine.ts';
import { type Code, fixed, type Opcode } from './opcode.ts';
import { Broken } from './stack.ts';
import { addToList, EMPTY_TUPLE, type Kind, list, tuple, Value } from './value.ts';

export const CONTAINERS: readonly (readonly [Code, Opcode])[] = [
  [')', fixed(0, (m) => m.stack.push(EMPTY_TUPLE))],
  ['t', fixed(0, (m) => pushTuple(m, m.stack.popToMark()))],
  [0x85, fixed(0, (m) => pushTuple(m, m.stack.popCount(1)))],
  [0x86, fixed(0, (m) => pushTuple(m, m.stack.popCount(2)))],
  [0x87, fixed(0, (m) => pushTuple(m, m.stack.popCount(3)))],
  [']', fixed(0, (m) => m.stack.push(list()))],
  ['l', fixed(0, (m) => pushList(m, m.stack.popToMark()))],
  ['}', fixed(0, (m) => m.stack.push(container('dict')))],
  ['d', fixed(0, (m) => pushDict(m, m.stack.popToMark()))],
  [0x8f, fixed(0, (m) => m.stack.push(container('set')))],
  [0x91, fixed(0, (m) => pushFrozenset(m, m.stack.popToMark()))],
  ['a', fixed(0, (m) => fill(m, 'append', m.stack.popCount(1)))],
  ['e', fixed(0, (m) => fill(m, 'append', m.stack.popToMarkInto()))],
  ['s', fixed(0, (m) => fill(m, 'setitem', m.stack.popCount(2)))],
  ['u', fixed(0, (m) => fill(m, 'setitem', m.stack.popToMarkInto()))],
  [0x90, fixed(0, (m) => fill(m, 'additems', m.stack.popToMarkInto()))],
];

const FILLED_BY: Readonly<Partial<Record<PickleOperation, Kind>>> = {
  append: 'list',
  setitem: 'dict',
  additems: 'set',
};

function container(kind: 'dict' | 'set' | 'frozenset'): Value {
  return new Value(kind, {});
}

function filled(target: Value, values: readonly Value[]): Value {
  for (const value of values) addToList(target, value);
  return target;
}

function pushTuple(machine: Machine, values: readonly Value[]): void {
  machine.pass(values);
  machine.stack.push(tuple(values));
}

function pushList(machine: Machine, values: readonly Value[]): void {
  machine.pass(values);
  machine.stack.push(filled(list(), values));
}

function pushDict(machine: Machine, values: readonly Value[]): void {
  refuseOdd(values);
  machine.pass(values);
  machine.stack.push(container('dict'));
}

function pushFrozenset(machine: Machine, values: readonly Value[]): void {
  machine.pass(values);
  machine.stack.push(container('frozenset'));
}

function fill(
  machine: Machine,
  operation: 'append' | 'setitem' | 'additems',
  values: readonly Value[],
): void {
  const target = machine.stack.top();
  if (values.length === 0) return;
  if (operation === 'setitem') refuseOdd(values);
  machine.pass(values);
  if (target.kind !== FILLED_BY[operation]) machine.note(operation, target, tuple(values.slice(0, 2)));
  else if (operation === 'append') filled(target, values);
}

function refuseOdd(values: readonly Value[]): void {
  if (values.length % 2 !== 0) throw new Broken('odd-items', 'a dict is given a key without a value');
}

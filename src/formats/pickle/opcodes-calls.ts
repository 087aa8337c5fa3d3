/**
 * Opcodes that import, call and change objects: everything that can run code.
 */
import type { Machine } from './machine.ts';
import { type Code, fixed, lines, type Opcode } from './opcode.ts';
import { Broken } from './stack.ts';
import { python2Text, utf8 } from './text.ts';
import { OPAQUE, storage, str, tuple, UNKNOWN, type Value } from './value.ts';

export const CALLS: readonly (readonly [Code, Opcode])[] = [
  ['c', lines(2, globalLines)],
  [0x93, fixed(0, stackGlobal)],
  ['R', fixed(0, reduce)],
  ['b', fixed(0, build)],
  ['i', lines(2, inst)],
  ['o', fixed(0, obj)],
  [0x81, fixed(0, newobj)],
  [0x92, fixed(0, newobjEx)],
  [0x82, fixed(1, (m, w, from) => extension(m, w[from] ?? 0))],
  [0x83, fixed(2, (m, w, from) => extension(m, w.readUInt16LE(from)))],
  [0x84, fixed(4, (m, w, from) => extension(m, w.readInt32LE(from)))],
  ['P', lines(1, persistentLine)],
  ['Q', fixed(0, (m) => persistent(m, m.stack.pop()))],
];

interface NameLines {
  readonly module: string | undefined;
  readonly name: string | undefined;
}

type Decode = (window: Buffer, from: number, to: number) => string | undefined;

/** Two lines, each of one byte at least (`bad_readline` otherwise). */
function nameLines(window: Buffer, from: number, to: number, decode: Decode): NameLines {
  const newline = window.subarray(from, to).indexOf(0x0a);
  if (newline <= 0 || from + newline + 1 >= to)
    throw new Broken('bad-name', 'a module or name in text is empty or cut');
  return { module: decode(window, from, from + newline), name: decode(window, from + newline + 1, to) };
}

function globalLines(machine: Machine, window: Buffer, from: number, to: number): void {
  const { module, name } = nameLines(window, from, to, utf8);
  if (module === undefined || name === undefined)
    throw new Broken('bad-name', 'a module or name is not UTF-8');
  machine.stack.push(machine.import(module, name));
}

/** Both names must be known exactly: computed at run time, cut or undecodable ones cannot be followed. */
function stackGlobal(machine: Machine): void {
  const name = machine.stack.pop();
  const module = machine.stack.pop();
  for (const part of [module, name]) {
    if (
      part.kind !== 'str' &&
      part.kind !== 'unknown' &&
      part.kind !== 'result' &&
      part.kind !== 'persistent'
    )
      throw new Broken('bad-name', `STACK_GLOBAL takes its name from a ${part.kind}`);
  }
  if (machine.arrays === 'shadow') refuseInShadow(machine, module, name);
  if (module.kind !== 'str' || module.text === undefined || name.kind !== 'str' || name.text === undefined) {
    machine.unsure('computed-name', 'STACK_GLOBAL imports a name that is computed or too long to hold');
    machine.stack.push(UNKNOWN);
    return;
  }
  machine.stack.push(machine.import(module.text, name.text));
}

/**
 * What nothing but a string can name ends a shadow: calls that make a plain string are not permitted anyway. So does
 * the name `dtype` of a module that the memo did not mean: it is imported, and has none.
 */
function refuseInShadow(machine: Machine, module: Value, name: Value): void {
  if (module.kind === 'str' && name.kind === 'str' && name.text !== 'dtype') return;
  if (module.kind === 'unknown' || name.kind === 'unknown') return;
  if (module.text !== undefined && module.kind === 'str') {
    if (/^numpy\b/.test(module.text)) return;
    machine.import(module.text, name.text ?? '');
  }
  throw new Broken('bad-name', 'STACK_GLOBAL takes a name that is none');
}

function reduce(machine: Machine): void {
  const given = machine.stack.pop();
  const callee = machine.stack.pop();
  machine.stack.push(machine.call('reduce', callee, given));
}

/** `__setstate__`, or the instance's dictionary, or attributes: on an imported object it changes that object. */
function build(machine: Machine): void {
  const state = machine.stack.pop();
  machine.pass([state]);
  const target = machine.stack.top();
  machine.note('build', target, state);
  if (target.kind === 'result') machine.built(target, state);
}

function inst(machine: Machine, window: Buffer, from: number, to: number): void {
  const values = machine.stack.popToMark();
  machine.pass(values);
  const given = tuple(values);
  const { module, name } = nameLines(window, from, to, python2Text);
  if (module === undefined || name === undefined)
    throw new Broken('bad-name', 'a module or name of INST is not ASCII');
  machine.stack.push(machine.call('inst', machine.import(module, name), given));
}

function obj(machine: Machine): void {
  const [callee, ...given] = machine.stack.popToMark();
  if (callee === undefined) throw new Broken('stack-underflow', 'OBJ has no class to call');
  machine.pass(given);
  machine.stack.push(machine.call('obj', callee, tuple(given)));
}

function newobj(machine: Machine): void {
  const given = machine.stack.pop();
  const callee = machine.stack.pop();
  machine.stack.push(machine.call('newobj', callee, given));
}

function newobjEx(machine: Machine): void {
  const named = machine.stack.pop();
  const given = machine.stack.pop();
  const callee = machine.stack.pop();
  machine.stack.push(machine.call('newobj', callee, tuple([given, named])));
}

/** `copyreg`'s registry of the loading process decides what the code means: it cannot be followed. */
function extension(machine: Machine, code: number): void {
  if (code <= 0) throw new Broken('bad-extension', `extension code ${code} does not exist`);
  machine.ledger.noteExtension(code, machine.offset);
  machine.unsure('extension', `what extension code ${code} imports is decided outside of the file`);
  machine.stack.push(UNKNOWN);
}

function persistentLine(machine: Machine, window: Buffer, from: number, to: number): void {
  const text = python2Text(window, from, to);
  if (text === undefined) throw new Broken('bad-persistent-id', 'a persistent id in text is not ASCII');
  persistent(machine, str(text));
}

function persistent(machine: Machine, id: Value): void {
  const container = machine.ledger.containerId(id);
  if (container !== undefined) {
    machine.stack.push(container);
    return;
  }
  const elements = machine.ledger.persistentId(id, machine.offset);
  machine.stack.push(elements === undefined ? OPAQUE.persistent : storage(elements));
}

/**
 * The opcodes by their byte. Semantics are those of the `load_*` functions of CPython's `Modules/_pickle.c`, whose
 * order of checks decides what still happens before an error.
 */
import type { Opcode } from './opcode.ts';
import { CALLS } from './opcodes-calls.ts';
import { CONTAINERS } from './opcodes-containers.ts';
import { CONSTANTS, CONTROL, MEMO, STACK, TEXTS } from './opcodes-values.ts';

/** By the opcode's byte; undefined is no opcode. */
export const OPCODES: readonly (Opcode | undefined)[] = table();

function table(): (Opcode | undefined)[] {
  const opcodes: (Opcode | undefined)[] = new Array(256).fill(undefined);
  for (const [code, opcode] of [
    ...CONTROL,
    ...CONSTANTS,
    ...TEXTS,
    ...STACK,
    ...MEMO,
    ...CONTAINERS,
    ...CALLS,
  ]) {
    opcodes[typeof code === 'number' ? code : code.charCodeAt(0)] = opcode;
  }
  return opcodes;
}

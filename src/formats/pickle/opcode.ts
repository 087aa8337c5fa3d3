/**
 * An opcode: how it finds its argument, and its work.
 */
import type { Machine } from './machine.ts';

/** Does the opcode's work; its argument lies at [from, to) of the window, which may end before a skipped one. */
export type Run = (machine: Machine, window: Buffer, from: number, to: number) => void;

export interface Opcode {
  /** A `fixed` number of bytes, a payload `counted` by a length of so many bytes, or so many `lines`. */
  readonly operand: 'fixed' | 'counted' | 'lines';
  readonly bytes: number;
  readonly signed: boolean;
  /** The payload may hold a pickle. */
  readonly nests: boolean;
  /** A line too long to hold may be skipped: its text does not decide anything. */
  readonly skips: boolean;
  readonly run: Run;
}

/** One character of the opcode, or its byte. */
export type Code = string | number;

export function fixed(bytes: number, run: Run): Opcode {
  return { operand: 'fixed', bytes, signed: false, nests: false, skips: false, run };
}

export function counted(
  bytes: number,
  run: Run,
  options: { signed?: boolean; nests?: boolean } = {},
): Opcode {
  const { signed = false, nests = false } = options;
  return { operand: 'counted', bytes, signed, nests, skips: false, run };
}

export function lines(count: number, run: Run, options: { skips?: boolean } = {}): Opcode {
  return { operand: 'lines', bytes: count, signed: false, nests: false, skips: options.skips ?? false, run };
}

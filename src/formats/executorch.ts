/**
 * ExecuTorch programs (`.pte`): a FlatBuffer of execution plans, with segments of data behind it. The plan is a
 * program for an interpreter, and parts of it go to *delegates*, whose data only their backends understand.
 * Schema: https://github.com/pytorch/executorch/blob/main/schema/program.fbs.
 */
import { type FlatField, type FlatSchema, walkTables } from './flatbuffers.ts';
import { Account } from './malformed.ts';
import type { BaseFacts, Parse } from './parse.ts';
import { Space } from './space.ts';

export const EXECUTORCH_PARSER = 'executorch/1';

export interface ExecutorchFacts extends BaseFacts {
  readonly format: 'executorch';
  /** Operators that the runtime must have, for example `aten::add.out`; hostile text. */
  readonly operators: readonly string[];
  /** Backends that parts of the program are for. */
  readonly delegates: readonly string[];
}

const NAMES_MAX = 4096;
const CHARS_MAX = 256;

const text: FlatField = { kind: 'text' };
const tables = (name: string): FlatField => ({ kind: 'tables', name });

/** Only what names operators and backends: the rest of a program is a gap in any case. */
const SCHEMA: FlatSchema = {
  Program: { 1: tables('ExecutionPlan') },
  ExecutionPlan: { 0: text, 6: tables('Operator'), 7: tables('BackendDelegate') },
  Operator: { 0: text, 1: text },
  BackendDelegate: { 0: text },
};

export function isExecutorch(head: Uint8Array): boolean {
  return /^ET\d\d$/.test(Buffer.from(head.subarray(4, 8)).toString('latin1'));
}

export function* parseExecutorch(sizeBytes: number): Parse<ExecutorchFacts> {
  const account = new Account();
  const operators = new Set<string>();
  const delegates = new Set<string>();
  const keep = (names: Set<string>, name: string) => {
    if (names.size < NAMES_MAX) names.add(name.slice(0, CHARS_MAX));
  };
  try {
    yield* walkTables(new Space(sizeBytes), SCHEMA, {
      name: 'Program',
      visit: ({ name, values }) => {
        const overload = values.get(1);
        const dot = typeof overload === 'string' && overload !== '' ? `.${overload}` : '';
        if (name === 'Operator') keep(operators, `${values.get(0) ?? ''}${dot}`);
        if (name === 'BackendDelegate') keep(delegates, String(values.get(0) ?? ''));
      },
    });
  } catch (thrown) {
    account.give(thrown, sizeBytes);
  }
  account.gap(0, sizeBytes, 'what an ExecuTorch program does was not analysed');
  return {
    format: 'executorch',
    parser: EXECUTORCH_PARSER,
    sizeBytes,
    gaps: account.gaps,
    problems: account.problems,
    operators: [...operators].sort(),
    delegates: [...delegates].sort(),
  };
}

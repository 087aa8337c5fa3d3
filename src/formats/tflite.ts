/**
 * TensorFlow Lite: a FlatBuffer of subgraphs, operator codes and buffers.
 * Schema: https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs.
 */
import { type FlatField, type FlatSchema, type FlatTable, walkTables } from './flatbuffers.ts';
import { Account, Malformed } from './malformed.ts';
import type { BaseFacts, Parse } from './parse.ts';
import { Space } from './space.ts';

export const TFLITE_PARSER = 'tflite/1';

export interface TfliteFacts extends BaseFacts {
  readonly format: 'tflite';
  readonly version: number;
  /** Operators that the runtime brings, by number. */
  readonly builtins: readonly number[];
  /** Operators by name, which the application must bring; `Flex…` are TensorFlow's. Hostile text. */
  readonly customs: readonly string[];
  readonly subgraphs: number;
  readonly operators: number;
  readonly tensors: number;
  readonly dataBytes: number;
  /** Bytes of options whose kind depends on the operator, and padding. */
  readonly otherBytes: number;
}

/** Options of one operator that are not walked, and padding between structures: at most so much at a place. */
const OTHER_BYTES_MAX = 1024;

/** Most different operators. */
const OPERATORS_MAX = 4096;

const int = (bytes: 1 | 2 | 4 | 8): FlatField => ({ kind: 'number', bytes });
const list = (bytes: number): FlatField => ({ kind: 'vector', bytes });
const table = (name: string): FlatField => ({ kind: 'table', name });
const tables = (name: string): FlatField => ({ kind: 'tables', name });
const text: FlatField = { kind: 'text' };
const union: FlatField = { kind: 'union' };

const SCHEMA: FlatSchema = {
  Model: {
    0: int(4),
    1: tables('OperatorCode'),
    2: tables('SubGraph'),
    3: text,
    4: tables('Buffer'),
    5: list(4),
    6: tables('Metadata'),
    7: tables('Signature'),
  },
  OperatorCode: { 0: int(1), 1: text, 2: int(4), 3: int(4) },
  SubGraph: { 0: tables('Tensor'), 1: list(4), 2: list(4), 3: tables('Operator'), 4: text },
  Tensor: {
    0: list(4),
    3: text,
    4: table('Quantization'),
    6: table('Sparsity'),
    7: list(4),
    9: tables('VariantTensor'),
  },
  VariantTensor: { 0: list(4) },
  Quantization: { 0: list(4), 1: list(4), 2: list(4), 3: list(8), 5: union },
  Sparsity: { 0: list(4), 1: list(4), 2: tables('DimensionMetadata') },
  DimensionMetadata: { 3: union, 5: union },
  Operator: {
    1: list(4),
    2: list(4),
    4: union,
    5: list(1),
    7: list(1),
    8: list(4),
    9: int(8),
    10: int(8),
    12: union,
  },
  Buffer: { 0: list(1), 1: int(8), 2: int(8), 3: int(4) },
  Metadata: { 0: text, 1: int(4) },
  Signature: { 0: tables('TensorMap'), 1: tables('TensorMap'), 2: text, 3: text },
  TensorMap: { 0: text, 1: int(4) },
};

export function isTflite(head: Uint8Array): boolean {
  return Buffer.from(head.subarray(4, 8)).toString('latin1') === 'TFL3';
}

export function* parseTflite(sizeBytes: number): Parse<TfliteFacts> {
  const model = new Model(sizeBytes);
  try {
    yield* model.read();
  } catch (thrown) {
    model.account.give(thrown, sizeBytes);
  }
  return model.facts();
}

/** The number that stands for an operator by name, and the first that no longer fits the old field. */
const CUSTOM = 32;
const PLACEHOLDER = 127;

class Model {
  readonly account = new Account();
  readonly #sizeBytes: number;
  readonly #space: Space;
  readonly #builtins = new Set<number>();
  readonly #customs = new Set<string>();
  readonly #count = { SubGraph: 0, Operator: 0, Tensor: 0 };
  #version = 0;
  #dataBytes = 0;
  #otherBytes = 0;

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
    this.#space = new Space(sizeBytes);
  }

  facts(): TfliteFacts {
    return {
      format: 'tflite',
      parser: TFLITE_PARSER,
      sizeBytes: this.#sizeBytes,
      gaps: this.account.gaps,
      problems: this.account.problems,
      version: this.#version,
      builtins: [...this.#builtins].sort((a, b) => a - b),
      customs: [...this.#customs].sort(),
      subgraphs: this.#count.SubGraph,
      operators: this.#count.Operator,
      tensors: this.#count.Tensor,
      dataBytes: this.#dataBytes,
      otherBytes: this.#otherBytes,
    };
  }

  *read(): Parse<void> {
    this.#space.claim(4, 4, 'the magic number');
    yield* walkTables(this.#space, SCHEMA, { name: 'Model', visit: (found) => this.#visit(found) });
    this.#otherBytes = this.#space.account(this.account, OTHER_BYTES_MAX);
  }

  #visit({ name, values }: FlatTable): void {
    const number = (field: number) => Number(values.get(field) ?? 0);
    switch (name) {
      case 'Model':
        this.#version = number(0);
        break;
      case 'SubGraph':
      case 'Tensor':
        this.#count[name] += 1;
        break;
      case 'Operator':
        this.#count.Operator += 1;
        this.#outside(number(9), number(10));
        break;
      case 'Buffer':
        this.#dataBytes += number(0) + number(2);
        this.#outside(number(1), number(2));
        if (number(3) !== 0) this.#external();
        break;
      case 'OperatorCode': {
        if (this.#builtins.size + this.#customs.size >= OPERATORS_MAX)
          throw new Malformed('too-many', 0, `more than ${OPERATORS_MAX} operators`);
        const old = number(0);
        const code = old < PLACEHOLDER ? Math.max(old, number(3)) : number(3);
        const custom = values.get(1);
        if (code === CUSTOM || typeof custom === 'string')
          this.#customs.add(String(custom ?? '').slice(0, 256));
        else this.#builtins.add(code);
      }
    }
  }

  /** Data of models beyond 2 GB lies behind the FlatBuffer; an offset of 0 or 1 says that it does not. */
  #outside(begin: number, length: number): void {
    if (begin > 1 && length > 0) this.#space.claim(begin, length, 'the data of a buffer');
  }

  #external(): void {
    this.account.problem('external-buffer', 0, 'a buffer that lies in another file');
    this.account.gap(0, 1, 'a buffer that lies in another file');
  }
}

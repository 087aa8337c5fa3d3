/**
 * SentencePiece models (`tokenizer.model`): a protobuf message of pieces and the normaliser's tables.
 * Schema: https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto.
 */
import { Account } from './malformed.ts';
import type { BaseFacts, Parse } from './parse.ts';
import { type Field, Protobuf, type Schema } from './protobuf.ts';
import { Window } from './window.ts';

export const SENTENCEPIECE_PARSER = 'sentencepiece/1';

export interface SentencePieceFacts extends BaseFacts {
  readonly format: 'sentencepiece';
  readonly pieces: number;
}

const plain: Field = { kind: 'plain' };
const message = (name: string): Field => ({ kind: 'message', name });
const fields = (...numbers: number[]): Readonly<Record<number, Field>> =>
  Object.fromEntries(numbers.map((number) => [number, plain]));
const span = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, at) => from + at);

const SCHEMA: Schema = {
  Model: {
    1: message('Piece'),
    2: message('Trainer'),
    3: message('Normalizer'),
    4: message('SelfTest'),
    5: message('Normalizer'),
  },
  Piece: fields(1, 2, 3),
  Trainer: fields(...span(1, 7), ...span(10, 26), ...span(30, 54)),
  Normalizer: fields(...span(1, 6)),
  SelfTest: { 1: message('Sample') },
  Sample: fields(1, 2),
};

/** A first piece: field 1, its text, and its score as a float. Other messages do not begin so. */
export function isSentencePiece(head: Uint8Array): boolean {
  const [tag, length = 0, inner, textLength = 0] = head;
  if (tag !== 0x0a || inner !== 0x0a || length > 0x7f || textLength > 0x7f) return false;
  const score = head[4 + textLength];
  return textLength + 7 <= length && score === 0x15;
}

export function* parseSentencePiece(sizeBytes: number): Parse<SentencePieceFacts> {
  const account = new Account();
  let pieces = 0;
  try {
    yield* new Protobuf(new Window(sizeBytes), SCHEMA, account).walk('Model', {
      open: (name) => {
        if (name === 'Piece') pieces += 1;
      },
      close: () => {},
      text: () => {},
      number: () => {},
    });
  } catch (thrown) {
    account.give(thrown, sizeBytes);
  }
  const { gaps, problems } = account;
  return { format: 'sentencepiece', parser: SENTENCEPIECE_PARSER, sizeBytes, gaps, problems, pieces };
}

/**
 * CatBoost models (`.cbm`): a magic number, the length of a FlatBuffer of trees, that one, and behind it the tables of
 * statistics that models with categories have. Schema:
 * https://github.com/catboost/catboost/tree/master/catboost/libs/model/flatbuffers.
 */
import { type FlatField, type FlatSchema, type FlatTable, walkTables } from './flatbuffers.ts';
import { Account, Malformed, quoted } from './malformed.ts';
import type { BaseFacts, Parse } from './parse.ts';
import { Space } from './space.ts';

export const CATBOOST_PARSER = 'catboost/1';

export interface CatboostFacts extends BaseFacts {
  readonly format: 'catboost';
  readonly trees: number;
  readonly features: number;
  /** Structures behind the trees, by name. */
  readonly parts: readonly string[];
}

/** Padding between structures: at most so much at a place. */
const OTHER_BYTES_MAX = 256;

/** Most tables of statistics. */
const STATISTICS_MAX = 100_000;

/** The part that holds tables of statistics, each with its length. */
const STATISTICS = 'static_provider_v1';

const list = (bytes: number): FlatField => ({ kind: 'vector', bytes });
const table = (name: string): FlatField => ({ kind: 'table', name });
const tables = (name: string): FlatField => ({ kind: 'tables', name });
const text: FlatField = { kind: 'text' };
const texts: FlatField = { kind: 'texts' };

const SCHEMA: FlatSchema = {
  Core: { 0: text, 1: table('Trees'), 2: tables('KeyValue'), 3: texts },
  KeyValue: { 0: text, 1: text },
  Trees: {
    1: list(4),
    2: list(4),
    3: list(4),
    4: tables('Feature'),
    5: tables('FloatFeature'),
    6: tables('OneHotFeature'),
    7: tables('CtrFeature'),
    8: list(8),
    9: list(8),
    10: list(4),
    11: list(4),
    12: tables('Feature'),
    13: tables('EstimatedFeature'),
    16: list(8),
    17: list(4),
    18: tables('Feature'),
  },
  Feature: { 2: text },
  FloatFeature: { 3: list(4), 4: text },
  OneHotFeature: { 1: list(4), 2: texts },
  EstimatedFeature: { 3: list(4) },
  CtrFeature: { 0: table('Ctr'), 1: list(4) },
  Ctr: { 0: table('CtrBase') },
  CtrBase: { 0: table('Combination') },
  Combination: { 0: list(4), 1: list(8), 2: list(8) },
  Statistics: { 0: table('CtrBase'), 1: list(1), 2: list(1) },
};

const MAGIC = 'CBM1';
const HEAD_BYTES = 8;

export function isCatboost(head: Uint8Array): boolean {
  return Buffer.from(head.subarray(0, 4)).toString('latin1') === MAGIC;
}

export function* parseCatboost(sizeBytes: number): Parse<CatboostFacts> {
  const model = new Model(sizeBytes);
  try {
    yield* model.read();
  } catch (thrown) {
    model.account.give(thrown, sizeBytes);
  }
  const { trees, features, parts, account } = model;
  const { gaps, problems } = account;
  return { format: 'catboost', parser: CATBOOST_PARSER, sizeBytes, gaps, problems, trees, features, parts };
}

class Model {
  readonly account = new Account();
  trees = 0;
  features = 0;
  parts: readonly string[] = [];
  readonly #space: Space;

  constructor(sizeBytes: number) {
    this.#space = new Space(sizeBytes);
  }

  *read(): Parse<void> {
    const space = this.#space;
    const head = yield* space.read(0, HEAD_BYTES);
    head.skip(4);
    const coreBytes = head.u32();
    space.claim(0, HEAD_BYTES, 'the head');
    yield* walkTables(space, SCHEMA, {
      name: 'Core',
      base: HEAD_BYTES,
      visit: (found) => this.#visit(found),
    });
    let at = HEAD_BYTES + coreBytes;
    for (const part of this.parts) {
      if (part !== STATISTICS)
        throw new Malformed(
          'unread-part',
          Math.min(at, space.endOfFile),
          `the part ${quoted(part)} is not read`,
        );
      at = yield* this.#statistics(at);
    }
    if (at !== space.endOfFile)
      throw new Malformed(
        'trailing-data',
        Math.min(at, space.endOfFile),
        'the model ends elsewhere than its file',
      );
    space.account(this.account, OTHER_BYTES_MAX);
  }

  /** Tables of statistics from `begin` on; returns where they end. */
  *#statistics(begin: number): Parse<number> {
    const count = (yield* this.#space.read(begin, 4)).u32();
    this.#space.claim(begin, 4, 'a number of tables');
    if (count > STATISTICS_MAX) throw new Malformed('too-many', begin, `${count} tables of statistics`);
    let at = begin + 4;
    for (let left = count; left > 0; left -= 1) {
      const length = (yield* this.#space.read(at, 4)).u32();
      this.#space.claim(at, 4, 'the length of a table');
      yield* walkTables(this.#space, SCHEMA, { name: 'Statistics', base: at + 4, visit: () => {} });
      at += 4 + length;
    }
    return at;
  }

  #visit({ name, values }: FlatTable): void {
    if (name === 'Trees') this.trees = Number(values.get(2) ?? 0);
    if (name === 'Feature' || name === 'FloatFeature') this.features += 1;
    const parts = values.get(3);
    if (name === 'Core' && typeof parts === 'string' && parts !== '')
      this.parts = parts.replaceAll('\0', '').split('\n');
  }
}

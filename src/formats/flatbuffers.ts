/**
 * A bounded walker over FlatBuffers of known schemas. A *table* points to its *vtable*, which says where its fields
 * are; every offset is checked before it is followed, every structure accounted for, and a table that is reached again
 * is not walked again, so that neither loops nor shared tables multiply the work.
 * https://flatbuffers.dev/internals/.
 */
import { Malformed } from './malformed.ts';
import type { Parse } from './parse.ts';
import type { Space } from './space.ts';

/** What a field of a table holds. */
export type FlatField =
  /** A number of so many bytes that facts need. */
  | { readonly kind: 'number'; readonly bytes: 1 | 2 | 4 | 8 }
  | { readonly kind: 'text' }
  /** A list of texts; the table gets them joined by line ends. */
  | { readonly kind: 'texts' }
  /** A vector of elements of so many bytes, passed over. */
  | { readonly kind: 'vector'; readonly bytes: number }
  | { readonly kind: 'table'; readonly name: string }
  | { readonly kind: 'tables'; readonly name: string }
  /** A table of a kind that depends on another field: only its own bytes are accounted for. */
  | { readonly kind: 'union' };

/** Fields by index, tables by name. */
export type FlatSchema = Readonly<Record<string, Readonly<Record<number, FlatField>>>>;

/** A table with the numbers and texts that its schema names; vectors by their number of elements. */
export interface FlatTable {
  readonly name: string;
  readonly values: ReadonlyMap<number, number | string>;
}

/** Most tables of one file: a graph has some ten an operator. */
const TABLES_MAX = 1_000_000;

/**
 * Most work for one file, counted in fields and bytes of text that are looked at: structures may be shared, and a
 * hostile file lets a million tables share the longest one.
 */
const WORK_MAX = 50_000_000;

/** Longest text: settings of a training that are kept as JSON. */
const TEXT_BYTES_MAX = 1024 * 1024;

interface Step {
  readonly name: string;
  readonly at: number;
}

/** Walks all tables from the root, whose offset stands in the first four bytes from `base`. Throws Malformed. */
export function* walkTables(
  space: Space,
  schema: FlatSchema,
  root: { readonly name: string; readonly base?: number; readonly visit: (table: FlatTable) => void },
): Parse<void> {
  const { base = 0 } = root;
  space.claim(base, 4, 'the place of the root');
  const open: Step[] = [{ name: root.name, at: base + (yield* space.read(base, 4)).u32() }];
  let left = TABLES_MAX;
  const work = new Work();
  for (let step = open.pop(); step !== undefined; step = open.pop()) {
    if (space.isClaimed(step.at)) continue;
    left -= 1;
    if (left < 0) throw new Malformed('too-many', step.at, `more than ${TABLES_MAX} tables`);
    const values = new Map<number, number | string>();
    const places = yield* fieldsOf(space, step.at, work);
    const fields = schema[step.name] ?? {};
    for (const [index, at] of places) {
      const field = fields[index];
      if (field === undefined) continue;
      if (field.kind === 'number') {
        values.set(index, (yield* space.read(at, field.bytes)).uint(field.bytes) ?? -1);
        continue;
      }
      const target = at + (yield* space.read(at, 4)).u32();
      yield* follow(space, field, { target, index, values, open, work });
    }
    root.visit({ name: step.name, values });
  }
}

interface Following {
  readonly target: number;
  readonly index: number;
  readonly values: Map<number, number | string>;
  readonly open: Step[];
  readonly work: Work;
}

class Work {
  #left = WORK_MAX;

  spend(units: number, at: number): void {
    this.#left -= units;
    if (this.#left < 0)
      throw new Malformed('too-much', at, 'tables share so much that walking them has no end');
  }
}

function* follow(
  space: Space,
  field: FlatField,
  { target, index, values, open, work }: Following,
): Parse<void> {
  switch (field.kind) {
    case 'table':
      open.push({ name: field.name, at: target });
      break;
    case 'union':
      open.push({ name: '', at: target });
      break;
    case 'tables': {
      const walked = space.isClaimed(target);
      const count = yield* claimVector(space, target, 4);
      values.set(index, count);
      if (walked) break;
      const cursor = yield* space.read(target + 4, count * 4);
      if (open.length + count > TABLES_MAX)
        throw new Malformed('too-many', target, `more than ${TABLES_MAX} tables`);
      for (let at = target + 4, end = at + 4 * count; at < end; at += 4)
        open.push({ name: field.name, at: at + cursor.u32() });
      break;
    }
    case 'vector':
      values.set(index, yield* claimVector(space, target, field.bytes));
      break;
    case 'text':
      values.set(index, yield* readText(space, target, work));
      break;
    case 'texts': {
      const count = yield* claimVector(space, target, 4);
      const cursor = yield* space.read(target + 4, count * 4);
      const texts: string[] = [];
      for (let at = target + 4, end = at + 4 * count; at < end; at += 4)
        texts.push(yield* readText(space, at + cursor.u32(), work));
      values.set(index, texts.join('\n'));
      break;
    }
    case 'number':
      break;
  }
}

function* readText(space: Space, at: number, work: Work): Parse<string> {
  const length = (yield* space.read(at, 4)).u32();
  if (length > TEXT_BYTES_MAX) throw new Malformed('text-too-long', at, `text of ${length} bytes`);
  work.spend(length + 1, at);
  if (!space.isClaimed(at)) space.claim(at, 4 + length + 1, 'a text');
  return (yield* space.read(at + 4, length)).take(length).toString('utf8');
}

/** Where the fields of a table lie, by index. Claims the table and its vtable, which tables share. */
function* fieldsOf(space: Space, at: number, work: Work): Parse<[index: number, at: number][]> {
  const back = (yield* space.read(at, 4)).take(4).readInt32LE();
  const begin = at - back;
  if (begin < 0) throw new Malformed('bad-vtable', at, 'a table before the beginning of the file');
  const head = yield* space.read(begin, 4);
  const vtableBytes = head.u16();
  const tableBytes = head.u16();
  if (vtableBytes < 4 || vtableBytes % 2 !== 0 || tableBytes < 4)
    throw new Malformed('bad-vtable', begin, 'a description of a table that cannot be');
  if (!space.isClaimed(begin)) space.claim(begin, vtableBytes, 'a description of tables');
  space.claim(at, tableBytes, 'a table');
  work.spend(vtableBytes / 2, begin);
  const cursor = yield* space.read(begin + 4, vtableBytes - 4);
  const fields: [number, number][] = [];
  for (let index = 0; cursor.left > 0; index += 1) {
    const offset = cursor.u16();
    if (offset >= tableBytes) throw new Malformed('bad-vtable', begin, 'a field outside of its table');
    if (offset > 0) fields.push([index, at + offset]);
  }
  return fields;
}

function* claimVector(space: Space, at: number, bytes: number): Parse<number> {
  const count = (yield* space.read(at, 4)).u32();
  if (!space.isClaimed(at)) space.claim(at, 4 + count * bytes, 'a list');
  return count;
}

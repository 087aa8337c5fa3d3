/**
 * The index of TensorFlow's checkpoints (`variables.index`): a LevelDB table from the names of tensors to where they
 * lie in the data files. Formats: https://github.com/google/leveldb/blob/main/doc/table_format.md and
 * https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/tensor_bundle.proto.
 */
import { Cursor } from '../cursor.ts';
import { Account, Malformed } from '../malformed.ts';
import type { BaseFacts, Parse } from '../parse.ts';

export const BUNDLE_PARSER = 'tensor-bundle/1';

export interface BundleFacts extends BaseFacts {
  readonly format: 'tensor-bundle';
  readonly tensors: readonly {
    readonly name: string;
    readonly shard: number;
    readonly begin: number;
    readonly end: number;
  }[];
  readonly shards: number;
}

/** Footer: two handles of blocks, padded, and the magic number. */
const FOOTER_BYTES = 48;
const MAGIC = 'db4775248b80fb57';

/** Behind each block: how it is compressed, and a checksum. */
const TRAILER_BYTES = 5;

/** Most blocks, tensors, and the longest block: writers cut at 256 KiB. */
const BLOCKS_MAX = 65_536;
const TENSORS_MAX = 200_000;
const BLOCK_BYTES_MAX = 16 * 1024 * 1024;
const NAME_BYTES_MAX = 4096;

/** A first entry with an empty key, whose value is the header: `num_shards`, or the version of the producer. */
export function isBundle(head: Uint8Array): boolean {
  return (
    head[0] === 0 &&
    head[1] === 0 &&
    head[2] !== undefined &&
    head[2] < 32 &&
    head[3] === 0x08 &&
    head[5] === 0x1a
  );
}

export function* parseBundle(sizeBytes: number): Parse<BundleFacts> {
  const account = new Account();
  const table = new Table(sizeBytes, account);
  try {
    yield* table.read();
  } catch (thrown) {
    account.give(thrown, sizeBytes);
  }
  const { tensors, shards } = table;
  const { gaps, problems } = account;
  return { format: 'tensor-bundle', parser: BUNDLE_PARSER, sizeBytes, gaps, problems, tensors, shards };
}

interface Handle {
  readonly begin: number;
  readonly length: number;
}

interface Entry {
  readonly key: Buffer;
  readonly value: Buffer;
}

class Table {
  readonly tensors: { name: string; shard: number; begin: number; end: number }[] = [];
  shards = 0;
  readonly #sizeBytes: number;
  readonly #account: Account;
  /** Ranges of blocks, with their trailers. */
  readonly #blocks: Handle[] = [];
  /** Where they begin: each is read once, or many entries for one long block would have no end. */
  readonly #places = new Set<number>();

  constructor(sizeBytes: number, account: Account) {
    this.#sizeBytes = sizeBytes;
    this.#account = account;
  }

  *read(): Parse<void> {
    const begin = this.#sizeBytes - FOOTER_BYTES;
    if (begin < 0) throw new Malformed('truncated', 0, 'the table is shorter than its footer');
    const footer = new Cursor(yield { offset: begin, length: FOOTER_BYTES }, begin);
    const meta = handle(footer);
    const index = handle(footer);
    footer.skip(FOOTER_BYTES - 8 - footer.at);
    if (Buffer.from(footer.take(8)).reverse().toString('hex') !== MAGIC)
      throw new Malformed('bad-magic', this.#sizeBytes - 8, 'the table does not end as one');
    yield* this.#block(meta);
    const data = (yield* this.#block(index)).map(({ value }) => handle(new Cursor(value)));
    for (const block of data) for (const entry of yield* this.#block(block)) this.#tensor(entry);
    this.#accountFor(begin);
  }

  *#block(place: Handle): Parse<Entry[]> {
    const length = place.length + TRAILER_BYTES;
    if (this.#blocks.length >= BLOCKS_MAX || place.length > BLOCK_BYTES_MAX || place.length < 4)
      throw new Malformed('bad-block', place.begin, 'too many blocks, or one of an impossible length');
    if (place.begin + length > this.#sizeBytes)
      throw new Malformed('beyond-end', this.#sizeBytes, 'a block lies beyond the end of the table');
    if (this.#places.has(place.begin))
      throw new Malformed('shared-structure', place.begin, 'a block is reached twice');
    this.#places.add(place.begin);
    this.#blocks.push({ begin: place.begin, length });
    const cursor = new Cursor(yield { offset: place.begin, length }, place.begin);
    const bytes = cursor.take(place.length);
    if (cursor.u8() !== 0) throw new Malformed('compressed', place.begin, 'a compressed block is not read');
    return [...entries(bytes, place.begin)];
  }

  #tensor({ key, value }: Entry): void {
    if (key.length === 0) {
      this.shards = fieldsOf(value).get(1) ?? 0;
      return;
    }
    if (this.tensors.length >= TENSORS_MAX)
      throw new Malformed('too-many-tensors', 0, `more than ${TENSORS_MAX} tensors`);
    const fields = fieldsOf(value);
    const [shard, begin, size] = [fields.get(3) ?? 0, fields.get(4) ?? 0, fields.get(5) ?? 0];
    this.tensors.push({ name: key.toString('utf8'), shard, begin, end: begin + size });
  }

  /** Blocks stand one behind the other up to the footer. */
  #accountFor(end: number): void {
    let covered = 0;
    for (const { begin, length } of this.#blocks.toSorted((a, b) => a.begin - b.begin)) {
      if (begin < covered) this.#account.problem('overlap', begin, 'two blocks share bytes');
      if (begin > covered) {
        this.#account.problem('hole', covered, `${begin - covered} bytes belong to no block`);
        this.#account.gap(covered, begin - covered, 'belongs to no block');
      }
      covered = Math.max(covered, begin + length);
    }
    if (covered === end) return;
    this.#account.problem('hole', covered, `the blocks end at ${covered}, the footer begins at ${end}`);
    this.#account.gap(Math.min(covered, end), Math.max(1, end - covered), 'belongs to no block');
  }
}

function handle(cursor: Cursor): Handle {
  return { begin: varint(cursor), length: varint(cursor) };
}

/** Entries whose keys share a prefix with the key before; behind them, restart points and their number. */
function* entries(block: Buffer, origin: number): Iterable<Entry> {
  const restarts = block.readUInt32LE(block.length - 4);
  const end = block.length - 4 - restarts * 4;
  if (end < 0) throw new Malformed('bad-block', origin, 'a block of nothing but restart points');
  const cursor = new Cursor(block.subarray(0, end), origin);
  let key: Buffer = Buffer.alloc(0);
  while (cursor.left > 0) {
    const [shared, unshared, length] = [varint(cursor), varint(cursor), varint(cursor)];
    if (shared > key.length || shared + unshared > NAME_BYTES_MAX)
      throw new Malformed('bad-key', cursor.offset, 'a key that shares more than there is, or is too long');
    key = Buffer.concat([key.subarray(0, shared), cursor.take(unshared)]);
    yield { key, value: cursor.take(length) };
  }
}

/** The numbers of a small message, by field; text and messages are passed over. */
function fieldsOf(value: Buffer): Map<number, number> {
  const cursor = new Cursor(value);
  const fields = new Map<number, number>();
  while (cursor.left > 0) {
    const tag = varint(cursor);
    switch (tag % 8) {
      case 0:
        fields.set(Math.floor(tag / 8), varint(cursor));
        break;
      case 1:
        cursor.skip(8);
        break;
      case 2:
        cursor.skip(varint(cursor));
        break;
      case 5:
        cursor.skip(4);
        break;
      default:
        throw new Malformed('bad-wire-type', 0, 'an entry of the table is no message');
    }
  }
  return fields;
}

function varint(cursor: Cursor): number {
  let value = 0;
  for (let scale = 1, left = 10; left > 0; scale *= 128, left -= 1) {
    const byte = cursor.u8();
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
  }
  throw new Malformed('bad-varint', cursor.offset, 'a number of more than ten bytes');
}

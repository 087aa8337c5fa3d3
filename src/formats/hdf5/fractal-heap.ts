/**
 * Fractal heaps: where objects with many links or attributes keep them. A heap is one space of offsets, cut into
 * direct blocks, which a table of rows of doubling block sizes leads to.
 * https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, section III.G.
 */
import { Cursor } from '../cursor.ts';
import { Malformed } from '../malformed.ts';
import type { Parse } from '../parse.ts';
import type { Hdf5Space } from './space.ts';

/** Most blocks of one heap, widest table, most rows of it. */
const BLOCKS_MAX = 65_536;
const WIDTH_MAX = 256;
const ROWS_MAX = 64;

interface Head {
  readonly width: number;
  readonly startBytes: number;
  /** Rows whose blocks are direct; those behind them are tables again. */
  readonly directRows: number;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly root: number | undefined;
  readonly rows: number;
}

interface Block {
  readonly address: number;
  /** Where in the space of the heap it begins. */
  readonly begin: number;
  readonly length: number;
}

export class FractalHeap {
  readonly #space: Hdf5Space;
  readonly #head: Head;
  readonly #blocks: readonly Block[];

  private constructor(space: Hdf5Space, head: Head, blocks: readonly Block[]) {
    this.#space = space;
    this.#head = head;
    this.#blocks = blocks;
  }

  static *open(space: Hdf5Space, address: number): Parse<FractalHeap> {
    const head = yield* readHead(space, address);
    const blocks = yield* readBlocks(space, head);
    return new FractalHeap(
      space,
      head,
      blocks.sort((a, b) => a.begin - b.begin),
    );
  }

  /** The object of an id, with where it lies. Throws for objects that are too large to lie in a block. */
  *read(id: Buffer): Parse<{ readonly bytes: Buffer; readonly offset: number }> {
    const kind = ((id[0] ?? 0) >> 4) & 3;
    if (kind !== 0)
      throw new Malformed('dense-storage', 0, 'an object of a heap that does not lie in a block');
    const cursor = new Cursor(id.subarray(1));
    const begin = cursor.uint(this.#head.offsetBytes) ?? -1;
    const length = cursor.uint(this.#head.lengthBytes) ?? -1;
    const block = this.#blockOf(begin);
    if (block === undefined || length < 0 || begin + length > block.begin + block.length)
      throw new Malformed('bad-reference', 0, 'an object of a heap that lies in none of its blocks');
    const offset = block.address + begin - block.begin;
    return { bytes: (yield* this.#space.read(offset, length)).take(length), offset };
  }

  /** The last block that begins at or before a place: there may be many of both. */
  #blockOf(place: number): Block | undefined {
    let [low, high] = [0, this.#blocks.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#blocks[middle]?.begin ?? 0) <= place) low = middle + 1;
      else high = middle;
    }
    return this.#blocks[low - 1];
  }
}

function* readHead(space: Hdf5Space, address: number): Parse<Head> {
  const { addressBytes, lengthBytes } = space;
  const length = 14 + 12 * lengthBytes + 3 * addressBytes + 8 + 4;
  space.claim(address, length, 'the head of a heap');
  const cursor = yield* space.read(address, length);
  cursor.expect('FRHP');
  cursor.skip(3);
  if (cursor.u16() !== 0) throw new Malformed('dense-storage', address, 'a heap with filters is not read');
  cursor.skip(1);
  const managedBytes = cursor.u32();
  cursor.skip(10 * lengthBytes + 2 * addressBytes);
  const width = cursor.u16();
  const startBytes = cursor.uint(lengthBytes) ?? 0;
  const directBytes = cursor.uint(lengthBytes) ?? 0;
  const bits = cursor.u16();
  cursor.skip(2);
  const root = cursor.uint(addressBytes);
  const rows = cursor.u16();
  const directRows = Math.log2(directBytes / startBytes) + 2;
  if (
    width < 1 ||
    width > WIDTH_MAX ||
    rows > ROWS_MAX ||
    bits > 64 ||
    !Number.isInteger(directRows) ||
    directRows < 2
  )
    throw new Malformed('bad-heap', address, 'a heap of impossible measures');
  return {
    width,
    startBytes,
    directRows,
    offsetBytes: Math.ceil(bits / 8),
    lengthBytes: bytesFor(Math.min(directBytes, managedBytes)),
    root,
    rows,
  };
}

function bytesFor(value: number): number {
  return Math.max(1, Math.ceil(Math.log2(value + 1) / 8));
}

function* readBlocks(space: Hdf5Space, head: Head): Parse<Block[]> {
  if (head.root === undefined) return [];
  const blocks: Block[] = [];
  if (head.rows === 0) {
    space.claim(head.root, head.startBytes, 'a block of a heap');
    return [{ address: head.root, begin: 0, length: head.startBytes }];
  }
  const open = [{ address: head.root, begin: 0, rows: head.rows }];
  for (let table = open.pop(); table !== undefined; table = open.pop()) {
    const entries = table.rows * head.width;
    const headBytes = 5 + space.addressBytes + head.offsetBytes;
    const length = headBytes + entries * space.addressBytes + 4;
    space.claim(table.address, length, 'a table of a heap');
    const cursor = yield* space.read(table.address, length);
    cursor.expect('FHIB');
    cursor.skip(headBytes - 4);
    let { begin } = table;
    for (let entry = 0; entry < entries; entry += 1) {
      const row = Math.floor(entry / head.width);
      const blockBytes = head.startBytes * 2 ** Math.max(0, row - 1);
      const address = cursor.uint(space.addressBytes);
      if (address !== undefined && row < head.directRows) {
        space.claim(address, blockBytes, 'a block of a heap');
        blocks.push({ address, begin, length: blockBytes });
      } else if (address !== undefined) {
        const rows = Math.log2(blockBytes / (head.startBytes * head.width)) + 1;
        if (!Number.isInteger(rows) || rows < 1 || rows > ROWS_MAX)
          throw new Malformed('bad-heap', table.address, 'a table of impossible measures');
        open.push({ address, begin, rows });
      }
      if (blocks.length > BLOCKS_MAX || !Number.isSafeInteger(begin + blockBytes))
        throw new Malformed('bad-heap', table.address, 'a heap of too many blocks');
      begin += blockBytes;
    }
  }
  return blocks;
}

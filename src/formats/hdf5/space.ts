/**
 * The space of an HDF5 file: reads by address, and who owns which bytes. Every structure *claims* its range once;
 * a structure that is reached twice, as a loop would, is refused. What nobody claims is free space, which libhdf5
 * leaves behind in small pieces.
 */
import { Cursor } from '../cursor.ts';
import { type Account, Malformed } from '../malformed.ts';
import type { Parse } from '../parse.ts';

/** Most claims: a large checkpoint has some thousands of chunks. */
const CLAIMS_MAX = 1_000_000;

/** Longest range read at once: the largest structure is a collection of strings. */
const READ_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Longest free piece that passes as such. libhdf5 sets metadata aside in blocks of 2 KiB and aligns files that it
 * pages to 4 KiB; rewritten attributes leave somewhat more. Longer pieces are room to hide in.
 */
const FREE_BYTES_MAX = 64 * 1024;

/** Blocks that are kept: structures lie close together, and one read a block is enough. */
const BLOCK_BYTES = 16 * 1024;
const BLOCKS_MAX = 64;

interface Claim {
  readonly begin: number;
  readonly end: number;
}

export class Space {
  /** End of the file by its superblock; set once that was read. */
  endOfFile: number;
  /** Bytes of an address and of a length. */
  addressBytes = 8;
  lengthBytes = 8;
  readonly #claims = new Map<number, Claim>();
  readonly #blocks = new Map<number, Buffer>();

  constructor(sizeBytes: number) {
    this.endOfFile = sizeBytes;
  }

  /** The bytes of a range that lies in the file as a whole. */
  *read(offset: number, length: number): Parse<Cursor> {
    if (length > READ_BYTES_MAX)
      throw new Malformed('too-long', offset, `a structure of ${length} bytes is longer than the limit`);
    if (offset < 0 || offset + length > this.endOfFile)
      throw new Malformed(
        'beyond-end',
        Math.min(offset, this.endOfFile),
        'a structure lies beyond the end of the file',
      );
    const first = Math.floor(offset / BLOCK_BYTES);
    if (Math.floor((offset + length - 1) / BLOCK_BYTES) > first || length === 0)
      return new Cursor(yield* this.#ask(offset, length), offset);
    const block = yield* this.#block(first);
    const from = offset - first * BLOCK_BYTES;
    return new Cursor(block.subarray(from, from + length), offset);
  }

  /** Takes a range for one structure. Throws where a structure that begins there was taken before. */
  claim(begin: number, length: number, what: string): void {
    if (this.#claims.has(begin)) throw new Malformed('shared-structure', begin, `${what} is reached twice`);
    if (this.#claims.size >= CLAIMS_MAX)
      throw new Malformed('too-many', begin, `more than ${CLAIMS_MAX} structures`);
    if (begin + length > this.endOfFile)
      throw new Malformed(
        'beyond-end',
        Math.min(begin, this.endOfFile),
        `${what} ends behind the end of the file`,
      );
    if (length > 0) this.#claims.set(begin, { begin, end: begin + length });
  }

  isClaimed(begin: number): boolean {
    return this.#claims.has(begin);
  }

  /** Ranges between the claims, in order. */
  *free(): Iterable<Claim> {
    let covered = 0;
    for (const { begin, end } of this.#sorted()) {
      if (begin > covered) yield { begin: covered, end: begin };
      covered = Math.max(covered, end);
    }
    if (this.endOfFile > covered) yield { begin: covered, end: this.endOfFile };
  }

  /** Reports overlapping structures and free pieces that are too long; returns the bytes of the others. */
  account(account: Account): number {
    let covered = 0;
    for (const { begin, end } of this.#sorted()) {
      if (begin < covered) account.problem('overlap', begin, `two structures share the bytes at ${begin}`);
      covered = Math.max(covered, end);
    }
    let freeBytes = 0;
    for (const { begin, end } of this.free()) {
      freeBytes += end - begin;
      if (end - begin <= FREE_BYTES_MAX) continue;
      account.problem('hole', begin, `${end - begin} bytes belong to no object`);
      account.gap(begin, end - begin, 'belongs to no object');
    }
    return freeBytes;
  }

  #sorted(): Claim[] {
    return [...this.#claims.values()].sort((a, b) => a.begin - b.begin || a.end - b.end);
  }

  *#block(index: number): Parse<Buffer> {
    const known = this.#blocks.get(index);
    if (known !== undefined) return known;
    const begin = index * BLOCK_BYTES;
    const block = Buffer.from(yield* this.#ask(begin, Math.min(BLOCK_BYTES, this.endOfFile - begin)));
    const [oldest] = this.#blocks.keys();
    if (this.#blocks.size >= BLOCKS_MAX && oldest !== undefined) this.#blocks.delete(oldest);
    this.#blocks.set(index, block);
    return block;
  }

  *#ask(offset: number, length: number): Parse<Uint8Array> {
    if (length <= 0) return new Uint8Array(0);
    const bytes = yield { offset, length };
    if (bytes.length < length)
      throw new Malformed('truncated', offset, `the input ends before ${offset + length}`);
    return bytes;
  }
}

/**
 * The space of a file whose structures refer to each other by address: reads anywhere, and who owns which bytes. Every
 * structure *claims* its range once; one that is claimed twice, as a loop would, is refused. What nobody claims is
 * free space.
 */
import { type Claim, Claims } from './claims.ts';
import { Cursor } from './cursor.ts';
import { type Account, Malformed } from './malformed.ts';
import type { Parse } from './parse.ts';

/** Most claims: a large checkpoint has some thousands of chunks. */
const CLAIMS_MAX = 1_000_000;

/** Longest range read at once: the largest structure is a collection of strings. */
const READ_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Bytes read in all, as a multiple of the file and on top of it: each structure is read a few times at most, and a
 * hostile file that lets a million references share one long value ends here.
 */
const READS_PER_BYTE_MAX = 8;
const READS_BYTES_MIN = 32 * 1024 * 1024;

/** Blocks that are kept: structures lie close together, and one read a block is enough. */
const BLOCK_BYTES = 16 * 1024;
const BLOCKS_MAX = 64;

export class Space {
  /** End of the file by its own word, once that was read. */
  endOfFile: number;
  #left: number;
  readonly #claims = new Claims();
  readonly #blocks = new Map<number, Buffer>();

  constructor(sizeBytes: number) {
    this.endOfFile = sizeBytes;
    this.#left = sizeBytes * READS_PER_BYTE_MAX + READS_BYTES_MIN;
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
    this.#left -= length;
    if (this.#left < 0)
      throw new Malformed('too-much', offset, 'structures share so much that reading them has no end');
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
    if (length > 0) this.#claims.add(begin, begin + length);
  }

  isClaimed(begin: number): boolean {
    return this.#claims.has(begin);
  }

  /** Ranges between the claims, in order. */
  *free(): Iterable<Claim> {
    let covered = 0;
    for (const { begin, end } of this.#claims.sorted()) {
      if (begin > covered) yield { begin: covered, end: begin };
      covered = Math.max(covered, end);
    }
    if (this.endOfFile > covered) yield { begin: covered, end: this.endOfFile };
  }

  /** Reports overlapping structures and free pieces longer than `freeBytesMax`; returns all free bytes. */
  account(account: Account, freeBytesMax: number): number {
    let covered = 0;
    let freeBytes = 0;
    for (const { begin, end } of this.#withEnd()) {
      if (begin < covered) account.problem('overlap', begin, `two structures share the bytes at ${begin}`);
      const length = begin - covered;
      if (length > freeBytesMax) {
        account.problem('hole', covered, `${length} bytes belong to no structure`);
        account.gap(covered, length, 'belongs to no structure');
      }
      freeBytes += Math.max(0, length);
      covered = Math.max(covered, end);
    }
    return freeBytes;
  }

  /** The claims, and an empty one at the end of the file. */
  *#withEnd(): Iterable<Claim> {
    yield* this.#claims.sorted();
    yield { begin: this.endOfFile, end: this.endOfFile };
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

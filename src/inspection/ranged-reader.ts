/**
 * Ranges of one remote file, read when they are asked for, in blocks, each block once. Small reads beside each other
 * become one request; what was read is remembered as ranges, and as bytes as long as a parser may come back to it.
 */
import { release } from '../base/release.ts';

export interface Range {
  readonly offset: number;
  readonly length: number;
}

/** One block: a header of a shard fits into a few, and a request for less costs as much. */
const BLOCK_BYTES = 64 << 10;

/** All that is read of one file: the largest tokenizers and pickles of real models are smaller. */
const READ_BYTES_MAX = 64 << 20;

/** Requests for one file: a directory of ten thousand members lies in fewer places than that. */
const REQUESTS_MAX = 2_000;

/** What ends a look: from then on the parser is answered as if the file ended. */
export type TriageLimit = string;

export class RangedReader {
  readonly #sizeBytes: number;
  readonly #fetch: (range: Range) => AsyncIterable<Uint8Array>;
  /** By their number. */
  readonly #blocks = new Map<number, Uint8Array>();
  requests = 0;
  readBytes = 0;
  /** Why no more was read; undefined as long as everything that was asked for could be answered. */
  limit: TriageLimit | undefined;

  constructor(sizeBytes: number, fetch: (range: Range) => AsyncIterable<Uint8Array>) {
    this.#sizeBytes = sizeBytes;
    this.#fetch = fetch;
  }

  /** The bytes of the range; shorter where the file ends, and empty once a limit was met. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const end = Math.min(this.#sizeBytes, offset + length);
    if (offset >= end) return new Uint8Array(0);
    const first = Math.floor(offset / BLOCK_BYTES);
    const last = Math.ceil(end / BLOCK_BYTES);
    if (!(await this.#bring(first, last))) return new Uint8Array(0);
    const bytes = new Uint8Array(end - offset);
    for (let number = first; number < last; number++) {
      const block = this.#blocks.get(number);
      if (!block) throw new Error('a block was brought and is not there');
      const at = number * BLOCK_BYTES;
      const from = Math.max(0, offset - at);
      bytes.set(block.subarray(from, Math.min(block.length, end - at)), at + from - offset);
    }
    return bytes;
  }

  /** All bytes, where all were read. */
  whole(): Uint8Array | undefined {
    if (this.readBytes !== this.#sizeBytes) return undefined;
    const bytes = new Uint8Array(this.#sizeBytes);
    for (const [number, block] of this.#blocks) bytes.set(block, number * BLOCK_BYTES);
    return bytes;
  }

  /** What was read, as ranges in order. */
  seen(): readonly Range[] {
    const ranges: { offset: number; length: number }[] = [];
    for (const number of [...this.#blocks.keys()].sort((a, b) => a - b)) {
      const offset = number * BLOCK_BYTES;
      const length = this.#blocks.get(number)?.length ?? 0;
      const before = ranges.at(-1);
      if (before && before.offset + before.length === offset) before.length += length;
      else ranges.push({ offset, length });
    }
    return ranges;
  }

  /** Brings in the blocks of [first, last) that are not there; false where that would go beyond a limit. */
  async #bring(first: number, last: number): Promise<boolean> {
    for (let number = first; number < last; number++) {
      if (this.#blocks.has(number)) continue;
      let until = number + 1;
      while (until < last && !this.#blocks.has(until)) until += 1;
      if (!(await this.#request(number, until))) return false;
      number = until;
    }
    return true;
  }

  async #request(first: number, last: number): Promise<boolean> {
    const offset = first * BLOCK_BYTES;
    const length = Math.min(last * BLOCK_BYTES, this.#sizeBytes) - offset;
    if (this.readBytes + length > READ_BYTES_MAX)
      this.limit ??= `a triage reads at most ${READ_BYTES_MAX >> 20} MiB of a file`;
    if (this.requests >= REQUESTS_MAX)
      this.limit ??= `a triage makes at most ${REQUESTS_MAX} requests for a file`;
    if (this.limit !== undefined) return false;
    this.requests += 1;
    const bytes = new Uint8Array(length);
    let filled = 0;
    for await (const chunk of this.#fetch({ offset, length })) {
      bytes.set(chunk, filled);
      filled += chunk.length;
      release(chunk);
    }
    for (let number = first; number < last; number++) {
      const from = (number - first) * BLOCK_BYTES;
      this.#blocks.set(number, bytes.subarray(from, Math.min(from + BLOCK_BYTES, length)));
    }
    this.readBytes += length;
    return true;
  }
}

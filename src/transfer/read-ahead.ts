/**
 * Read-ahead: a large file by several ranged requests at once, its bytes in order. Over a long line one connection
 * does not fill the pipe; memory stays within what the caller grants.
 */
import type { SourceFile } from '../sources/source.ts';
import type { Bring } from './bring.ts';

/** One range: long enough that the request itself does not count. */
const RANGE_BYTES = 4 << 20;

/** Ranges of one file under way at once: beyond it a server thinks of abuse. */
const LANES_MAX = 4;

/** Longest single request: the Hub's CDN refuses one of more than 50 GB. */
export const REQUEST_BYTES_MAX = 16 * 2 ** 30;

/** All bytes of the file, in order. */
export function readAhead(file: SourceFile, by: Bring): AsyncIterable<Uint8Array> {
  const lanes = Math.min(LANES_MAX, 1 + Math.floor(by.readAheadBytes / RANGE_BYTES));
  if (file.sizeBytes > RANGE_BYTES && lanes > 1) return severalLanes(file, by, lanes);
  const { source, revision, signal } = by;
  // Every layer of generators costs each chunk some promises: one request is handed on as it is.
  if (file.sizeBytes <= REQUEST_BYTES_MAX)
    return source.read(revision, file, { offset: 0, length: file.sizeBytes }, signal);
  return oneLane(file, by);
}

async function* severalLanes(file: SourceFile, by: Bring, lanes: number): AsyncIterable<Uint8Array> {
  const { source, revision, signal } = by;
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const open: Lane[] = [];
  let next = 0;
  try {
    while (next < file.sizeBytes || open.length > 0) {
      while (open.length < lanes && next < file.sizeBytes) {
        const range = { offset: next, length: Math.min(RANGE_BYTES, file.sizeBytes - next) };
        open.push(new Lane(source.read(revision, file, range, both)));
        next += range.length;
      }
      const [first] = open;
      if (first) yield* first.chunks();
      open.shift();
    }
  } finally {
    stop.abort();
    await Promise.all(open.map((lane) => lane.ended));
  }
}

/** One request after another over one connection. */
async function* oneLane(file: SourceFile, { source, revision, signal }: Bring): AsyncIterable<Uint8Array> {
  let offset = 0;
  do {
    const length = Math.min(REQUEST_BYTES_MAX, file.sizeBytes - offset);
    yield* source.read(revision, file, { offset, length }, signal);
    offset += length;
  } while (offset < file.sizeBytes);
}

/** One range under way: the first in line is taken as it comes, those behind it gather until it is their turn. */
class Lane {
  /** Fulfilled when the source is done, however it ended: a failure is met when its turn comes. */
  readonly ended: Promise<void>;
  #gathered: Uint8Array[] = [];
  #end: 'open' | 'complete' | { readonly error: unknown } = 'open';
  #wake: () => void = () => {};

  constructor(source: AsyncIterable<Uint8Array>) {
    this.ended = this.#gather(source);
  }

  async *chunks(): AsyncIterable<Uint8Array> {
    for (;;) {
      const gathered = this.#gathered;
      this.#gathered = [];
      yield* gathered;
      if (this.#gathered.length > 0) continue;
      if (this.#end === 'complete') return;
      if (this.#end !== 'open') throw this.#end.error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async #gather(source: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const chunk of source) {
        this.#gathered.push(chunk);
        this.#wake();
      }
      this.#end = 'complete';
    } catch (error) {
      this.#end = { error };
    }
    this.#wake();
  }
}

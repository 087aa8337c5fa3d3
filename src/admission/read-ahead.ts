/**
 * Read-ahead: a large file by several ranged requests at once, its bytes in order. Over a long line one connection
 * does not fill the pipe; memory stays within what the caller grants.
 */
import type { SourceFile } from '../sources/source.ts';
import type { Bring } from './bring.ts';

/** One range: long enough that the request itself does not count. */
const RANGE_BYTES = 8 << 20;

/** Ranges of one file under way at once: beyond it a server thinks of abuse. */
const LANES_MAX = 4;

/** All bytes of the file, in order. */
export async function* readAhead(file: SourceFile, by: Bring): AsyncIterable<Uint8Array> {
  const lanes = Math.min(LANES_MAX, 1 + Math.floor(by.readAheadBytes / RANGE_BYTES));
  const { source, revision, signal } = by;
  if (file.sizeBytes <= RANGE_BYTES || lanes === 1) {
    yield* source.read(revision, file, { offset: 0, length: file.sizeBytes }, signal);
    return;
  }
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const fetch = (offset: number): Promise<Uint8Array[]> =>
    collect(
      source.read(revision, file, { offset, length: Math.min(RANGE_BYTES, file.sizeBytes - offset) }, both),
    );
  const ahead: Promise<Uint8Array[]>[] = [];
  let next = 0;
  try {
    while (next < file.sizeBytes || ahead.length > 0) {
      while (ahead.length < lanes && next < file.sizeBytes) {
        const range = fetch(next);
        range.catch(() => {}); // Its failure is met when its turn comes, or dropped with the others.
        ahead.push(range);
        next += RANGE_BYTES;
      }
      yield* (await ahead.shift()) ?? [];
    }
  } finally {
    stop.abort();
    await Promise.allSettled(ahead);
  }
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return all;
}

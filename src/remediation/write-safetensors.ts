/**
 * Writing tensors as safetensors, streaming: what lies in order is copied in pieces, what is a view of something else is
 * gathered row by row. Source: github.com/huggingface/safetensors, README "Format".
 */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import type { RandomAccess } from '../formats/drive.ts';
import type { NamedTensor } from './tensors.ts';
import { Unconvertible } from './unconvertible.ts';

/** One copy, and one buffer of gathered elements. */
const CHUNK_BYTES = 4 << 20;

/**
 * What a file may grow to where tensors repeat their numbers (an expanded view is a few bytes that pretend to be
 * gigabytes): so many times its own size, and some free.
 */
const GROWTH_MAX = 8;
const GROWTH_FREE_BYTES = 64 << 20;

/** A storage that is gathered from is held, up to this. */
const GATHERED_BYTES_MAX = 512 << 20;

export interface Written {
  readonly sizeBytes: number;
  readonly tensors: number;
}

/** Writes a new file. Throws Unconvertible where it would grow out of proportion. */
export function writeSafetensors(to: string, tensors: readonly NamedTensor[], from: RandomAccess): Written {
  const ordered = tensors.toSorted((a, b) => b.itemBytes - a.itemBytes || (a.name < b.name ? -1 : 1));
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let end = 0;
  for (const tensor of ordered) {
    const begin = end;
    end += sizeBytesOf(tensor);
    if (end > from.sizeBytes * GROWTH_MAX + GROWTH_FREE_BYTES)
      throw new Unconvertible(
        `would become more than ${GROWTH_MAX} times as large: its tensors repeat their numbers`,
      );
    header[tensor.name] = { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [begin, end] };
  }
  const fd = openSync(to, 'wx', 0o644);
  try {
    const head = headerBytes(header);
    put(fd, head);
    for (const tensor of ordered) for (const bytes of bytesOf(tensor, from)) put(fd, bytes);
    fsyncSync(fd);
    return { sizeBytes: head.length + end, tensors: ordered.length };
  } finally {
    closeSync(fd);
  }
}

/** Its length in front, padded with blanks so that the data is aligned. */
function headerBytes(header: Readonly<Record<string, unknown>>): Buffer {
  const text = Buffer.from(JSON.stringify(header));
  const head = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8, ' ');
  head.writeBigUInt64LE(BigInt(head.length - 8));
  text.copy(head, 8);
  return head;
}

function put(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

function sizeBytesOf({ shape, itemBytes }: NamedTensor): number {
  return shape.reduce((product, size) => product * size, itemBytes);
}

/** The elements in row-major order. */
function* bytesOf(tensor: NamedTensor, file: RandomAccess): Generator<Uint8Array> {
  const sizeBytes = sizeBytesOf(tensor);
  if (sizeBytes === 0) return;
  if (!isContiguous(tensor)) {
    yield* gathered(tensor, file);
    return;
  }
  const begin = tensor.storage.offset + tensor.offset * tensor.itemBytes;
  for (let at = 0; at < sizeBytes; at += CHUNK_BYTES)
    yield wholly(file, begin + at, Math.min(CHUNK_BYTES, sizeBytes - at));
}

function isContiguous({ shape, strides }: NamedTensor): boolean {
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    const size = shape[i] ?? 1;
    if (size !== 1 && strides[i] !== expected) return false;
    expected *= size;
  }
  return true;
}

function* gathered(tensor: NamedTensor, file: RandomAccess): Generator<Uint8Array> {
  const { storage, itemBytes, shape, strides, offset } = tensor;
  if (storage.sizeBytes > GATHERED_BYTES_MAX)
    throw new Unconvertible(`holds a view of ${storage.sizeBytes} bytes that is too large to gather`);
  const bytes = wholly(file, storage.offset, storage.sizeBytes);
  const index = shape.map(() => 0);
  let from = offset;
  let out = Buffer.allocUnsafe(CHUNK_BYTES);
  let filled = 0;
  for (;;) {
    out.set(bytes.subarray(from * itemBytes, (from + 1) * itemBytes), filled);
    filled += itemBytes;
    if (filled + itemBytes > CHUNK_BYTES) {
      yield out.subarray(0, filled);
      out = Buffer.allocUnsafe(CHUNK_BYTES);
      filled = 0;
    }
    // The next index, the last dimension first, and the element that it stands for.
    let dimension = shape.length - 1;
    for (; dimension >= 0; dimension--) {
      const next = (index[dimension] ?? 0) + 1;
      from += strides[dimension] ?? 0;
      if (next < (shape[dimension] ?? 0)) {
        index[dimension] = next;
        break;
      }
      from -= next * (strides[dimension] ?? 0);
      index[dimension] = 0;
    }
    if (dimension < 0) break;
  }
  if (filled > 0) yield out.subarray(0, filled);
}

function wholly(file: RandomAccess, offset: number, length: number): Uint8Array {
  const bytes = file.read(offset, length);
  if (bytes.length !== length) throw new Unconvertible('ends before its tensors do');
  return bytes;
}

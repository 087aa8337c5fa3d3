/** Storages of a checkpoint: where their bytes lie, and how long an element is. */
import type { RandomAccess } from '../formats/drive.ts';
import { type Node, numberOf } from './tree.ts';
import { Unconvertible } from './unconvertible.ts';

/** Bytes of one storage in the file. */
export interface StorageBytes {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** A tensor that the format writes beside the tree: only the oldest one does. */
export interface NumberedTensor {
  readonly storage: string;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

export interface Checkpoint {
  readonly format: 'zip' | 'legacy' | 'tar';
  readonly root: Node;
  /** By key. */
  readonly storages: ReadonlyMap<string, StorageBytes>;
  /** Of the tar format: storage types by key, and tensors by key. */
  readonly types?: ReadonlyMap<string, Node>;
  readonly numbered?: ReadonlyMap<string, NumberedTensor>;
}

/** Bytes of an element by its storage class. Throws Unconvertible for what is none. */
export function itemBytesOf(type: Node | undefined): number {
  const name = type?.kind === 'global' ? type.name : '';
  const bytes = ITEM_BYTES[name];
  if (bytes === undefined) throw new Unconvertible(`holds storages of the type ${name || 'unknown'}`);
  return bytes;
}

const ITEM_BYTES: Readonly<Record<string, number>> = {
  ComplexFloatStorage: 8,
  DoubleStorage: 8,
  LongStorage: 8,
  FloatStorage: 4,
  IntStorage: 4,
  HalfStorage: 2,
  BFloat16Storage: 2,
  ShortStorage: 2,
  CharStorage: 1,
  ByteStorage: 1,
  BoolStorage: 1,
  UntypedStorage: 1,
};

/** A part of a file as a file. */
export function within(file: RandomAccess, { offset, sizeBytes }: StorageBytes): RandomAccess {
  return {
    sizeBytes,
    read: (at, length) =>
      at >= sizeBytes ? new Uint8Array(0) : file.read(offset + at, Math.min(length, sizeBytes - at)),
  };
}

/** The number in a key of the tar format, as text. */
export function keyOf(node: Node | undefined): string | undefined {
  const number = numberOf(node);
  return number === undefined ? (node?.kind === 'text' ? node.value : undefined) : String(number);
}

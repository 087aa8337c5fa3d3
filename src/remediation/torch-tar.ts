/**
 * PyTorch's oldest format: a tar archive whose member `pickle` is the tree, and whose members `storages` and `tensors`
 * hold what it refers to by number.
 *
 * Source: `legacy_load` in torch/serialization.py.
 */
import type { RandomAccess } from '../formats/drive.ts';
import { Malformed } from '../formats/malformed.ts';
import { readTarHeader } from '../formats/tar/header.ts';
import { TAR_HEADER_BYTES } from '../formats/tar/recognise.ts';
import { Cursor } from './cursor.ts';
import { readTree } from './read-tree.ts';
import {
  type Checkpoint,
  itemBytesOf,
  keyOf,
  type NumberedTensor,
  type StorageBytes,
  within,
} from './storages.ts';
import { type Node, numberOf } from './tree.ts';
import { Unconvertible } from './unconvertible.ts';

/** The format has four members. */
const MEMBERS_MAX = 16;

/** More storages, tensors or dimensions than any file of this age has. */
const COUNT_MAX = 100_000;
const DIMENSIONS_MAX = 64;

export function openTorchTar(file: RandomAccess): Checkpoint {
  const members = membersOf(file);
  const member = (name: string): StorageBytes => {
    const found = members.get(name);
    if (!found)
      throw new Unconvertible(`is a tar archive without the member ${name} of a PyTorch checkpoint`);
    return found;
  };
  const { storages, types } = readStorages(file, member('storages'));
  const numbered = readTensors(file, member('tensors'));
  const { root } = readTree(within(file, member('pickle')), 0);
  return { format: 'tar', root, storages, types, numbered };
}

function membersOf(file: RandomAccess): ReadonlyMap<string, StorageBytes> {
  const members = new Map<string, StorageBytes>();
  let at = 0;
  while (at + TAR_HEADER_BYTES <= file.sizeBytes && members.size < MEMBERS_MAX) {
    const block = file.read(at, TAR_HEADER_BYTES);
    if (block.every((byte) => byte === 0)) break;
    const { name, sizeBytes } = header(block, at);
    members.set(name.replace(/^\.\//, ''), { offset: at + TAR_HEADER_BYTES, sizeBytes });
    at += TAR_HEADER_BYTES + Math.ceil(sizeBytes / TAR_HEADER_BYTES) * TAR_HEADER_BYTES;
  }
  return members;
}

function header(block: Uint8Array, at: number) {
  try {
    return readTarHeader(block, at);
  } catch (error) {
    if (error instanceof Malformed) throw new Unconvertible(`is a damaged tar archive: ${error.message}`);
    throw error;
  }
}

/** A count, then for each storage its description and its elements; last a list of views into them. */
function readStorages(
  file: RandomAccess,
  place: StorageBytes,
): { readonly storages: ReadonlyMap<string, StorageBytes>; readonly types: ReadonlyMap<string, Node> } {
  const member = within(file, place);
  const storages = new Map<string, StorageBytes>();
  const types = new Map<string, Node>();
  const total = readTree(member, 0);
  let at = total.end;
  for (let number = countOf(total.root); number > 0; number--) {
    const about = readTree(member, at);
    const [key, , type] = tupleOf(about.root, 3);
    const name = keyOf(key);
    if (name === undefined || type === undefined)
      throw new Unconvertible('describes a storage in an odd way');
    const cursor = new Cursor(member, about.end);
    const sizeBytes = cursor.u64() * itemBytesOf(type);
    storages.set(name, { offset: place.offset + cursor.offset, sizeBytes });
    types.set(name, type);
    cursor.skip(sizeBytes);
    at = cursor.offset;
  }
  const views = readTree(member, at).root;
  if (views.kind !== 'list') throw new Unconvertible('does not list the views into its storages');
  for (const view of views.items) takeView(tupleOf(view, 4), storages, types);
  return { storages, types };
}

function takeView(
  [target, root, offset, elements]: readonly Node[],
  storages: Map<string, StorageBytes>,
  types: Map<string, Node>,
): void {
  const name = keyOf(target);
  const of = keyOf(root);
  const type = of === undefined ? undefined : types.get(of);
  const whole = of === undefined ? undefined : storages.get(of);
  const [begin, count] = [numberOf(offset), numberOf(elements)];
  if (name === undefined || !whole || !type || begin === undefined || count === undefined)
    throw new Unconvertible('describes a view of a storage in an odd way');
  const itemBytes = itemBytesOf(type);
  storages.set(name, { offset: whole.offset + begin * itemBytes, sizeBytes: count * itemBytes });
  types.set(name, type);
}

function readTensors(file: RandomAccess, place: StorageBytes): ReadonlyMap<string, NumberedTensor> {
  const member = within(file, place);
  const tensors = new Map<string, NumberedTensor>();
  const total = readTree(member, 0);
  let at = total.end;
  for (let number = countOf(total.root); number > 0; number--) {
    const about = readTree(member, at);
    const [key, storage] = tupleOf(about.root, 3);
    const [name, of] = [keyOf(key), keyOf(storage)];
    if (name === undefined || of === undefined) throw new Unconvertible('describes a tensor in an odd way');
    const cursor = new Cursor(member, about.end);
    const dimensions = cursor.i32();
    cursor.i32();
    if (dimensions < 0 || dimensions > DIMENSIONS_MAX)
      throw new Unconvertible(`has a tensor of ${dimensions} dimensions`);
    const shape = Array.from({ length: dimensions }, () => cursor.i64());
    const strides = Array.from({ length: dimensions }, () => cursor.i64());
    tensors.set(name, { storage: of, shape, strides, offset: cursor.i64() });
    at = cursor.offset;
  }
  return tensors;
}

function countOf(node: Node): number {
  const count = numberOf(node);
  if (count === undefined || count < 0 || count > COUNT_MAX)
    throw new Unconvertible('does not say how many storages or tensors it holds');
  return count;
}

function tupleOf(node: Node, length: number): readonly Node[] {
  if (node.kind !== 'tuple' || node.items.length !== length)
    throw new Unconvertible('describes a storage or tensor in an odd way');
  return node.items;
}

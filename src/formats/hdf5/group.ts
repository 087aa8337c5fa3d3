/**
 * Groups: what is linked under which name. Old groups keep a B-tree of symbol tables, new ones keep link messages.
 * https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, III.A.1, III.B, III.C and IV.A.2.g.
 */
import { Cursor } from '../cursor.ts';
import { Malformed } from '../malformed.ts';
import type { Parse } from '../parse.ts';
import type { Message } from './header.ts';
import { readLocalHeap } from './heap.ts';
import type { Hdf5Space } from './space.ts';
import type { Superblock } from './superblock.ts';

export type Link =
  | { readonly kind: 'hard'; readonly name: string; readonly address: number }
  /** To a path in this file. */
  | { readonly kind: 'soft'; readonly name: string; readonly target: string }
  /** To a path in another file. */
  | { readonly kind: 'external'; readonly name: string; readonly target: string }
  /** Of a class that an application registers: whatever it does. */
  | { readonly kind: 'foreign'; readonly name: string; readonly target: string };

/** Most links of one group. */
const LINKS_MAX = 200_000;

/** The links of a group that a symbol table message describes. */
export function* readSymbolTable(space: Hdf5Space, superblock: Superblock, message: Message): Parse<Link[]> {
  const cursor = new Cursor(message.bytes, message.offset);
  const tree = cursor.uint(space.addressBytes);
  const heap = cursor.uint(space.addressBytes);
  if (tree === undefined || heap === undefined)
    throw new Malformed('bad-group', message.offset, 'a group without a tree or names');
  const names = yield* readLocalHeap(space, heap);
  const links: Link[] = [];
  const nodes: number[] = [];
  yield* walkTree(space, tree, {
    keyBytes: space.lengthBytes,
    type: 0,
    entriesMax: 2 * superblock.groupInnerK,
    leaf: (_key, child) => nodes.push(child),
  });
  const entryBytes = 2 * space.addressBytes + 24;
  for (const child of nodes) {
    const length = 8 + 2 * superblock.groupLeafK * entryBytes;
    space.claim(child, length, 'a symbol table');
    const node = yield* space.read(child, length);
    node.expect('SNOD');
    node.skip(2);
    const count = node.u16();
    if (count > 2 * superblock.groupLeafK || links.length + count > LINKS_MAX)
      throw new Malformed('too-many', child, `a symbol table of ${count} entries`);
    for (let left = count; left > 0; left -= 1) {
      const name = names.at(node.uint(space.addressBytes) ?? -1);
      const address = node.uint(space.addressBytes);
      const cache = node.u32();
      node.skip(4);
      const scratch = node.u32();
      node.skip(12);
      if (cache === 2) links.push({ kind: 'soft', name, target: names.at(scratch) });
      else if (address !== undefined) links.push({ kind: 'hard', name, address });
    }
  }
  return links;
}

const SOFT = 1;
const EXTERNAL = 64;

/** A link message of a new group. */
export function readLink(cursor: Cursor, space: Hdf5Space): Link {
  const at = cursor.offset;
  const version = cursor.u8();
  const flags = cursor.u8();
  if (version !== 1) throw new Malformed('bad-link', at, `a link of version ${version}`);
  const type = flags & 8 ? cursor.u8() : 0;
  if (flags & 4) cursor.skip(8);
  if (flags & 16) cursor.skip(1);
  const name = cursor.take(cursor.uint(1 << (flags & 3)) ?? -1).toString('utf8');
  if (type === 0) {
    const address = cursor.uint(space.addressBytes);
    if (address === undefined) throw new Malformed('bad-link', at, 'a link to nowhere');
    return { kind: 'hard', name, address };
  }
  const value = cursor.take(cursor.u16());
  if (type === SOFT) return { kind: 'soft', name, target: value.toString('utf8') };
  const target = value.subarray(1).toString('utf8').split('\0').slice(0, 2).join(':');
  return type === EXTERNAL
    ? { kind: 'external', name, target }
    : { kind: 'foreign', name, target: `link class ${type}` };
}

interface Tree {
  readonly keyBytes: number;
  readonly type: 0 | 1;
  readonly entriesMax: number;
  /** Called for each entry of the leaves: the key before it, valid during the call, and where it is. */
  readonly leaf: (key: Buffer, child: number) => void;
}

/** Most nodes of one tree. */
const NODES_MAX = 100_000;

/** A B-tree, version 1. Claims its nodes; walks them without recursion, each once. */
export function* walkTree(space: Hdf5Space, root: number, tree: Tree): Parse<void> {
  const headBytes = 8 + 2 * space.addressBytes;
  const nodeBytes = headBytes + tree.entriesMax * (space.addressBytes + tree.keyBytes) + tree.keyBytes;
  const open: { readonly address: number; readonly level: number | undefined }[] = [
    { address: root, level: undefined },
  ];
  let visited = 0;
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    visited += 1;
    if (visited > NODES_MAX) throw new Malformed('too-many', node.address, 'a tree of too many nodes');
    space.claim(node.address, nodeBytes, 'a node of a tree');
    const cursor = yield* space.read(node.address, nodeBytes);
    cursor.expect('TREE');
    const type = cursor.u8();
    const level = cursor.u8();
    const count = cursor.u16();
    // The level falls by one with each step down, so a tree has an end.
    const wrong = node.level !== undefined && level !== node.level - 1;
    if (type !== tree.type || count > tree.entriesMax || wrong)
      throw new Malformed('bad-tree', node.address, 'a node that does not belong into its tree');
    cursor.skip(2 * space.addressBytes);
    for (let left = count; left > 0; left -= 1) {
      const key = cursor.take(tree.keyBytes);
      const child = cursor.uint(space.addressBytes);
      if (child === undefined) throw new Malformed('bad-tree', node.address, 'a child that is nowhere');
      if (level > 0) open.push({ address: child, level });
      else tree.leaf(key, child);
    }
  }
}

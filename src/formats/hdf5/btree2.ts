/**
 * B-trees of version 2: records of fixed length, in leaves and in the nodes above.
 * https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, section III.A.2.
 */
import type { Cursor } from '../cursor.ts';
import { Malformed } from '../malformed.ts';
import type { Parse } from '../parse.ts';
import type { Hdf5Space } from './space.ts';

/** Deepest tree, most records, longest node: libhdf5 writes nodes of 512 bytes. */
const DEPTH_MAX = 8;
const RECORDS_MAX = 500_000;
const NODE_BYTES_MAX = 1 << 20;

/** Signature, version, type, and a checksum. */
const NODE_FRAME_BYTES = 10;

interface Node {
  readonly address: number;
  readonly depth: number;
  readonly records: number;
}

interface Tree {
  readonly nodeBytes: number;
  readonly recordBytes: number;
  /** Bytes of the counts that stand with a pointer: of the child's own records, and of all below it, by depth. */
  readonly countBytes: number;
  readonly totalBytes: readonly number[];
}

/** All records of the tree at `address`, whose type must be `type`. Claims its nodes. */
export function* readRecords(space: Hdf5Space, address: number, type: number): Parse<Buffer[]> {
  const { tree, root } = yield* readTree(space, address, type);
  const found: Buffer[] = [];
  const open: Node[] = root === undefined ? [] : [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    space.claim(node.address, tree.nodeBytes, 'a node of a tree');
    const cursor = yield* space.read(node.address, tree.nodeBytes);
    cursor.expect(node.depth === 0 ? 'BTLF' : 'BTIN');
    cursor.skip(2);
    if (found.length + node.records > RECORDS_MAX || node.records * tree.recordBytes > cursor.left)
      throw new Malformed('too-many', node.address, `a node of ${node.records} records`);
    for (let left = node.records; left > 0; left -= 1) found.push(cursor.take(tree.recordBytes));
    if (node.depth > 0) open.push(...children(cursor, node, { space, tree }));
  }
  return found;
}

function children(
  cursor: Cursor,
  node: Node,
  { space, tree }: { readonly space: Hdf5Space; readonly tree: Tree },
): Node[] {
  const found: Node[] = [];
  for (let left = node.records + 1; left > 0; left -= 1) {
    const address = cursor.uint(space.addressBytes);
    const records = cursor.uint(tree.countBytes) ?? 0;
    if (node.depth > 1) cursor.skip(tree.totalBytes[node.depth - 1] ?? 0);
    if (address === undefined) throw new Malformed('bad-tree', node.address, 'a child that is nowhere');
    found.push({ address, depth: node.depth - 1, records });
  }
  return found;
}

function* readTree(
  space: Hdf5Space,
  address: number,
  type: number,
): Parse<{ readonly tree: Tree; readonly root: Node | undefined }> {
  const length = 16 + space.addressBytes + 2 + space.lengthBytes + 4;
  space.claim(address, length, 'the head of a tree');
  const cursor = yield* space.read(address, length);
  cursor.expect('BTHD');
  cursor.skip(1);
  if (cursor.u8() !== type) throw new Malformed('bad-tree', address, 'a tree of another kind');
  const nodeBytes = cursor.u32();
  const recordBytes = cursor.u16();
  const depth = cursor.u16();
  cursor.skip(2);
  const root = cursor.uint(space.addressBytes);
  const records = cursor.u16();
  const most = Math.floor((nodeBytes - NODE_FRAME_BYTES) / recordBytes);
  if (depth > DEPTH_MAX || nodeBytes > NODE_BYTES_MAX || recordBytes < 4 || most < 1)
    throw new Malformed('bad-tree', address, 'a tree of impossible measures');
  const tree = { nodeBytes, recordBytes, ...counts(space, { nodeBytes, recordBytes, depth, most }) };
  return { tree, root: root === undefined ? undefined : { address: root, depth, records } };
}

/** How wide the counts are follows from how many records fit into a node and below it. */
function counts(
  space: Hdf5Space,
  tree: {
    readonly nodeBytes: number;
    readonly recordBytes: number;
    readonly depth: number;
    readonly most: number;
  },
): Pick<Tree, 'countBytes' | 'totalBytes'> {
  const countBytes = bytesFor(tree.most);
  const totalBytes = [0];
  let total = tree.most;
  for (let level = 1; level <= tree.depth; level += 1) {
    const pointer = space.addressBytes + countBytes + (totalBytes[level - 1] ?? 0);
    const most = Math.floor((tree.nodeBytes - NODE_FRAME_BYTES - pointer) / (tree.recordBytes + pointer));
    total = (most + 1) * total + most;
    totalBytes.push(bytesFor(total));
  }
  return { countBytes, totalBytes };
}

function bytesFor(value: number): number {
  return Math.max(1, Math.ceil(Math.log2(value + 1) / 8));
}

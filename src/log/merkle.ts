/**
 * Merkle tree hashing and proofs as RFC 6962 defines them: leaf `SHA-256(0x00 ‖ entry)`, node
 * `SHA-256(0x01 ‖ left ‖ right)`. Trees are seen through `Subtrees`, which knows the hash of any complete subtree,
 * so that proofs over large logs read only a few tiles.
 */
import { createHash } from 'node:crypto';

/** 32 bytes. */
export type Hash = Buffer;

/** The root of a tree without leaves. */
export const EMPTY_ROOT: Hash = createHash('sha256').digest();

export function leafHash(entry: Uint8Array): Hash {
  return createHash('sha256').update(Buffer.of(0)).update(entry).digest();
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Hash {
  return createHash('sha256').update(Buffer.of(1)).update(left).update(right).digest();
}

/** The hash of the complete subtree of 2^level leaves that starts at leaf `index · 2^level`. */
export type Subtrees = (level: number, index: number) => Promise<Hash>;

/** The root of the tree over leaves [begin, end). */
export async function rangeHash(subtrees: Subtrees, begin: number, end: number): Promise<Hash> {
  const size = end - begin;
  if (size === 0) return EMPTY_ROOT;
  const level = Math.log2(size);
  if (Number.isInteger(level) && begin % size === 0) return subtrees(level, begin / size);
  const left = splitPoint(size);
  return nodeHash(
    await rangeHash(subtrees, begin, begin + left),
    await rangeHash(subtrees, begin + left, end),
  );
}

/** PATH(m, D[n]): the hashes that prove that leaf `index` is in the tree of `size` leaves. */
export async function inclusionProof(subtrees: Subtrees, index: number, size: number): Promise<Hash[]> {
  const path: Hash[] = [];
  let begin = 0;
  let end = size;
  while (end - begin > 1) {
    const middle = begin + splitPoint(end - begin);
    if (index < middle) {
      path.push(await rangeHash(subtrees, middle, end));
      end = middle;
    } else {
      path.push(await rangeHash(subtrees, begin, middle));
      begin = middle;
    }
  }
  return path.reverse();
}

/** Whether `proof` shows that `leaf` is number `index` of the tree with `size` leaves and this root. */
export function verifyInclusion(claim: {
  readonly leaf: Hash;
  readonly index: number;
  readonly size: number;
  readonly root: Hash;
  readonly proof: readonly Hash[];
}): boolean {
  const { leaf, index, size, root, proof } = claim;
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) return false;
  // RFC 9162, section 2.1.3.2.
  let fn = index;
  let sn = size - 1;
  let hash = leaf;
  for (const sibling of proof) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      hash = nodeHash(sibling, hash);
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 && hash.equals(root);
}

/** The largest power of two that is smaller than `size` (size at least 2). */
function splitPoint(size: number): number {
  return 2 ** Math.ceil(Math.log2(size) - 1);
}

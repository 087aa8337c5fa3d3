/**
 * Where tensors lie in a data section: shared by the formats that place them by offset. A byte of the section is
 * accounted for when exactly one tensor covers it.
 */
import { type Account, quoted } from './malformed.ts';

/** One tensor: `begin` and `end` are offsets in the file. */
export interface Tensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** Most tensors in one file: the largest shards hold some thousands; more only exhausts readers (CWE-770). */
export const TENSORS_MAX = 200_000;

/** Most dimensions: PyTorch's own limit is 64, GGML's is 4. */
export const DIMENSIONS_MAX = 64;

/** Longest tensor name in characters. */
export const TENSOR_NAME_CHARS_MAX = 1024;

export interface DataSection {
  readonly begin: number;
  /** Where the file ends. */
  readonly end: number;
  /** Bytes that may lie unused between two tensors: the padding of an alignment, 0 for none. */
  readonly slackBytesMax: number;
}

/** Reports overlaps (two names for the same bytes), holes, and data behind the last tensor (room to hide in). */
export function accountForTensors(tensors: readonly Tensor[], section: DataSection, account: Account): void {
  const sorted = tensors.toSorted((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = section.begin;
  for (const tensor of sorted) {
    if (tensor.begin < covered && tensor.end > tensor.begin) {
      account.problem('tensors-overlap', tensor.begin, `tensor ${quoted(tensor.name)} overlaps another`);
    }
    if (tensor.begin - covered > section.slackBytesMax) {
      account.problem('hole', covered, `${tensor.begin - covered} bytes belong to no tensor`);
      account.gap(covered, Math.min(tensor.begin, section.end) - covered, 'belongs to no tensor');
    }
    if (tensor.end > section.end) {
      account.problem(
        'tensor-beyond-end',
        tensor.begin,
        `tensor ${quoted(tensor.name)} ends at ${tensor.end}, the file at ${section.end}`,
      );
      account.gap(tensor.begin, section.end - tensor.begin, 'the tensor that should fill it is longer');
    }
    covered = Math.max(covered, tensor.end);
  }
  if (section.end - covered > section.slackBytesMax) {
    account.problem('trailing-data', covered, `${section.end - covered} bytes follow the last tensor`);
    account.gap(covered, section.end - covered, 'follows the last tensor');
  }
}

/** The number of elements; undefined where it exceeds what any file could hold. An empty shape is a scalar. */
export function elements(shape: readonly number[]): number | undefined {
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (!Number.isSafeInteger(count)) return undefined;
  }
  return count;
}

/**
 * Tensors, as far as a pickle says where in their storage they lie. Loaders differ in what they check: the attacker's
 * move is a tensor outside of its storage, whose memory is somebody else's.
 *
 * Source: `_rebuild_tensor` and its kin in torch/_utils.py; `Tensor.__setstate__` in torch/_tensor.py.
 */
import type { Value } from './value.ts';

const REBUILD = /^torch\._utils\._rebuild_(?:tensor|tensor_v2|tensor_v3|qtensor)$/;

/** A call that makes a tensor, `(storage, offset, size, stride, …)`: returns what cannot be true, or undefined. */
export function lieOfTensor(callee: string, given: Value): string | undefined {
  if (callee !== 'torch._tensor._rebuild_from_type_v2')
    return REBUILD.test(callee) ? lieOfPlace(given) : undefined;
  // It calls its first argument with its third.
  const [rebuild, , inner] = given.items ?? [];
  const { module, name } = rebuild?.global ?? { module: '', name: '' };
  if (!REBUILD.test(`${module}.${name}`)) return undefined;
  return inner?.items === undefined ? NO_NUMBERS : lieOfPlace(inner);
}

const NO_NUMBERS = 'where a tensor lies is not said by numbers';

/** BUILD of a tensor as PyTorch before 0.4 wrote it: the same four. */
export function lieOfTensorState(target: Value, state: Value): string | undefined {
  const { module, name } = target.global ?? { module: '', name: '' };
  return module === 'torch' && name === 'Tensor' ? lieOfPlace(state) : undefined;
}

function lieOfPlace({ items }: Value): string | undefined {
  const [storage, offset, size, stride] = items ?? [];
  if (storage?.kind !== 'persistent') return undefined;
  if (offset?.number === undefined || size?.items === undefined || stride?.items === undefined)
    return NO_NUMBERS;
  if (size.count !== stride.count) return 'a tensor has more dimensions than strides, or fewer';
  if (offset.number < 0) return 'a tensor begins before its storage';
  let last = offset.number;
  let empty = false;
  for (const [at, { number: count }] of size.items.entries()) {
    const step = stride.items[at]?.number;
    if (count === undefined || step === undefined) return NO_NUMBERS;
    if (count < 0 || step < 0) return 'a tensor has a negative size or stride';
    if (count === 0) empty = true;
    last += (count - 1) * step;
  }
  const elements = storage.number ?? Number.POSITIVE_INFINITY;
  return !empty && last >= elements ? 'a tensor reaches beyond the end of its storage' : undefined;
}

/**
 * PyTorch's persistent ids: `('storage', storage type, key, location, number of elements[, view])`, as
 * `torch.serialization` writes them (`persistent_id`), in zip archives and in the older format alike.
 */
import type { StorageReference } from './facts.ts';
import type { Value } from './value.ts';

/** Bytes of one element by storage class; `UntypedStorage` counts bytes. Source: torch/storage.py. */
const ITEM_BYTES: Readonly<Record<string, number>> = {
  ComplexDoubleStorage: 16,
  DoubleStorage: 8,
  ComplexFloatStorage: 8,
  LongStorage: 8,
  FloatStorage: 4,
  IntStorage: 4,
  QInt32Storage: 4,
  HalfStorage: 2,
  BFloat16Storage: 2,
  ShortStorage: 2,
  CharStorage: 1,
  ByteStorage: 1,
  BoolStorage: 1,
  QInt8Storage: 1,
  QUInt8Storage: 1,
  QUInt4x2Storage: 1,
  QUInt2x4Storage: 1,
  UntypedStorage: 1,
};

const STORAGE_MODULES = new Set(['torch', 'torch.cuda', 'torch.storage']);

/** Whether a global is a storage class, which persistent ids name. */
export function storageItemBytes(module: string, name: string): number | undefined {
  return STORAGE_MODULES.has(module) && Object.hasOwn(ITEM_BYTES, name) ? ITEM_BYTES[name] : undefined;
}

/** The storage that a persistent id names, or undefined where it is not of PyTorch's form. */
export function storageReference(id: Value): StorageReference | undefined {
  if (id.kind !== 'tuple' || (id.count !== 5 && id.count !== 6) || id.items === undefined) return undefined;
  const [tag, type, key, location, elements] = id.items;
  if (tag?.text !== 'storage' || location?.kind !== 'str') return undefined;
  if (key?.kind !== 'str' || key.text === undefined) return undefined;
  if (type?.kind !== 'global' || type.global === undefined) return undefined;
  const { module, name } = type.global;
  const itemBytes = storageItemBytes(module, name);
  const count = elements?.number;
  if (itemBytes === undefined || count === undefined || !Number.isSafeInteger(count) || count < 0)
    return undefined;
  if (!Number.isSafeInteger(count * itemBytes)) return undefined;
  return { key: key.text, type: `${module}.${name}`, itemBytes, elements: count };
}

/**
 * The class that the id of a layer names, `('module', class, file, source)`, as PyTorch before 1.6 pickled whole models.
 * The loader compares the source text with that of the class that it imports, warns where they differ, and goes on with
 * the class: the text never runs.
 */
export function containerClass({ kind, count, items }: Value): Value | undefined {
  if (kind !== 'tuple' || count !== 4 || items?.[0]?.text !== 'module') return undefined;
  const [, type, file, source] = items;
  const texts = [file, source].every((part) => part?.kind === 'str' || part?.kind === 'none');
  return texts && type?.kind === 'global' && type.global !== undefined ? type : undefined;
}

/** The storages by key, or undefined where one key is given two types or sizes, which PyTorch never writes. */
export function storagesByKey(
  storages: readonly StorageReference[],
): Map<string, StorageReference> | undefined {
  const byKey = new Map<string, StorageReference>();
  for (const storage of storages) {
    const other = byKey.get(storage.key);
    if (other === undefined) byKey.set(storage.key, storage);
    else if (other.type !== storage.type || other.elements !== storage.elements) return undefined;
  }
  return byKey;
}

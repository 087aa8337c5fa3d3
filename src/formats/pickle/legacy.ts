/**
 * PyTorch's format before 1.6 (`torch.save` with `_use_new_zipfile_serialization=False`), after its five pickles:
 * for each key of the last pickle the number of elements (8 bytes, little-endian) and the raw storage.
 *
 * Source: `_legacy_save` and `_legacy_load` in torch/serialization.py.
 */
import type { Read } from '../parse.ts';
import type { PickleFacts } from './facts.ts';
import type { Ledger } from './ledger.ts';
import { storagesByKey } from './storage.ts';
import type { Value } from './value.ts';
import type { Window } from './window.ts';

export interface LegacyKeys {
  readonly keys: readonly string[];
  /** What the fifth pickle returned: must be the list of exactly these keys. */
  readonly list: Value;
  readonly sizeBytes: number;
}

/** Skips the storages, each checked against the persistent id of its key; what does not agree becomes a gap. */
export function* readLegacyStorages(
  window: Window,
  ledger: Ledger,
  { keys, list, sizeBytes }: LegacyKeys,
): Generator<Read, NonNullable<PickleFacts['torchLegacy']>, Uint8Array> {
  const start = window.offset;
  const known = storagesByKey(ledger.storages);
  let storages = 0;
  let storageBytes = 0;
  const give = (code: string, detail: string): NonNullable<PickleFacts['torchLegacy']> => {
    ledger.problem(code, window.offset, detail);
    const from = window.offset < sizeBytes ? window.offset : start;
    ledger.gap(from, sizeBytes - from, detail);
    return { storages, storageBytes };
  };
  if (known === undefined) return give('storage-conflict', 'one storage key is used with two types or sizes');
  if (list.kind !== 'list' || list.count !== keys.length)
    return give('legacy-keys', 'the fifth pickle is not a list of storage keys');
  for (const key of keys) {
    const storage = known.get(key);
    if (storage === undefined)
      return give('legacy-keys', 'a storage key is listed that the pickle does not use');
    known.delete(key);
    if (!(yield* window.fill(8))) return give('truncated', 'the input ends before its storages do');
    if (window.bytes.readBigUInt64LE(0) !== BigInt(storage.elements))
      return give('storage-size', 'a storage has another number of elements than the pickle says');
    const length = storage.elements * storage.itemBytes;
    if (!window.skip(8 + length)) return give('truncated', 'the input ends before its storages do');
    storages++;
    storageBytes += length;
  }
  if (known.size > 0) return give('legacy-keys', 'the pickle uses a storage that the file does not hold');
  return { storages, storageBytes };
}

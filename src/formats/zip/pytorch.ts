/**
 * PyTorch archives (`torch.save` since 1.6): `<root>/data.pkl` names storages by persistent id, each of which is the
 * raw member `<root>/data/<key>`, of exactly as many bytes as the id says.
 *
 * Source: torch/serialization.py (`_save`, `_load`) and caffe2/serialize/inline_container.cc.
 */

import type { ArchiveMember } from '../archive/facts.ts';
import type { Notes } from '../archive/notes.ts';
import type { Parse } from '../parse.ts';
import type { StorageReference } from '../pickle/facts.ts';
import { parsePickleWithStorages } from '../pickle/parse.ts';
import { storagesByKey } from '../pickle/storage.ts';
import { type Contents, methodName, tinyText } from './content.ts';
import type { ZipEntry, ZipFacts } from './facts.ts';
import type { PlacedEntry } from './local.ts';
import { readProgram } from './program.ts';

/** Small texts that PyTorch's writer adds. */
const TINY_MEMBERS = new Set([
  'version',
  'byteorder',
  '.data/serialization_id',
  '.format_version',
  '.storage_alignment',
]);
const TINY_BYTES_MAX = 64;

export interface PytorchAccount {
  readonly facts: NonNullable<ZipFacts['pytorch']>;
  /** Entries that need no further parsing: accounted for, or already among the members or gaps. */
  readonly done: ReadonlySet<PlacedEntry>;
}

/** The folder that the first entry lies in, as PyTorch's reader takes it, if the archive has its pickle there. */
export function pytorchRoot(entries: readonly ZipEntry[]): string | undefined {
  const root = entries[0]?.name.split('/')[0];
  return entries.some(({ name }) => name === `${root}/data.pkl`) ? root : undefined;
}

interface Reading {
  readonly contents: Contents;
  readonly notes: Notes;
  readonly found: ArchiveMember[];
}

export function* accountForPytorch(
  entries: readonly PlacedEntry[],
  root: string,
  { contents, notes, found }: Reading,
): Parse<PytorchAccount> {
  const done = new Set<PlacedEntry>();
  const storages = new Map<string, readonly StorageReference[]>();
  for (const entry of entries) {
    const inside = entry.name.slice(root.length + 1);
    if (entry.name === `${root}/data.pkl` || entry.name === `${root}/constants.pkl`) {
      done.add(entry);
      const pickle = yield* contents.parse(entry, (_head, sizeBytes) =>
        parsePickleWithStorages({ sizeBytes }),
      );
      if (pickle === undefined) continue;
      notes.adopt(entry.name, pickle.facts);
      storages.set(inside.slice(0, -'.pkl'.length), pickle.storages);
      found.push({
        name: entry.name,
        method: methodName(entry.method),
        sizeBytes: entry.sizeBytes,
        offset: entry.dataOffset,
        facts: pickle.facts,
      });
    } else if (
      entry.name.startsWith(`${root}/`) &&
      TINY_MEMBERS.has(inside) &&
      entry.sizeBytes <= TINY_BYTES_MAX
    ) {
      if (yield* contents.parse(entry, (_head, sizeBytes) => tinyText(sizeBytes))) done.add(entry);
    }
  }
  const program = yield* readProgram(entries, root, { contents, notes });
  for (const entry of program?.done ?? []) done.add(entry);
  const facts = {
    root,
    ...(program === undefined ? {} : { program: program.facts }),
    storages: 0,
    storageBytes: 0,
  };
  // TorchScript keeps the tensors of its constants beside them, in the same way.
  for (const [folder, named] of storages) {
    const account = accountForStorages(entries, { root, folder, storages: named, notes });
    for (const entry of account.done) done.add(entry);
    facts.storages += account.done.length;
    facts.storageBytes += account.bytes;
  }
  return { facts, done };
}

/** As PyTorch numbers storages. The attacker's move: `a.npy`, which is raw to PyTorch and an array of objects to numpy. */
const KEY = /^[0-9]+$/;

interface Named {
  readonly root: string;
  /** Of the storages, named as the pickle is. */
  readonly folder: string;
  readonly storages: readonly StorageReference[];
  readonly notes: Notes;
}

/** Storages of exactly the named size, stored as they are. Others fall to the content parsers, or are gaps. */
function accountForStorages(
  entries: readonly PlacedEntry[],
  { root, folder, storages, notes }: Named,
): { readonly done: readonly PlacedEntry[]; readonly bytes: number } {
  const byKey = storagesByKey(storages);
  const done: PlacedEntry[] = [];
  let bytes = 0;
  if (byKey === undefined) {
    const detail = 'one storage key is used with two types or sizes';
    notes.contradiction({ code: 'storage-conflict', offset: 0, detail, member: `${root}/${folder}.pkl` }, 0);
    return { done, bytes };
  }
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  for (const storage of byKey.values()) {
    const member = `${root}/${folder}/${storage.key}`;
    const entry = byName.get(member);
    const length = storage.elements * storage.itemBytes;
    if (
      entry === undefined ||
      !KEY.test(storage.key) ||
      entry.sizeBytes !== length ||
      entry.compressedBytes !== length ||
      entry.method !== 0
    ) {
      const detail =
        entry === undefined
          ? 'a storage is missing'
          : 'a storage is not stored with the size that the pickle says, or not numbered';
      const offset = entry?.dataOffset ?? 0;
      notes.contradiction({ code: 'storage-size', offset, detail, member }, entry?.compressedBytes ?? 0);
      continue;
    }
    done.push(entry);
    bytes += length;
  }
  return { done, bytes };
}

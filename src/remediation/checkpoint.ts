/**
 * A checkpoint: a tree, and the bytes of the storages that it names, in PyTorch's three formats. Nothing of the tree is
 * believed: a storage counts only where its bytes are in the file.
 *
 * Source: `_load`, `_legacy_load` and `legacy_load` in torch/serialization.py.
 */
import { Notes } from '../formats/archive/notes.ts';
import type { RandomAccess } from '../formats/drive.ts';
import type { Parse } from '../formats/parse.ts';
import { isTar } from '../formats/tar/recognise.ts';
import { readDirectory } from '../formats/zip/directory.ts';
import { type PlacedEntry, placeEntries } from '../formats/zip/local.ts';
import { isZip } from '../formats/zip/parse.ts';
import { Unreadable } from '../formats/zip/unreadable.ts';
import { Cursor } from './cursor.ts';
import { readTree } from './read-tree.ts';
import { type Checkpoint, itemBytesOf, type StorageBytes, within } from './storages.ts';
import { openTorchTar } from './torch-tar.ts';
import type { Node } from './tree.ts';
import { Unconvertible } from './unconvertible.ts';

/** Throws Unconvertible where it is none of the three formats, or contradicts itself. */
export function openCheckpoint(file: RandomAccess): Checkpoint {
  const head = file.read(0, 512);
  if (isZip(head)) return openZip(file);
  if (isTar(head)) return openTorchTar(file);
  return openLegacy(file);
}

function openZip(file: RandomAccess): Checkpoint {
  const entries = placed(file);
  const root = entries[0]?.name.split('/')[0] ?? '';
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  const pickle = byName.get(`${root}/data.pkl`);
  if (!pickle) throw new Unconvertible('is a zip archive without the pickle of a PyTorch checkpoint');
  if (entries.some(({ name }) => name.startsWith(`${root}/code/`)))
    throw new Unconvertible('is TorchScript: a program, not only weights');
  refuseBigEndian(file, byName.get(`${root}/byteorder`));
  const stored = entries.filter(
    ({ method, compressedBytes, sizeBytes }) => method === 0 && compressedBytes === sizeBytes,
  );
  if (!stored.includes(pickle))
    throw new Unconvertible('holds a compressed pickle, which PyTorch never writes');
  const storages = new Map<string, StorageBytes>();
  for (const { name, dataOffset: offset, sizeBytes } of stored) {
    if (name.startsWith(`${root}/data/`)) storages.set(name.slice(root.length + 6), { offset, sizeBytes });
  }
  const inside = within(file, { offset: pickle.dataOffset, sizeBytes: pickle.sizeBytes });
  return { format: 'zip', root: readTree(inside, 0).root, storages };
}

function placed(file: RandomAccess): readonly PlacedEntry[] {
  const notes = new Notes(file.sizeBytes);
  try {
    const entries = drive(file, placeAll(file.sizeBytes, notes));
    const [problem] = notes.problems;
    if (problem) throw new Unconvertible(`is an archive that contradicts itself: ${problem.detail}`);
    return entries;
  } catch (error) {
    if (error instanceof Unreadable)
      throw new Unconvertible(`is an archive that cannot be read: ${error.message}`);
    throw error;
  }
}

function* placeAll(sizeBytes: number, notes: Notes): Parse<PlacedEntry[]> {
  const directory = yield* readDirectory(0, sizeBytes, notes);
  return yield* placeEntries(0, directory.entries, { directoryBegin: directory.begin, notes });
}

function drive<T>(file: RandomAccess, parse: Parse<T>): T {
  let step = parse.next();
  while (!step.done) step = parse.next(file.read(step.value.offset, step.value.length));
  return step.value;
}

function refuseBigEndian(file: RandomAccess, entry: PlacedEntry | undefined): void {
  if (!entry) return;
  const order = Buffer.from(file.read(entry.dataOffset, Math.min(16, entry.sizeBytes))).toString('latin1');
  if (order.trim() !== 'little') throw new Unconvertible('was written on a machine of another byte order');
}

/** Five pickles (magic, version, system, the object, the keys), then for each key a count and its storage. */
function openLegacy(file: RandomAccess): Checkpoint {
  const magic = readTree(file, 0);
  if (magic.root.kind !== 'int' || BigInt(magic.root.value) !== LEGACY_MAGIC)
    throw new Unconvertible('is no checkpoint of PyTorch');
  const version = readTree(file, magic.end);
  const system = readTree(file, version.end);
  const object = readTree(file, system.end);
  const keys = readTree(file, object.end);
  if (keys.root.kind !== 'list') throw new Unconvertible('does not list its storages');
  const types = storageTypes(object.root);
  const storages = new Map<string, StorageBytes>();
  const cursor = new Cursor(file, keys.end);
  for (const key of keys.root.items) {
    if (key.kind !== 'text') throw new Unconvertible('names a storage by something that is no text');
    const itemBytes = itemBytesOf(types.get(key.value));
    const elements = cursor.u64();
    const sizeBytes = elements * itemBytes;
    storages.set(key.value, { offset: cursor.offset, sizeBytes });
    cursor.skip(sizeBytes);
  }
  return { format: 'legacy', root: object.root, storages };
}

const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;

/** The classes of storages by key: in this format only the tree says how long an element is. */
function storageTypes(root: Node): ReadonlyMap<string, Node> {
  const types = new Map<string, Node>();
  for (const node of everyNode(root)) {
    if (node.kind !== 'persistent' || node.id.kind !== 'tuple') continue;
    const [, type, key] = node.id.items;
    if (type !== undefined && key?.kind === 'text') types.set(key.value, type);
  }
  return types;
}

/** Every node below, each once, without recursion. */
function* everyNode(root: Node): Generator<Node> {
  const seen = new Set<Node>();
  const open: Node[] = [root];
  for (let node = open.pop(); node; node = open.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    yield node;
    if ('items' in node) for (const item of node.items) open.push(item);
    if ('entries' in node) for (const [key, value] of node.entries) open.push(key, value);
    if (node.kind === 'made') open.push(node.by, node.args, ...(node.state ? [node.state] : []));
    if (node.kind === 'persistent') open.push(node.id);
  }
}

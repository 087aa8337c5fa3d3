/**
 * Parsing zip archives: directory, local headers, then each member by its content; PyTorch's storages by structure.
 */

import { type ArchiveMember, PARSED_MAX } from '../archive/facts.ts';
import { noteDuplicates } from '../archive/names.ts';
import { Notes } from '../archive/notes.ts';
import { DEPTH_MAX } from '../nesting.ts';
import type { Parse } from '../parse.ts';
import { Contents, methodName } from './content.ts';
import { readDirectory } from './directory.ts';
import type { ArchiveInput, ZipFacts } from './facts.ts';
import { type PlacedEntry, placeEntries } from './local.ts';
import { noteFirstFormat } from './program.ts';
import { accountForPytorch, pytorchRoot } from './pytorch.ts';
import { readSkops } from './skops.ts';
import { Unreadable } from './unreadable.ts';

/**
 * The facts of a zip archive. Needs random access; never throws. Complete only where both ways of reading the
 * archive agree, every byte belongs to one header or member, and every member was read completely by its parser.
 */
export function* parseZip(input: ArchiveInput): Parse<ZipFacts> {
  const notes = new Notes(input.sizeBytes);
  const origin = input.offset ?? 0;
  const contents = new Contents(origin, notes, input);
  const found: {
    entries: number;
    members: ArchiveMember[];
    pytorch?: ZipFacts['pytorch'];
    skops?: ZipFacts['skops'] | undefined;
  } = {
    entries: 0,
    members: [],
  };
  try {
    if (input.nesting.depth >= DEPTH_MAX)
      throw new Unreadable('too-deep', 0, `archives are nested deeper than ${DEPTH_MAX}`);
    const directory = yield* readDirectory(origin, input.sizeBytes, notes);
    found.entries = directory.entries.length;
    noteDuplicates(
      directory.entries.map(({ name, directoryOffset: offset }) => ({ name, offset })),
      notes,
    );
    const entries = yield* placeEntries(origin, directory.entries, {
      directoryBegin: directory.begin,
      notes,
    });
    noteFirstFormat(directory.entries, notes);
    const root = pytorchRoot(directory.entries);
    const account =
      root === undefined
        ? undefined
        : yield* accountForPytorch(entries, root, { contents, notes, found: found.members });
    if (account !== undefined) found.pytorch = account.facts;
    const rest = entries.filter((entry) => !account?.done.has(entry));
    found.skops = yield* readSkops(entries, contents, notes);
    yield* parseMembers(rest, { contents, notes, found: found.members });
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const { code, offset, message: detail } = error;
    notes.problem({ code, offset, detail });
    notes.gap({ offset: 0, length: input.sizeBytes, reason: detail });
  }
  const { entries, members, pytorch, skops } = found;
  return {
    format: pytorch === undefined ? 'zip' : 'pytorch',
    parser: pytorch === undefined ? 'zip/3' : 'pytorch/4',
    sizeBytes: input.sizeBytes,
    gaps: notes.gaps,
    problems: notes.problems,
    entries,
    inflatedBytes: contents.inflatedBytes,
    members,
    ...(pytorch === undefined ? {} : { pytorch }),
    ...(skops === undefined ? {} : { skops }),
  };
}

interface Reading {
  readonly contents: Contents;
  readonly notes: Notes;
  readonly found: ArchiveMember[];
}

const FILE_MODE = 0o100000;
const FOLDER_MODE = 0o040000;
const SYMLINK_MODE = 0o120000;
const FILE_TYPE_MASK = 0o170000;

function* parseMembers(entries: readonly PlacedEntry[], reading: Reading): Parse<void> {
  const { contents, notes, found } = reading;
  for (const entry of entries) {
    const { name: member, dataOffset: offset } = entry;
    const type = entry.unixMode & FILE_TYPE_MASK;
    if (type === SYMLINK_MODE) {
      const detail = 'a member is a symbolic link';
      notes.contradiction({ code: 'symlink', offset, detail, member }, entry.compressedBytes);
      continue;
    }
    if (type !== 0 && type !== FILE_MODE && type !== FOLDER_MODE) {
      const detail = 'a member is a device, a pipe or a socket';
      notes.contradiction({ code: 'device', offset, detail, member }, Math.max(1, entry.compressedBytes));
    }
    if (member.endsWith('/') && entry.compressedBytes === 0 && entry.sizeBytes === 0) continue;
    if (found.length >= PARSED_MAX) {
      notes.gap({
        offset,
        length: entry.compressedBytes,
        reason: `more than ${PARSED_MAX} members to parse`,
        member,
      });
      continue;
    }
    const facts = yield* contents.parseInner(entry);
    if (facts === undefined) continue;
    notes.adopt(member, facts);
    found.push({ name: member, method: methodName(entry.method), sizeBytes: entry.sizeBytes, offset, facts });
  }
}

/** Whether bytes start as a zip archive does: with a local header, or (empty) with the end record. */
export function isZip(head: Uint8Array): boolean {
  if (head[0] !== 0x50 || head[1] !== 0x4b) return false;
  return (head[2] === 3 && head[3] === 4) || (head[2] === 5 && head[3] === 6);
}

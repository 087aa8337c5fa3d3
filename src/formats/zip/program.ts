/**
 * The program of a TorchScript archive: `<root>/code/**.py`, beside `constants.pkl`.
 *
 * Source: torch/csrc/jit/serialization/import.cpp. PyTorch's reader finds members without regard to case
 * (`mz_zip_reader_locate_file` without flags), so they are told here in the same way.
 */
import type { Notes } from '../archive/notes.ts';
import { Malformed } from '../malformed.ts';
import type { Parse } from '../parse.ts';
import { Program, type ProgramFacts, SOURCE_BYTES_MAX } from '../torchscript/parse.ts';
import type { Contents } from './content.ts';
import type { ZipEntry } from './facts.ts';
import type { PlacedEntry } from './local.ts';

export interface ProgramAccount {
  readonly facts: ProgramFacts;
  /** Sources that were read to their end, or are gaps. */
  readonly done: readonly PlacedEntry[];
}

/** The program of an archive, or undefined where it holds none. What of it is not understood is a gap. */
export function* readProgram(
  entries: readonly PlacedEntry[],
  root: string,
  { contents, notes }: { readonly contents: Contents; readonly notes: Notes },
): Parse<ProgramAccount | undefined> {
  const inside = membersOf(entries, root);
  const sources = inside.filter(({ name }) => name.startsWith('code/') && name.endsWith('.py'));
  if (!inside.some(({ name }) => name.startsWith('code/') || name === 'constants.pkl')) return undefined;
  const program = new Program();
  const done: PlacedEntry[] = [];
  let left = SOURCE_BYTES_MAX;
  for (const { entry } of sources) {
    done.push(entry);
    left -= entry.sizeBytes;
    if (left < 0) {
      const reason = `the program is longer than ${SOURCE_BYTES_MAX >> 20} MiB`;
      notes.gap({
        offset: entry.dataOffset,
        length: entry.compressedBytes,
        reason,
        member: entry.name,
      });
      continue;
    }
    const source = yield* contents.parse(entry, (_head, sizeBytes) => whole(sizeBytes));
    if (source !== undefined) take(program, entry, { source, notes });
  }
  return { facts: program.facts(inside.some(({ name }) => name === 'bytecode.pkl')), done };
}

/**
 * The attacker's move: an archive of TorchScript's first format, whose `model.json` names the members with its code. PyTorch
 * looks for it before anything else (`LEGACY_deserialize`), and it is not followed here: what it makes of the archive is not known.
 */
export function noteFirstFormat(entries: readonly ZipEntry[], notes: Notes): void {
  const inside = membersOf(entries, entries[0]?.name.split('/')[0] ?? '');
  const names = new Map(inside.map(({ name, entry }) => [name, entry]));
  const model = names.get('model.json');
  if (model === undefined || !(names.has('version') || names.has('.data/version'))) return;
  const detail = "the archive has the model.json of TorchScript's first format, whose program is not read";
  notes.contradiction(
    { code: 'torchscript-first-format', offset: model.headerOffset, detail, member: model.name },
    model.compressedBytes,
  );
}

/**
 * What lies under a root, whatever its case, by its name behind the root in lower case. The root is measured in lower case
 * too: the attacker's move is one that grows by it (`\u0130` becomes two characters).
 */
function membersOf<Entry extends ZipEntry>(
  entries: readonly Entry[],
  root: string,
): readonly { readonly entry: Entry; readonly name: string }[] {
  const folder = `${root}/`.toLowerCase();
  return entries
    .map((entry) => ({ entry, name: entry.name.toLowerCase() }))
    .filter(({ name }) => name.startsWith(folder))
    .map(({ entry, name }) => ({ entry, name: name.slice(folder.length) }));
}

function* whole(sizeBytes: number): Parse<string> {
  const bytes = yield { offset: 0, length: sizeBytes };
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function take(
  program: Program,
  entry: PlacedEntry,
  { source, notes }: { readonly source: string; readonly notes: Notes },
): void {
  try {
    program.take(entry.name, source);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    const { code, message: detail } = error;
    const line = source.slice(0, error.offset).split('\n').length;
    notes.contradiction(
      { code, offset: entry.dataOffset, detail: `line ${line}: ${detail}`, member: entry.name },
      entry.compressedBytes,
    );
  }
}

/**
 * Parsing tar archives: headers one after another, each member by its content, every byte between them a zero.
 */
import { printable } from '../../base/errors.ts';
import { type ArchiveFacts, type ArchiveMember, ENTRIES_MAX, PARSED_MAX } from '../archive/facts.ts';
import { nameProblem, noteDuplicates } from '../archive/names.ts';
import { Notes } from '../archive/notes.ts';
import { Content, HELD_BYTES_MAX } from '../compressed/content.ts';
import { Malformed } from '../malformed.ts';
import { DEPTH_MAX, HEAD_BYTES, type Identify, inside, type Nesting } from '../nesting.ts';
import type { Access, BaseFacts, Parse } from '../parse.ts';
import { parsePickle } from '../pickle/parse.ts';
import { runsAsPickle } from '../pickle-shaped.ts';
import { TAIL_BYTES, withWhole } from '../whole.ts';
import { readPax, readTarHeader, type TarHeader, textOf } from './header.ts';
import { TAR_HEADER_BYTES } from './recognise.ts';
import { TorchTar } from './torch.ts';

export interface TarInput {
  readonly sizeBytes: number;
  readonly identify: Identify;
  readonly nesting: Nesting;
  /** `forward` where bytes flow by: members that must be read from their end are held, as far as that goes. */
  readonly access: Access;
}

/** Two blocks of zeros end an archive. */
const END_BYTES = 2 * TAR_HEADER_BYTES;

/** Headers that extend the next one. */
const EXTENSION_BYTES_MAX = 64 << 10;

/** Keys of pax headers that change a member, and those that say nothing of its content. */
const PAX_HARMLESS =
  /^(?:path|linkpath|size|[mac]time|uid|gid|uname|gname|comment|LIBARCHIVE\.creationtime|SCHILY\.(?:dev|ino|nlink|fflags))$/;

const CHUNK_BYTES = 256 << 10;

/**
 * The facts of a tar archive. Reads forward if asked to; never throws. Complete only where every byte belongs to a
 * header, to a member that was read completely, or to padding of zeros, and the archive ends as one.
 */
export function* parseTar(input: TarInput): Parse<ArchiveFacts> {
  const { sizeBytes, nesting } = input;
  const notes = new Notes(sizeBytes);
  const reading: Reading = { input, notes, members: [], names: [], torch: new TorchTar() };
  try {
    if (nesting.depth >= DEPTH_MAX)
      throw new Malformed('too-deep', 0, `archives are nested deeper than ${DEPTH_MAX}`);
    yield* expectNoPickle(input, notes);
    yield* readMembers(reading);
    noteDuplicates(reading.names, notes);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    const { code, offset, message: detail } = error;
    const from = Math.min(offset, Math.max(0, sizeBytes - 1));
    notes.contradiction({ code, offset: from, detail }, sizeBytes - from);
  }
  const torchTar = reading.torch.facts();
  return {
    format: 'tar',
    parser: 'tar/1',
    sizeBytes,
    gaps: notes.gaps,
    problems: notes.problems,
    entries: reading.names.length,
    members: reading.members,
    ...(torchTar === undefined ? {} : { torchTar }),
  };
}

/**
 * The attacker's move: a member name is the first thing in the file, and a name such as `V…` is an opcode that takes
 * all bytes up to a newline. The unpickler then runs what follows, wherever in the archive that is.
 */
function* expectNoPickle({ sizeBytes, access }: TarInput, notes: Notes): Parse<void> {
  const length = access === 'random' ? sizeBytes : Math.min(sizeBytes, TAR_HEADER_BYTES);
  const facts = yield* parsePickle({ sizeBytes: length });
  const broke = facts.problems.some(({ code }) => code !== 'truncated');
  if (access === 'random' ? !runsAsPickle(facts) : broke) return;
  const detail = 'the file is a tar archive, and its first bytes also run as a pickle';
  notes.contradiction({ code: 'polyglot-pickle', offset: 0, detail }, sizeBytes);
}

interface Reading {
  readonly input: TarInput;
  readonly notes: Notes;
  readonly members: ArchiveMember[];
  readonly names: { readonly name: string; readonly offset: number }[];
  readonly torch: TorchTar;
}

/** What the headers in front of a member say of it. */
interface Extension {
  readonly name?: string;
  readonly link?: string;
  readonly sizeBytes?: number;
}

function* readMembers(reading: Reading): Parse<void> {
  const { input, notes } = reading;
  let extension = NONE;
  let at = 0;
  while (at < input.sizeBytes) {
    const block = yield* readExactly(input, at, TAR_HEADER_BYTES);
    if (block.every((byte) => byte === 0)) {
      if (input.sizeBytes - at < END_BYTES) break;
      if (Object.keys(extension).length > 0)
        throw new Malformed('bad-header', at, 'a header extends a member that does not follow');
      yield* expectZeros(input, {
        from: at,
        to: input.sizeBytes,
        detail: 'bytes follow the end of the archive',
      });
      return;
    }
    const header = readTarHeader(block, at);
    const dataAt = at + TAR_HEADER_BYTES;
    const extended = yield* readExtension(reading, header, dataAt);
    if (extended !== undefined) {
      // Of two names, some readers take the first and some the last.
      if (Object.keys(extended).some((key) => Object.hasOwn(extension, key)))
        throw new Malformed('bad-header', at, 'two headers say the same of one member');
      extension = { ...extension, ...extended };
      at = yield* behind(input, dataAt, header.sizeBytes);
      continue;
    }
    if (reading.names.length >= ENTRIES_MAX)
      throw new Malformed('too-many-members', at, `more than ${ENTRIES_MAX} members`);
    const name = extension.name ?? header.name;
    const sizeBytes = extension.sizeBytes ?? header.sizeBytes;
    reading.names.push({ name, offset: at });
    const problem = header.doubt ?? nameProblem(name);
    if (problem !== undefined) {
      const detail = `the member name "${printable(name)}" ${problem}`;
      notes.contradiction({ code: 'bad-member-name', offset: at, detail, member: name }, TAR_HEADER_BYTES);
    }
    yield* readMember(reading, { ...header, name, sizeBytes, link: extension.link ?? header.link }, dataAt);
    at = yield* behind(input, dataAt, sizeBytes);
    extension = NONE;
  }
  throw new Malformed('truncated', input.sizeBytes, 'the archive ends without its last blocks');
}

const NONE: Extension = {};

/** What a header says of the member behind it, or undefined where it is a member itself. */
function* readExtension(
  { input, notes }: Reading,
  { kind, sizeBytes }: TarHeader,
  at: number,
): Parse<Extension | undefined> {
  if (kind !== 'extended' && kind !== 'global' && kind !== 'long-name' && kind !== 'long-link')
    return undefined;
  if (sizeBytes > EXTENSION_BYTES_MAX)
    throw new Malformed(
      'bad-header',
      at,
      `a header that extends another is larger than ${EXTENSION_BYTES_MAX} bytes`,
    );
  const bytes = yield* readExactly(input, at, sizeBytes);
  if (kind === 'long-name' || kind === 'long-link') {
    const text = textOf(bytes);
    if (text === undefined) throw new Malformed('bad-member-name', at, 'a member name is not UTF-8');
    return kind === 'long-name' ? { name: text } : { link: text };
  }
  const records = readPax(bytes, at);
  for (const key of records.keys()) {
    if (kind === 'global' ? key === 'comment' : PAX_HARMLESS.test(key)) continue;
    const detail = `a pax header says "${printable(key)}", which not all readers follow`;
    notes.contradiction({ code: 'pax-key', offset: at, detail }, sizeBytes);
  }
  if (kind === 'global') return {};
  const [name, link, size] = [records.get('path'), records.get('linkpath'), records.get('size')];
  if (size !== undefined && !/^(?:0|[1-9][0-9]{0,14})$/.test(size))
    throw new Malformed('bad-header', at, 'the size in a pax header is no number');
  return {
    ...(name === undefined ? {} : { name: name.replace(/\/$/, '') }),
    ...(link === undefined ? {} : { link }),
    ...(size === undefined ? {} : { sizeBytes: Number(size) }),
  };
}

function* readMember(reading: Reading, header: TarHeader, offset: number): Parse<void> {
  const { input, notes } = reading;
  const { name: member, kind, sizeBytes } = header;
  if (offset + sizeBytes > input.sizeBytes)
    throw new Malformed('truncated', offset, 'the archive ends inside of a member');
  if (kind !== 'file') {
    // Readers differ in whether data follows what is no file.
    if (sizeBytes > 0) throw new Malformed('member-size', offset, 'a member that is no file has a size');
    if (kind === 'folder') return;
    const what = kind === 'unknown' ? 'of a kind that is not read' : `a ${kind.replace('-', ' ')}`;
    const place = {
      code: kind === 'symbolic-link' ? 'symlink' : kind,
      offset: offset - TAR_HEADER_BYTES,
      member,
    };
    notes.contradiction({ ...place, detail: `a member is ${what}` }, TAR_HEADER_BYTES);
    return;
  }
  if (reading.members.length >= PARSED_MAX) {
    notes.gap({ offset, length: sizeBytes, reason: `more than ${PARSED_MAX} members to parse`, member });
    return;
  }
  const facts = yield* readContent(reading, { member, sizeBytes, offset });
  if (facts === undefined) return;
  notes.adopt(member, facts);
  reading.members.push({ name: member, method: 'stored', sizeBytes, offset, facts });
}

interface Place {
  readonly member: string;
  readonly sizeBytes: number;
  readonly offset: number;
}

function* readContent(reading: Reading, { member, sizeBytes, offset }: Place): Parse<BaseFacts | undefined> {
  const { identify, nesting, access } = reading.input;
  const torch = reading.torch.parserOf(member, sizeBytes);
  if (torch !== undefined) return yield* within(torch, { offset, sizeBytes });
  if (access === 'random') {
    const head = yield { offset, length: Math.min(sizeBytes, HEAD_BYTES) };
    const facts = yield* within(identify(head).parse(sizeBytes, inside(nesting)), { offset, sizeBytes });
    const tailBegin = Math.max(0, sizeBytes - TAIL_BYTES);
    const tail = yield { offset: offset + tailBegin, length: sizeBytes - tailBegin };
    return withWhole(facts, { declaredBytes: sizeBytes, actualBytes: sizeBytes, tail });
  }
  const content = new Content({ sizeBytes, identify, nesting });
  for (let at = 0; at < sizeBytes; at += CHUNK_BYTES)
    content.push(yield* readExactly(reading.input, offset + at, Math.min(CHUNK_BYTES, sizeBytes - at)));
  const facts = content.end();
  if (facts !== undefined) return facts;
  const detail = `a member must be read from its end and is larger than ${HELD_BYTES_MAX} bytes`;
  reading.notes.contradiction({ code: 'content-too-large', offset, detail, member }, sizeBytes);
  return undefined;
}

/** Runs a parser on a stretch of the input: nothing that it asks for may leave it. */
function* within<Facts>(
  parse: Parse<Facts>,
  { offset: begin, sizeBytes }: { readonly offset: number; readonly sizeBytes: number },
): Parse<Facts> {
  let step = parse.next();
  while (!step.done) {
    const offset = Math.min(step.value.offset, sizeBytes);
    const length = Math.min(step.value.length, sizeBytes - offset);
    step = parse.next(length > 0 ? yield { offset: begin + offset, length } : new Uint8Array(0));
  }
  return step.value;
}

/** Where the next header stands: behind the data and its padding, which must be zeros. */
function* behind(input: TarInput, at: number, sizeBytes: number): Parse<number> {
  const end = at + sizeBytes;
  const next = end + ((TAR_HEADER_BYTES - (sizeBytes % TAR_HEADER_BYTES)) % TAR_HEADER_BYTES);
  if (next > input.sizeBytes) throw new Malformed('truncated', end, 'the archive ends inside of a block');
  yield* expectZeros(input, { from: end, to: next, detail: 'the padding of a member is not zero' });
  return next;
}

interface Zeros {
  readonly from: number;
  readonly to: number;
  readonly detail: string;
}

function* expectZeros(input: TarInput, { from, to, detail }: Zeros): Parse<void> {
  for (let at = from; at < to; at += CHUNK_BYTES) {
    const bytes = yield* readExactly(input, at, Math.min(CHUNK_BYTES, to - at));
    const found = bytes.findIndex((byte) => byte !== 0);
    if (found >= 0) throw new Malformed('trailing-data', at + found, detail);
  }
}

function* readExactly(input: TarInput, offset: number, length: number): Parse<Uint8Array> {
  if (offset + length > input.sizeBytes)
    throw new Malformed('truncated', offset, 'the archive ends inside of a block');
  const bytes = length > 0 ? yield { offset, length } : new Uint8Array(0);
  if (bytes.length !== length) throw new Malformed('truncated', offset, 'the archive ends inside of a block');
  return bytes;
}

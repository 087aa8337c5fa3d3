/**
 * The content of a member: checked against its CRC, inflated within limits, parsed by what it holds.
 */
import { crc32, inflateRawSync } from 'node:zlib';
import type { Notes } from '../archive/notes.ts';
import { expandMember, type Unpack } from '../compressed/member.ts';
import { parseInMemory } from '../feed.ts';
import { Malformed } from '../malformed.ts';
import {
  EXPANSION_FREE_BYTES,
  EXPANSION_MAX,
  HEAD_BYTES,
  type Identify,
  inside,
  type Nesting,
} from '../nesting.ts';
import type { BaseFacts, Parse } from '../parse.ts';
import { TAIL_BYTES, withWhole } from '../whole.ts';
import { INFLATED_BYTES_MAX, MEMBER_HEAD_BYTES } from './facts.ts';
import type { PlacedEntry } from './local.ts';
import { METHODS } from './methods.ts';

const STORED = 0;
const DEFLATED = 8;
const CRC_CHUNK_BYTES = 1 << 20;

/** Makes the parser of a content from its head and size. */
export type ContentParser<Facts> = (head: Uint8Array, sizeBytes: number) => Parse<Facts>;

/** How a member is packed, in words. */
export function methodName(method: number): string {
  if (method === STORED) return 'stored';
  return METHODS.get(method)?.name ?? `method ${method}`;
}

/** Reads members of one archive, and keeps count of what they inflate to. */
export class Contents {
  readonly #origin: number;
  readonly #notes: Notes;
  readonly #identify: Identify;
  readonly #nesting: Nesting;
  inflatedBytes = 0;

  constructor(
    origin: number,
    notes: Notes,
    { identify, nesting }: { readonly identify: Identify; readonly nesting: Nesting },
  ) {
    this.#origin = origin;
    this.#notes = notes;
    this.#identify = identify;
    this.#nesting = nesting;
  }

  /** The facts of a member's content by this parser, or undefined where it cannot be read: its data is a gap then. */
  *parse<Facts>(entry: PlacedEntry, parser: ContentParser<Facts>): Parse<Facts | undefined> {
    if (entry.method === STORED) return yield* this.#stored(entry, parser);
    if (entry.method === DEFLATED && fitsMemory(entry)) {
      const bytes = yield* this.#deflated(entry);
      return bytes && inMemory(parser(bytes.subarray(0, MEMBER_HEAD_BYTES), bytes.length), bytes);
    }
    const detail = `a member that is ${methodName(entry.method)} is too large or not read here`;
    this.#unread(entry, 'member-method', detail);
    return undefined;
  }

  /** The same by the parser that the content asks for. */
  *parseInner(entry: PlacedEntry): Parse<BaseFacts | undefined> {
    if (entry.method === STORED) return yield* this.#stored(entry, this.#inner(entry.sizeBytes));
    if (entry.method === DEFLATED && fitsMemory(entry)) {
      const bytes = yield* this.#deflated(entry);
      if (bytes === undefined) return undefined;
      const inner = this.#identify(bytes.subarray(0, HEAD_BYTES));
      return parseInMemory(inner.parse(bytes.length, inside(this.#nesting)), bytes);
    }
    const unpack = METHODS.get(entry.method)?.unpack;
    if (unpack !== undefined) return yield* this.#expanded(entry, unpack);
    this.#unread(entry, 'member-method', `compression method ${entry.method} is not read`);
    return undefined;
  }

  #inner(sizeBytes: number): ContentParser<BaseFacts> {
    const [identify, nesting] = [this.#identify, this.#nesting];
    return function* (head) {
      const facts = yield* identify(head.subarray(0, HEAD_BYTES)).parse(sizeBytes, inside(nesting));
      const tailBegin = Math.max(0, sizeBytes - TAIL_BYTES);
      const tail = yield { offset: tailBegin, length: sizeBytes - tailBegin };
      return withWhole(facts, { declaredBytes: sizeBytes, actualBytes: sizeBytes, tail });
    };
  }

  /** Expands a member while it is parsed: larger ones, and those of the rarer methods. */
  *#expanded(entry: PlacedEntry, unpack: Unpack): Parse<BaseFacts | undefined> {
    const { sizeBytes, compressedBytes } = entry;
    const bomb = this.#bomb(entry);
    if (bomb !== undefined) {
      this.#unread(entry, 'member-too-large', bomb);
      return undefined;
    }
    this.inflatedBytes += sizeBytes;
    try {
      return yield* expandMember(
        {
          offset: this.#origin + entry.dataOffset,
          packedBytes: compressedBytes,
          sizeBytes,
          crc32: entry.crc32,
        },
        { unpack, identify: this.#identify, nesting: this.#nesting },
      );
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      const code = error.code === 'expands-too-far' ? 'member-too-large' : 'member-content';
      this.#unread(entry, code, error.message);
      return undefined;
    }
  }

  *#stored<Facts>(entry: PlacedEntry, parser: ContentParser<Facts>): Parse<Facts | undefined> {
    if (entry.sizeBytes !== entry.compressedBytes) {
      this.#unread(entry, 'member-size', 'a stored member has two sizes');
      return undefined;
    }
    if (!(yield* this.#crcHolds(entry))) return undefined;
    const begin = this.#origin + entry.dataOffset;
    const head = yield { offset: begin, length: Math.min(entry.sizeBytes, MEMBER_HEAD_BYTES) };
    const parse = parser(head, entry.sizeBytes);
    let step = parse.next();
    while (!step.done) {
      // Nothing that the inner parser asks for may leave the member.
      const offset = Math.min(step.value.offset, entry.sizeBytes);
      const length = Math.min(step.value.length, entry.sizeBytes - offset);
      step = parse.next(length > 0 ? yield { offset: begin + offset, length } : new Uint8Array(0));
    }
    return step.value;
  }

  *#crcHolds(entry: PlacedEntry): Parse<boolean> {
    let crc = 0;
    for (let at = 0; at < entry.sizeBytes; at += CRC_CHUNK_BYTES) {
      const length = Math.min(CRC_CHUNK_BYTES, entry.sizeBytes - at);
      crc = crc32(yield { offset: this.#origin + entry.dataOffset + at, length }, crc);
    }
    if (crc === entry.crc32) return true;
    this.#unread(entry, 'member-crc', 'the content of a member does not have its CRC');
    return false;
  }

  *#deflated(entry: PlacedEntry): Parse<Buffer | undefined> {
    const bomb = this.#bomb(entry);
    if (bomb !== undefined) {
      this.#unread(entry, 'member-too-large', bomb);
      return undefined;
    }
    const packed = yield { offset: this.#origin + entry.dataOffset, length: entry.compressedBytes };
    const bytes = inflated(packed, entry.sizeBytes);
    this.inflatedBytes += entry.sizeBytes;
    this.#nesting.budget.bytes -= entry.sizeBytes;
    if (bytes === undefined || crc32(bytes) !== entry.crc32) {
      this.#unread(entry, 'member-deflate', 'a member does not inflate to what its headers say');
      return undefined;
    }
    return bytes;
  }

  #bomb(entry: PlacedEntry): string | undefined {
    const { sizeBytes, compressedBytes } = entry;
    if (sizeBytes > this.#nesting.budget.bytes)
      return 'the members inflate to more than a file of its size may';
    if (sizeBytes > EXPANSION_FREE_BYTES && sizeBytes > compressedBytes * EXPANSION_MAX)
      return `a member inflates to more than ${EXPANSION_MAX} times its size`;
    return undefined;
  }

  #unread(entry: PlacedEntry, code: string, detail: string): void {
    const { dataOffset: offset, name: member } = entry;
    this.#notes.contradiction({ code, offset, detail, member }, entry.compressedBytes);
  }
}

function fitsMemory({ sizeBytes, compressedBytes }: PlacedEntry): boolean {
  return sizeBytes <= INFLATED_BYTES_MAX && compressedBytes <= INFLATED_BYTES_MAX;
}

interface Inflated {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

/** Exactly `sizeBytes` from exactly all packed bytes, or undefined. */
function inflated(packed: Uint8Array, sizeBytes: number): Buffer | undefined {
  try {
    const options = { maxOutputLength: Math.max(1, sizeBytes), info: true };
    const { buffer, engine } = inflateRawSync(packed, options) as unknown as Inflated;
    return buffer.length === sizeBytes && engine.bytesWritten === packed.length ? buffer : undefined;
  } catch {
    return undefined;
  }
}

function inMemory<Facts>(parse: Parse<Facts>, bytes: Uint8Array): Facts {
  let step = parse.next();
  while (!step.done) {
    const { offset, length } = step.value;
    step = parse.next(bytes.subarray(offset, offset + length));
  }
  return step.value;
}

/** Facts for content that is tiny ASCII text, such as PyTorch's `version`; undefined where it is not. */
export function* tinyText(sizeBytes: number): Parse<BaseFacts | undefined> {
  const bytes = yield { offset: 0, length: sizeBytes };
  if (bytes.length !== sizeBytes || bytes.some((byte) => (byte < 0x20 && byte !== 0x0a) || byte > 0x7e))
    return undefined;
  return { format: 'tiny-text', parser: 'tiny-text/1', sizeBytes, gaps: [], problems: [] };
}

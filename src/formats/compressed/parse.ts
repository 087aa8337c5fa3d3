/**
 * Parsing compressed streams: expanded once to know their size and that they are whole, and parsed from memory; what
 * is too large for that is expanded a second time, into the parser. Memory stays the same however much comes out.
 */
import type { Gap } from '../../base/finding.ts';
import { parseInMemory } from '../feed.ts';
import { Account, Malformed } from '../malformed.ts';
import {
  DEPTH_MAX,
  EXPANSION_FREE_BYTES,
  EXPANSION_MAX,
  HEAD_BYTES,
  type Identify,
  inside,
  type Nesting,
} from '../nesting.ts';
import type { BaseFacts, Parse } from '../parse.ts';
import { BZIP2 } from './bzip2.ts';
import type { Codec } from './codec.ts';
import { Content, HELD_BYTES_MAX, Meter, Spool } from './content.ts';
import { COMPRESSED_PARSER, type CompressedFacts } from './facts.ts';
import { GZIP, ZLIB } from './gzip.ts';
import { LZ4 } from './lz4.ts';
import { LZMA_ALONE } from './lzma-streams.ts';
import { Output } from './output.ts';
import { Packed } from './packed.ts';
import { XZ } from './xz.ts';
import { ZSTD } from './zstd.ts';

export interface CompressedInput {
  readonly sizeBytes: number;
  readonly identify: Identify;
  readonly nesting: Nesting;
}

const CODECS: readonly Codec[] = [GZIP, BZIP2, XZ, LZ4, ZSTD, LZMA_ALONE, ZLIB];

/** Streams one after another: bgzip writes one for every 64 KiB. */
const STREAMS_MAX = 1 << 16;

/** Name of the content in findings and gaps, where members have theirs. */
export const CONTENT = 'content';

/** Whether bytes start as a compressed stream does. */
export function isCompressed(head: Uint8Array): boolean {
  return codecOf(head) !== undefined;
}

function codecOf(head: Uint8Array): Codec | undefined {
  const codec = CODECS.find(({ fits }) => fits(head));
  // Two letters make a zlib header, so text could begin like that: only what expands from there on is one.
  return codec !== ZLIB || expands(head) ? codec : undefined;
}

/** Whether a head expands without a contradiction, up to where it is cut. */
function expands(head: Uint8Array): boolean {
  const decode = ZLIB.decode(new Packed(head.length), new Output({ push: () => {} }));
  try {
    let step = decode.next();
    while (!step.done) {
      const { offset, length } = step.value;
      step = decode.next(head.subarray(offset, offset + length));
    }
    return true;
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return error.code === 'truncated' && head.length >= HEAD_BYTES;
  }
}

/**
 * The facts of compressed streams. Needs random access; never throws. Complete only where every byte belongs to a
 * stream that has its checksums, and the content was read completely by its parser.
 */
export function* parseCompressed(input: CompressedInput): Parse<CompressedFacts> {
  const { sizeBytes, nesting } = input;
  const account = new Account();
  const codec = codecOf(yield { offset: 0, length: Math.min(HEAD_BYTES, sizeBytes) }) ?? ZLIB;
  const spool = new Spool(sizeBytes * EXPANSION_MAX + 2 * EXPANSION_FREE_BYTES);
  const output = new Output(spool);
  const count = { streams: 0 };
  let content: BaseFacts | undefined;
  try {
    if (nesting.depth >= DEPTH_MAX)
      throw new Malformed('too-deep', 0, `archives are nested deeper than ${DEPTH_MAX}`);
    const packed = new Packed(sizeBytes);
    output.sink = new Meter(spool, { nesting, readBytes: () => packed.readBytes });
    yield* expandAll(packed, { codec, output, count });
    if (!spool.whole) content = yield* parseAgain(input, { codec, output, contentBytes: spool.totalBytes });
  } catch (error) {
    account.give(error, sizeBytes);
  }
  // Of a stream that breaks, loaders still run what came before.
  content ??= spool.totalBytes > 0 || count.streams > 0 ? parseHeld(input, spool.bytes) : undefined;
  return {
    format: 'compressed',
    parser: COMPRESSED_PARSER,
    sizeBytes,
    gaps: [...account.gaps, ...(content?.gaps ?? []).map(inContent)],
    problems: account.problems,
    method: codec.method,
    streams: count.streams,
    contentBytes: spool.totalBytes,
    ...(content === undefined ? {} : { content }),
  };
}

interface Expansion {
  readonly codec: Codec;
  readonly output: Output;
  readonly count: { streams: number };
}

function* expandAll(packed: Packed, { codec, output, count }: Expansion): Parse<void> {
  do {
    if (count.streams >= STREAMS_MAX) throw packed.unread(`more than ${STREAMS_MAX} streams in one file`);
    yield* codec.decode(packed, output);
    count.streams++;
  } while (yield* another(packed, codec));
}

/** Whether another stream follows; behind the last one only zeros may, and only where readers take them. */
function* another(packed: Packed, codec: Codec): Parse<boolean> {
  const begin = packed.offset;
  if (codec.padding > 0) {
    while ((yield* packed.reach(1)) > 0 && packed.bytes[packed.at] === 0) packed.at++;
  }
  yield* packed.reach(16);
  if ((packed.offset - begin) % Math.max(1, codec.padding) === 0) {
    if (packed.remaining === 0) return false;
    if (codec.fits(packed.bytes.subarray(packed.at, packed.end))) return true;
  }
  throw new Malformed('trailing-data', begin, 'bytes follow the end of the compressed stream');
}

/** Expands once more, now that the size is known, into the parser that the head asks for. */
function* parseAgain(
  input: CompressedInput,
  { codec, output, contentBytes }: Omit<Expansion, 'count'> & { readonly contentBytes: number },
): Parse<BaseFacts> {
  const content = new Content({ ...input, sizeBytes: contentBytes });
  output.sink = content;
  yield* expandAll(new Packed(input.sizeBytes), { codec, output, count: { streams: 0 } });
  const facts = content.end();
  if (facts !== undefined) return facts;
  const detail = `the content must be read from its end and is larger than ${HELD_BYTES_MAX} bytes`;
  throw new Malformed('content-too-large', 0, detail);
}

function parseHeld({ identify, nesting }: CompressedInput, bytes: Uint8Array): BaseFacts {
  const inner = identify(bytes.subarray(0, HEAD_BYTES));
  return parseInMemory(inner.parse(bytes.length, inside(nesting)), bytes);
}

function inContent(gap: Gap): Gap {
  return { ...gap, member: gap.member === undefined ? CONTENT : `${CONTENT}!${gap.member}` };
}

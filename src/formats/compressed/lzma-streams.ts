/**
 * LZMA2, and the old stream around bare LZMA.
 *
 * Source: the xz file format 1.2 (5.3.1, LZMA2), `lzma2_dec.c` of xz embedded, and the LZMA specification (.lzma).
 */
import { Malformed } from '../malformed.ts';
import type { Parse } from '../parse.ts';
import type { Codec } from './codec.ts';
import { Lzma, type LzmaPause, lzmaProperties } from './lzma.ts';
import type { Output } from './output.ts';
import { PADDING_BYTES, type Packed } from './packed.ts';
import { type Ring, windowWithin } from './ring.ts';

const HEADER_BYTES = 13;
const PROPERTIES_USUAL = 0x5d;

/** Sizes in headers from which on they are no sizes: as xz tells a .lzma file from other data. */
const SIZE_HIGH_MAX = 1 << 6;

/** Bare LZMA, as `lzma.FORMAT_ALONE` and joblib write it. */
export const LZMA_ALONE: Codec = {
  method: 'lzma',
  fits: fitsLzma,
  padding: 0,
  decode: decodeLzma,
};

function fitsLzma(head: Uint8Array): boolean {
  if (head[0] !== PROPERTIES_USUAL || head.length < HEADER_BYTES) return false;
  const header = Buffer.from(head.buffer, head.byteOffset, HEADER_BYTES);
  const window = header.readUInt32LE(1);
  const low = window & -window;
  const power = window === low || window === low * 3;
  const high = header.readUInt32LE(9);
  return window >= 4096 && power && (high < SIZE_HIGH_MAX || high === 0xffffffff);
}

function* decodeLzma(packed: Packed, { ring }: Output): Parse<void> {
  yield* packed.need(HEADER_BYTES + 5);
  const offset = packed.offset;
  const header = packed.take(HEADER_BYTES);
  const properties = lzmaProperties(header[0] ?? 0xff);
  if (properties === undefined) throw packed.bad('the properties of LZMA data do not exist');
  const [low, high] = [header.readUInt32LE(5), header.readUInt32LE(9)];
  const known = low !== 0xffffffff || high !== 0xffffffff;
  ring.begin(windowWithin(Math.max(4096, header.readUInt32LE(1)), offset));
  yield* expandLzma(packed, ring, { properties, sizeBytes: known ? high * 2 ** 32 + low : undefined });
}

interface LzmaStream {
  readonly properties: NonNullable<ReturnType<typeof lzmaProperties>>;
  /** Undefined where a marker says where it ends. */
  readonly sizeBytes: number | undefined;
  /** Whether the marker may stand behind a known size too. */
  readonly marker?: 'allowed';
}

/** Expands bare LZMA of a known size or to its marker. The ring must have begun. */
export function* expandLzma(packed: Packed, ring: Ring, stream: LzmaStream): Parse<void> {
  const { properties, sizeBytes, marker } = stream;
  const lzma = new Lzma(packed, ring);
  lzma.reset(properties);
  yield* packed.need(5);
  lzma.begin();
  const end = sizeBytes ?? Number.POSITIVE_INFINITY;
  let pause: LzmaPause = 'more';
  while (pause === 'more') {
    yield* packed.reach(2 * PADDING_BYTES);
    pause = lzma.decode(end);
  }
  if (pause === 'marker' ? sizeBytes !== undefined && ring.total !== sizeBytes : sizeBytes === undefined)
    throw packed.bad('LZMA data ends elsewhere than its header says');
  if (pause === 'made' && marker === 'allowed' && packed.remaining > 0) {
    yield* packed.reach(2 * PADDING_BYTES);
    if (lzma.decode(end + 1) !== 'marker') throw packed.bad('LZMA data goes on behind its end');
  }
  if (!lzma.finished) throw packed.bad('LZMA data does not end as an encoder ends it');
  packed.within();
  ring.flush();
}

const [END, DICTIONARY_RESET, RAW, LZMA_CHUNK] = [0, 1, 2, 0x80];

/** Expands LZMA2 chunks to their end. The ring must have begun. */
export function* expandLzma2(packed: Packed, ring: Ring): Parse<void> {
  const lzma = new Lzma(packed, ring);
  // A first chunk resets everything; later ones say what they reset.
  let needs: 'dictionary' | 'properties' | 'nothing' = 'dictionary';
  for (;;) {
    yield* packed.need(1);
    const [control = 0] = packed.take(1);
    if (control === END) break;
    if (control > RAW && control < LZMA_CHUNK)
      throw packed.bad('an LZMA2 chunk is of a kind that does not exist');
    const resetsAll = control === DICTIONARY_RESET || control >= 0xe0;
    if (needs === 'dictionary' && !resetsAll) throw packed.bad('LZMA2 data does not begin with a reset');
    if (resetsAll) ring.restart();
    if (control < LZMA_CHUNK) {
      yield* packed.need(2);
      const length = packed.take(2).readUInt16BE(0) + 1;
      yield* packed.need(length);
      ring.append(packed.take(length));
      if (needs === 'dictionary') needs = 'properties';
      continue;
    }
    yield* packed.need(5);
    const sizes = packed.take(4);
    const made = ((control & 0x1f) << 16) + sizes.readUInt16BE(0) + 1;
    const length = sizes.readUInt16BE(2) + 1;
    const resets = (control >> 5) & 3;
    if (resets >= 2) {
      const properties = lzmaProperties(packed.take(1)[0] ?? 0xff);
      if (properties === undefined) throw packed.bad('the properties of LZMA2 data do not exist');
      lzma.reset(properties);
    } else {
      if (needs === 'properties') throw packed.bad('an LZMA2 chunk goes on with what was never set');
      if (resets === 1) lzma.resetState();
    }
    needs = 'nothing';
    yield* packed.need(length);
    expandChunk(packed, { lzma, ring, made, length });
  }
  ring.flush();
}

interface Chunk {
  readonly lzma: Lzma;
  readonly ring: Ring;
  readonly made: number;
  readonly length: number;
}

/** A chunk that is at hand as a whole. */
function expandChunk(packed: Packed, { lzma, ring, made, length }: Chunk): void {
  const end = packed.offset + length;
  if (length < 5) throw packed.bad('an LZMA2 chunk is too short');
  lzma.begin();
  const pause = lzma.decode(ring.total + made);
  if (pause !== 'made' || !lzma.finished || packed.offset !== end)
    throw new Malformed('bad-stream', Math.min(packed.offset, end), 'an LZMA2 chunk does not have its sizes');
}

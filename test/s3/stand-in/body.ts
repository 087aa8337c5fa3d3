/**
 * The body of a request: read to its end within a bound, taken out of AWS's own chunks where it came in such, and
 * held against every digest that was named for it.
 */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import {
  ALGORITHMS,
  type ChecksumAlgorithm,
  checksumHeader,
  checksumOf,
  isChecksumValue,
} from './checksum.ts';
import { S3Error } from './error.ts';
import { type ChunkChain, type Claim, equal, sha256 } from './sigv4.ts';

export interface Body {
  readonly bytes: Buffer;
  /** The checksum that came with it, verified; in a header or in a trailer. */
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly value: string } | undefined;
}

/** Checks of one request's body; AWS's limit for chunks but the last. */
const CHUNK_BYTES_MIN = 8192;
const CHUNK_HEADER_BYTES_MAX = 512;
const TRAILER_BYTES_MAX = 4096;

/** All bytes as they came over the wire; IncompleteBody where the client gave up. */
export async function readWire(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? Number.NaN);
  if (announced > bytesMax) throw new S3Error('EntityTooLarge');
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > bytesMax) throw new S3Error('EntityTooLarge');
    chunks.push(chunk);
  }
  if (!request.complete) throw new S3Error('IncompleteBody');
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, sizeBytes);
}

/** The object's bytes in what came over the wire. */
export function openBody(wire: Buffer, headers: IncomingHttpHeaders, claim: Claim, chain: ChunkChain): Body {
  if (claim.payload.startsWith('STREAMING-')) return openChunks(wire, headers, claim.payload, chain);
  if (claim.payload !== 'UNSIGNED-PAYLOAD') {
    if (!/^[0-9a-f]{64}$/.test(claim.payload)) {
      throw new S3Error('InvalidArgument', {
        message:
          'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.',
      });
    }
    const computed = sha256(wire);
    if (!equal(computed, claim.payload)) {
      throw new S3Error('XAmzContentSHA256Mismatch', {
        fields: { ClientComputedContentSHA256: claim.payload, S3ComputedContentSHA256: computed },
      });
    }
  }
  return verified(wire, headers, {});
}

function openChunks(wire: Buffer, headers: IncomingHttpHeaders, kind: string, chain: ChunkChain): Body {
  const signed = kind.startsWith('STREAMING-AWS4-HMAC-SHA256-PAYLOAD');
  const trailing = kind.endsWith('-TRAILER');
  if (!signed && kind !== 'STREAMING-UNSIGNED-PAYLOAD-TRAILER') throw new S3Error('NotImplemented');
  const decodedLength = headers['x-amz-decoded-content-length'];
  if (decodedLength === undefined) throw new S3Error('MissingContentLength');
  const pieces: Buffer[] = [];
  let at = 0;
  for (;;) {
    const line = lineAt(wire, at, CHUNK_HEADER_BYTES_MAX);
    const match = /^([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line);
    if (!match) throw new S3Error('IncompleteBody');
    at += line.length + 2;
    const sizeBytes = Number.parseInt(match[1] ?? '', 16);
    const piece = wire.subarray(at, at + sizeBytes);
    if (piece.length !== sizeBytes) throw new S3Error('IncompleteBody');
    if (signed && !equal(chain.chunk(piece), match[2] ?? '')) throw new S3Error('SignatureDoesNotMatch');
    at += sizeBytes;
    if (sizeBytes === 0) break;
    if ((pieces.at(-1)?.length ?? CHUNK_BYTES_MIN) < CHUNK_BYTES_MIN)
      throw new S3Error('InvalidChunkSizeError');
    pieces.push(piece);
    if (wire.toString('latin1', at, at + 2) !== '\r\n') throw new S3Error('IncompleteBody');
    at += 2;
  }
  const bytes = Buffer.concat(pieces);
  if (String(bytes.length) !== decodedLength) throw new S3Error('IncompleteBody');
  const trailers = trailing ? readTrailers(wire.subarray(at), headers, signed ? chain : undefined) : {};
  return verified(bytes, headers, trailers);
}

function readTrailers(
  wire: Buffer,
  headers: IncomingHttpHeaders,
  chain: ChunkChain | undefined,
): Readonly<Record<string, string>> {
  if (wire.length > TRAILER_BYTES_MAX) throw new S3Error('MalformedTrailerError');
  const trailers: Record<string, string> = {};
  for (const line of wire.toString('latin1').split(/\r?\n/)) {
    const [name = '', value] = line.split(/:(.*)/s, 2);
    if (value !== undefined) trailers[name.trim().toLowerCase()] = value.trim();
    else if (line !== '') throw new S3Error('MalformedTrailerError');
  }
  const signature = trailers['x-amz-trailer-signature'];
  delete trailers['x-amz-trailer-signature'];
  const announced = [headers['x-amz-trailer'] ?? []]
    .flat()
    .join(',')
    .split(',')
    .map((name) => name.trim());
  for (const name of Object.keys(trailers)) {
    if (!announced.includes(name)) throw new S3Error('MalformedTrailerError');
  }
  for (const name of announced) {
    if (name !== '' && trailers[name] === undefined) throw new S3Error('MalformedTrailerError');
  }
  if (chain) {
    const lines = Object.entries(trailers).map(([name, value]) => `${name}:${value}\n`);
    if (!equal(chain.trailer(lines.join('')), signature ?? '')) throw new S3Error('SignatureDoesNotMatch');
  }
  return trailers;
}

/** Holds the bytes against Content-MD5 and against the one checksum that may come with them. */
function verified(
  bytes: Buffer,
  headers: IncomingHttpHeaders,
  trailers: Readonly<Record<string, string>>,
): Body {
  const md5 = headers['content-md5'];
  if (typeof md5 === 'string') {
    if (!/^[A-Za-z0-9+/]{22}==$/.test(md5)) throw new S3Error('InvalidDigest');
    if (!equal(createHash('md5').update(bytes).digest('base64'), md5)) throw new S3Error('BadDigest');
  }
  const given = givenChecksums({ ...headers, ...trailers });
  if (given.length > 1) {
    throw new S3Error('InvalidRequest', {
      message: 'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    });
  }
  return { bytes, checksum: given[0] };
}

/** The checksums named in headers, each of a possible form. */
export function givenChecksums(headers: Readonly<Record<string, string | string[] | undefined>>) {
  return ALGORITHMS.flatMap((algorithm) => {
    const value = headers[checksumHeader(algorithm)];
    if (typeof value !== 'string') return [];
    return [{ algorithm, value }];
  });
}

/** Refuses bytes that are not those of their checksum. Completions name checksums of other bytes than their body. */
export function verifyChecksum(body: Body): void {
  if (!body.checksum) return;
  const { algorithm, value } = body.checksum;
  if (!isChecksumValue(algorithm, value)) {
    throw new S3Error('InvalidRequest', {
      message: `Value for ${checksumHeader(algorithm)} header is invalid.`,
    });
  }
  if (checksumOf(algorithm, [body.bytes]) !== value) {
    throw new S3Error('BadDigest', {
      message: `The ${algorithm} you specified did not match the calculated checksum.`,
    });
  }
}

function lineAt(wire: Buffer, at: number, bytesMax: number): string {
  const end = wire.indexOf('\r\n', at);
  if (end < 0 || end - at > bytesMax) throw new S3Error('IncompleteBody');
  return wire.toString('latin1', at, end);
}

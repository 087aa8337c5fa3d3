/** The bytes of a file on the wire: ranges, pace, and every way in which a body can be wrong. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { identityOf, pieces } from './content.ts';
import type { Fault } from './fault.ts';
import type { StandInFile } from './model.ts';
import { type Exchange, faultyHeaders, send, sendFault } from './reply.ts';

/** Answers GET and HEAD of a file's content, with `Range` as RFC 9110 section 14 has it (one range). */
export async function sendBody(
  exchange: Exchange,
  file: StandInFile,
  options: { readonly headers: Record<string, string>; readonly fault: Fault | undefined },
): Promise<void> {
  const { fault } = options;
  if (sendFault(exchange, fault)) return;
  const { sizeBytes } = await identityOf(file);
  const asked = parseRange(exchange.request.headers.range, sizeBytes);
  const range = fault?.kind === 'range-ignored' ? 'whole' : asked;
  const headers: Record<string, string> = {
    'Accept-Ranges': 'bytes',
    'Content-Type': 'application/octet-stream',
    ...options.headers,
  };
  if (range === 'outside' && sizeBytes === 0) {
    // No range of an empty file can be satisfied, yet clients that ask for its first byte expect success.
    send(exchange, 200, { ...headers, 'Content-Range': 'bytes */0' }, Buffer.alloc(0));
    return;
  }
  if (range === 'outside') {
    send(exchange, 416, { ...headers, 'Content-Range': `bytes */${sizeBytes}` }, Buffer.alloc(0));
    return;
  }
  const shift = fault?.kind === 'range-shifted' ? fault.byBytes : 0;
  const offset = range === 'whole' ? 0 : range.offset + shift;
  const length = range === 'whole' ? sizeBytes : Math.min(range.length, sizeBytes - offset);
  if (range !== 'whole') headers['Content-Range'] = `bytes ${offset}-${offset + length - 1}/${sizeBytes}`;
  const chunked = fault?.kind === 'oversized' || fault?.kind === 'shortened';
  if (!chunked) headers['Content-Length'] = String(length);
  exchange.response.writeHead(range === 'whole' ? 200 : 206, faultyHeaders(headers, fault));
  if (exchange.request.method === 'HEAD') exchange.response.end();
  else await pump(exchange, file, { offset, length, fault });
}

type Range = { readonly offset: number; readonly length: number } | 'whole' | 'outside';

function parseRange(header: string | undefined, sizeBytes: number): Range {
  const [, first, last] = header?.match(/^bytes=(\d*)-(\d*)$/) ?? [];
  if (first === undefined || last === undefined || first + last === '') return 'whole';
  if (first === '') {
    const length = Math.min(Number(last), sizeBytes);
    return length === 0 ? 'outside' : { offset: sizeBytes - length, length };
  }
  const offset = Number(first);
  const end = last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  return offset >= sizeBytes || end < offset ? 'outside' : { offset, length: end - offset + 1 };
}

async function pump(
  { response, line }: Exchange,
  file: StandInFile,
  { offset, length, fault }: { offset: number; length: number; fault: Fault | undefined },
): Promise<void> {
  const stopAfter =
    fault?.kind === 'truncated' || fault?.kind === 'stalled' || fault?.kind === 'shortened'
      ? Math.min(fault.afterBytes, length)
      : length;
  let at = offset;
  for await (const piece of pieces(file.content, offset, stopAfter)) {
    const wrong = fault?.kind === 'corrupted' ? flipped(piece, fault.offset - at) : piece;
    at += piece.length;
    await line?.take(piece.length);
    if (fault?.kind === 'slow') await paced(response, wrong, fault.bytesPerSecond);
    else await written(response, wrong);
    if (response.destroyed) return;
  }
  switch (fault?.kind) {
    case 'truncated':
      // What was written must be on its way before the connection dies, so that exactly these bytes arrive.
      response.write(Buffer.alloc(0), () => response.socket?.destroySoon());
      return;
    case 'stalled':
      response.flushHeaders();
      await once(response, 'close');
      return;
    case 'oversized':
      response.end(Buffer.alloc(fault.extraBytes));
      return;
    default:
      response.end();
  }
}

function flipped(piece: Uint8Array, at: number): Uint8Array {
  const byte = piece[at];
  if (byte === undefined) return piece;
  const wrong = Uint8Array.from(piece);
  wrong[at] = byte ^ 1;
  return wrong;
}

type Writable = Exchange['response'];

function written(response: Writable, piece: Uint8Array): Promise<void> | undefined {
  if (response.destroyed || response.write(piece)) return undefined;
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}

const PACE_STEPS_PER_SECOND = 20;

async function paced(response: Writable, piece: Uint8Array, bytesPerSecond: number): Promise<void> {
  const step = Math.max(1, Math.floor(bytesPerSecond / PACE_STEPS_PER_SECOND));
  for (let at = 0; at < piece.length && !response.destroyed; at += step) {
    await written(response, piece.subarray(at, at + step));
    await sleep(1000 / PACE_STEPS_PER_SECOND);
  }
}

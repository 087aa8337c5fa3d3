/** Sending: an answer onto the wire, at the client's pace and of exactly the length that was announced. */
import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Answer } from './answer.ts';

/**
 * On every answer: it is data, never a page, whatever a model's files hold; and no cache on the way may keep it, where
 * it would outlive a revocation and a token.
 */
const ALWAYS: readonly string[] = [
  'X-Content-Type-Options',
  'nosniff',
  'Content-Security-Policy',
  "default-src 'none'",
  'Cache-Control',
  'no-store',
];

export interface SendOptions {
  readonly requestId: string;
  readonly method: string;
  /** Whether the connection may carry another request. */
  readonly connection: 'keep' | 'close';
  /** Awaited when all of it is on its way, before the end, where the connection ends with it. */
  readonly beforeEnd?: (() => Promise<void>) | undefined;
  /** Called with what is handed to the socket. */
  readonly sent: (bytes: number) => void;
}

/** Resolves when all of it was handed on; rejects, and ends the connection, where the body is not as announced. */
export async function sendAnswer(
  response: ServerResponse,
  { status, headers, body }: Answer,
  { requestId, method, connection, beforeEnd, sent }: SendOptions,
): Promise<void> {
  const sizeBytes = body.is === 'bytes' ? body.bytes.length : body.sizeBytes;
  const lines: string[] = [...ALWAYS, 'X-Request-Id', requestId, 'Content-Length', String(sizeBytes)];
  for (const name in headers) {
    const value = headers[name];
    if (typeof value === 'string') lines.push(name, value);
    else for (const one of value ?? []) lines.push(name, one);
  }
  if (connection === 'close') lines.push('Connection', 'close');
  response.writeHead(status, lines);
  if (method === 'HEAD' || body.is === 'withheld') {
    response.end();
    return;
  }
  if (body.is === 'bytes') {
    sent(body.bytes.length);
    if (beforeEnd === undefined) {
      if (body.packed === undefined) response.end(body.bytes);
      else response.end(body.packed, 'latin1');
      return;
    }
    response.write(body.bytes);
    await beforeEnd();
    response.end();
    return;
  }
  await pipeline(exactly(body, sent), response);
}

/** The bytes, and an error instead of an end that comes too early or too late: never a file that only looks whole. */
async function* exactly(
  { bytes, sizeBytes }: { readonly bytes: AsyncIterable<Uint8Array>; readonly sizeBytes: number },
  sent: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let total = 0;
  for await (const chunk of bytes) {
    total += chunk.length;
    if (total > sizeBytes) throw new Error(`the body is longer than its ${sizeBytes} bytes`);
    sent(chunk.length);
    yield chunk;
  }
  if (total < sizeBytes) throw new Error(`the body ended after ${total} of ${sizeBytes} bytes`);
}

/** Request bodies: read up to a bound, or not at all. */
import type { IncomingMessage } from 'node:http';

/**
 * The body; undefined where it is larger than `bytesMax`, of which no more than that was read. Rejects with an AbortError
 * where the client is gone before its end.
 */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  const { promise, resolve, reject } = Promise.withResolvers<Buffer | undefined>();
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= bytesMax) {
      chunks.push(chunk);
      return;
    }
    request.pause();
    request.removeAllListeners('data');
    resolve(undefined);
  });
  request.once('end', () => resolve(Buffer.concat(chunks, bytes)));
  // A connection that breaks is an error of the request, and no more than the close where nobody was listening yet.
  const gone = () => reject(new DOMException('the client went away within its request', 'AbortError'));
  if (request.destroyed && !request.readableEnded) gone();
  for (const event of ['error', 'close']) request.once(event, gone);
  return promise;
}

/** Reads on and forgets: until the end, `bytesMax`, or `ms`, whichever comes first. */
export function discardBody(
  request: IncomingMessage,
  { bytesMax, ms }: { readonly bytesMax: number; readonly ms: number },
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (request.readableEnded || request.destroyed) return Promise.resolve();
  const deadline = setTimeout(resolve, ms);
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > bytesMax) resolve();
  });
  for (const event of ['end', 'close', 'error']) request.once(event, resolve);
  request.resume();
  return promise.finally(() => clearTimeout(deadline));
}

/** How much of the body nobody has read; infinite where its length is not known. */
export function unreadBytes(request: IncomingMessage): number {
  if (request.readableEnded) return 0;
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (encoding !== undefined) return Number.POSITIVE_INFINITY;
  return Number(length ?? 0);
}

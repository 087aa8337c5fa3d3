/**
 * The data endpoint that clients are sent to: a real S3 server behind a proxy on another port of the same host, which
 * refuses what AWS refuses of a presigned URL and lesser servers let pass: HEAD (SignatureDoesNotMatch, since the
 * method is signed) and an Authorization header beside it (InvalidArgument, "Only one auth mechanism allowed").
 * Requests pass with their Host as signed, and bodies are streamed.
 */
import { startFaultProxy } from '../s3/fault-proxy.ts';
import type { S3Server } from '../s3/server.ts';

export interface StrictPresignProxy {
  readonly endpoint: string;
  /** GETs of presigned URLs that were answered with bytes. */
  served(): number;
  /** A line for each request that was no good one, with what it was answered. */
  faulty(): readonly string[];
  close(): Promise<void>;
}

/** `server` lives on when this is closed. */
export async function startStrictPresignProxy(server: S3Server): Promise<StrictPresignProxy> {
  const proxy = await startFaultProxy(server);
  const isServed = ({ status }: { status: number }) => status === 200 || status === 206;
  return {
    endpoint: proxy.endpoint,
    served: () => proxy.requests.filter(isServed).length,
    faulty: () =>
      proxy.requests
        .filter((request) => !isServed(request) || !('X-Amz-Signature' in request.query))
        .map(({ method, path, status, code, headers }) =>
          [method, path, headers.range, headers['user-agent'], '->', status, code].filter(Boolean).join(' '),
        ),
    close: () => proxy.close(),
  };
}

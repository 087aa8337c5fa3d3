/**
 * A proxy on 127.0.0.1 that ends connections within the body of an answer, after as many bytes as it is told: what a
 * network does to a client. Requests pass with their Host as it was sent, so that signed URLs hold.
 */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Passed {
  readonly method: string;
  readonly url: string;
  readonly range: string | undefined;
  readonly status: number;
  /** Of the body, handed on. */
  bytes: number;
}

export interface CuttingProxy {
  readonly endpoint: string;
  /** Requests for `path`, in order. */
  passed(path: string): Passed[];
  /**
   * The next answers to GETs of `path` that have so many bytes: each ends, or says nothing more, after the first of these
   * numbers, which is used up by that.
   */
  cut(path: string, how: 'end' | 'stall', after: readonly number[]): void;
  /** Resolves when an answer has come to where it is cut. */
  reached(): Promise<void>;
  close(): Promise<void>;
}

const CONNECTIONS_MAX = 64;
const PASSED_MAX = 10_000;

interface Cut {
  readonly path: string;
  readonly how: 'end' | 'stall';
  readonly after: number[];
}

export async function startCuttingProxy(target: string): Promise<CuttingProxy> {
  const onto = new URL(target);
  const agent = new http.Agent({ keepAlive: false, maxSockets: CONNECTIONS_MAX });
  const passed: Passed[] = [];
  let cut: Cut | undefined;
  let reached = Promise.withResolvers<void>();
  const server = http.createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    const onward = http.request({
      agent,
      host: onto.hostname,
      port: onto.port,
      method,
      path: url,
      headers: request.rawHeaders,
      setHost: false,
    });
    onward.on('error', () => request.socket.destroy());
    response.on('close', () => onward.destroy());
    onward.on('response', (inward) => {
      const status = inward.statusCode ?? 0;
      const one: Passed = { method, url, range: headers.range, status, bytes: 0 };
      if (passed.length < PASSED_MAX) passed.push(one);
      const isBody = method === 'GET' && (status === 200 || status === 206);
      const mine = cut;
      const after = mine && isBody && url.split('?')[0]?.endsWith(mine.path) ? mine.after.shift() : undefined;
      response.writeHead(status, inward.statusMessage, inward.rawHeaders);
      inward.on('error', () => response.destroy());
      inward.on('end', () => response.end());
      inward.on('data', (chunk: Buffer) => {
        const left = (after ?? Number.POSITIVE_INFINITY) - one.bytes;
        const given = chunk.subarray(0, Math.max(0, left));
        one.bytes += given.length;
        if (chunk.length < left) {
          if (!response.write(given)) {
            inward.pause();
            response.once('drain', () => inward.resume());
          }
          return;
        }
        inward.pause();
        response.write(given, () => {
          if (mine?.how === 'end') response.destroy();
          reached.resolve();
        });
      });
    });
    request.pipe(onward);
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passed: (path) => passed.filter(({ url }) => url.split('?')[0]?.endsWith(path)),
    cut(path, how, after) {
      cut = { path, how, after: [...after] };
      reached = Promise.withResolvers();
    },
    reached: () => reached.promise,
    async close() {
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await once(server, 'close');
    },
  };
}

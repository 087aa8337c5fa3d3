import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { Agent } from 'undici';
import { S3Requests } from './s3-requests.ts';

describe('requests of the SDK', () => {
  it('send path, query, headers and body as they were signed', async () => {
    await withServer(
      async (request, response) => {
        let body = '';
        for await (const chunk of request) body += chunk;
        response.setHeader('x-seen', [`${request.method} ${request.url}`, body]);
        response.end(JSON.stringify(request.headers));
      },
      async (at) => {
        const { response } = await at.requests.handle({
          ...at.place,
          method: 'PUT',
          path: '/bucket/a%20b',
          query: { uploadId: "it's (1)", partNumber: '3', list: ['x', 'y'], uploads: null },
          headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', Expect: '100-continue' },
          body: Buffer.from('part'),
        });
        assert.equal(response.statusCode, 200);
        const url = '/bucket/a%20b?list=x&list=y&partNumber=3&uploadId=it%27s%20%281%29&uploads';
        assert.equal(response.headers['x-seen'], `PUT ${url}, part`);
        const headers = (await response.body.json()) as Record<string, string>;
        assert.equal(headers['x-amz-content-sha256'], 'UNSIGNED-PAYLOAD');
        assert.equal(headers.expect, undefined);
      },
    );
  });

  it('fail under the names by which the SDK tries again, or does not', async () => {
    await withServer(
      (request) => {
        if (request.url === '/broken') request.socket.destroy();
      },
      async ({ requests, place }) => {
        const get = { ...place, method: 'GET', headers: {} };
        await assert.rejects(requests.handle({ ...get, path: '/broken' }), { name: 'RequestTimeout' });
        const silent = requests.handle({ ...get, path: '/silent' }, { requestTimeout: 1 });
        await assert.rejects(silent, { name: 'TimeoutError' });
        const stop = new AbortController();
        const stopped = requests.handle({ ...get, path: '/silent' }, { abortSignal: stop.signal });
        stop.abort(new Error('not wanted any more'));
        await assert.rejects(stopped, { name: 'AbortError' });
      },
    );
    const refused = new S3Requests(new Agent());
    const nowhere = {
      protocol: 'http:',
      hostname: '127.0.0.1',
      port: 1,
      method: 'GET',
      path: '/',
      headers: {},
    };
    await assert.rejects(refused.handle(nowhere), { code: 'ECONNREFUSED' });
    refused.destroy();
  });
});

interface At {
  readonly requests: S3Requests;
  readonly place: { readonly protocol: string; readonly hostname: string; readonly port: number };
}

async function withServer(answer: RequestListener, work: (at: At) => Promise<void>): Promise<void> {
  const server: Server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const requests = new S3Requests(new Agent());
  try {
    await work({ requests, place: { protocol: 'http:', hostname: '127.0.0.1', port } });
  } finally {
    requests.destroy();
    server.closeAllConnections();
    server.close();
  }
}

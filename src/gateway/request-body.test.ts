import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { readBody } from './request-body.ts';
import { commitOf, startSample, tokenOf } from './samples.ts';

const HEAD = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n';

describe('a request body', () => {
  let server: http.Server;
  before(async () => {
    server = http.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  const begin = async (text: string): Promise<{ request: IncomingMessage; socket: net.Socket }> => {
    const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.write(text);
    const [request] = await once(server, 'request');
    return { request, socket };
  };

  it('is what was sent', async () => {
    const { request, socket } = await begin(`${HEAD}0123456789`);
    assert.equal((await readBody(request, 10))?.toString(), '0123456789');
    socket.destroy();
  });

  it('that is announced as too large is not read', async () => {
    const { request, socket } = await begin(`${HEAD}0123456789`);
    assert.equal(await readBody(request, 9), undefined);
    socket.destroy();
  });

  it('whose client goes within it is aborted', async () => {
    const { request, socket } = await begin(`${HEAD}012`);
    const reading = readBody(request, 10);
    socket.destroy();
    await assert.rejects(reading, { name: 'AbortError' });
  });

  it('whose client went before it was read is aborted', { timeout: 30_000 }, async () => {
    const { request, socket } = await begin(`${HEAD}012`);
    const closed = Promise.withResolvers<void>();
    request.on('close', closed.resolve);
    socket.destroy();
    await closed.promise;
    await assert.rejects(readBody(request, 10), { name: 'AbortError' });
  });

  it('whose client goes within it stands in the log as that, and not as our mistake', async () => {
    const commit = commitOf('one');
    await using sample = await startSample([{ name: 'o/m', revisions: [{ commit }] }]);
    const socket = net.connect(Number(new URL(sample.gateway.url).port), '127.0.0.1');
    socket.write(
      `POST /api/models/o/m/paths-info/${commit} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n` +
        `Authorization: Bearer ${tokenOf('alice')}\r\nContent-Length: 100\r\n\r\n`,
    );
    // The gateway has come to the body.
    await once(socket, 'data');
    socket.write('paths=');
    socket.destroy();
    const { status } = await sample.logged(({ route }) => route === 'paths-info');
    assert.equal(status, 499);
    assert.deepEqual(
      sample.lines.filter(({ level }) => level === 'error'),
      [],
    );
  });
});

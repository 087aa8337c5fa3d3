import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { egressChecks } from './doctor-egress.ts';

describe('doctor --egress', () => {
  const servers: net.Server[] = [];
  const listen = async (server: net.Server): Promise<string> => {
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  let gateway: string;
  let hub: string;
  let proxy: string;
  let closed: string;

  before(async () => {
    gateway = await listen(
      http.createServer((request, response) =>
        response.writeHead(request.url === '/-/ready' ? 200 : 404).end(),
      ),
    );
    hub = await listen(net.createServer((socket) => socket.end()));
    // A proxy that lets clients through to anything.
    const open = http.createServer();
    open.on('connect', (_, socket) => {
      const far = net.connect({ host: '127.0.0.1', port: Number(hub.split(':')[1]) }, () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        far.pipe(socket).pipe(far);
      });
      far.on('error', () => socket.destroy());
      socket.on('error', () => far.destroy());
    });
    proxy = await listen(open);
    const gone = net.createServer();
    closed = await listen(gone);
    gone.close();
  });
  after(() => {
    for (const server of servers) server.close();
  });

  const results = async (environment: NodeJS.ProcessEnv, hosts: readonly string[]) =>
    (await egressChecks(environment, hosts)).map(
      ({ what, result, detail }) => `${what} ${result}: ${detail}`,
    );

  it('is content where clients are sent to a gateway and the Hub is out of reach', async () => {
    const lines = await results({ HF_ENDPOINT: `http://${gateway}` }, [closed]);
    assert.deepEqual(lines, [
      `HF_ENDPOINT ok: http://${gateway}`,
      `gateway ok: http://${gateway} is ready`,
      `${closed} ok: cannot be reached`,
    ]);
  });

  it('names each host that can be reached directly', async () => {
    const lines = await results({ HF_ENDPOINT: `http://${gateway}` }, [closed, hub]);
    assert.equal(lines[3], `${hub} failed: can be reached directly`);
  });

  it('names each host that the proxy of clients leads to', async () => {
    const lines = await results({ HF_ENDPOINT: `http://${gateway}`, HTTPS_PROXY: `http://${proxy}` }, [
      closed,
    ]);
    assert.equal(lines[2], `${closed} failed: can be reached by the proxy ${proxy}`);
  });

  for (const { what, endpoint, says } of [
    { what: 'no endpoint', endpoint: undefined, says: /^HF_ENDPOINT failed: is not set/ },
    {
      what: 'the Hub’s own',
      endpoint: 'https://huggingface.co',
      says: /^HF_ENDPOINT failed: .* is the Hub itself/,
    },
    {
      what: 'one that is no URL',
      endpoint: 'weighlock',
      says: /^HF_ENDPOINT failed: "weighlock" is not the URL/,
    },
  ])
    it(`is not content with ${what}`, async () => {
      const [line] = await results({ HF_ENDPOINT: endpoint }, []);
      assert.match(line ?? '', says);
    });

  it('says that the gateway does not answer, or is not ready', async () => {
    assert.match(
      (await results({ HF_ENDPOINT: `http://${closed}` }, []))[1] ?? '',
      /^gateway failed: .*ECONNREFUSED/,
    );
    assert.match(
      (await results({ HF_ENDPOINT: `http://${gateway}/elsewhere` }, []))[1] ?? '',
      /^gateway failed: .* answers 404/,
    );
  });
});

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { Agent, request } from 'undici';
import { askRaw, commitOf, type SampleGateway, type SampleModel, startSample, tokenOf } from './samples.ts';

const ONE = commitOf('one');
const MODELS: readonly SampleModel[] = [
  {
    name: 'acme/tiny',
    revisions: [{ commit: ONE, files: { 'config.json': '{}', 'a.bin': 'x'.repeat(1000) } }],
  },
];

describe('the access log', () => {
  it('says who read which revision and file, from where, in one line', async () => {
    await using sample = await startSample(MODELS);
    const { headers } = await sample.ask('/acme/tiny/resolve/main/a.bin?download=true', {
      headers: { 'User-Agent': 'hf_hub/2.4', 'X-Forwarded-For': '203.0.113.9', 'X-Request-Id': 'forged' },
    });
    const { time, durationMs, ...line } = await sample.logged(({ route }) => route === 'resolve');
    assert.match(String(time), /^\d{4}-\d\d-\d\dT/);
    assert.equal(typeof durationMs, 'number');
    assert.notEqual(headers['x-request-id'], 'forged');
    assert.deepEqual(line, {
      level: 'info',
      id: headers['x-request-id'],
      reader: 'alice',
      from: '127.0.0.1',
      method: 'GET',
      route: 'resolve',
      model: 'acme/tiny',
      commit: ONE,
      path: 'a.bin',
      status: 200,
      bytes: 1000,
      agent: 'hf_hub/2.4',
      msg: 'answered',
    });
    assert.doesNotMatch(sample.text(), /hf_alice/);
  });

  for (const [forwarded, from] of [
    ['203.0.113.9', '203.0.113.9'],
    ['10.0.0.1, 203.0.113.9', '203.0.113.9'],
    ['203.0.113.9, not an address', '127.0.0.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['', '127.0.0.1'],
  ] as const) {
    it(`behind a proxy of ours takes ${JSON.stringify(forwarded)} for ${from}`, async () => {
      await using sample = await startSample(MODELS, { trustProxy: true });
      await sample.ask('/api/models', { headers: { 'X-Forwarded-For': forwarded } });
      assert.equal((await sample.logged(({ route }) => route === 'search')).from, from);
    });
  }

  it('bounds what a client chose, and leaves out queries and tokens', async () => {
    await using sample = await startSample(MODELS);
    await sample.ask(`/nowhere/${'x'.repeat(3000)}?token=${tokenOf('alice')}`, {
      headers: { 'User-Agent': 'y'.repeat(3000) },
    });
    const { target, agent } = await sample.logged(({ route }) => route === 'none');
    assert.ok(String(target).length <= 301 && String(agent).length <= 301);
    assert.doesNotMatch(sample.text(), /hf_alice/);
  });

  it('writes a failure that repeats down once', async () => {
    await using sample = await startSample(MODELS);
    sample.catalog.unbelievable = new Error('the vault is gone');
    for (let at = 0; at < 20; at++) await sample.ask('/api/models');
    assert.equal(sample.lines.filter(({ level }) => level === 'error').length, 1);
    assert.equal(sample.lines.filter(({ status }) => status === 503).length, 20);
  });
});

describe('the metrics', () => {
  it('count requests by route and status, under labels that no client chooses', async () => {
    await using sample = await startSample(MODELS, { metrics: 'same port', stateAgeMs: () => 1500 });
    await sample.ask('/acme/tiny/resolve/main/a.bin');
    sample.data.by = 'redirect';
    await sample.ask('/acme/tiny/resolve/main/a.bin');
    for (const target of ['/nonsense-1', '/nonsense-2', '/acme/secret/resolve/main/x'])
      await sample.ask(target);
    const text = (await askRaw(sample.gateway.url, '/-/metrics', { token: null })).body.toString();
    assert.match(text, /weighlock_gateway_requests_total\{route="resolve",status="200"\} 1\n/);
    assert.match(text, /weighlock_gateway_requests_total\{route="resolve",status="302"\} 1\n/);
    assert.match(text, /weighlock_gateway_requests_total\{route="resolve",status="403"\} 1\n/);
    assert.match(text, /weighlock_gateway_requests_total\{route="none",status="404"\} 2\n/);
    assert.match(text, /weighlock_gateway_sent_bytes_total\{route="resolve"\} 10\d\d\n/);
    assert.match(text, /weighlock_gateway_state_sequence 2\n/);
    assert.match(text, /weighlock_gateway_state_age_seconds 1\.5\n/);
    assert.match(text, /weighlock_gateway_state_believed 1\n/);
    assert.doesNotMatch(text, /nonsense|secret|acme/);
  });

  it('say that no state is believed', async () => {
    await using sample = await startSample(MODELS, { metrics: 'same port' });
    sample.catalog.unbelievable = new Error('gone');
    const text = (await askRaw(sample.gateway.url, '/-/metrics')).body.toString();
    assert.match(text, /weighlock_gateway_state_believed 0\n/);
    assert.doesNotMatch(text, /^weighlock_gateway_state_sequence \d/m);
  });

  it('are on a port of their own, or nowhere', async () => {
    await using nowhere = await startSample(MODELS);
    assert.equal((await nowhere.ask('/-/metrics')).status, 404);
    assert.equal(nowhere.gateway.metricsUrl, undefined);
    await using own = await startSample(MODELS, { metrics: { port: 0 } });
    assert.equal((await own.ask('/-/metrics')).status, 404);
    const { metricsUrl = '' } = own.gateway;
    assert.notEqual(new URL(metricsUrl).port, new URL(own.gateway.url).port);
    assert.equal(new URL(metricsUrl).hostname, '127.0.0.1');
    assert.match(await (await fetch(metricsUrl)).text(), /weighlock_gateway_state_sequence/);
    assert.equal((await fetch(new URL('/acme/tiny/resolve/main/a.bin', metricsUrl))).status, 404);
  });
});

describe('requests that a connection sends ahead of their turn', () => {
  const GET = `GET /acme/tiny/resolve/main/a.bin HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokenOf('alice')}\r\n`;

  /** Files whose second half waits until it is told to go on. */
  const halting = (sample: SampleGateway): (() => void) => {
    const go = Promise.withResolvers<void>();
    sample.data.instead = async () => ({
      by: 'stream',
      bytes: (async function* () {
        yield Buffer.alloc(500, 'a');
        await go.promise;
        yield Buffer.alloc(500, 'b');
      })(),
    });
    return go.resolve;
  };
  const connect = (sample: SampleGateway, sent: string): net.Socket => {
    const socket = net.connect(Number(new URL(sample.gateway.url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write(sent);
    return socket;
  };

  it('open nothing before it comes, and are answered then', async () => {
    await using sample = await startSample(MODELS);
    const goOn = halting(sample);
    const socket = connect(sample, `${GET}\r\n${GET}\r\n${GET}Connection: close\r\n\r\n`);
    const [first] = await once(socket, 'data');
    assert.equal(sample.data.opened.length, 1);
    let received = String(first);
    socket.on('data', (chunk: Buffer) => {
      received += chunk;
    });
    goOn();
    await once(socket, 'close');
    assert.equal(received.match(/HTTP\/1\.1 200 /g)?.length, 3);
    assert.equal(received.match(/a{500}b{500}/g)?.length, 3);
    assert.equal(sample.data.opened.length, 3);
  });

  it('end it when they are too many, with nothing left running', { timeout: 30_000 }, async () => {
    await using sample = await startSample(MODELS, { metrics: 'same port' });
    const goOn = halting(sample);
    await once(connect(sample, `${GET}\r\n`.repeat(100)), 'close');
    goOn();
    assert.ok(sample.data.opened.length <= 1);
    assert.match(String((await sample.logged(({ level }) => level === 'warn')).code), /ahead of their turn/);
    await sample.logged(({ cut }) => cut === true);
    const text = (await askRaw(sample.gateway.url, '/-/metrics', { token: null })).body.toString();
    // The page that says so is one itself.
    assert.match(text, /weighlock_gateway_running_requests 1\n/);
  });
});

describe('a gateway that stops', () => {
  it('lets a running answer finish, and takes no more', async () => {
    const sample = await startSample(MODELS);
    const go = Promise.withResolvers<void>();
    sample.data.instead = async () => ({
      by: 'stream',
      bytes: (async function* () {
        yield Buffer.alloc(500, 1);
        await go.promise;
        yield Buffer.alloc(500, 2);
      })(),
    });
    const agent = new Agent({ connections: 1 });
    const { body } = await request(`${sample.gateway.url}/acme/tiny/resolve/main/a.bin`, {
      headers: { authorization: `Bearer ${tokenOf('alice')}` },
      dispatcher: agent,
    });
    const closed = sample.gateway.close({ graceMs: 60_000 });
    const refused = net.connect(Number(new URL(sample.gateway.url).port), '127.0.0.1');
    const [error] = await once(refused, 'error');
    assert.equal(error.code, 'ECONNREFUSED');
    go.resolve();
    assert.equal((await body.bytes()).length, 1000);
    await closed;
    await agent.close();
  });

  it('ends at once the connections that wait for nothing', async () => {
    const sample = await startSample(MODELS);
    const socket = net.connect(Number(new URL(sample.gateway.url).port), '127.0.0.1');
    socket.write('GET /-/health HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    const ended = once(socket, 'close');
    await sample.gateway.close({ graceMs: 60_000 });
    await ended;
  });

  it('ends an answer that does not finish in time', async () => {
    const sample = await startSample(MODELS);
    const never = Promise.withResolvers<void>();
    sample.data.instead = async (_file, signal) => {
      signal.addEventListener('abort', () => never.resolve());
      return {
        by: 'stream',
        bytes: (async function* () {
          yield Buffer.alloc(500, 1);
          await never.promise;
        })(),
      };
    };
    const asked = sample.ask('/acme/tiny/resolve/main/a.bin');
    const socket = net.connect(Number(new URL(sample.gateway.url).port), '127.0.0.1');
    socket.write(
      `GET /acme/tiny/resolve/main/a.bin HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokenOf('alice')}\r\n\r\n`,
    );
    await once(socket, 'data');
    await sample.gateway.close({ graceMs: 10 });
    assert.ok((await asked).body.length < 1000);
  });
});

describe('a gateway', () => {
  it('tells where it listens, and whoever opens that page what it is', async () => {
    await using sample = await startSample([]);
    const welcome = await sample.ask('/', { token: null });
    assert.equal(welcome.headers['content-type'], 'text/plain; charset=utf-8');
    assert.match(welcome.body.toString(), /HF_ENDPOINT/);
  });

  it('refuses to start where something else listens', async () => {
    const other = http.createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as net.AddressInfo;
    await assert.rejects(startSample([], { listen: { host: '127.0.0.1', port } }), { code: 'EADDRINUSE' });
    other.close();
  });

  it('keeps a connection for many requests', async () => {
    await using sample = await startSample(MODELS);
    const agent = new Agent({ connections: 1 });
    let connections = 0;
    agent.on('connect', () => {
      connections += 1;
    });
    for (let at = 0; at < 20; at++) {
      const { body, statusCode } = await request(
        `${sample.gateway.url}/acme/tiny/resolve/main/${at % 2 ? 'a.bin' : 'nope'}`,
        {
          headers: { authorization: `Bearer ${tokenOf('alice')}` },
          dispatcher: agent,
        },
      );
      await body.dump();
      assert.equal(statusCode, at % 2 ? 200 : 404);
    }
    assert.equal(connections, 1);
    await agent.close();
  });

  it('speaks TLS with the certificate that it is given', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'weighlock-tls-'));
    try {
      const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
      const about = [
        '-subj',
        '/CN=127.0.0.1',
        '-addext',
        'subjectAltName=IP:127.0.0.1',
        '-days',
        '1',
        '-nodes',
      ];
      execFileSync(
        'openssl',
        [
          'req',
          '-x509',
          '-newkey',
          'ec',
          '-pkeyopt',
          'ec_paramgen_curve:P-256',
          ...about,
          '-keyout',
          key,
          '-out',
          cert,
        ],
        { stdio: 'ignore' },
      );
      const tls = { key: readFileSync(key), cert: readFileSync(cert) };
      await using sample = await startSample(MODELS, { tls });
      assert.match(sample.gateway.url, /^https:/);
      const agent = new Agent({ connect: { ca: tls.cert } });
      const { statusCode, body } = await request(`${sample.gateway.url}/acme/tiny/resolve/main/config.json`, {
        headers: { authorization: `Bearer ${tokenOf('alice')}` },
        dispatcher: agent,
      });
      assert.deepEqual([statusCode, await body.text()], [200, '{}']);
      await agent.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

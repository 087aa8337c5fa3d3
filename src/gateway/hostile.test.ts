/** What no client sends, and an attacker might: bytes on raw sockets. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { commitOf, exchangeRaw, parseReceived, type SampleGateway, startSample, tokenOf } from './samples.ts';

const ONE = commitOf('one');
const AUTHORIZED = `Host: x\r\nAuthorization: Bearer ${tokenOf('alice')}\r\n`;
const CONFIG = '{"a":1}';

describe('a hostile client', () => {
  let sample: SampleGateway;
  before(async () => {
    sample = await startSample([
      {
        name: 'acme/tiny',
        revisions: [{ commit: ONE, files: { 'config.json': CONFIG, 'a.bin': 'x'.repeat(5000) } }],
      },
    ]);
  });
  after(() => sample[Symbol.asyncDispose]());

  const send = (...texts: string[]) =>
    exchangeRaw(
      sample.gateway.url,
      texts.map((text) => Buffer.from(text, 'latin1')),
    );
  const statusOf = async (...texts: string[]) => parseReceived(await send(...texts)).status;
  const stillServes = async () =>
    assert.equal((await sample.ask('/acme/tiny/resolve/main/config.json')).body.toString(), CONFIG);

  const GET = `GET /acme/tiny/resolve/main/config.json HTTP/1.1\r\n${AUTHORIZED}`;

  for (const [what, text, status] of [
    ['no HTTP at all', '\u0000\u0001\u0002\r\n\r\n', 400],
    ['TLS on a plain port', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003\r\n', 400],
    ['headers of 20 KiB', `${GET}X: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['a thousand headers', `${GET}${'X: 0123456789\r\n'.repeat(2000)}\r\n`, 431],
    [
      'a target of 10 KiB',
      `GET /${'x'.repeat(10_000)} HTTP/1.1\r\n${AUTHORIZED}Connection: close\r\n\r\n`,
      414,
    ],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['a space in the target', `GET /a b HTTP/1.1\r\n${AUTHORIZED}\r\n`, 400],
    ['a header without a colon', `${GET}nonsense\r\n\r\n`, 400],
    ['a space before a colon', `${GET}Range : bytes=0-0\r\n\r\n`, 400],
    ['a folded header', `${GET}X: a\r\n b\r\n\r\n`, 400],
    ['NUL in a header', `${GET}X: a\u0000b\r\n\r\n`, 400],
    ['a bare CR in a header', `${GET}X: a\rY: b\r\n\r\n`, 400],
    ['length and chunks both', `${GET}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['two lengths', `${GET}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`, 400],
    ['a length that is none', `${GET}Content-Length: +5\r\n\r\nhello`, 400],
    ['chunks under a trick name', `${GET}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, Number.NaN],
    ['chunks of a size that is none', `${GET}Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n`, Number.NaN],
    ['a foreign protocol version', 'GET / HTTP/3.7\r\nHost: x\r\n\r\n', 400],
    ['an unknown method', `FROBNICATE / HTTP/1.1\r\n${AUTHORIZED}\r\n`, 400],
    ['a method in lower case', `get / HTTP/1.1\r\n${AUTHORIZED}\r\n`, 400],
    [
      'an absolute target',
      `GET http://x/acme/tiny/resolve/main/config.json HTTP/1.1\r\n${AUTHORIZED}Connection: close\r\n\r\n`,
      400,
    ],
    ['a star for a target', `OPTIONS * HTTP/1.1\r\n${AUTHORIZED}Connection: close\r\n\r\n`, 405],
    ['an expectation', `${GET}Expect: miracles\r\nConnection: close\r\n\r\n`, 417],
  ] as const) {
    it(`that sends ${what} gets ${status || 'no answer'} and is shown out`, async () => {
      assert.equal(await statusOf(text), status);
      await stillServes();
    });
  }

  it('that asks for a tunnel gets none', async () => {
    assert.equal((await send(`CONNECT other.test:443 HTTP/1.1\r\n${AUTHORIZED}\r\n`)).length, 0);
    await stillServes();
  });

  it('that asks for another protocol is answered in this one', async () => {
    assert.equal(await statusOf(`${GET}Connection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n`), 200);
  });

  it('smuggles no request behind one whose body is not read', async () => {
    const smuggled = `GET /acme/tiny/resolve/main/a.bin HTTP/1.1\r\n${AUTHORIZED}\r\n`;
    const received = (
      await send(`${GET}Content-Length: ${smuggled.length}\r\nConnection: close\r\n\r\n${smuggled}`)
    ).toString();
    assert.equal(received.match(/HTTP\/1\.1 /g)?.length, 1);
    assert.match(received, /"a":1/);
  });

  it('that pipelines gets its answers in order', async () => {
    const last = GET.replace('config.json', 'a.bin');
    const received = (await send(`${GET}\r\n${GET}\r\n${last}Connection: close\r\n\r\n`)).toString();
    const statuses = [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
    assert.deepEqual(statuses, ['200', '200', '200']);
    assert.ok(received.indexOf('{"a":1}') < received.indexOf('xxxx'));
  });

  it('that sends nonsense behind a request gets no answer that mixes the two', async () => {
    const received = (await send(`${GET}\r\n\u0000\u0001\r\n\r\n`)).toString();
    assert.ok([...received.matchAll(/HTTP\/1\.1 200/g)].length <= 1);
    await stillServes();
  });

  it('cannot split headers or log lines by what it asks for', async () => {
    const evil = 'a%0d%0aX-Evil:%201%0a%7B%22level%22%3A%22forged%22%7D';
    const { headers } = await sample.ask(`/acme/tiny/resolve/main/${evil}`, {
      headers: { 'User-Agent': 'x","level":"forged\u0085\u009b31m' },
    });
    assert.equal(headers['x-evil'], undefined);
    const line = await sample.logged(({ id }) => id === headers['x-request-id']);
    assert.equal(line.level, 'info');
    assert.doesNotMatch(String(line.agent), /[\u0080-\u009f]/);
    assert.ok(sample.lines.every(({ level }) => level !== 'forged'));
    assert.equal(sample.text().split('\n').length, sample.lines.length + 1);
  });

  it('that sends a body that nobody wants is answered without reading it', async () => {
    const head = `POST /api/repos/create HTTP/1.1\r\n${AUTHORIZED}Content-Length: 1000000000\r\n\r\n`;
    const socket = net.connect(Number(new URL(sample.gateway.url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write(head);
    const [answer] = await once(socket, 'data');
    assert.match(String(answer), /^HTTP\/1\.1 405 .*Connection: close/is);
    await closed(socket);
  });

  it('that waits to be told to send is not told where the body is not wanted', async () => {
    const received = (
      await send(
        `POST /api/repos/create HTTP/1.1\r\n${AUTHORIZED}Expect: 100-continue\r\nContent-Length: 10\r\n\r\n`,
      )
    ).toString();
    assert.match(received, /^HTTP\/1\.1 405/);
  });

  it('that waits to be told to send is told where it is', async () => {
    const body = '{"paths":["config.json"]}';
    const head = `POST /api/models/acme/tiny/paths-info/main HTTP/1.1\r\n${AUTHORIZED}Content-Type: application/json\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`;
    const received = (await send(head, body)).toString();
    assert.match(received, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
    assert.match(received, /config\.json/);
  });

  for (const [what, body, status] of [
    ['more than a megabyte', `paths=${'x'.repeat(1 << 20)}`, 413],
    ['more than ten thousand paths', 'paths=a&'.repeat(10_010), 413],
    ['more than ten thousand paths in JSON', JSON.stringify({ paths: Array(10_001).fill('a') }), 413],
    ['JSON that is none', '{', 400],
    ['JSON of another shape', '[1]', 400],
    ['JSON with paths that are no text', '{"paths":[1,{}]}', 400],
    ['JSON nested without end', `{"paths":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 400],
    ['null', 'null', 400],
  ] as const) {
    it(`that asks for paths with ${what} gets ${status}`, async () => {
      const isJson = !body.startsWith('paths');
      const received = await sample.ask('/api/models/acme/tiny/paths-info/main', {
        method: 'POST',
        headers: { 'Content-Type': isJson ? 'application/json' : 'application/x-www-form-urlencoded' },
        body,
      });
      assert.equal(received.status, status);
    });
  }

  it('that sends chunks without end is cut off at a megabyte', async () => {
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const head = `POST /api/models/acme/tiny/paths-info/main HTTP/1.1\r\n${AUTHORIZED}Transfer-Encoding: chunked\r\n\r\n`;
    const socket = net.connect(Number(new URL(sample.gateway.url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write(head);
    let isAnswered = false;
    socket.once('data', () => {
      isAnswered = true;
    });
    let sent = 0;
    const feed = () => {
      if (isAnswered || sent > 64) return;
      sent += 1;
      socket.write(chunk, feed);
    };
    feed();
    const [answer] = await once(socket, 'data');
    assert.match(String(answer), /^HTTP\/1\.1 413/);
    assert.ok(sent <= 64, `${sent} chunks`);
    await closed(socket);
  });

  it('that drips its headers is shown out', async () => {
    await using slow = await startSample([], { limits: { headersMs: 100 } });
    const socket = net.connect(Number(new URL(slow.gateway.url).port), '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    const drip = setInterval(() => socket.write('x'), 10);
    const [answer] = await once(socket, 'data');
    clearInterval(drip);
    assert.match(String(answer), /^HTTP\/1\.1 408/);
  });

  it('that drips its body is shown out', async () => {
    const models = [{ name: 'acme/tiny', revisions: [{ commit: ONE }] }];
    await using slow = await startSample(models, { limits: { headersMs: 100, requestMs: 200 } });
    const socket = net.connect(Number(new URL(slow.gateway.url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write(
      `POST /api/models/acme/tiny/paths-info/main HTTP/1.1\r\n${AUTHORIZED}Content-Length: 100000\r\n\r\n`,
    );
    const drip = setInterval(() => socket.write('x'), 10);
    await closed(socket);
    clearInterval(drip);
    assert.equal((await slow.ask('/api/models/acme/tiny')).status, 200);
  });

  it('that stops reading is shown out', async () => {
    const models = [
      { name: 'acme/tiny', revisions: [{ commit: ONE, files: { 'a.bin': 'x'.repeat(40 << 20) } }] },
    ];
    await using slow = await startSample(models, { limits: { idleMs: 200 } });
    const socket = net.connect(Number(new URL(slow.gateway.url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.pause();
    socket.write(`GET /acme/tiny/resolve/main/a.bin HTTP/1.1\r\n${AUTHORIZED}\r\n`);
    const line = await slow.logged(({ cut }) => cut === true);
    assert.equal(line.path, 'a.bin');
    socket.destroy();
  });

  it('that keeps a connection and asks nothing more is shown out', async () => {
    await using brief = await startSample([], { limits: { keepAliveMs: 50 } });
    const socket = net.connect(Number(new URL(brief.gateway.url).port), '127.0.0.1');
    socket.write('GET /-/health HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    await closed(socket);
  });

  it('that waits for a vault that takes its time is waited with', async () => {
    const models = [{ name: 'acme/tiny', revisions: [{ commit: ONE, files: { 'a.bin': 'slow' } }] }];
    await using slow = await startSample(models, { limits: { idleMs: 50 } });
    slow.data.instead = async () => {
      // Longer than four times what a client may be idle for: the time is what this is about.
      await setTimeout(250);
      return { by: 'stream', bytes: Readable.from([Buffer.from('slow')]) };
    };
    assert.equal((await slow.ask('/acme/tiny/resolve/main/a.bin')).body.toString(), 'slow');
  });

  it('that opens more connections than there are is not let in, until some are free', async () => {
    await using full = await startSample([], { limits: { connectionsMax: 2 } });
    const port = Number(new URL(full.gateway.url).port);
    const held = [net.connect(port, '127.0.0.1'), net.connect(port, '127.0.0.1')];
    // An answer on both shows that both are in.
    for (const socket of held) {
      socket.write('GET /-/health HTTP/1.1\r\nHost: x\r\n\r\n');
      await once(socket, 'data');
    }
    const third = net.connect(port, '127.0.0.1');
    third.on('error', () => {});
    await closed(third);
    for (const socket of held) {
      socket.end();
      await closed(socket);
    }
    assert.equal((await full.ask('/-/health')).status, 200);
  });
});

/** Resolves when a connection is closed, by whatever: `once` would reject where the server resets it. */
function closed(socket: net.Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on('close', () => resolve());
  return promise;
}

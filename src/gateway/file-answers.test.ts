import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { gitBlobSha1, sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import type { ModelName } from '../base/name.ts';
import { commitOf, type SampleGateway, startSample, tokenOf } from './samples.ts';

const ONE = commitOf('one');
const WEIGHTS = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, at) => at % 251));
const CONFIG = '{"model_type":"llama"}';
const FILES = {
  'config.json': CONFIG,
  'model.safetensors': WEIGHTS,
  'empty.txt': '',
  'empty.bin': '',
  'one.bin': '1',
  'sub/ünï "q" 50%.txt': 'text',
};
const ETAG = `"${sha256(WEIGHTS)}"`;
const BASE = '/acme/tiny/resolve/main';

describe('a file', () => {
  let sample: SampleGateway;
  before(async () => {
    sample = await startSample([
      { name: 'acme/tiny', revisions: [{ commit: ONE, files: FILES, warnings: ['look out'] }] },
      { name: 'gpt2', revisions: [{ commit: ONE, files: { 'a.txt': 'legacy' } }] },
    ]);
  });
  beforeEach(() => {
    sample.data.by = 'stream';
    sample.data.instead = undefined;
    sample.data.opened.length = 0;
  });
  after(() => sample[Symbol.asyncDispose]());

  for (const by of ['stream', 'redirect'] as const) {
    it(`answers HEAD with 200 and every header by itself, where data comes by ${by}`, async () => {
      sample.data.by = by;
      const { status, headers, body } = await sample.ask(`${BASE}/model.safetensors`, { method: 'HEAD' });
      assert.equal(status, 200);
      assert.equal(body.length, 0);
      assert.equal(headers['x-repo-commit'], ONE);
      assert.equal(headers.etag, ETAG);
      assert.equal(headers['x-linked-etag'], ETAG);
      assert.equal(headers['x-linked-size'], '300000');
      assert.equal(headers['content-length'], '300000');
      assert.equal(headers['accept-ranges'], 'bytes');
      assert.equal(headers['content-type'], 'application/octet-stream');
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['content-security-policy'], "default-src 'none'");
      assert.equal(
        headers['content-disposition'],
        `inline; filename*=UTF-8''model.safetensors; filename="model.safetensors";`,
      );
      assert.equal(headers['x-hf-warning'], `acme/tiny@${ONE.slice(0, 12)} 1; look out`);
      assert.equal(headers.location, undefined);
      assert.ok(!Object.keys(headers).some((name) => /xet/i.test(name)));
      assert.deepEqual(sample.data.opened, []);
    });

    it(`answers a GET for the first byte by itself, where data comes by ${by}`, async () => {
      sample.data.by = by;
      for (const [file, size, first] of [
        ['model.safetensors', 300_000, 0],
        ['one.bin', 1, '1'.charCodeAt(0)],
      ] as const) {
        const { status, headers, body } = await sample.ask(`${BASE}/${file}`, {
          headers: { Range: 'bytes=0-0' },
        });
        assert.equal(status, 206);
        assert.equal(headers['content-range'], `bytes 0-0/${size}`);
        assert.equal(headers['content-length'], '1');
        assert.deepEqual([...body], [first]);
        assert.equal(headers['x-repo-commit'], ONE);
      }
      assert.deepEqual(sample.data.opened, []);
    });

    it(`answers for an empty file by itself, where data comes by ${by}`, async () => {
      sample.data.by = by;
      for (const file of ['empty.txt', 'empty.bin']) {
        const whole = await sample.ask(`${BASE}/${file}`);
        assert.deepEqual([whole.status, whole.headers['content-length'], whole.body.length], [200, '0', 0]);
        const probe = await sample.ask(`${BASE}/${file}`, { headers: { Range: 'bytes=0-0' } });
        assert.deepEqual([probe.status, probe.headers['content-range']], [200, 'bytes */0']);
      }
      assert.deepEqual(sample.data.opened, []);
    });
  }

  it('that git holds goes by git’s digest', async () => {
    const { headers, body } = await sample.ask(`${BASE}/config.json`);
    assert.equal(headers.etag, `"${gitBlobSha1(Buffer.from(CONFIG))}"`);
    assert.equal(headers['x-linked-etag'], headers.etag);
    assert.equal(body.toString(), CONFIG);
  });

  it('comes whole', async () => {
    const { status, body, headers } = await sample.ask(`${BASE}/model.safetensors`);
    assert.equal(status, 200);
    assert.ok(body.equals(WEIGHTS));
    assert.equal(headers['content-length'], '300000');
  });

  for (const [range, first, last] of [
    ['bytes=0-9', 0, 9],
    ['bytes=100000-199999', 100_000, 199_999],
    ['bytes=299999-', 299_999, 299_999],
    ['bytes=-5', 299_995, 299_999],
    ['bytes=1-999999999', 1, 299_999],
  ] as const) {
    it(`comes in the part that ${range} asks for`, async () => {
      const { status, body, headers } = await sample.ask(`${BASE}/model.safetensors`, {
        headers: { Range: range },
      });
      assert.equal(status, 206);
      assert.equal(headers['content-range'], `bytes ${first}-${last}/300000`);
      assert.equal(headers['content-length'], String(last - first + 1));
      assert.ok(body.equals(WEIGHTS.subarray(first, last + 1)));
      assert.deepEqual(sample.data.opened, [`model.safetensors ${first}-${last}`]);
    });
  }

  it('comes whole where the range is of another file, or is none', async () => {
    for (const headers of [
      { Range: 'bytes=0-9', 'If-Range': '"other"' },
      { Range: 'bytes=0-1,5-6' },
      { Range: 'lines=0-9' },
    ]) {
      const { status, body } = await sample.ask(`${BASE}/model.safetensors`, { headers });
      assert.deepEqual([status, body.length], [200, WEIGHTS.length]);
    }
    const { status } = await sample.ask(`${BASE}/model.safetensors`, {
      headers: { Range: 'bytes=0-9', 'If-Range': ETAG },
    });
    assert.equal(status, 206);
  });

  it('answers 416 past its end, without asking the vault', async () => {
    for (const by of ['stream', 'redirect'] as const) {
      sample.data.by = by;
      const { status, headers } = await sample.ask(`${BASE}/model.safetensors`, {
        headers: { Range: 'bytes=300000-' },
      });
      assert.deepEqual([status, headers['content-range']], [416, 'bytes */300000']);
      assert.equal(headers['x-repo-commit'], ONE);
    }
    assert.deepEqual(sample.data.opened, []);
  });

  it('is a redirect that no cache keeps, where the store sends it', async () => {
    sample.data.by = 'redirect';
    for (const headers of [{}, { Range: 'bytes=5-' }]) {
      const received = await sample.ask(`${BASE}/model.safetensors`, { headers });
      assert.equal(received.status, 302);
      assert.match(received.headers.location ?? '', /^https:\/\/store\.test\/acme\/tiny\//);
      assert.equal(received.headers['cache-control'], 'no-store');
      assert.equal(received.headers['x-repo-commit'], ONE);
      assert.equal(received.headers['x-linked-etag'], ETAG);
      assert.equal(received.headers['content-length'], '0');
    }
    assert.doesNotMatch(sample.text(), /signature/);
  });

  it('has a name of any characters', async () => {
    const encoded = 'sub/%C3%BCn%C3%AF%20%22q%22%2050%25.txt';
    for (const path of [encoded, encoded.replace('/', '%2F')]) {
      const { status, body, headers } = await sample.ask(`${BASE}/${path}`);
      assert.deepEqual([status, body.toString()], [200, 'text']);
      assert.equal(
        headers['content-disposition'],
        `inline; filename*=UTF-8''%C3%BCn%C3%AF%20%22q%22%2050%25.txt; filename="_n_ _q_ 50_.txt";`,
      );
    }
  });

  it('is found under names without a namespace', async () => {
    assert.equal((await sample.ask('/gpt2/resolve/main/a.txt')).body.toString(), 'legacy');
  });

  it('is raw what git holds: itself, or the pointer into LFS', async () => {
    const config = await sample.ask('/acme/tiny/raw/main/config.json');
    assert.equal(config.body.toString(), CONFIG);
    assert.equal(config.headers['content-type'], 'text/plain; charset=utf-8');
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256(WEIGHTS)}\nsize 300000\n`;
    const weights = await sample.ask('/acme/tiny/raw/main/model.safetensors');
    assert.equal(weights.body.toString(), pointer);
    assert.equal(weights.headers.etag, `"${gitBlobSha1(Buffer.from(pointer))}"`);
    const part = await sample.ask('/acme/tiny/raw/main/model.safetensors', {
      headers: { Range: 'bytes=0-6' },
    });
    assert.deepEqual([part.status, part.body.toString()], [206, 'version']);
    assert.equal(part.headers['content-range'], `bytes 0-6/${pointer.length}`);
    assert.deepEqual(sample.data.opened, ['config.json']);
    const head = await sample.ask('/acme/tiny/raw/main/model.safetensors', { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers['content-length']], [200, String(pointer.length)]);
  });

  for (const path of [
    'nope',
    'Config.json',
    'config.json/',
    'sub',
    'model.sig',
    '..',
    'constructor',
    '__proto__',
    '',
  ]) {
    it(`called ${JSON.stringify(path)} is not there, and the answer names the commit`, async () => {
      for (const [method, route] of [
        ['HEAD', 'resolve'],
        ['GET', 'resolve'],
        ['GET', 'raw'],
      ] as const) {
        const { status, headers } = await sample.ask(`/acme/tiny/${route}/main/${path}`, { method });
        assert.deepEqual(
          [status, headers['x-error-code'], headers['x-repo-commit']],
          [404, 'EntryNotFound', ONE],
        );
      }
    });
  }

  it('that the vault does not hold any more is refused with one sentence, and the log says which', async () => {
    sample.data.instead = async () => {
      throw new WeighlockError('WL_VAULT_CORRUPT', 'model.safetensors of acme/tiny is not the admitted file');
    };
    const { status, json, headers } = await sample.ask(`${BASE}/model.safetensors`);
    assert.equal(status, 502);
    assert.match((json() as { error: string }).error, /does not hold what was admitted/);
    assert.match(headers['x-error-message'] ?? '', /weighlock verify/);
    const line = await sample.logged(({ code }) => code === 'WL_VAULT_CORRUPT');
    assert.equal(line.level, 'error');
    assert.equal(line.id, headers['x-request-id']);
  });

  it('of which the vault fails half way is not taken for whole', async () => {
    for (const [bytes, said] of [
      [halfThenError, /changed/],
      [tooShort, /ended after 100000 of 300000 bytes/],
      [tooLong, /longer than its 300000 bytes/],
    ] as const) {
      sample.data.instead = async () => ({ by: 'stream', bytes: bytes() });
      const { body, headers } = await sample.ask(`${BASE}/model.safetensors`);
      assert.equal(headers['content-length'], '300000');
      assert.ok(body.length < 300_000, String(body.length));
      await sample.logged(({ level, error }) => level === 'error' && said.test(String(error)));
    }
  });

  it('is not read on when the client is gone', async () => {
    const ended = Promise.withResolvers<string>();
    sample.data.instead = async (_file, signal) => {
      signal.addEventListener('abort', () => ended.resolve('aborted'));
      return { by: 'stream', bytes: endless(() => ended.promise) };
    };
    const socket = net.connect(Number(new URL(sample.gateway.url).port), '127.0.0.1');
    socket.write(
      `GET ${BASE}/model.safetensors HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokenOf('alice')}\r\n\r\n`,
    );
    await once(socket, 'data');
    socket.destroy();
    assert.equal(await ended.promise, 'aborted');
    const line = await sample.logged(({ cut }) => cut === true);
    assert.deepEqual([line.path, line.status], ['model.safetensors', 200]);
  });

  it('is read no faster than the client takes it', async () => {
    const piece = Buffer.alloc(64 << 10, 1);
    const total = 3000 * piece.length;
    let given = 0;
    sample.catalog.set({ name: 'acme/huge', revisions: [{ commit: ONE, files: { 'a.bin': WEIGHTS } }] });
    const { files } = await sample.catalog.now().revision({ model: 'acme/huge' as ModelName, commit: ONE });
    for (const file of files.values()) Object.assign(file, { sizeBytes: total });
    sample.data.instead = async () => ({
      by: 'stream',
      bytes: (async function* () {
        for (; given < total; ) {
          given += piece.length;
          yield piece;
        }
      })(),
    });
    const socket = net.connect(Number(new URL(sample.gateway.url).port), '127.0.0.1');
    const token = tokenOf('alice');
    socket.write(
      `GET /acme/huge/resolve/main/a.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    );
    let taken = 0;
    let aheadMax = 0;
    for await (const chunk of socket) {
      aheadMax = Math.max(aheadMax, given - taken);
      taken += (chunk as Buffer).length;
      // A client that does other things meanwhile.
      await setImmediate();
    }
    assert.ok(taken > total);
    assert.ok(aheadMax < AHEAD_BYTES_MAX, `${aheadMax} bytes ahead of the client`);
  });
});

/** What the buffers of two sockets on one machine hold, generously; the file is twelve times that. */
const AHEAD_BYTES_MAX = 16 << 20;

async function* halfThenError(): AsyncGenerator<Uint8Array> {
  yield WEIGHTS.subarray(0, 150_000);
  throw new WeighlockError('WL_VAULT_CORRUPT', 'the file changed while it was read');
}

async function* tooShort(): AsyncGenerator<Uint8Array> {
  yield WEIGHTS.subarray(0, 100_000);
}

async function* tooLong(): AsyncGenerator<Uint8Array> {
  yield WEIGHTS.subarray(0, 299_999);
  yield WEIGHTS.subarray(0, 2);
}

/** One piece, then nothing until it is told to end. */
async function* endless(until: () => Promise<unknown>): AsyncGenerator<Uint8Array> {
  yield WEIGHTS.subarray(0, 1000);
  await until();
}

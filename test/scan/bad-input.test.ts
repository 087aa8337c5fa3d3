/** What can stand where a file is expected: a clear line for it, the rest is still scanned, and never exit code 0. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { smallSafetensors } from '../../src/formats/samples.ts';
import { readLocal } from '../../src/inspection/read-local.ts';
import { type CommandLine, commandLine, type Ended } from '../story/command-line.ts';

interface Folder {
  readonly line: CommandLine;
  readonly at: string;
}

/** A folder with one file that is clean. */
async function folder(t: TestContext): Promise<Folder> {
  const line = await commandLine(t, []);
  const at = path.join(line.folder, 'model');
  mkdirSync(at);
  writeFileSync(path.join(at, 'config.json'), '{"model_type":"llama"}');
  return { line, at };
}

interface ScannedFile {
  readonly path: string;
  readonly status: string;
  readonly verdict: string;
  readonly error?: { readonly code: string; readonly message: string };
}

async function scanned({ line, at }: Folder): Promise<{ exit: number; files: readonly ScannedFile[] }> {
  const { exit, out } = await line.run('scan', at, '--json');
  return { exit, files: JSON.parse(out).files };
}

const makeFifo = (name: string) => execFileSync('mkfifo', [name]);

describe('scanning a folder that holds', () => {
  for (const [what, make, says] of [
    ['a named pipe', (at: string) => makeFifo(`${at}/odd`), /named pipe/],
    ['a device', (at: string) => symlinkSync('/dev/zero', `${at}/odd`), /device/],
    ['a link in circles', (at: string) => symlinkSync('odd', `${at}/odd`), /circles/],
    ['a folder that links to itself', (at: string) => symlinkSync('.', `${at}/odd`), /circles/],
    ['a link to nothing', (at: string) => symlinkSync('/nowhere', `${at}/odd`), /not there/],
    [
      'a name that is not UTF-8',
      (at: string) => writeFileSync(Buffer.concat([Buffer.from(`${at}/odd`), Buffer.of(0xff)]), 'x'),
      /not UTF-8/,
    ],
  ] as const) {
    it(`${what} says so, scans the rest, and does not end with 0`, async (t) => {
      const here = await folder(t);
      make(here.at);
      const { exit, files } = await scanned(here);
      assert.equal(exit, 2);
      const odd = files.find((file) => file.path.startsWith('odd'));
      assert.equal(odd?.status, 'error');
      assert.equal(odd?.verdict, 'inconclusive');
      assert.match(odd?.error?.message ?? '', says);
      assert.equal(files.find((file) => file.path === 'config.json')?.verdict, 'clean');
    });
  }

  it('an empty file says so, and does not end with 0', async (t) => {
    const here = await folder(t);
    writeFileSync(path.join(here.at, 'model.bin'), '');
    const { exit, files } = await scanned(here);
    assert.equal(exit, 2);
    assert.equal(files.find((file) => file.path === 'model.bin')?.verdict, 'inconclusive');
  });

  it('a truncated file says where it ends, and does not end with 0', async (t) => {
    const here = await folder(t);
    const whole = smallSafetensors();
    writeFileSync(path.join(here.at, 'model.safetensors'), whole.subarray(0, whole.length - 1));
    const { exit, files } = await scanned(here);
    assert.equal(exit, 2);
    assert.equal(files.find((file) => file.path === 'model.safetensors')?.status, 'inconclusive');
  });

  it('more names than are looked at says so, and still judges those that were', {
    timeout: 300_000,
  }, async (t) => {
    const here = await folder(t);
    // Links cost no data; they are what a million names would be, as far as the scan goes into them.
    execFileSync('python3', [
      '-c',
      'import os,sys\nfor i in range(200001): os.symlink("nothing", f"{sys.argv[1]}/{i:07d}")',
      here.at,
    ]);
    const { exit, out } = await here.line.run('scan', here.at);
    assert.equal(exit, 2);
    assert.match(out, /more than 100000 files/);
  });

  it('nothing at all is not clean', async (t) => {
    const here = await folder(t);
    rmSync(path.join(here.at, 'config.json'));
    const { exit, out } = await here.line.run('scan', here.at);
    assert.equal(exit, 2);
    assert.match(out, /no file/);
  });
});

describe('a file that changes while it is read', () => {
  for (const [what, change] of [
    ['grows', (file: string) => appendFileSync(file, 'more')],
    ['shrinks', (file: string) => writeFileSync(file, '')],
    ['is written in place', (file: string) => writeFileSync(file, Buffer.alloc(3 << 20, 1))],
  ] as const) {
    it(`and ${what} is not judged`, async (t) => {
      const { at } = await folder(t);
      const file = path.join(at, 'weights');
      writeFileSync(file, Buffer.alloc(3 << 20));
      let changed = false;
      const passed = () => {
        if (!changed) change(file);
        changed = true;
      };
      await assert.rejects(readLocal(file, passed), { code: 'WL_SOURCE_CHANGED' });
    });
  }

  it('and vanishes between its listing and its reading has a line of its own', async (t) => {
    const { at } = await folder(t);
    await assert.rejects(
      readLocal(path.join(at, 'gone'), () => {}),
      { code: 'WL_FILE_UNREADABLE' },
    );
  });
});

describe('scanning what is not there', () => {
  for (const [what, target, exit, says] of [
    ['a path', './nothing', 69, /WL_FILE_UNREADABLE/],
    ['a device', '/dev/null', 69, /is a device/],
    ['a name that is none', 'a/b/c', 64, /WL_NAME_INVALID/],
  ] as const) {
    it(`${what} says so`, async (t) => {
      const { line } = await folder(t);
      const ended = await line.run('scan', target);
      assert.equal(ended.exit, exit);
      assert.match(ended.err, says);
    });
  }
});

/** A server that answers each request by hand. */
async function serve(t: TestContext, answer: http.RequestListener): Promise<string> {
  const server = http.createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/config.json`;
}

const CONTENT = Buffer.from('{"model_type":"llama"}');

function ranged(request: http.IncomingMessage): { readonly from: number; readonly to: number } {
  const [, from = '0', to = ''] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
  return { from: Number(from), to: to === '' ? CONTENT.length - 1 : Number(to) };
}

function honest(request: http.IncomingMessage, response: http.ServerResponse): void {
  const { from, to } = ranged(request);
  response.writeHead(206, {
    'content-range': `bytes ${from}-${to}/${CONTENT.length}`,
    'content-length': to - from + 1,
  });
  response.end(CONTENT.subarray(from, to + 1));
}

describe('scanning an address whose server', () => {
  const scan = async (t: TestContext, answer: http.RequestListener, ...flags: string[]): Promise<Ended> => {
    const { line } = await folder(t);
    return line.run('scan', await serve(t, answer), ...flags);
  };

  it('takes ranges is scanned, completely and by triage', async (t) => {
    assert.equal((await scan(t, honest)).exit, 0);
    assert.equal((await scan(t, honest, '--triage')).exit, 0);
  });

  it('ignores ranges is read as a whole', async (t) => {
    const ignoring: http.RequestListener = (_, response) => response.end(CONTENT);
    assert.equal((await scan(t, ignoring)).exit, 0);
  });

  for (const [what, answer, says] of [
    [
      'announces more than it sends',
      (request, response) => {
        if (ranged(request).to === 0) return honest(request, response);
        response.writeHead(206, {
          'content-range': `bytes 0-${CONTENT.length - 1}/${CONTENT.length}`,
          'content-length': CONTENT.length,
        });
        response.write(CONTENT.subarray(0, 5));
        setImmediate(() => response.destroy());
      },
      /WL_SOURCE_LIES/,
    ],
    [
      'sends another range than it was asked for',
      (_, response) => {
        response.writeHead(206, { 'content-range': 'bytes 7-8/9' });
        response.end('xx');
      },
      /WL_SOURCE_LIES/,
    ],
    [
      'says nothing about the length',
      (_, response) => {
        response.write('x');
        response.end();
      },
      /does not say how long/,
    ],
    [
      'changes the file between two answers',
      (() => {
        let count = 0;
        const answer: http.RequestListener = (request, response) => {
          response.setHeader('etag', `"${count++}"`);
          honest(request, response);
        };
        return answer;
      })(),
      /changed while it was read/,
    ],
    [
      'redirects to another host',
      (_, response) => {
        response.writeHead(302, { location: 'https://169.254.169.254/latest/meta-data' });
        response.end();
      },
      /WL_SOURCE_LIES/,
    ],
    [
      'redirects in circles',
      (_, response) => {
        response.writeHead(302, { location: '/config.json' });
        response.end();
      },
      /redirects more than/,
    ],
    [
      'knows no such file',
      (_, response) => {
        response.writeHead(404);
        response.end();
      },
      /status 404/,
    ],
  ] as readonly (readonly [string, http.RequestListener, RegExp])[]) {
    it(`${what} gets a clear line and a failure code`, { timeout: 120_000 }, async (t) => {
      const ended = await scan(t, answer);
      assert.ok(ended.exit >= 64, `${ended.exit} ${ended.out}`);
      assert.match(ended.err, says);
    });
  }

  it('is not there gets a clear line and a failure code', { timeout: 120_000 }, async (t) => {
    const { line } = await folder(t);
    const free = net.createServer();
    await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
    const { port } = free.address() as AddressInfo;
    free.close();
    const ended = await line.run('scan', `http://127.0.0.1:${port}/config.json`);
    assert.equal(ended.exit, 69);
    assert.match(ended.err, /WL_SOURCE_UNAVAILABLE/);
  });
});

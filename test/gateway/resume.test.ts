/**
 * Resume: clients that are cut off within a file, or killed, and finish it with `Range`, over a directory and over S3
 * servers that refuse what AWS refuses; also where the URL that they had expired in between, and where the revision was
 * revoked between two halves.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import http, { type IncomingHttpHeaders } from 'node:http';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startStrictPresignProxy } from '../clients/strict-presign-proxy.ts';
import { S3_SERVERS, type S3Server } from '../s3/server.ts';
import { bytesFile, plainCommit, safetensors } from '../story/models.ts';
import { openS3Stage } from '../story/s3-stage.ts';
import { openStage, peer, type Stage } from '../story/stage.ts';
import { type CuttingProxy, startCuttingProxy } from './cutting-proxy.ts';
import { startServe, until } from './serving.ts';

const MODEL = 'org/model';
const LARGE = '/large.safetensors';
/** huggingface_hub writes so much at a time. */
const PIECE_BYTES = 10 << 20;
/** Two of these pieces, and some more. */
const BYTES = safetensors('large', 6_500_000);
const SHA256 = createHash('sha256').update(BYTES).digest('hex');
const PRESIGN_SECONDS = 2;
/** Longer than a URL lasts: a client that asks again after so much silence holds one that has expired. */
const CLIENT_TIMEOUT_SECONDS = PRESIGN_SECONDS + 1;
const RAW_CUTS = 12;
/** What the gateway promises, and what a busy machine adds to asking. */
const FOLLOWS_MS = 5_000 + 5_000;

interface Scene extends AsyncDisposable {
  readonly stage: Stage;
  /** For HF_ENDPOINT. */
  readonly endpoint: string;
  /** What bytes come through. */
  readonly data: CuttingProxy;
}

async function openScene(server: S3Server | undefined): Promise<Scene> {
  const models = [{ id: MODEL, commits: [plainCommit('one', [bytesFile(LARGE.slice(1), BYTES)])] }];
  const stage = await (server ? openS3Stage(server, { models }) : openStage({ models }));
  const admitted = await stage.here(['admit', MODEL]);
  assert.equal(admitted.exit, 0, admitted.stdout + admitted.stderr);
  const serve = (more: readonly string[]) =>
    startServe(stage, ['--anonymous', '--presign-seconds', String(PRESIGN_SECONDS), ...more]);
  const strict = server && (await startStrictPresignProxy(server));
  const bucket = strict && (await startCuttingProxy(strict.endpoint));
  const gateway = await serve(bucket ? ['--data-endpoint', bucket.endpoint] : []);
  const data = bucket ?? (await startCuttingProxy(gateway.endpoint));
  return {
    stage,
    data,
    endpoint: bucket ? gateway.endpoint : data.endpoint,
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      await data.close();
      await strict?.close();
      await stage[Symbol.asyncDispose]();
      await server?.close();
    },
  };
}

interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What came, whole or cut off. */
async function get(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Got> {
  const [answer] = await once(http.get(url, { headers, agent: false }), 'response');
  const chunks: Buffer[] = [];
  answer.on('data', (chunk: Buffer) => chunks.push(chunk));
  answer.on('error', () => undefined);
  await new Promise((resolve) => answer.once('close', resolve));
  return { status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks) };
}

/** Goes where it is sent with the same headers, as clients do. */
async function follow(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Got> {
  const first = await get(url, headers);
  return first.status === 302 ? get(first.headers.location ?? '', headers) : first;
}

/** Numbers from 1 to `max`, the same for a seed. */
function randomNumbers(seed: string, count: number, max: number): number[] {
  return Array.from({ length: count }, (_, at) => {
    const digest = createHash('sha256').update(`${seed} ${at}`).digest();
    return 1 + (digest.readUInt32LE() % max);
  });
}

const HUBS = ['hub-0.36', 'hub-1.29', 'hub-2.4'].map((name) => ({
  name,
  ...peer(`${name}/bin/python`, 'hub-clients'),
}));

function hubDownload(python: string, { endpoint, home }: { endpoint: string; home: string }): ChildProcess {
  const code = `from huggingface_hub import hf_hub_download; print(hf_hub_download("${MODEL}", "${LARGE.slice(1)}"))`;
  const env = {
    PATH: process.env.PATH,
    HF_ENDPOINT: endpoint,
    HF_HOME: home,
    HF_HUB_DISABLE_PROGRESS_BARS: '1',
    HF_HUB_DOWNLOAD_TIMEOUT: String(CLIENT_TIMEOUT_SECONDS),
  };
  const child = spawn(python, ['-c', code], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  return child;
}

/** Holds the file that it says it downloaded to what was admitted. */
async function isWhole(child: ChildProcess): Promise<void> {
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => said.push(String(chunk)));
  await once(child, 'close');
  assert.equal(child.exitCode, 0, said.join(''));
  const file = said.join('').trim().split('\n').at(-1) ?? '';
  assert.equal(createHash('sha256').update(readFileSync(file)).digest('hex'), SHA256);
}

/** Where huggingface_hub 0.36 keeps what it has so far. */
function sizeSoFar(home: string): number {
  const folder = path.join(home, 'hub/models--org--model/blobs');
  const [name] = readdirSync(folder).filter((one) => one.endsWith('.incomplete'));
  return name === undefined ? 0 : statSync(path.join(folder, name)).size;
}

const DIRECTORY = { name: 'a directory', skip: false as string | false, start: async () => undefined };

for (const { name, skip, start } of [DIRECTORY, ...S3_SERVERS])
  describe(`over ${name}`, { skip }, () => {
    let scene: Scene;
    let url: string;
    before(async () => {
      scene = await openScene(await start());
      url = `${scene.endpoint}/${MODEL}/resolve/main${LARGE}`;
    });
    after(() => scene?.[Symbol.asyncDispose]());

    const home = (client: string) => path.join(scene.stage.folder, client);
    /** Bodies that came through since `from`. */
    const bodies = (from: number) =>
      scene.data
        .passed(LARGE)
        .slice(from)
        .filter(({ method, status }) => method === 'GET' && (status === 200 || status === 206));
    const isBucket = name !== DIRECTORY.name;

    it('a client that is cut off at any byte goes on from there', async () => {
      const from = scene.data.passed(LARGE).length;
      scene.data.cut(LARGE, 'end', randomNumbers(`raw ${name}`, RAW_CUTS, BYTES.length / RAW_CUTS));
      const parts: Buffer[] = [];
      let have = 0;
      for (let turn = 0; turn <= RAW_CUTS; turn++) {
        const { status, headers, body } = await follow(url, { Range: `bytes=${have}-` });
        assert.deepEqual(
          [status, headers['content-range']],
          [206, `bytes ${have}-${BYTES.length - 1}/${BYTES.length}`],
        );
        parts.push(body);
        have += body.length;
      }
      assert.equal(createHash('sha256').update(Buffer.concat(parts)).digest('hex'), SHA256);
      assert.equal(
        bodies(from).reduce((sum, { bytes }) => sum + bytes, 0),
        BYTES.length,
        'no byte came twice',
      );
    });

    it('is asked beyond the end, and says how long the file is', async () => {
      for (const first of [BYTES.length, BYTES.length + 1, 2 ** 40]) {
        const { status, headers } = await get(url, { Range: `bytes=${first}-` });
        assert.deepEqual([status, headers['content-range']], [416, `bytes */${BYTES.length}`]);
      }
      const { headers } = await get(url);
      if (!isBucket) return;
      assert.equal((await get(headers.location ?? '', { Range: `bytes=${BYTES.length}-` })).status, 416);
      const over = { Range: `bytes=${BYTES.length - 10}-${BYTES.length + 10}` };
      const { status, body } = await get(headers.location ?? '', over);
      assert.deepEqual([status, body.equals(BYTES.subarray(-10))], [206, true]);
    });

    if (isBucket)
      it('a client whose URL expired in between gets another from the gateway', async () => {
        scene.data.cut(LARGE, 'end', [1_000_000]);
        const { headers } = await get(url);
        const issued = headers.location ?? '';
        const half = await get(issued);
        await until(async () => (await get(issued, { Range: 'bytes=0-0' })).status === 403, {
          withinMs: PRESIGN_SECONDS * 1000 + 5_000,
          what: 'the URL ends',
        });
        const rest = await follow(url, { Range: `bytes=${half.body.length}-` });
        assert.equal(rest.status, 206);
        assert.ok(Buffer.concat([half.body, rest.body]).equals(BYTES));
      });

    for (const { name: hub, path: python, skip } of HUBS)
      it(`${hub} goes on by itself, with a fresh URL where there is one`, { skip }, async () => {
        const from = scene.data.passed(LARGE).length;
        scene.data.cut(LARGE, 'stall', randomNumbers(`${hub} ${name}`, 1, BYTES.length - 1));
        await isWhole(hubDownload(python, { endpoint: scene.endpoint, home: home(`${hub} stalled`) }));
        const [first, second, ...more] = bodies(from);
        assert.ok(first && second && more.length === 0);
        const range = Number(/^bytes=(\d+)-$/.exec(second.range ?? 'bytes=0-')?.[1]);
        // It writes whole pieces of ten megabytes, and forgets what it had of the next one.
        assert.ok(range <= first.bytes && first.bytes - range < PIECE_BYTES, `${range} of ${first.bytes}`);
        assert.equal(second.bytes, BYTES.length - range);
        assert.equal(first.url === second.url, !isBucket);
      });

    const [OLD] = HUBS;
    it('hub-0.36 that is killed goes on when it is run again', { skip: OLD?.skip }, async () => {
      const at = home('hub-0.36 killed');
      const [some = 0, more = 0] = randomNumbers(`killed ${name}`, 2, 5_000_000);
      for (const bytes of [PIECE_BYTES + some, more]) {
        scene.data.cut(LARGE, 'stall', [bytes]);
        const child = hubDownload(OLD?.path ?? '', { endpoint: scene.endpoint, home: at });
        await scene.data.reached();
        await until(async () => sizeSoFar(at) >= PIECE_BYTES, {
          withinMs: 10_000,
          what: 'a piece is written',
        });
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      const have = sizeSoFar(at);
      assert.equal(have, PIECE_BYTES);
      const from = scene.data.passed(LARGE).length;
      await isWhole(hubDownload(OLD?.path ?? '', { endpoint: scene.endpoint, home: at }));
      assert.deepEqual(
        bodies(from).map(({ range, bytes }) => [range, bytes]),
        [[`bytes=${have}-`, BYTES.length - have]],
      );
    });

    // The store does not know our ETag: a reader that names one must be given the bytes by the gateway itself.
    it('a range is given only of the file that If-Range names', async () => {
      const { headers } = await get(url, { Range: 'bytes=0-0' });
      const etag = String(headers.etag);
      assert.equal(etag, `"${SHA256}"`);
      for (const [ifRange, whole] of [
        [etag, false],
        [`"${'0'.repeat(64)}"`, true],
      ] as const) {
        const { status, body } = await follow(url, { Range: 'bytes=100-', 'If-Range': ifRange });
        assert.deepEqual([status, body.length], whole ? [200, BYTES.length] : [206, BYTES.length - 100]);
      }
    });

    it('the second half of what was revoked is refused', async () => {
      scene.data.cut(LARGE, 'end', [2_000_000]);
      const first = await get(url);
      const issued = first.headers.location;
      const half = issued === undefined ? first : await get(issued);
      assert.equal(half.body.length, 2_000_000);
      const revision = `${MODEL}@${scene.stage.hub.commitOf(MODEL)}`;
      assert.equal((await scene.stage.here(['revoke', revision, '--reason', 'bad'])).exit, 0);
      const refused = async () => (await get(url, { Range: 'bytes=2000000-' })).status === 404;
      await until(refused, { withinMs: FOLLOWS_MS, what: 'the gateway refuses the second half' });
      const { headers } = await get(url, { Range: 'bytes=2000000-' });
      assert.equal(headers['x-error-code'], 'RevisionNotFound');
      if (issued === undefined) return;
      await until(async () => (await get(issued, { Range: 'bytes=2000000-2000001' })).status === 403, {
        withinMs: PRESIGN_SECONDS * 1000 + 5_000,
        what: 'the URL ends',
      });
    });
  });

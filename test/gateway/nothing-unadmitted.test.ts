/**
 * Nothing unadmitted: over vaults in random states and requests of every hostile form, a gateway answers with bytes of
 * published revisions only, under exactly their names. What was held, refused, excluded, revoked, removed or written over
 * carries a mark, which no answer may hold.
 */
import assert from 'node:assert/strict';
import { createHash, randomInt } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { StandInCommit } from '../../src/hub-stand-in/model.ts';
import { S3_SERVERS, type S3Server } from '../s3/server.ts';
import { bytesFile, plainCommit, safetensors, textFile } from '../story/models.ts';
import { openS3Stage } from '../story/s3-stage.ts';
import { openStage, type Stage } from '../story/stage.ts';
import { type Hostile, hostileRequest } from './random-request.ts';
import { type Serving, startServe } from './serving.ts';

const MARK = 'NEVER-TO-BE-SERVED';
/** By default short; WL_TEST_HOSTILE_REQUESTS sets how many requests each state gets. */
const REQUESTS = Number(process.env.WL_TEST_HOSTILE_REQUESTS ?? 400);
const STATES = 4;
const SEED = Number(process.env.WL_TEST_SEED ?? randomInt(1_000_000));

/** What may be served, as this test keeps book of it: model → commit → path → bytes. */
type Book = Map<string, Map<string, Map<string, Buffer>>>;

const marked = (text: string) => `${text} ${MARK}\n`;

/** A revision with a file that is excluded when it is admitted. */
function commit(seed: string): StandInCommit {
  const large = bytesFile('sub/large file+1.safetensors', safetensors(seed, 40_000));
  return plainCommit(seed, [large, textFile('excluded.md', marked(seed))]);
}

/** Brought in, and held: it brings code of its own. */
const HELD: StandInCommit = {
  files: [
    textFile('config.json', JSON.stringify({ auto_map: { AutoModel: 'modeling.Model' }, note: MARK })),
    textFile('modeling.py', `class Model: pass\n# ${MARK}\n`),
  ],
};

const MODELS = ['org/one', 'org/two', 'legacy'];

function bytesOf(source: StandInCommit): Map<string, Buffer> {
  return new Map(
    source.files
      .filter((file) => file.path !== 'excluded.md')
      .map((file) => [
        file.path,
        file.content.kind === 'bytes' ? Buffer.from(file.content.bytes) : Buffer.alloc(0),
      ]),
  );
}

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly contentRange: string | undefined;
  readonly body: Buffer;
}

/** Sends exactly the target; undefined where it cannot even be sent. */
async function send(endpoint: string, { method, target, range }: Hostile): Promise<Answer | undefined> {
  const { hostname, port } = new URL(endpoint);
  const { promise, resolve, reject } = Promise.withResolvers<Answer | undefined>();
  let request: http.ClientRequest;
  try {
    request = http.request({
      hostname,
      port,
      method,
      path: target,
      headers: range ? { range } : {},
      agent: AGENT,
    });
  } catch {
    return undefined;
  }
  request.on('response', (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () =>
      resolve({
        status: response.statusCode ?? 0,
        location: response.headers.location,
        contentRange: response.headers['content-range'],
        body: Buffer.concat(chunks),
      }),
    );
    response.on('error', reject);
  });
  request.on('error', reject);
  request.end();
  return promise;
}

const AGENT = new http.Agent({ keepAlive: true, maxSockets: 8 });

const KINDS: readonly { name: string; skip: string | false; start: () => Promise<S3Server | undefined> }[] = [
  { name: 'a directory', skip: false, start: async () => undefined },
  ...S3_SERVERS.filter(({ name }) => name === 'stand-in'),
];

for (const kind of KINDS)
  describe(`a gateway over ${kind.name}`, { skip: kind.skip }, () => {
    let server: S3Server | undefined;
    let stage: Stage;
    const book: Book = new Map();
    const channels = new Map<string, string>();
    const everyCommit: string[] = [];
    let served = 0;

    before(async () => {
      server = await kind.start();
      const models = MODELS.map((id) => ({ id, commits: [commit(`${id} 0`)] }));
      const options = { models: [...models, { id: 'org/held', commits: [HELD] }] };
      stage = await (server ? openS3Stage(server, options) : openStage(options));
      for (const id of MODELS) {
        book.set(id, new Map());
        for (const round of [1, 2, 3]) {
          await must(['admit', id, '--exclude', 'excluded.md']);
          const sha = stage.hub.commitOf(id);
          book.get(id)?.set(sha, bytesOf(commit(`${id} ${round - 1}`)));
          everyCommit.push(sha);
          if (round === 1) channels.set(id, sha);
          if (round < 3) stage.hub.publish(id, commit(`${id} ${round}`));
        }
      }
      assert.equal((await stage.here(['admit', 'org/held'])).exit, 2);
      everyCommit.push(stage.hub.commitOf('org/held'));
    });
    after(async () => {
      AGENT.destroy();
      await stage?.[Symbol.asyncDispose]();
      await server?.close();
    });

    const must = async (args: readonly string[]) => {
      const ran = await stage.here(args);
      assert.equal(ran.exit, 0, `${args.join(' ')}\n${ran.stdout}${ran.stderr}`);
    };

    /** Changes the vault at random, and the book with it. */
    const change = async (random: (below: number) => number) => {
      const id = MODELS[random(MODELS.length)] ?? '';
      const published = [...(book.get(id)?.keys() ?? [])];
      const sha = published[random(published.length)];
      if (sha === undefined) return;
      switch (random(4)) {
        case 0:
          await must(['revoke', `${id}@${sha}`, '--reason', 'at random']);
          book.get(id)?.delete(sha);
          break;
        case 1:
          if (channels.get(id) === sha) return;
          await must(['remove', `${id}@${sha}`, '--reason', 'at random']);
          book.get(id)?.delete(sha);
          break;
        case 2:
          await must(['channel', 'set', `${id}@${sha}`]);
          channels.set(id, sha);
          break;
        case 3:
          await writeOver(id, sha);
      }
    };

    /** Writes over a published file at equal size; where the store keeps versions, the recorded one is still served. */
    const writeOver = async (id: string, sha: string) => {
      const [file = ''] = [...(book.get(id)?.get(sha)?.keys() ?? [])].filter((name) =>
        name.endsWith('2.safetensors'),
      );
      const before = book.get(id)?.get(sha)?.get(file);
      if (!before) return;
      const other = Buffer.alloc(before.length, MARK);
      const key = `models/${id.includes('/') ? id : `_/${id}`}/${sha}/${file}`;
      if ('put' in stage) await (stage as Awaited<ReturnType<typeof openS3Stage>>).put(key, other);
      else {
        const place = path.join(stage.vault, key);
        assert.equal(readFileSync(place).length, other.length);
        rmSync(place);
        writeFileSync(place, other);
        book.get(id)?.get(sha)?.delete(file);
      }
    };

    /** The bytes that a target stands for if every part of it is exactly a published name. */
    const named = (target: string): Buffer | undefined => {
      const [bare = ''] = target.split('?');
      const parts = bare.split('/').slice(1).map(decoded);
      for (const [id, revisions] of book) {
        const own = id.split('/');
        if (own.some((part, at) => parts[at] !== part) || parts[own.length] !== 'resolve') continue;
        const rest = parts.slice(own.length + 1);
        const tail = rest.slice(rest[0] === 'refs' ? 3 : 1).join('/');
        const name = rest[0] === 'refs' ? rest.slice(0, 3).join('/') : (rest[0] ?? '');
        const wanted = name.replace(/^refs\/heads\//, '');
        const sha =
          wanted === 'main' || wanted === 'HEAD' || wanted === 'production' ? channels.get(id) : wanted;
        const bytes = revisions.get(sha ?? '')?.get(tail);
        if (bytes) return bytes;
      }
      return undefined;
    };

    const check = async (gateway: Serving, request: Hostile) => {
      const answer = await send(gateway.endpoint, request);
      if (!answer) return;
      assert.ok(!answer.body.includes(MARK), `an answer holds the mark: ${answer.status}`);
      assert.ok(answer.status !== 500, `${answer.status} ${answer.body}`);
      const isFile = /\/(?:resolve|raw)\//.test(decoded(request.target));
      if (!isFile || request.method !== 'GET' || answer.status >= 400) return;
      const bytes = named(request.target.replace('/raw/', '/resolve/'));
      served += 1;
      assert.ok(bytes, `${answer.status} for a target that is no published name`);
      if (answer.status === 302) {
        const at = await fetch(answer.location ?? '');
        assert.ok(Buffer.from(await at.arrayBuffer()).equals(bytes), 'the redirect leads to other bytes');
      } else requireBytes(answer, bytes);
    };

    it(`serves nothing else (seed ${SEED})`, async (t) => {
      const random = fc.sample(fc.nat(1_000_000), { seed: SEED, numRuns: STATES * 20 }).values();
      const next = (below: number) => (random.next().value ?? 0) % below;
      for (let state = 0; state < STATES; state++) {
        await using gateway = await startServe(stage, ['--anonymous']);
        const names = {
          models: [...MODELS, ...MODELS, 'org/held', 'org/none'],
          revisions: [
            'main',
            'main',
            'main',
            'main',
            'HEAD',
            'production',
            'refs%2Fheads%2Fmain',
            'refs/heads/main',
            ...everyCommit,
          ],
          paths: [
            'config.json',
            'excluded.md',
            'modeling.py',
            ...(book
              .get('org/one')
              ?.get(everyCommit[0] ?? '')
              ?.keys() ?? []),
          ],
        };
        await fc.assert(
          fc.asyncProperty(hostileRequest(names), (request) => check(gateway, request)),
          { numRuns: REQUESTS, seed: SEED + state, endOnFailure: true },
        );
        await change(next);
        await change(next);
      }
      t.diagnostic(`${served} of ${STATES * REQUESTS} requests were answered with a file`);
      assert.ok(served > STATES, 'requests that are answered must be among them');
    });
  });

/** The file or a range of it, or of the pointer to it that git has. */
function requireBytes({ status, body, contentRange }: Answer, bytes: Buffer): void {
  const [, first = '0', last = '-1', sizeBytes] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(contentRange ?? '') ?? [];
  assert.equal(status === 206, sizeBytes !== undefined);
  const whole = [bytes, pointerTo(bytes)].filter(({ length }) => length === Number(sizeBytes ?? body.length));
  const [from, to] = [Number(first), status === 206 ? Number(last) + 1 : body.length];
  assert.ok(
    whole.some((one) => body.equals(one.subarray(from, to))),
    `other bytes than the admitted ones, ${contentRange ?? 'whole'}`,
  );
}

function pointerTo(bytes: Buffer): Buffer {
  const oid = createHash('sha256').update(bytes).digest('hex');
  return Buffer.from(`version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${bytes.length}\n`);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

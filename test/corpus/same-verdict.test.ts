/**
 * Same bytes, same verdict: every file of the corpus by each way on which bytes reach the scanner. What a name may add is
 * said of the repo, and never of the file.
 */
import assert from 'node:assert/strict';
import { createReadStream, linkSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { spread } from '../../src/base/lanes.ts';
import { runCommand } from '../../src/cli/main.ts';
import { parseRandomCompletely } from '../../src/formats/drive.ts';
import { type HubStandIn, startHubStandIn } from '../../src/hub-stand-in/hub-stand-in.ts';
import { type InspectedFile, inspect, judged } from '../../src/inspection/inspect.ts';
import { localSubject } from '../../src/inspection/local.ts';
import type { ReportFile } from '../../src/inspection/report.ts';
import { UrlSource } from '../../src/sources/url.ts';
import { bringFile } from '../../src/transfer/bring.ts';
import { nowhere } from '../../src/transfer/nowhere.ts';
import { connect, S3_SERVERS } from '../s3/server.ts';
import { capture } from '../story/capture.ts';
import { filesOf, readManifest } from './corpus.ts';

/** The usual run takes a few ways; all of them take three minutes. */
const ALL = process.env.WL_TEST_ALL_WAYS === '1';

/** Every kind of name that a loader or a scanner that goes by names would take for something. */
const EXTENSIONS = ['', '.bin', '.json', '.safetensors', '.py', '.gguf', '.zip', '.npy', '.h5', '.jpg'].slice(
  0,
  ALL ? undefined : 3,
);

const OPTIONS = { concurrency: 4, memoryBytes: 16e6 };

/** What is said of a file, without its name. */
type Said = string;

type Judged = Pick<InspectedFile | ReportFile, 'verdict' | 'status' | 'findings' | 'error'>;

function saidOf(file: Judged): Said {
  const findings = file.findings
    .filter(({ rule }) => rule !== 'structure/empty')
    .map((one) => {
      const subject = 'subject' in one ? one.subject : 'global' in one ? one.global : undefined;
      return [one.rule, one.verdict, one.member ?? '', one.offset ?? '', subject ?? ''].join(' ');
    });
  return JSON.stringify([file.verdict, file.status, findings]);
}

interface Case {
  readonly name: string;
  readonly bytes: Buffer;
  readonly said: Said;
}

const cases: Case[] = [];
let folder: string;

/** A folder in which every case stands under its number and this extension. */
function named(extension: string): string {
  const at = path.join(folder, `as${extension}`);
  mkdirSync(at);
  for (const [number] of cases.entries())
    linkSync(path.join(folder, 'plain', String(number)), path.join(at, `${number}${extension}`));
  return at;
}

function assertSame(how: string, number: number, file: Judged): void {
  const { name, said } = cases[number] ?? assert.fail(`${how}: there is no case ${number}`);
  assert.equal(saidOf(file), said, `${how}: ${name} ${file.error?.message ?? ''}`);
}

before(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'weighlock-same-'));
  mkdirSync(path.join(folder, 'plain'));
  for (const entry of readManifest()) {
    for (const { content } of filesOf(entry)) {
      const bytes = Buffer.from(content);
      if (bytes.length === 0) continue;
      writeFileSync(path.join(folder, 'plain', String(cases.length)), bytes);
      const read = (offset: number, length: number) => bytes.subarray(offset, offset + length);
      const facts = await parseRandomCompletely({ sizeBytes: bytes.length, read });
      const about = { sizeBytes: bytes.length, sha256: 'x' as never, facts, examinations: [] };
      cases.push({ name: entry.path, bytes, said: saidOf(judged('a', about)) });
    }
  }
});

after(() => rmSync(folder, { recursive: true, force: true }));

describe('the same bytes get the same verdict', () => {
  for (const extension of EXTENSIONS) {
    it(`in a folder, under names that end with "${extension}"`, async () => {
      const subject = await localSubject(named(extension));
      const { files } = await inspect(subject, OPTIONS);
      assert.equal(files.length, cases.length);
      for (const file of files) assertSame(extension, Number.parseInt(file.path, 10), file);
    });
  }

  it('as a file, over HTTP, from a server that takes ranges', async (t) => {
    const server = http.createServer(serveRange);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    await spread(cases.keys(), 4, async (number) => {
      const url = `http://127.0.0.1:${port}/${number}`;
      const source = new UrlSource({ kind: 'url', url, hosts: [] });
      const { file } = await source.describe();
      const brought = await bringFile(file, {
        source,
        revision: { model: 'local/url' as never, commit: undefined },
        door: nowhere,
        readAheadBytes: 0,
        reads: 'facts',
        passed: () => {},
        signal: new AbortController().signal,
      });
      const facts = brought.facts ?? assert.fail('no facts');
      assertSame('http', number, judged('a', { ...brought, facts, examinations: [] }));
      await source.close();
    });
  });

  it('as a repo of the Hub', async (t) => {
    const files = cases.map(({ bytes }, number) => ({
      path: String(number),
      content: { kind: 'bytes', bytes } as const,
    }));
    const hub: HubStandIn = await startHubStandIn({ models: [{ id: 'test/corpus', commits: [{ files }] }] });
    t.after(() => hub.close());
    const environment = { WEIGHLOCK_HUB_ENDPOINT: hub.endpoint, WEIGHLOCK_HUB_HOSTS: hub.cdnHost };
    for (const file of await scan('hf://test/corpus', environment))
      assertSame('hub', Number(file.path), file);
  });

  for (const { name: kind, skip, start } of S3_SERVERS.slice(0, ALL ? undefined : 1)) {
    it(`in a bucket of ${kind}`, { skip }, async (t) => {
      const server = await start();
      t.after(() => server.close());
      await server.makeBucket('corpus');
      const client = connect(server);
      await spread(cases.entries(), 8, async ([number, { bytes }]) => {
        await client.send(new PutObjectCommand({ Bucket: 'corpus', Key: `here/${number}`, Body: bytes }));
      });
      client.destroy();
      const files = await scan('s3://corpus/here', server.environment);
      assert.equal(files.length, cases.length);
      for (const file of files) assertSame(kind, Number(file.path), file);
    });
  }
});

function serveRange(request: http.IncomingMessage, response: http.ServerResponse): void {
  const file = path.join(folder, 'plain', String(Number(request.url?.slice(1))));
  const { size } = statSync(file);
  const [, from = '0', to = ''] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
  const end = Math.min(size - 1, to === '' ? size - 1 : Number(to));
  response.writeHead(206, {
    'content-range': `bytes ${from}-${end}/${size}`,
    'content-length': end - Number(from) + 1,
  });
  createReadStream(file, { start: Number(from), end }).pipe(response);
}

async function scan(what: string, environment: NodeJS.ProcessEnv): Promise<readonly ReportFile[]> {
  const { terminal, out, err } = capture();
  const home = { WEIGHLOCK_HOME: path.join(folder, 'home') };
  const surroundings = { directory: folder, environment: { ...environment, ...home }, terminal };
  // The SDK's own chain of credentials asks this process; servers come one after another, and replace each other's.
  Object.assign(process.env, environment);
  await runCommand(['scan', what, '--json'], surroundings);
  assert.ok(out() !== '', err());
  return JSON.parse(out()).files;
}

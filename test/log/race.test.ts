/**
 * Two hundred appends from eight processes that are killed at random moments, on both kinds of vault: what was said to stand
 * stands, once in order, and everybody who verifies agrees, Go's own log packages among them.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { installed } from '../peers.ts';
import { S3_SERVERS } from '../s3/server.ts';
import { openS3Stage, type S3Stage } from '../story/s3-stage.ts';
import { openStage, type Stage } from '../story/stage.ts';

const execute = promisify(execFile);

const WRITERS = 8;
const APPENDS = 25;
const KILLS = 30;
/** Longest that one writer may take, however often it was killed. */
const DEADLINE_MS = 5 * 60_000;

const WRITER = path.join(import.meta.dirname, 'racing-writer.ts');
const verifier = installed('bin/log-verifier', 'log-verifier');

/** One writer, started again until it has said all of its appends; returns where each was said to stand. */
class Writer {
  readonly said = new Map<number, number>();
  readonly #name: string;
  readonly #stage: Stage;
  #child: ChildProcess | undefined;

  constructor(name: string, stage: Stage) {
    this.#name = name;
    this.#stage = stage;
  }

  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  async run(until: number): Promise<void> {
    while (this.said.size < APPENDS) {
      assert.ok(Date.now() < until, `${this.#name} stood at ${this.said.size} when time was up`);
      await this.#once();
    }
  }

  async #once(): Promise<void> {
    const args = [WRITER, this.#name, String(this.said.size), String(APPENDS)];
    const child = spawn(process.execPath, args, {
      cwd: this.#stage.folder,
      env: this.#stage.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    const ended = new Promise<NodeJS.Signals | number | null>((resolve) => {
      child.once('close', (code, signal) => resolve(signal ?? code));
    });
    let complaint = '';
    child.stderr.on('data', (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    for await (const line of createInterface({ input: child.stdout })) {
      const [number = -1, index = -1] = line.split(' ').map(Number);
      this.said.set(number, index);
    }
    const how = await ended;
    if (how !== 'SIGKILL') assert.equal(how, 0, complaint);
  }
}

async function race(stage: Stage): Promise<readonly Writer[]> {
  // The vault and its keys are made before anybody races for them.
  const first = await stage.here(['access', 'grant', 'first', '--model', '*/*']);
  assert.equal(first.exit, 0, first.stderr);
  const writers = Array.from({ length: WRITERS }, (_, number) => new Writer(`w${number}`, stage));
  const until = Date.now() + DEADLINE_MS;
  const racing = Promise.all(writers.map((writer) => writer.run(until)));
  let over = false;
  void racing.finally(() => {
    over = true;
  });
  for (let kill = 0; kill < KILLS && !over; kill++) {
    await sleep(200 + Math.random() * 600);
    writers[Math.floor(Math.random() * WRITERS)]?.kill();
  }
  await racing;
  return writers;
}

async function holdToAccount(stage: Stage, writers: readonly Writer[]): Promise<number> {
  const indexes = writers.flatMap(({ said }) => [...said.values()]);
  assert.equal(indexes.length, WRITERS * APPENDS);
  assert.equal(new Set(indexes).size, indexes.length, 'no two appends stand at one place');
  const { json: log } = await stage.ask<{ readonly size: number }>(['log', 'show']);
  // One that was killed before it could say so may have appended: such entries stand beside, and are made again.
  assert.ok(
    log.size >= WRITERS * APPENDS + 1 && log.size <= WRITERS * APPENDS + 1 + KILLS,
    `${log.size} entries`,
  );
  const { json: grants } = await stage.ask<readonly { readonly name: string }[]>(['access', 'list']);
  const known = new Set(grants.map(({ name }) => name));
  for (const [number, { said }] of writers.entries())
    for (const append of said.keys())
      assert.ok(known.has(`w${number}-${append}`), `w${number}-${append} is lost`);
  const verified = await stage.here(['log', 'verify']);
  assert.equal(verified.exit, 0, verified.stdout + verified.stderr);
  return log.size;
}

async function goAccepts(stage: Stage, folder: string, size: number): Promise<void> {
  if (verifier.skip) return;
  const { json } = await stage.ask<{ trust: { logs: { key: string }[] } }>(['trust', 'show']);
  const key = json.trust.logs[0]?.key ?? '';
  const { stdout } = await execute(verifier.path, [folder, key]);
  assert.match(stdout, new RegExp(`accepted ${size} entries`));
}

const HUB = { models: [] };

describe('two hundred appends by eight processes that are killed at random', () => {
  it('in a directory lose nothing', async () => {
    await using stage = await openStage(HUB);
    const size = await holdToAccount(stage, await race(stage));
    await goAccepts(stage, path.join(stage.vault, 'log'), size);
  });

  const [versitygw, , standIn] = S3_SERVERS;
  const store = versitygw?.skip ? standIn : versitygw;
  it('in a bucket lose nothing', async () => {
    if (!store) throw new Error('there is no S3 server');
    const server = await store.start();
    try {
      await using stage = await openS3Stage(server, HUB);
      const size = await holdToAccount(stage, await race(stage));
      await goAccepts(stage, await downloaded(stage), size);
    } finally {
      await server.close();
    }
  });
});

/** The log of a bucket as files: every size that it had has tiles of its own, which are more than a page of a listing. */
async function downloaded(stage: S3Stage): Promise<string> {
  const below = { Bucket: stage.bucket, Prefix: `${stage.prefix}/log/` };
  for await (const page of paginateListObjectsV2({ client: stage.client }, below)) {
    for (const { Key = '' } of page.Contents ?? []) {
      const key = Key.slice(stage.prefix.length + 1);
      const file = path.join(stage.folder, key);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, await stage.get(key));
    }
  }
  return path.join(stage.folder, 'log');
}

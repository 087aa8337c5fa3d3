/**
 * `npm run bench -- pull`: one published revision of the shape of DeepSeek-R1, from a bucket on loopback whose data
 * lies in memory, onto this disk
 *
 *   weighlock     by `weighlock pull`: record, log and signature verified, every file hashed as it streams
 *   s5cmd         by `s5cmd cp`, then `sha256sum`
 *   aws           by `aws s3 cp --recursive`, then `sha256sum`
 *   pass-through  by a small C program that only moves bytes (pass-through.c)
 *
 * Without weighlock (`--only`), the bucket is filled by the pass-through instead of an admission.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { connect } from '../test/s3/server.ts';
import { compile, type MeasuredStep, measure, type Step, total, warmMemory } from './contestant.ts';
import { type Hub, startHub } from './hub-process.ts';
import { presign } from './presign.ts';
import { buildPackage, peerProgram } from './programs.ts';
import { R1_MODEL } from './r1-repo.ts';
import { machine, machineLine, sizeFrom } from './report.ts';
import { planUploads } from './s3-plan.ts';
import { type Result, s3Table } from './s3-report.ts';
import { BUCKET, MEMORY_FOLDER, type Store, storeKind, withStore } from './s3-store.ts';
import { scratch } from './scratch.ts';

const CONNECTIONS = 12;
const CONTESTANTS = ['weighlock', 's5cmd', 'aws', 'pass-through'] as const;
type Contestant = (typeof CONTESTANTS)[number];

const VAULT = `s3://${BUCKET}/vault`;

interface Stage {
  readonly folder: string;
  readonly store: Store;
  readonly meter: string;
  /** Bucket and prefix under which the revision's files lie. */
  readonly prefix: string;
  /** The command that is weighlock. */
  readonly weighlock: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export async function benchPull(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      gb: { type: 'string', default: '16' },
      work: { type: 'string', default: os.tmpdir() },
      server: { type: 'string', default: 'minio' },
      only: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const sizeBytes = sizeFrom(values.gb);
  const kind = storeKind(values.server);
  const only = values.only?.split(',');
  const contestants = CONTESTANTS.filter((contestant) => !only || only.includes(contestant));
  using work = scratch(values.work, 'disk');
  const folder = work.path;
  const results = await withStore({ kind, sizeBytes }, async (store) => {
    const stage = await fill({ folder, store, sizeBytes, ours: contestants.includes('weighlock') });
    const all: Result[] = [];
    for (const contestant of contestants) all.push(await run(stage, contestant));
    return all;
  });
  const report = { sizeBytes, store: kind, machine: machine(), results };
  process.stdout.write(
    values.json
      ? `${JSON.stringify(report, null, 2)}\n`
      : `${machineLine(sizeBytes)}, ${kind}\n\n${s3Table(sizeBytes, results)}`,
  );
}

interface Filling {
  readonly folder: string;
  readonly store: Store;
  readonly sizeBytes: number;
  /** Whether the revision is published by us. */
  readonly ours: boolean;
}

/** Puts a revision into the bucket; the Hub that it came from is gone afterwards, and its memory with it. */
async function fill({ folder, store, sizeBytes, ours }: Filling): Promise<Stage> {
  using cdn = scratch(MEMORY_FOLDER, 'cdn');
  process.stderr.write(`putting ${(sizeBytes / 1e9).toFixed(1)} GB of weights into the bucket …\n`);
  const hub = await startHub('nginx-hub.ts', [String(sizeBytes), cdn.path]);
  try {
    const meter = compile('measure', folder);
    const program = ours ? buildPackage(path.join(folder, 'package')) : '';
    const environment = { ...store.environment, WEIGHLOCK_HOME: path.join(folder, 'home') };
    const stage = { folder, store, meter, environment, weighlock: [process.execPath, program] };
    await measure(meter, await filling(stage, hub, ours), folder);
    return { ...stage, prefix: ours ? await publishedPrefix(store) : 'model' };
  } finally {
    await hub.close();
  }
}

async function filling(stage: Omit<Stage, 'prefix'>, hub: Hub, ours: boolean): Promise<Step> {
  if (ours) {
    return {
      name: 'weighlock admit',
      command: [...stage.weighlock, 'admit', R1_MODEL, '--vault', VAULT],
      environment: {
        ...stage.environment,
        WEIGHLOCK_HUB_ENDPOINT: hub.endpoint,
        WEIGHLOCK_HUB_HOSTS: hub.cdnHost,
      },
    };
  }
  const plan = await planUploads(hub, stage.store, {
    prefix: 'model',
    plan: path.join(stage.folder, 'plan-in'),
  });
  const program = compile('pass-through-s3', stage.folder);
  return { name: 'pass-through', command: [program, String(CONNECTIONS), plan] };
}

async function publishedPrefix(store: Store): Promise<string> {
  const models = `vault/models/${R1_MODEL}/`;
  const [first] = await listObjects(store, models);
  const commit = first?.key.slice(models.length).split('/', 1)[0];
  if (!commit) throw new Error('the admission published nothing');
  return `${models}${commit}`;
}

interface StoredObject {
  readonly key: string;
  readonly sizeBytes: number;
}

/** At most a page of the store's: a revision of the bench has fewer files. */
async function listObjects({ server }: Store, prefix: string): Promise<readonly StoredObject[]> {
  const client = connect(server);
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: prefix }));
  client.destroy();
  return Contents.map(({ Key = '', Size = 0 }) => ({ key: Key, sizeBytes: Size }));
}

async function run(stage: Stage, contestant: Contestant): Promise<Result> {
  const target = path.join(stage.folder, 'pulled');
  mkdirSync(target);
  const planned = await stepsOf(contestant, stage, target);
  await warmMemory(stage.folder);
  const steps: MeasuredStep[] = [];
  for (const step of planned) {
    process.stderr.write(`  ${step.name}\n`);
    const before = stage.store.cpuSeconds();
    const measured = await measure(stage.meter, step, stage.folder);
    steps.push({ ...measured, storeSeconds: stage.store.cpuSeconds() - before });
  }
  rmSync(target, { recursive: true });
  return { contestant, ...total(steps), steps };
}

async function stepsOf(contestant: Contestant, stage: Stage, target: string): Promise<readonly Step[]> {
  const { environment, prefix } = stage;
  const place = `s3://${BUCKET}/${prefix}`;
  const sum: Step = {
    name: 'sha256sum',
    command: ['sh', '-c', `find ${target} -type f -print0 | xargs -0 sha256sum`],
  };
  switch (contestant) {
    case 'weighlock': {
      const revision = `${R1_MODEL}@${path.basename(prefix)}`;
      const command = [...stage.weighlock, 'pull', revision, target, '--vault', VAULT];
      return [{ name: 'weighlock pull', command, environment }];
    }
    case 's5cmd': {
      const s5cmd = peerProgram('bin/s5cmd', 's3');
      const command = [s5cmd, '--log', 'error', 'cp', `${place}/*`, `${target}/`];
      return [{ name: 's5cmd cp', command, environment }, sum];
    }
    case 'aws': {
      const aws = peerProgram('aws/bin/aws', 's3');
      const command = [aws, 's3', 'cp', '--recursive', '--only-show-errors', place, target];
      return [{ name: 'aws s3 cp', command, environment }, sum];
    }
    case 'pass-through': {
      const program = compile('pass-through', stage.folder);
      const plan = await planDownloads(stage, target);
      return [{ name: 'pass-through', command: [program, String(CONNECTIONS), plan] }];
    }
  }
}

/** For pass-through.c, which names its host `localhost`. */
async function planDownloads({ store, prefix, folder }: Stage, target: string): Promise<string> {
  const { port } = new URL(store.server.endpoint);
  const host = `localhost:${port}`;
  const lines = (await listObjects(store, `${prefix}/`)).map(({ key, sizeBytes }) => {
    const url = presign(store.server, { method: 'GET', host, place: `${BUCKET}/${key}` });
    return [port, url, sizeBytes, path.join(target, path.basename(key))].join('\t');
  });
  const plan = path.join(folder, 'plan-out');
  writeFileSync(plan, `${lines.join('\n')}\n`);
  return plan;
}

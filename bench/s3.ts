/**
 * `npm run bench -- s3`: one repo of the shape of DeepSeek-R1, from a Hub on loopback whose CDN is an nginx, into a
 * bucket on loopback whose data lies in memory
 *
 *   weighlock     by `weighlock admit --vault s3://…`: fetched, hashed, parsed, decided, signed, published
 *   today         by `hf download` to the disk, `picklescan`, `sha256sum`, and `aws s3 cp --recursive`
 *   s5cmd         the same with `s5cmd cp` for the last leg
 *   pass-through  by a small C program that only moves bytes (pass-through-s3.c)
 *
 * side by side in one run, because a machine is faster at one hour than at another.
 */
import { rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import {
  type Cost,
  compile,
  type MeasuredStep,
  measure,
  type Step,
  total,
  warmMemory,
} from './contestant.ts';
import { type Hub, startHub } from './hub-process.ts';
import { buildPackage, peerProgram } from './programs.ts';
import { R1_MODEL } from './r1-repo.ts';
import { machine, machineLine, sizeFrom } from './report.ts';
import { planUploads } from './s3-plan.ts';
import { type Result, s3Table, s3Targets } from './s3-report.ts';
import { BUCKET, MEMORY_FOLDER, type Store, type StoreKind, storeKind, withStore } from './s3-store.ts';
import { scratch } from './scratch.ts';

/** As many as `weighlock admit` opens at its default concurrency and memory: 4 files, 3 ranges of each. */
const CONNECTIONS = 12;

const CONTESTANTS = ['weighlock', 'today', 's5cmd', 'pass-through'] as const;

interface Stage {
  /** On the disk. */
  readonly folder: string;
  readonly hub: Hub;
  readonly meter: string;
  readonly kind: StoreKind;
  readonly sizeBytes: number;
}

export async function benchS3(args: readonly string[]): Promise<void> {
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
  const wanted = new Set(values.only?.split(',') ?? CONTESTANTS);
  using work = scratch(values.work, 'disk');
  using cdn = scratch(MEMORY_FOLDER, 'cdn');
  const folder = work.path;
  process.stderr.write(`making ${values.gb} GB of weights up …\n`);
  const hub = await startHub('nginx-hub.ts', [String(sizeBytes), cdn.path]);
  try {
    const stage: Stage = { folder, hub, kind, sizeBytes, meter: compile('measure', folder) };
    const results: Result[] = [];
    if (wanted.has('weighlock')) results.push(await runWeighlock(stage));
    if (wanted.has('today') || wanted.has('s5cmd')) results.push(...(await runToday(stage, wanted)));
    if (wanted.has('pass-through')) results.push(await runPassThrough(stage));
    const report = { sizeBytes, store: kind, machine: machine(), results };
    process.stdout.write(
      values.json
        ? `${JSON.stringify(report, null, 2)}\n`
        : `${machineLine(sizeBytes)}, ${kind}\n\n${s3Table(sizeBytes, results)}\n${s3Targets(results)}`,
    );
  } finally {
    await hub.close();
  }
}

async function runWeighlock(stage: Stage): Promise<Result> {
  const program = buildPackage(path.join(stage.folder, 'package'));
  const step = await inStore(stage, ({ environment }) => ({
    name: 'weighlock admit',
    command: [process.execPath, program, 'admit', R1_MODEL, '--vault', `s3://${BUCKET}/vault`],
    environment: {
      ...environment,
      WEIGHLOCK_HOME: path.join(stage.folder, 'home'),
      WEIGHLOCK_HUB_ENDPOINT: stage.hub.endpoint,
      WEIGHLOCK_HUB_HOSTS: stage.hub.cdnHost,
    },
  }));
  return resultOf('weighlock', [step]);
}

/** The way to the disk is measured once: both ways into the bucket begin where it ends. */
async function runToday(stage: Stage, wanted: ReadonlySet<string>): Promise<Result[]> {
  const model = path.join(stage.folder, 'model');
  const toDisk: MeasuredStep[] = [];
  await warmMemory(stage.folder);
  for (const step of toDiskSteps(stage, model)) toDisk.push(await run(stage, step));
  const results: Result[] = [];
  if (wanted.has('today')) {
    const aws = peerProgram('aws/bin/aws', 's3');
    const command = [aws, 's3', 'cp', '--recursive', '--only-show-errors', '--exclude', '.cache/*'];
    const step = await inStore(stage, ({ environment }) => ({
      name: 'aws s3 cp',
      command: [...command, model, `s3://${BUCKET}/model`],
      environment,
    }));
    results.push(resultOf('today', [...toDisk, step]));
  }
  if (wanted.has('s5cmd')) {
    const s5cmd = peerProgram('bin/s5cmd', 's3');
    const step = await inStore(stage, ({ environment }) => ({
      name: 's5cmd cp',
      command: [s5cmd, '--log', 'error', 'cp', '--exclude', '.cache/*', `${model}/`, `s3://${BUCKET}/model/`],
      environment,
    }));
    results.push(resultOf('today, s5cmd', [...toDisk, step]));
  }
  rmSync(model, { recursive: true });
  return results;
}

function toDiskSteps({ folder, hub }: Stage, model: string): readonly Step[] {
  return [
    {
      name: 'hf download',
      command: [peerProgram('hub-2.4/bin/hf', 'hub-clients'), 'download', R1_MODEL, '--local-dir', model],
      environment: {
        HF_ENDPOINT: hub.endpoint,
        HF_HOME: path.join(folder, 'hf'),
        HF_HUB_DISABLE_TELEMETRY: '1',
        HF_HUB_DISABLE_PROGRESS_BARS: '1',
      },
    },
    { name: 'picklescan', command: [peerProgram('picklescan/bin/picklescan', 'picklescan'), '-p', model] },
    {
      name: 'sha256sum',
      command: ['sh', '-c', `find ${model} -type f -not -path '*/.cache/*' -print0 | xargs -0 sha256sum`],
    },
  ];
}

async function runPassThrough(stage: Stage): Promise<Result> {
  const program = compile('pass-through-s3', stage.folder);
  const plan = path.join(stage.folder, 'plan');
  const step = await inStore(stage, async (store) => ({
    name: 'pass-through',
    command: [program, String(CONNECTIONS), await planUploads(stage.hub, store, { prefix: 'model', plan })],
  }));
  return resultOf('pass-through', [step]);
}

/** One step with a bucket of its own. */
async function inStore(stage: Stage, plan: (store: Store) => Step | Promise<Step>): Promise<MeasuredStep> {
  return withStore(stage, async (store) => {
    const step = await plan(store);
    await warmMemory(stage.folder);
    const before = store.cpuSeconds();
    const measured = await run(stage, step);
    return { ...measured, storeSeconds: store.cpuSeconds() - before };
  });
}

async function run({ meter, folder }: Stage, step: Step): Promise<MeasuredStep> {
  process.stderr.write(`  ${step.name}\n`);
  return measure(meter, step, folder);
}

function resultOf(contestant: Result['contestant'], steps: readonly MeasuredStep[]): Result {
  const cost: Cost = total(steps);
  return { contestant, ...cost, steps };
}

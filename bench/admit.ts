/**
 * `npm run bench -- admit`: one repo of the shape of DeepSeek-R1, served on loopback, brought onto this disk
 *
 *   weighlock     by `weighlock admit`: fetched, hashed, parsed, decided, signed, published
 *   today         by `hf download`, then `picklescan`, then `sha256sum`
 *   pass-through  by a small C program that only moves bytes (pass-through.c)
 *
 * side by side in one run, because a machine is faster at one hour than at another.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
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
import { GIBIBYTE, machine, machineLine, markdown, sizeFrom } from './report.ts';
import { scratch } from './scratch.ts';

/** As many as `weighlock admit` opens at its default concurrency and memory: 4 files, 3 ranges of each. */
const CONNECTIONS = 12;

const CONTESTANTS = ['weighlock', 'today', 'pass-through'] as const;
type Contestant = (typeof CONTESTANTS)[number];

interface Result extends Cost {
  readonly contestant: Contestant;
  readonly steps: readonly MeasuredStep[];
}

/** What a contestant runs with: a folder of its own, and the repo. */
interface Stage {
  readonly folder: string;
  readonly hub: Hub;
  readonly programs: string;
}

export async function benchAdmit(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      gb: { type: 'string', default: '20' },
      work: { type: 'string', default: os.tmpdir() },
      only: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const sizeBytes = sizeFrom(values.gb);
  const only = values.only?.split(',');
  using work = scratch(values.work, 'disk');
  const folder = work.path;
  process.stderr.write(`making ${values.gb} GB of weights up …\n`);
  const hub = await startHub('hub.ts', [String(sizeBytes)]);
  try {
    const meter = compile('measure', folder);
    const results: Result[] = [];
    for (const contestant of CONTESTANTS) {
      if (only && !only.includes(contestant)) continue;
      process.stderr.write(`${contestant} …\n`);
      results.push(await run(contestant, { folder, hub, programs: folder }, meter));
    }
    const report = { sizeBytes, machine: machine(), results };
    process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : table(sizeBytes, results));
  } finally {
    await hub.close();
  }
}

async function run(contestant: Contestant, stage: Stage, meter: string): Promise<Result> {
  const folder = path.join(stage.folder, 'data');
  mkdirSync(folder);
  const steps: MeasuredStep[] = [];
  const planned = await stepsOf(contestant, { ...stage, folder });
  await warmMemory(stage.folder);
  for (const step of planned) {
    process.stderr.write(`  ${step.name}\n`);
    steps.push(await measure(meter, step, stage.folder));
  }
  rmSync(folder, { recursive: true });
  return { contestant, ...total(steps), steps };
}

async function stepsOf(contestant: Contestant, stage: Stage): Promise<readonly Step[]> {
  switch (contestant) {
    case 'weighlock':
      return [admitStep(stage)];
    case 'today':
      return todaySteps(stage);
    case 'pass-through':
      return [await passThroughStep(stage)];
  }
}

function admitStep({ folder, hub, programs }: Stage): Step {
  const vault = path.join(folder, 'vault');
  const program = buildPackage(path.join(programs, 'package'));
  return {
    name: 'weighlock admit',
    command: [process.execPath, program, 'admit', R1_MODEL, '--vault', vault],
    environment: {
      WEIGHLOCK_HOME: path.join(folder, 'home'),
      WEIGHLOCK_HUB_ENDPOINT: hub.endpoint,
      WEIGHLOCK_HUB_HOSTS: hub.cdnHost,
    },
  };
}

function todaySteps({ folder, hub }: Stage): readonly Step[] {
  const hf = peerProgram('hub-2.4/bin/hf', 'hub-clients');
  const scanner = peerProgram('picklescan/bin/picklescan', 'picklescan');
  const model = path.join(folder, 'model');
  return [
    {
      name: 'hf download',
      command: [hf, 'download', R1_MODEL, '--local-dir', model],
      environment: {
        HF_ENDPOINT: hub.endpoint,
        HF_HOME: path.join(folder, 'hf'),
        HF_HUB_DISABLE_TELEMETRY: '1',
        HF_HUB_DISABLE_PROGRESS_BARS: '1',
      },
    },
    { name: 'picklescan', command: [scanner, '-p', model] },
    {
      name: 'sha256sum',
      command: ['sh', '-c', `find ${model} -type f -not -path '*/.cache/*' -print0 | xargs -0 sha256sum`],
    },
  ];
}

/** Redirects are followed beforehand: the program only moves bytes. */
async function passThroughStep({ folder, hub, programs }: Stage): Promise<Step> {
  const listing = await fetch(`${hub.endpoint}/api/models/${R1_MODEL}/tree/main?recursive=true`);
  const tree = (await listing.json()) as readonly { readonly path: string; readonly size: number }[];
  const lines: string[] = [];
  for (const file of tree) {
    const resolve = `${hub.endpoint}/${R1_MODEL}/resolve/main/${file.path}`;
    const answer = await fetch(resolve, { redirect: 'manual', headers: { range: 'bytes=0-0' } });
    const url = new URL(answer.headers.get('location') ?? resolve, resolve);
    await answer.arrayBuffer();
    lines.push([url.port, url.pathname + url.search, file.size, path.join(folder, file.path)].join('\t'));
  }
  const plan = path.join(programs, 'plan');
  writeFileSync(plan, `${lines.join('\n')}\n`);
  const program = compile('pass-through', programs);
  return { name: 'pass-through', command: [program, String(CONNECTIONS), plan] };
}

function table(sizeBytes: number, results: readonly Result[]): string {
  const floor = results.find(({ contestant }) => contestant === 'pass-through');
  const head = ['', 'wall s', 'MB/s', 'CPU s per GiB', 'peak MB', 'time against pass-through'];
  const row = (name: string, cost: Cost, whole: boolean): string[] => [
    name,
    cost.seconds.toFixed(1),
    (sizeBytes / 1e6 / cost.seconds).toFixed(0),
    ((cost.user + cost.system) / (sizeBytes / GIBIBYTE)).toFixed(2),
    (cost.peakBytes / 1e6).toFixed(0),
    whole && floor ? `${(cost.seconds / floor.seconds).toFixed(2)} ×` : '',
  ];
  const rows = results.flatMap((result) => [
    row(result.contestant, result, true),
    ...(result.steps.length > 1 ? result.steps.map((step) => row(`  ${step.name}`, step, false)) : []),
  ]);
  return `${machineLine(sizeBytes)}\n\n${markdown([head, ...rows])}`;
}

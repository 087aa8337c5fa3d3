/**
 * `npm run bench -- admit`: one repo of the shape of DeepSeek-R1, served on loopback, brought onto this disk
 *
 *   weighlock     by `weighlock admit`: fetched, hashed, parsed, decided, signed, published
 *   today         by `hf download`, then `picklescan`, then `sha256sum`
 *   pass-through  by a small C program that only moves bytes (pass-through.c)
 *
 * side by side in one run, because a machine is faster at one hour than at another.
 */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
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
import { R1_MODEL } from './r1-repo.ts';

const ROOT = path.resolve(import.meta.dirname, '..');

/** As many as `weighlock admit` opens at its default concurrency and memory: 4 files, 3 ranges of each. */
const CONNECTIONS = 12;

const CONTESTANTS = ['weighlock', 'today', 'pass-through'] as const;
type Contestant = (typeof CONTESTANTS)[number];

interface Result extends Cost {
  readonly contestant: Contestant;
  readonly steps: readonly MeasuredStep[];
}

interface Hub {
  readonly endpoint: string;
  readonly cdnHost: string;
  readonly close: () => void;
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
  const sizeBytes = Math.round(Number(values.gb) * 1e9);
  if (!(sizeBytes >= 1e8 && sizeBytes <= 1e12)) throw new Error('--gb takes a number from 0.1 to 1000');
  const only = values.only?.split(',');
  mkdirSync(values.work, { recursive: true });
  const folder = mkdtempSync(path.join(values.work, 'weighlock-bench-'));
  process.stderr.write(`making ${values.gb} GB of weights up …\n`);
  const hub = await startHub(sizeBytes);
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
    hub.close();
    rmSync(folder, { recursive: true, force: true });
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

/** What users install: compiled, where a checkout would first strip its sources of types. Returns its program. */
function buildPackage(folder: string): string {
  mkdirSync(folder);
  const compiler = path.join(ROOT, 'node_modules/.bin/tsc');
  execFileSync(compiler, ['-p', 'tsconfig.build.json', '--outDir', path.join(folder, 'dist')], { cwd: ROOT });
  for (const part of ['bin', 'policies', 'package.json'])
    cpSync(path.join(ROOT, part), path.join(folder, part), { recursive: true });
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  return path.join(folder, 'bin/weighlock.js');
}

function todaySteps({ folder, hub }: Stage): readonly Step[] {
  const hf = peer('hub-2.4', 'hf');
  const scanner = peer('picklescan', 'picklescan');
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

function peer(environment: string, program: string): string {
  const file = path.join(ROOT, '.peers', environment, 'bin', program);
  if (existsSync(file)) return file;
  throw new Error(`${program} is not installed: run scripts/peers.sh hub-clients picklescan`);
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

async function startHub(sizeBytes: number): Promise<Hub> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'hub.ts'), String(sizeBytes)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    return { ...JSON.parse(line), close: () => child.stdin.end() };
  }
  throw new Error('the Hub stand-in did not start');
}

const GIBIBYTE = 2 ** 30;

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
  const { cores, memoryBytes, node } = machine();
  const where = `${(sizeBytes / 1e9).toFixed(1)} GB, ${cores} cores, ${Math.round(memoryBytes / GIBIBYTE)} GiB, Node ${node}`;
  return `${where}\n\n${markdown([head, ...rows])}`;
}

function markdown(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |\n`;
  const rule = `|${widths.map((width, column) => `${column === 0 ? '-' : ''}${'-'.repeat(width + 1)}${column === 0 ? '' : ':'}`).join('|')}|\n`;
  const [head = [], ...body] = rows;
  return line(head) + rule + body.map(line).join('');
}

function machine(): { cores: number; memoryBytes: number; node: string } {
  return { cores: os.availableParallelism(), memoryBytes: os.totalmem(), node: process.versions.node };
}

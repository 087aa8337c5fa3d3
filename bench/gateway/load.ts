/** Loads on a server: what is asked, how much it answers at most, and how long it takes at a fixed rate. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { modelName } from './filled-vault.ts';
import { CLIENT_CORE, type Pinned, pinnedTo } from './pinned.ts';
import type { Stage } from './stage.ts';

/** As many as keep a core busy on loopback. */
const CONNECTIONS = 32;
/** For the rate: enough that a slow answer makes no other wait for a connection. */
const RATE_CONNECTIONS = 64;
export const RATE = 1_000;
/** Longer than any load: whatever hangs is an error. */
const RUN_MS_MAX = 600_000;

/** A request, as the load generator reads it. */
export interface Ask {
  readonly method: 'GET' | 'HEAD';
  readonly target: string;
}

export interface Target {
  readonly port: number;
  /** A header line that goes with every request. */
  readonly header?: string;
  readonly asks: readonly Ask[];
  /** Whose work is counted. */
  readonly server: Pinned;
  readonly connections?: number;
}

/** What the load generator says. */
interface Counted {
  readonly answers: number;
  readonly failures: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

export interface Load extends Counted {
  readonly perSecond: number;
  /** How busy the server's core, and the generator's, were: 1 is all of the time. */
  readonly serverBusy: number;
  readonly generatorBusy: number;
}

/** What a client that fetches a model sends first: its info, its tree, and a HEAD for a file. */
export function asksOf(models: readonly number[]): readonly Ask[] {
  return models.flatMap((number): readonly Ask[] => {
    const model = modelName(number);
    return [
      { method: 'GET', target: `/api/models/${model}/revision/main` },
      { method: 'GET', target: `/api/models/${model}/tree/main?recursive=true&expand=false` },
      { method: 'HEAD', target: `/${model}/resolve/main/config.json` },
    ];
  });
}

/** As fast as it goes, after as long a load that nobody counts: by then everything was asked for once. */
export async function saturate(stage: Stage, target: Target): Promise<Load> {
  await run(stage, target, { seconds: stage.seconds, rate: 0 });
  return run(stage, target, { seconds: stage.seconds, rate: 0 });
}

/** At a fixed rate: an answer's time counts from when its request was due. */
export function atRate(stage: Stage, target: Target): Promise<Load> {
  return run(stage, { connections: RATE_CONNECTIONS, ...target }, { seconds: stage.seconds, rate: RATE });
}

/** As fast as it goes, without a load before: of what nobody asked for yet. */
export function firstTime(stage: Stage, target: Target): Promise<Load> {
  return run(stage, target, { seconds: stage.seconds, rate: 0 });
}

async function run(
  stage: Stage,
  { port, header = '', asks, server, connections = CONNECTIONS }: Target,
  { seconds, rate }: { readonly seconds: number; readonly rate: number },
): Promise<Load> {
  const file = path.join(stage.folder, 'requests');
  writeFileSync(file, asks.map(({ method, target }) => `${method} ${target}\n`).join(''));
  const before = server.cpuSeconds();
  const [command = '', ...args] = [
    ...[...pinnedTo(CLIENT_CORE), stage.load],
    ...[port, connections, seconds, rate].map(String),
    ...[file, header],
  ];
  const { stdout } = await promisify(execFile)(command, args, { timeout: RUN_MS_MAX });
  const counted = JSON.parse(stdout) as Counted;
  if (counted.failures > 0)
    throw new Error(`${counted.failures} of ${counted.answers} answers were refusals`);
  return {
    ...counted,
    perSecond: counted.answers / counted.seconds,
    serverBusy: (server.cpuSeconds() - before) / counted.seconds,
    generatorBusy: counted.cpuSeconds / counted.seconds,
  };
}

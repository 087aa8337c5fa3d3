/** Memory: what the gateway takes while many slow clients read one large file through it. */
import { execFile } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { R1_MODEL } from '../r1-repo.ts';
import { CLIENT_CORE, pinnedTo } from './pinned.ts';
import type { Published } from './published.ts';
import { type GatewayStart, type Stage, startGateway } from './stage.ts';

export const SLOW_CLIENTS = 500;
const SAMPLE_MS = 250;
const LOOK_EVERY_MS = 1_000;
/** How long the gateway may take to notice that all of them are gone. */
const AFTER_MS = 5_000;

export interface MemoryResult {
  readonly vault: 'directory' | 'bucket, --proxy-data';
  readonly clients: number;
  /** Clients that got bytes, and what all got together. */
  readonly reading: number;
  readonly bytes: number;
  /** How often the gateway was ready meanwhile, of all looks: 1 is always. */
  readonly readyShare: number;
  /** After one client read the whole file, before the slow ones came. */
  readonly beforeBytes: number;
  /** In the first half of the reading, and in the second: the highest. */
  readonly firstHalfBytes: number;
  readonly secondHalfBytes: number;
  readonly afterBytes: number;
}

export async function benchMemory(stage: Stage, published: Published): Promise<readonly MemoryResult[]> {
  const { home, directory, bucket } = published;
  const options = ['--anonymous'];
  return [
    await slowly(stage, published, { vault: 'directory', start: { ...directory, home, options } }),
    await slowly(stage, published, {
      vault: 'bucket, --proxy-data',
      start: { ...bucket, home, options: [...options, '--proxy-data'] },
    }),
  ];
}

async function slowly(
  stage: Stage,
  published: Published,
  { vault, start }: { readonly vault: MemoryResult['vault']; readonly start: GatewayStart },
): Promise<MemoryResult> {
  process.stderr.write(`  ${SLOW_CLIENTS} slow clients, ${vault}\n`);
  await using gateway = await startGateway(stage, start);
  const url = `${gateway.endpoint}/${R1_MODEL}/resolve/${published.commit}/${largestFile(published.files)}`;
  await readOnce(url);
  const resident = () => gateway.process.residentBytes();
  const beforeBytes = resident();
  const program = path.join(import.meta.dirname, 'slow-readers.ts');
  const [command = '', ...args] = [
    ...pinnedTo(CLIENT_CORE),
    ...[process.execPath, program, url, String(SLOW_CLIENTS), String(stage.slowSeconds)],
  ];
  const began = performance.now();
  const samples: { readonly atMs: number; readonly bytes: number }[] = [];
  const sampling = setInterval(
    () => samples.push({ atMs: performance.now() - began, bytes: resident() }),
    SAMPLE_MS,
  );
  const looks: boolean[] = [];
  const looking = setInterval(
    () => isReady(gateway.endpoint).then((ready) => looks.push(ready)),
    LOOK_EVERY_MS,
  );
  const { stdout } = await promisify(execFile)(command, args).finally(() => {
    clearInterval(sampling);
    clearInterval(looking);
  });
  const { reading, refused, bytes } = JSON.parse(stdout) as Record<'reading' | 'refused' | 'bytes', number>;
  if (refused > 0) throw new Error(`${refused} slow clients were refused`);
  const halfMs = (performance.now() - began) / 2;
  const highest = (isIn: (atMs: number) => boolean) =>
    Math.max(0, ...samples.filter(({ atMs }) => isIn(atMs)).map((sample) => sample.bytes));
  await pause(AFTER_MS);
  return {
    ...{ vault, clients: SLOW_CLIENTS, reading, bytes, beforeBytes },
    readyShare: looks.filter(Boolean).length / looks.length,
    firstHalfBytes: highest((atMs) => atMs < halfMs),
    secondHalfBytes: highest((atMs) => atMs >= halfMs),
    afterBytes: resident(),
  };
}

async function isReady(endpoint: string): Promise<boolean> {
  const answer = await fetch(`${endpoint}/-/ready`, { signal: AbortSignal.timeout(LOOK_EVERY_MS) }).catch(
    () => undefined,
  );
  await answer?.bytes();
  return answer?.ok ?? false;
}

function largestFile(folder: string): string {
  const [largest] = readdirSync(folder)
    .map((name) => ({ name, sizeBytes: statSync(path.join(folder, name)).size }))
    .sort((a, b) => b.sizeBytes - a.sizeBytes);
  if (!largest) throw new Error(`${folder} is empty`);
  return largest.name;
}

/** The whole file at full speed: whatever reading one file takes is not what many slow clients take. */
async function readOnce(url: string): Promise<void> {
  const answer = await fetch(url);
  if (!answer.ok || !answer.body) throw new Error(`${url} answered ${answer.status}`);
  for await (const _ of answer.body);
}

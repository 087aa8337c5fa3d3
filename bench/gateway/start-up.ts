/** Start-up: from the command to the first answers, with as many revisions as there are. */
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../nginx.ts';
import { filledVault, modelName } from './filled-vault.ts';
import { type Stage, startGateway } from './stage.ts';

const POLL_MS = 2;
const POLLS_MAX = 10_000;
/** The middle one counts. */
const RUNS = 5;

export interface StartUpResult {
  readonly revisions: number;
  /** To `/-/ready`. */
  readonly readyMs: number;
  /** To the info of a model. */
  readonly infoMs: number;
  readonly residentBytes: number;
}

export async function benchStartUp(stage: Stage): Promise<readonly StartUpResult[]> {
  const results: StartUpResult[] = [];
  for (const revisions of stage.revisions) {
    process.stderr.write(`  start-up with ${revisions} revisions\n`);
    const runs: StartUpResult[] = [];
    for (let run = 0; run < RUNS; run++) runs.push(await startOnce(stage, revisions));
    runs.sort((a, b) => a.infoMs - b.infoMs);
    const middle = runs[RUNS >> 1];
    if (middle) results.push(middle);
  }
  return results;
}

async function startOnce(stage: Stage, revisions: number): Promise<StartUpResult> {
  const { token, vault, home } = await filledVault(stage.kept, revisions);
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const began = performance.now();
  const starting = startGateway(stage, { vault, home, options: ['--port', String(port)] });
  await firstAnswer(`${endpoint}/-/ready`);
  const readyMs = performance.now() - began;
  const info = `${endpoint}/api/models/${modelName(revisions - 1)}/revision/main`;
  await firstAnswer(info, { authorization: `Bearer ${token}` });
  const infoMs = performance.now() - began;
  await using gateway = await starting;
  return { revisions, readyMs, infoMs, residentBytes: gateway.process.residentBytes() };
}

async function firstAnswer(url: string, headers: Readonly<Record<string, string>> = {}): Promise<void> {
  for (let poll = 0; poll < POLLS_MAX; poll++) {
    const answer = await fetch(url, { headers }).catch(() => undefined);
    await answer?.bytes();
    if (answer?.ok) return;
    await pause(POLL_MS);
  }
  throw new Error(`${url} did not answer`);
}

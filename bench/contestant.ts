/** Contestants of a bench: commands that run one after another, and what each cost. */
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

export interface Step {
  readonly name: string;
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Where it runs, for commands that leave files behind where they stand. */
  readonly folder?: string;
}

/** What a command cost, with everything that it started. */
export interface Cost {
  readonly seconds: number;
  readonly user: number;
  readonly system: number;
  /** Of the largest process. */
  readonly peakBytes: number;
  /** Left to be written to a disk; what goes to memory (tmpfs) is not. */
  readonly diskBytes: number;
}

export interface MeasuredStep extends Cost {
  readonly name: string;
  /** CPU of the store meanwhile, where there is one. */
  readonly storeSeconds?: number;
}

/** Compiles a program of this folder into `folder`; throws where there is no C compiler. */
export function compile(name: string, folder: string): string {
  const program = path.join(folder, name);
  const source = path.join(import.meta.dirname, `${name}.c`);
  execFileSync('cc', ['-O2', '-pthread', '-o', program, source], { stdio: ['ignore', 'inherit', 'inherit'] });
  return program;
}

/** Left free, so that filling the rest starves nobody. */
const FREE_BYTES = 2 ** 31;

const READ_BYTES = 1 << 20;

/**
 * Fills the page cache with nothing (a sparse file), so that every page was in use a moment ago. The host of a
 * virtual machine takes free memory back after seconds, and giving it again costs more than copying it: without
 * this, who comes second wins.
 */
export async function warmMemory(folder: string): Promise<void> {
  const file = path.join(folder, 'nothing');
  const handle = await open(file, 'w+');
  const sizeBytes = Math.max(0, os.freemem() - FREE_BYTES);
  await handle.truncate(sizeBytes);
  const page = Buffer.alloc(READ_BYTES);
  for (let at = 0; at < sizeBytes; at += READ_BYTES) await handle.read(page, 0, READ_BYTES, at);
  await handle.close();
}

/** Runs one step to its end; throws with what it said where it fails. */
export async function measure(meter: string, step: Step, folder: string): Promise<MeasuredStep> {
  // What an earlier contestant left to be written is not this one's burden.
  execFileSync('sync');
  const { exit, said, ...cost } = await attempt(meter, step, folder);
  writeFileSync(path.join(folder, 'last-output.txt'), said);
  if (exit !== 0) throw new Error(`${step.name} ended with ${exit}:\n${said}`);
  return { name: step.name, ...cost };
}

export interface Attempt extends Cost {
  /** The exit code; 128 where a signal ended it. */
  readonly exit: number;
  /** The end of what it said. */
  readonly said: string;
}

/** Runs one step to its end, whatever that is. */
export async function attempt(meter: string, step: Step, folder: string): Promise<Attempt> {
  const result = path.join(folder, 'cost.json');
  const child = spawn(meter, [result, ...step.command], {
    cwd: step.folder,
    env: { ...process.env, ...step.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const end = () => child.kill();
  process.once('exit', end);
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-SAID_CHARS_MAX);
    });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.on('error', reject).on('close', () => resolve());
  await promise;
  process.off('exit', end);
  return { ...(JSON.parse(readFileSync(result, 'utf8')) as Cost & { readonly exit: number }), said };
}

/** Of what a command says, this much is shown where it fails. */
const SAID_CHARS_MAX = 4000;

/** Steps one after another as one: times add up, memory is that of the hungriest. */
export function total(steps: readonly Cost[]): Cost {
  const sum = (of: (cost: Cost) => number) => steps.reduce((all, step) => all + of(step), 0);
  return {
    seconds: sum(({ seconds }) => seconds),
    user: sum(({ user }) => user),
    system: sum(({ system }) => system),
    peakBytes: Math.max(...steps.map(({ peakBytes }) => peakBytes)),
    diskBytes: sum(({ diskBytes }) => diskBytes),
  };
}

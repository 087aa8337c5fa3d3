/** Servers on a core of their own, and what they cost: by /proc (proc(5)), so that nothing of them is asked. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, readdirSync, readFileSync } from 'node:fs';

/** Whoever is measured. */
export const SERVER_CORE = '0';
/** Whoever asks. */
export const CLIENT_CORE = '1';

const TICKS_PER_SECOND = 100;

/** A little is kept of what a server says, for where it fails. */
const SAID_CHARS_MAX = 4_000;

export interface Pinned extends AsyncDisposable {
  readonly pid: number;
  /** Of it and of everything it started. */
  cpuSeconds(): number;
  residentBytes(): number;
}

export function pinnedTo(core: string): readonly string[] {
  return ['taskset', '-c', core];
}

export interface Start {
  readonly command: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
  readonly directory?: string;
  readonly core?: string;
  /** Takes its standard output, and is closed. */
  readonly output?: number;
  /** What its standard error says when it is ready; it is otherwise ready at once. */
  readonly ready?: RegExp;
}

/** Starts a server; resolves with what `ready` matched. Rejects with what it said where it ends before. */
export async function startPinned(
  start: Start,
): Promise<{ readonly process: Pinned; readonly said: string }> {
  const { command, environment, directory, core = SERVER_CORE, output, ready } = start;
  const [first = '', ...rest] = [...pinnedTo(core), ...command];
  const child = spawn(first, rest, {
    env: environment,
    cwd: directory,
    stdio: ['ignore', output ?? 'ignore', 'pipe'],
  });
  if (output !== undefined) closeSync(output);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-SAID_CHARS_MAX);
    const match = ready?.exec(said);
    if (match) resolve(match[1] ?? match[0]);
  });
  child.on('error', reject);
  child.on('exit', (code, signal) =>
    reject(new Error(`${rest.at(2)} ended with ${code ?? signal}: ${said}`)),
  );
  if (!ready) resolve('');
  return { process: pinned(child), said: await promise };
}

/** A process that runs, ended with us. */
export function pinned(child: ChildProcess): Pinned {
  const { pid } = child;
  if (pid === undefined) throw new Error('the process did not start');
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  return {
    pid,
    cpuSeconds: () => cpuSeconds(pid),
    residentBytes: () => residentBytes(pid),
    async [Symbol.asyncDispose]() {
      process.off('exit', kill);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      await exit;
    },
  };
}

/** The process and its descendants: nginx works in children. */
function cpuSeconds(pid: number): number {
  let ticks = 0;
  for (const one of family(pid)) {
    const fields = statOf(one);
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  }
  return ticks / TICKS_PER_SECOND;
}

function family(pid: number): readonly number[] {
  const children = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((one) => Number(statOf(one)[1]) === pid);
  return [pid, ...children.flatMap(family)];
}

/** From the state on (field 3 of the manual page); empty where the process has just ended. */
function statOf(pid: number): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

function residentBytes(pid: number): number {
  const [, kilobytes = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

/** `weighlock serve` in a process of its own, over the vault of a stage. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Stage } from '../story/stage.ts';

export interface Serving extends AsyncDisposable {
  /** For HF_ENDPOINT. */
  readonly endpoint: string;
  /** The access log so far, a line of JSON a request. */
  log(): string;
  /** What it told people so far. */
  said(): string;
  readonly process: ChildProcess;
  /** Stops it as a service manager would; returns its exit code. */
  stop(): Promise<number | null>;
}

const OUTPUT_CHARACTERS_MAX = 4_000_000;
const POLL_MS = 50;

/** Resolves when it says where it serves; rejects with what it said where it ends before. */
export async function startServe(
  stage: Stage,
  args: readonly string[] = [],
  environment?: NodeJS.ProcessEnv,
): Promise<Serving> {
  const child = stage.start(['serve', '--port', '0', ...args], environment);
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  let log = '';
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    log = `${log}${chunk}`.slice(-OUTPUT_CHARACTERS_MAX);
  });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  child.stderr?.on('data', (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-OUTPUT_CHARACTERS_MAX);
    const [, endpoint] = /HF_ENDPOINT=(\S+)/.exec(said) ?? [];
    if (endpoint) resolve(endpoint);
  });
  child.on('error', reject);
  child.on('close', (exit) => reject(new Error(`the gateway ended with ${exit}: ${said}`)));
  const stop = async () => {
    process.off('exit', kill);
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await exit;
    return child.exitCode;
  };
  const endpoint = await promise;
  return {
    endpoint,
    log: () => log,
    said: () => said,
    process: child,
    stop,
    [Symbol.asyncDispose]: async () => void (await stop()),
  };
}

/** Asks again until the answer is as wanted; how many milliseconds that took. Rejects after `withinMs`. */
export async function until(
  wanted: () => Promise<boolean>,
  { withinMs, what }: { readonly withinMs: number; readonly what: string },
): Promise<number> {
  const began = performance.now();
  for (;;) {
    if (await wanted()) return performance.now() - began;
    if (performance.now() - began > withinMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await pause(POLL_MS);
  }
}

/** Fuzzing all formats, each in processes of its own, watched: a hang or a crash is told with the input that made it. */
import { fork } from 'node:child_process';
import path from 'node:path';
import type { FuzzReport } from './fuzz-process.ts';
import { seedsByFormat } from './seeds.ts';

/** A hundred inputs that take longer than this hang. */
const HANG_MS = 60_000;

/** The heap of the process that parses; one that needs more is ended by the engine. */
const HEAP_MB_MAX = 200;

export type FuzzOutcome =
  | { readonly kind: 'report'; readonly report: FuzzReport }
  | { readonly kind: 'crash'; readonly format: string; readonly after: number; readonly said: string };

/** The formats that seeds exist for. */
export function fuzzedFormats(): readonly string[] {
  return [...seedsByFormat().keys()];
}

export function fuzzFormat(format: string, count: number, seed: number): Promise<FuzzOutcome> {
  const { promise, resolve } = Promise.withResolvers<FuzzOutcome>();
  const file = path.join(import.meta.dirname, 'fuzz-process.ts');
  const child = fork(file, [format, String(count), String(seed)], {
    execArgv: [`--max-old-space-size=${HEAP_MB_MAX}`],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let after = 0;
  let said = '';
  let watch = setTimeout(() => child.kill('SIGKILL'), HANG_MS);
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2000);
  });
  child.on('message', (message: number | FuzzReport) => {
    clearTimeout(watch);
    watch = setTimeout(() => child.kill('SIGKILL'), HANG_MS);
    if (typeof message === 'number') after = message;
    else resolve({ kind: 'report', report: message });
  });
  child.on('exit', (code, signal) => {
    clearTimeout(watch);
    resolve({ kind: 'crash', format, after, said: `${code ?? signal}: ${said}` });
  });
  return promise;
}

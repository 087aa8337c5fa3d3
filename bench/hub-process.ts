/** A Hub stand-in in a process of its own, so that what it costs is not counted to anybody. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

export interface Hub {
  readonly endpoint: string;
  readonly cdnHost: string;
  readonly close: () => Promise<void>;
}

/** Starts `hub.ts` or `nginx-hub.ts`, which say where they are in one line and end with their input. */
export async function startHub(program: 'hub.ts' | 'nginx-hub.ts', args: readonly string[]): Promise<Hub> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, program), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  const close = async () => {
    child.stdin.end();
    await exit;
  };
  for await (const line of createInterface({ input: child.stdout })) return { ...JSON.parse(line), close };
  throw new Error('the Hub stand-in did not start');
}

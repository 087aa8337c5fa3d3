/**
 * A stage for stories: a Hub stand-in, an empty folder, and the command line as a user types it, in a process of
 * its own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { runCommand } from '../../src/cli/main.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import {
  type HubStandIn,
  type HubStandInOptions,
  startHubStandIn,
} from '../../src/hub-stand-in/hub-stand-in.ts';

export const ROOT = path.resolve(import.meta.dirname, '../..');
const BIN = path.join(ROOT, 'bin/weighlock.js');

export interface Ran {
  readonly exit: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Stage extends AsyncDisposable {
  readonly hub: HubStandIn;
  /** Working directory of the commands. */
  readonly folder: string;
  /** Where the vault is: `weighlock-data` in the folder unless another place was asked for. */
  readonly vault: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Starts a command and leaves it running. */
  start(args: readonly string[], environment?: NodeJS.ProcessEnv): ChildProcess;
  /** Runs a command to its end. */
  run(args: readonly string[], environment?: NodeJS.ProcessEnv): Promise<Ran>;
  /** As `run`, in this process: for steps that are not what a story is about. */
  here(args: readonly string[]): Promise<Ran>;
  /** As `here`, with --json; the document is in `json`. */
  ask<T = Record<string, unknown>>(args: readonly string[]): Promise<Ran & { readonly json: T }>;
}

/** A vault elsewhere than in the folder, and the variables by which commands reach it. */
export interface VaultElsewhere {
  readonly place: string;
  readonly environment: NodeJS.ProcessEnv;
}

export async function openStage(options: HubStandInOptions, elsewhere?: VaultElsewhere): Promise<Stage> {
  const hub = await startHubStandIn(options);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'weighlock-stage-'));
  const environment: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    NO_COLOR: '1',
    WEIGHLOCK_HOME: path.join(folder, 'home'),
    WEIGHLOCK_HUB_ENDPOINT: hub.endpoint,
    WEIGHLOCK_HUB_HOSTS: hub.cdnHost,
    ...(elsewhere && { WEIGHLOCK_VAULT: elsewhere.place, ...elsewhere.environment }),
  };
  const start: Stage['start'] = (args, more) =>
    spawn(process.execPath, [BIN, ...args], {
      cwd: folder,
      env: { ...environment, ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const run: Stage['run'] = (args, more) => ended(start(args, more));
  return {
    hub,
    folder,
    vault: elsewhere?.place ?? path.join(folder, 'weighlock-data'),
    environment,
    start,
    run,
    here: (args) => here(args, { directory: folder, environment }),
    async ask<T>(args: readonly string[]) {
      const ran = await here([...args, '--json'], { directory: folder, environment });
      return { ...ran, json: JSON.parse(ran.stdout) as T };
    },
    async [Symbol.asyncDispose]() {
      await hub.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function here(
  args: readonly string[],
  at: { readonly directory: string; readonly environment: NodeJS.ProcessEnv },
): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  const terminal: Terminal = {
    colour: false,
    live: false,
    columns: 100,
    out: (text) => {
      stdout += text;
    },
    err: (text) => {
      stderr += text;
    },
  };
  const exit = await runCommand(args, { ...at, terminal });
  return { exit, signal: null, stdout, stderr };
}

export async function ended(child: ChildProcess): Promise<Ran> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
  const { promise, resolve, reject } = Promise.withResolvers<Ran>();
  child.on('error', reject);
  child.on('close', (exit, signal) =>
    resolve({ exit, signal, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
  );
  return promise;
}

/** Path of a peer that scripts/peers.sh installs, or the reason for which a test is skipped. */
export function peer(name: string, part: string): { readonly path: string; readonly skip: string | false } {
  const file = path.join(ROOT, '.peers', name);
  return { path: file, skip: existsSync(file) ? false : `needs ${name}: scripts/peers.sh ${part}` };
}

/** Every file below a folder, relative to it, sorted. */
export function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
}

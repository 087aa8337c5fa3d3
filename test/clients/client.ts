/**
 * The clients of the matrix. A *client* is one program, at one version, that reads models from a Hub endpoint; it is
 * run as a process of its own, with its own home and cache, and reports an observation for each operation.
 */
import { spawn } from 'node:child_process';
import { type Observation, readObservations } from './observation.ts';

export interface Question {
  readonly endpoint: string;
  readonly token: string;
  readonly model: string;
  readonly commit: string;
  /** The files that single-file operations ask for. */
  readonly paths: readonly string[];
  readonly probe: { readonly path: string; readonly ranges: readonly (readonly [number, number])[] };
  readonly sentence: string;
  /** The model on disk. */
  readonly folder: string;
  /** An empty folder of this run. */
  readonly home: string;
}

/** A difference that is the client's own, whatever the endpoint is. */
export interface Peculiarity {
  readonly operation: RegExp;
  /** Every difference of the operation must be of this kind. */
  readonly difference: RegExp;
  readonly because: string;
}

export interface Client {
  readonly name: string;
  readonly operations: readonly string[];
  /** Why it cannot run: what is not installed, and how to install it. */
  readonly skip: string | false;
  /** What kind of model it can make something of. */
  readonly takes: (kind: ModelKind) => boolean;
  readonly peculiarities: readonly Peculiarity[];
  readonly run: (question: Question) => Promise<readonly Observation[]>;
}

export type ModelKind = 'safetensors' | 'gguf';

/** A client that takes longer hangs: the slowest downloads some hundred megabytes several times. */
const RUN_MS_MAX = 180_000;
/** What is kept of a program's complaints. */
const STDERR_CHARACTERS_MAX = 2_000;

export interface Program {
  readonly file: string;
  readonly args: readonly string[];
  readonly question: Question;
  readonly input?: unknown;
  /** Variables beside those that every client gets; undefined takes one away. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number | null;
}

/** Runs a program to its end; rejects where it takes too long. */
export async function runProgram({ file, args, question, input, environment }: Program): Promise<Ended> {
  const child = spawn(file, args, {
    cwd: question.home,
    env: { ...environmentOf(question), ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: RUN_MS_MAX,
    killSignal: 'SIGKILL',
  });
  const { promise, resolve, reject } = Promise.withResolvers<Ended>();
  const out: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = `${stderr}${chunk}`.slice(-STDERR_CHARACTERS_MAX);
  });
  child.on('error', reject);
  child.on('close', (exit, signal) => {
    if (signal) reject(new Error(`${file} ended by ${signal}: ${stderr}`));
    else resolve({ stdout: Buffer.concat(out).toString(), stderr, exit });
  });
  // A program that ends before it reads is judged by what it printed.
  child.stdin.on('error', () => undefined).end(input === undefined ? '' : JSON.stringify(input));
  return promise;
}

/** Runs a program that prints a line of JSON for each operation. */
export async function observe(program: Program): Promise<readonly Observation[]> {
  const { stdout, stderr, exit } = await runProgram(program);
  const observations = readObservations(stdout);
  if (observations.length === 0) throw new Error(`${program.file} ended with ${exit}: ${stderr}`);
  return observations;
}

/** The endpoint and the token as a user sets them; whoever goes anywhere else meets a proxy that is not there. */
function environmentOf({ endpoint, token, home }: Question): NodeJS.ProcessEnv {
  const nowhere = 'http://127.0.0.1:1';
  const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'].flatMap((name) => [name, name.toLowerCase()]);
  return {
    PATH: process.env.PATH,
    HOME: home,
    XDG_CACHE_HOME: `${home}/xdg`,
    HF_HOME: home,
    HF_ENDPOINT: endpoint,
    HF_TOKEN: token,
    HF_HUB_DISABLE_PROGRESS_BARS: '1',
    NO_COLOR: '1',
    ...Object.fromEntries(proxies.map((name) => [name, nowhere])),
    NO_PROXY: '127.0.0.1,localhost',
    no_proxy: '127.0.0.1,localhost',
    NODE_USE_ENV_PROXY: '1',
  };
}

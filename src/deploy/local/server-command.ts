/** The command line by which a server of this machine is started, and the little that it gets to know of its surroundings. */
import path from 'node:path';
import { WeighlockError } from '../../base/errors.ts';
import type { Subject } from '../deploy.ts';

/** How a server is to be started. */
export interface ServerCommand {
  /** The program and its arguments, with places to fill in: `{folder}`, `{file}`, `{port}`, `{name}`, `{context}`, `{parallel}`. */
  readonly words: readonly string[];
  /** The path that answers 200 once the model is loaded. */
  readonly healthPath: string;
}

/** What of a command line is filled in when a server is started. */
export interface Filling {
  readonly folder: string;
  /** The file of weights inside the folder, for servers that load one file. */
  readonly file: string;
  readonly port: number;
  readonly name: string;
  readonly context: number;
  readonly parallel: number;
}

const WORDS_MAX = 200;

/** llama.cpp's server: this machine alone, no page, no look at other requests, nothing from any network. */
const LLAMA_SERVER = [
  ...['--model', '{folder}/{file}', '--alias', '{name}', '--host', '127.0.0.1', '--port', '{port}'],
  ...['--ctx-size', '{context}', '--parallel', '{parallel}', '--no-webui', '--no-slots', '--offline'],
] as const;

export function llamaServer(program: string): ServerCommand {
  return { words: [program, ...LLAMA_SERVER], healthPath: '/health' };
}

/** A command of the user's own, split at spaces: no shell reads it. Throws WL_USAGE where it cannot say its port. */
export function ownCommand(text: string, healthPath: string): ServerCommand {
  const words = text.split(/\s+/).filter(Boolean);
  if (words.length === 0 || words.length > WORDS_MAX)
    throw new WeighlockError(
      'WL_USAGE',
      `--command is a program and its arguments, at most ${WORDS_MAX} words`,
    );
  if (!words.some((word) => word.includes('{port}')) || !words.some((word) => /\{(folder|file)\}/.test(word)))
    throw new WeighlockError(
      'WL_USAGE',
      '--command must say where the model is and where to listen: {folder} (and {file}), and {port}',
    );
  return { words, healthPath };
}

export function filled({ words }: ServerCommand, filling: Filling): string[] {
  return words.map((word) =>
    word.replaceAll(/\{(folder|file|port|name|context|parallel)\}/g, (_, place: keyof Filling) =>
      String(filling[place]),
    ),
  );
}

/** Variables without which programs or drivers do not start; tokens and credentials of whoever deploys are not among them. */
const PASSED =
  /^(PATH|HOME|LANG|LC_[A-Z]+|TZ|TMPDIR|LD_LIBRARY_PATH|CUDA_[A-Z_]+|NVIDIA_[A-Z_]+|OMP_[A-Z_]+|HIP_[A-Z_]+|GGML_[A-Z_]+)$/;

/** What keeps servers and the libraries in them from asking the Hub or sending statistics. */
export const OFFLINE_VARIABLES = {
  HF_HUB_OFFLINE: '1',
  TRANSFORMERS_OFFLINE: '1',
  HF_HUB_DISABLE_TELEMETRY: '1',
  VLLM_NO_USAGE_STATS: '1',
  DO_NOT_TRACK: '1',
} as const;

/** The environment of a server: what is passed on, what `named` asks for beside it, and what keeps it offline. */
export function serverEnvironment(
  environment: NodeJS.ProcessEnv,
  named: readonly string[],
): Readonly<Record<string, string>> {
  const passed = Object.entries(environment).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && (PASSED.test(entry[0]) || named.includes(entry[0])),
  );
  return { ...Object.fromEntries(passed), ...OFFLINE_VARIABLES };
}

/**
 * The file that a server loads which loads one: the only weights, the first part of a split file, or the one that is
 * named. Throws WL_USAGE where several could be meant.
 */
export function weightsFile({ weights, model }: Subject, named: string | undefined): string {
  const paths = weights.files.map((file) => file.path as string);
  if (named !== undefined) {
    if (paths.includes(named)) return named;
    throw new WeighlockError('WL_USAGE', `${model} has no weights called ${named}; it has ${some(paths)}`);
  }
  const firsts = paths.filter(
    (name) => (/-(\d{5})-of-\d{5}\.[a-z]+$/.exec(name)?.[1] ?? '00001') === '00001',
  );
  const [only, second] = firsts;
  if (only !== undefined && second === undefined) return only;
  throw new WeighlockError(
    'WL_USAGE',
    only === undefined
      ? `${model} has no weights`
      : `${model} has several weights: name one with --file (${some(firsts)})`,
  );
}

/** Names in one message. */
const NAMES_SHOWN = 8;

function some(paths: readonly string[]): string {
  const more = paths.length > NAMES_SHOWN ? ', …' : '';
  return `${paths
    .slice(0, NAMES_SHOWN)
    .map((name) => path.posix.normalize(name))
    .join(', ')}${more}`;
}

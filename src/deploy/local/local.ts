/**
 * This machine as a target: a front on loopback, behind it one server process for the revision that a channel stands for.
 * The plan says how the server will be started; running it is the command's own business, for as long as it runs.
 */
import os from 'node:os';
import { WeighlockError } from '../../base/errors.ts';
import type { Flags, Order, Plan, Target } from '../deploy.ts';
import { text, texts, whole } from '../flags.ts';
import { CONTEXT_TOKENS_DEFAULT, gigabytes, needOf, sizeLines } from '../size.ts';
import {
  type Filling,
  filled,
  llamaServer,
  ownCommand,
  type ServerCommand,
  serverEnvironment,
  weightsFile,
} from './server-command.ts';

/** How a plan is run by the process that made it. */
export interface Here {
  readonly command: ServerCommand;
  /** Everything but the folder of the copy and the port, which are known when it starts. */
  readonly filling: Omit<Filling, 'port' | 'folder'>;
  readonly environment: Readonly<Record<string, string>>;
  readonly startMs: number;
  readonly drainMs: number;
  readonly host: string;
  readonly port: number;
  /** Where verified copies are kept. */
  readonly copies: string;
}

const PORT_DEFAULT = 8000;
const DRAIN_SECONDS_DEFAULT = 120;
const SECONDS_MAX = 86_400;

/** A disk that reads 50 MB/s is a slow one; a small model takes its time, too. */
const LOAD_BYTES_PER_SECOND = 50e6;
const LOAD_SECONDS_MIN = 60;

export class LocalTarget implements Target {
  async plan(order: Order): Promise<Plan> {
    const { subject, flags } = order;
    if (subject.origin.route !== 'vault')
      throw new WeighlockError(
        'WL_USAGE',
        'this machine runs models from the vault alone: leave --from out',
        {
          hint: `\`weighlock admit ${subject.model}@${subject.commit}\` brings it into the vault.`,
        },
      );
    const here = hereOf(order);
    const { host, port, filling } = here;
    const need = needOf(subject, order.sizing);
    const total = need && need.weightsBytes + need.kvBytesPerToken * filling.context;
    if (total !== undefined && total > os.totalmem())
      throw new WeighlockError(
        'WL_DEPLOY_TOO_LARGE',
        `${gigabytes(total)} for weights and KV cache are more than the ${gigabytes(os.totalmem())} of this machine`,
      );
    const words = filled(here.command, { ...filling, folder: '<copy>', port: 0 }).join(' ');
    return {
      target: 'local',
      subject,
      lines: [
        ...sizeLines(subject, need),
        ...(total === undefined
          ? []
          : [
              {
                label: 'memory',
                text: `${gigabytes(total)} of the ${gigabytes(os.totalmem())} of this machine`,
              },
            ]),
        { label: 'server', text: words },
        { label: 'address', text: `http://${host}:${port}/v1, of which the API alone is passed on` },
        { label: 'start', text: `within ${here.startMs / 1000} s of a copy that was verified byte by byte` },
        { label: 'updates', text: 'a new server beside the old one, which ends after its last answer' },
      ],
      requests: [],
      files: [],
      notGuaranteed: promises(here),
      missing: [],
      deployment: {
        target: 'local',
        place: `${os.hostname()}:${port}`,
        image: null,
        environment: withoutSecrets(here.environment, named(flags)),
        isolated: false,
        url: `http://${host}:${port}/v1`,
        resources: [],
      },
      here,
    };
  }
}

function promises({ host }: Here): string[] {
  const open = /^(127(\.\d+){3}|localhost|::1)$/.test(host)
    ? []
    : [`Whoever reaches ${host} may ask: there is no key in front of it.`];
  return [
    ...open,
    'The server can reach the network of this machine; what it was asked to leave out, it may do all the same.',
  ];
}

function hereOf({ subject, flags, sizing, environment }: Order): Here {
  const health = text(flags, 'health') ?? '/health';
  if (!/^\/[\w./-]{0,200}$/.test(health))
    throw new WeighlockError('WL_USAGE', `--health takes a path such as /health, not "${health}"`);
  const own = text(flags, 'command');
  const { weights, shape, sizeBytes } = subject;
  const byDefault =
    shape.kind === 'known'
      ? Math.min(CONTEXT_TOKENS_DEFAULT, shape.contextTokensMax)
      : CONTEXT_TOKENS_DEFAULT;
  if (own === undefined && weights.format !== 'gguf')
    throw new WeighlockError('WL_DEPLOY_REFUSED', `llama.cpp loads GGUF, and ${subject.model} has none`, {
      hint: 'Name a server that loads it, for example --command "vllm serve {folder} --host 127.0.0.1 --port {port}".',
    });
  const loadSeconds = LOAD_SECONDS_MIN + Math.ceil(sizeBytes / LOAD_BYTES_PER_SECOND);
  return {
    command:
      own === undefined ? llamaServer(text(flags, 'server') ?? 'llama-server') : ownCommand(own, health),
    filling: {
      file: own?.includes('{file}') === false ? '' : weightsFile(subject, text(flags, 'file')),
      name: subject.model,
      context: (sizing.contextTokens ?? byDefault) * sizing.concurrency,
      parallel: sizing.concurrency,
    },
    environment: serverEnvironment(environment, named(flags)),
    startMs: 1000 * (whole(flags, 'startSeconds', { min: 1, max: SECONDS_MAX }) ?? loadSeconds),
    drainMs: 1000 * (whole(flags, 'drainSeconds', { min: 0, max: SECONDS_MAX }) ?? DRAIN_SECONDS_DEFAULT),
    host: text(flags, 'host') ?? '127.0.0.1',
    port: whole(flags, 'port', { min: 0, max: 65_535 }) ?? PORT_DEFAULT,
    copies: text(flags, 'copies') ?? './weighlock-local',
  };
}

function named(flags: Flags): readonly string[] {
  return texts(flags, 'env');
}

/** Values of variables that somebody passed on by name may be secret: their names are enough for the record. */
function withoutSecrets(
  environment: Readonly<Record<string, string>>,
  passed: readonly string[],
): Readonly<Record<string, string>> {
  const kept = Object.entries(environment).filter(([name]) =>
    /^(HF_|TRANSFORMERS_|VLLM_|DO_NOT_)/.test(name),
  );
  return { ...Object.fromEntries(kept), ...Object.fromEntries(passed.map((name) => [name, '(passed on)'])) };
}

/** What the parts of the gateway's bench share: where they work, the programs, and how long they take. */
import { openSync } from 'node:fs';
import path from 'node:path';
import { type Pinned, SERVER_CORE, startPinned } from './pinned.ts';

export const PARTS = ['metadata', 'start', 'download', 'memory'] as const;
export type Part = (typeof PARTS)[number];

export interface Stage {
  /** On the disk, gone afterwards. */
  readonly folder: string;
  /** On the disk, kept for the next run. */
  readonly kept: string;
  /** weighlock, as users install it. */
  readonly program: string;
  /** The compiled load generator. */
  readonly load: string;
  readonly meter: string;
  /** How many revisions the vaults have. */
  readonly revisions: readonly number[];
  /** How long each load lasts. */
  readonly seconds: number;
  /** Of the model that is downloaded. */
  readonly sizeBytes: number;
  /** How long slow clients read. */
  readonly slowSeconds: number;
}

export interface Gateway extends AsyncDisposable {
  readonly endpoint: string;
  readonly port: number;
  readonly process: Pinned;
}

export interface GatewayStart {
  /** For WEIGHLOCK_VAULT. */
  readonly vault: string;
  readonly home: string;
  readonly environment?: NodeJS.ProcessEnv;
  readonly options?: readonly string[];
}

/** More than any load asks: what is measured is not how requests are refused. */
const REQUESTS_MAX = 1_000_000_000;

/** `weighlock serve` on the servers' core, its access log in a file as a service manager would have it. */
export async function startGateway(stage: Stage, start: GatewayStart): Promise<Gateway> {
  const { vault, home, environment = {}, options = [] } = start;
  const { process: server, said: endpoint } = await startPinned({
    command: [
      ...[process.execPath, stage.program, 'serve', '--port', '0', '--requests', String(REQUESTS_MAX)],
      ...options,
    ],
    environment: {
      ...environment,
      PATH: process.env.PATH,
      NO_COLOR: '1',
      WEIGHLOCK_HOME: home,
      WEIGHLOCK_VAULT: vault,
    },
    directory: stage.folder,
    core: SERVER_CORE,
    output: openSync(path.join(stage.folder, 'access.log'), 'w'),
    ready: /HF_ENDPOINT=(\S+)/,
  });
  return {
    endpoint,
    port: Number(new URL(endpoint).port),
    process: server,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

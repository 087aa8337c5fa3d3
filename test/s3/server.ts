/**
 * S3 servers to test against: versitygw and MinIO as real programs with a data folder of their own, the stand-in in
 * this process. All listen on 127.0.0.1, so every client addresses them by path without being told to.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  CreateBucketCommand,
  PutBucketVersioningCommand,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { installed } from '../peers.ts';
import { startS3StandIn } from './stand-in/stand-in.ts';

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface BucketOptions {
  /** Off by default, as with every store. */
  readonly versioning?: 'on' | 'off';
}

export interface S3Server {
  readonly kind: 'versitygw' | 'minio' | 'stand-in';
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: S3Credentials;
  /** Variables that make any AWS client use this server, and nothing of the user's own configuration. */
  readonly environment: NodeJS.ProcessEnv;
  makeBucket(name: string, options?: BucketOptions): Promise<void>;
  close(): Promise<void>;
}

export interface ProgramOptions {
  /** Where the data goes, created and kept; by default a new folder in the temporary directory, removed on close. */
  readonly folder?: string;
}

/** How long a server may take to answer first; MinIO formats its folder within. */
const READY_MS_MAX = 60_000;
const READY_POLL_MS = 25;
/** A port found free can be taken before the server binds it. */
const STARTS_MAX = 3;
/** What is kept of a server's output, for the message of a failed start. */
const OUTPUT_CHARACTERS_MAX = 4_000;

const VERSITYGW = installed('bin/versitygw');
const MINIO = installed('bin/minio');

/** Each server that tests can run on, real ones first; `skip` says what is missing. */
export const S3_SERVERS: readonly {
  readonly name: S3Server['kind'];
  readonly skip: string | false;
  readonly start: () => Promise<S3Server>;
}[] = [
  { name: 'versitygw', skip: VERSITYGW.skip, start: () => startVersitygw() },
  { name: 'minio', skip: MINIO.skip, start: () => startMinio() },
  { name: 'stand-in', skip: false, start: () => startS3StandIn() },
];

/** A client of the official SDK for this server. */
export function connect(server: S3Server, config: Partial<S3ClientConfig> = {}): S3Client {
  const { endpoint, region, credentials } = server;
  return new S3Client({ endpoint, region, credentials, forcePathStyle: true, ...config });
}

/** Variables that make any AWS client use `server`, and nothing of the user's own configuration. */
export function clientEnvironment(server: Pick<S3Server, 'endpoint' | 'region' | 'credentials'>) {
  const { accessKeyId, secretAccessKey, sessionToken } = server.credentials;
  return {
    AWS_ENDPOINT_URL: server.endpoint,
    S3_ENDPOINT_URL: server.endpoint,
    AWS_REGION: server.region,
    AWS_DEFAULT_REGION: server.region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    ...(sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: sessionToken }),
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

/** versitygw over a plain folder; its metadata lies in extended attributes, or beside where the disk has none. */
export function startVersitygw(options: ProgramOptions = {}): Promise<S3Server> {
  const program = (metadata: 'attributes' | 'sidecar'): Program => ({
    kind: 'versitygw',
    file: VERSITYGW.path,
    healthPath: '/health',
    launch: ({ folder, port, credentials }) => {
      for (const name of ['data', 'versions', 'metadata']) {
        mkdirSync(path.join(folder, name), { recursive: true });
      }
      const beside = metadata === 'sidecar' ? ['--sidecar', path.join(folder, 'metadata')] : [];
      return {
        args: [
          ...['--port', `127.0.0.1:${port}`, '--region', REGION, '--health', '/health'],
          ...['--quiet', '--keep-alive', 'posix', ...beside],
          ...['--versioning-dir', path.join(folder, 'versions'), path.join(folder, 'data')],
        ],
        environment: {
          ROOT_ACCESS_KEY: credentials.accessKeyId,
          ROOT_SECRET_KEY: credentials.secretAccessKey,
        },
      };
    },
  });
  return startProgram(program('attributes'), options).catch((error: unknown) => {
    if (!/xattr|attribute/i.test(String(error))) throw error;
    return startProgram(program('sidecar'), options);
  });
}

/** MinIO on one folder. */
export function startMinio(options: ProgramOptions = {}): Promise<S3Server> {
  const program: Program = {
    kind: 'minio',
    file: MINIO.path,
    healthPath: '/minio/health/ready',
    launch: ({ folder, port, credentials }) => ({
      args: ['server', '--quiet', '--address', `127.0.0.1:${port}`, path.join(folder, 'data')],
      environment: {
        HOME: folder,
        MINIO_ROOT_USER: credentials.accessKeyId,
        MINIO_ROOT_PASSWORD: credentials.secretAccessKey,
        MINIO_REGION: REGION,
        MINIO_BROWSER: 'off',
        MINIO_UPDATE: 'off',
      },
    }),
  };
  return startProgram(program, options);
}

const REGION = 'eu-west-1';

interface Place {
  readonly folder: string;
  readonly port: number;
  readonly credentials: S3Credentials;
}

interface Program {
  readonly kind: 'versitygw' | 'minio';
  readonly file: string;
  readonly healthPath: string;
  readonly launch: (place: Place) => {
    readonly args: readonly string[];
    readonly environment: NodeJS.ProcessEnv;
  };
}

async function startProgram(program: Program, options: ProgramOptions): Promise<S3Server> {
  const folder = options.folder ?? mkdtempSync(path.join(os.tmpdir(), `weighlock-${program.kind}-`));
  mkdirSync(folder, { recursive: true });
  const credentials = {
    accessKeyId: `AKIA${randomBytes(8).toString('hex').toUpperCase()}`,
    secretAccessKey: randomBytes(20).toString('hex'),
  };
  const removeOwn = () => {
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
  };
  for (let start = 1; ; start += 1) {
    const port = await freePort();
    const { args, environment } = program.launch({ folder, port, credentials });
    const child = spawn(...dyingWithUs(program.file, args), {
      env: { PATH: process.env.PATH, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const kill = () => child.kill('SIGKILL');
    process.once('exit', kill);
    try {
      await ready(program, child, port);
    } catch (error) {
      await ended(child);
      process.off('exit', kill);
      if (start < STARTS_MAX && /address already in use/i.test(String(error))) continue;
      removeOwn();
      throw error;
    }
    return running({ kind: program.kind, endpoint: `http://127.0.0.1:${port}`, credentials }, async () => {
      await ended(child);
      process.off('exit', kill);
      removeOwn();
    });
  }
}

/** A test that is killed closes nothing: where the system can, the kernel then ends its servers. */
function dyingWithUs(file: string, args: readonly string[]): [string, string[]] {
  const setpriv = '/usr/bin/setpriv';
  return existsSync(setpriv) ? [setpriv, ['--pdeathsig', 'KILL', file, ...args]] : [file, [...args]];
}

function running(
  at: Pick<S3Server, 'kind' | 'endpoint' | 'credentials'>,
  close: () => Promise<void>,
): S3Server {
  const place = { ...at, region: REGION };
  return {
    ...place,
    environment: clientEnvironment(place),
    makeBucket: (name, options) => makeBucketBy(place, name, options),
    close,
  };
}

async function makeBucketBy(
  place: Pick<S3Server, 'endpoint' | 'region' | 'credentials'>,
  name: string,
  options: BucketOptions = {},
): Promise<void> {
  const client = new S3Client({ ...place, forcePathStyle: true });
  try {
    await client.send(
      new CreateBucketCommand({
        Bucket: name,
        CreateBucketConfiguration: { LocationConstraint: REGION },
      }),
    );
    if (options.versioning === 'on') {
      const VersioningConfiguration = { Status: 'Enabled' } as const;
      await client.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration }));
    }
  } finally {
    client.destroy();
  }
}

/** Resolves when the server says that it is ready; rejects with its output when it ends before, or takes too long. */
async function ready(program: Program, child: ChildProcess, port: number): Promise<void> {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output = `${output}${chunk}`.slice(-OUTPUT_CHARACTERS_MAX);
    });
  }
  let failure: Error | undefined;
  child.once('error', (error) => {
    failure = error;
  });
  const deadline = Date.now() + READY_MS_MAX;
  while (Date.now() < deadline) {
    if (failure) throw failure;
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`${program.kind} ended before it was ready:\n${output}`);
    }
    const answer = await fetch(`http://127.0.0.1:${port}${program.healthPath}`).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok) return;
    await pause(READY_POLL_MS);
  }
  throw new Error(`${program.kind} was not ready after ${READY_MS_MAX} ms:\n${output}`);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** `weighlock serve`: the gateway, which answers what clients ask the Hub from the vault. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import pino from 'pino';
import { EXIT, WeighlockError } from '../base/errors.ts';
import { BucketData } from '../gateway/bucket-data.ts';
import type { DataDoor } from '../gateway/data.ts';
import { DirectoryData } from '../gateway/directory-data.ts';
import { Freshness, type StateChange } from '../gateway/freshness.ts';
import { Grants } from '../gateway/grants.ts';
import { RequestLimits } from '../gateway/request-limits.ts';
import { type Gateway, startGateway } from '../gateway/server.ts';
import { VaultCatalog } from '../gateway/vault-catalog.ts';
import { grants, requirePattern } from '../lifecycle/access.ts';
import type { Registry } from '../registry/registry.ts';
import { DirectoryVault } from '../vault/directory.ts';
import { codeOf } from '../vault/durable-file.ts';
import type { Run } from './main.ts';
import type { Outcome } from './outcome.ts';
import { labelled, plural } from './terminal.ts';
import type { Wire } from './wire.ts';

interface ServeFlags {
  readonly host: string;
  readonly port: string;
  readonly publicUrl?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly anonymous?: true | string[];
  readonly presignSeconds: string;
  readonly dataEndpoint?: string;
  readonly proxyData?: boolean;
  readonly requests: string;
  readonly metricsPort?: string;
  readonly trustProxy?: boolean;
  readonly graceSeconds: string;
}

/** Requests of one reader in five minutes: a hundred nodes that start a model at once stay below it. */
const DEFAULT_REQUESTS = 100_000;
/** A URL that was given out cannot be taken back: longer ones are longer answers after a revocation. */
const DEFAULT_PRESIGN_SECONDS = 300;
/** The longest that S3 takes. */
const PRESIGN_SECONDS_MAX = 7 * 86_400;

export function serveCommand(run: Run): Command {
  return new Command('serve')
    .description('serve the vault to everything that reads from the Hub: set HF_ENDPOINT to it')
    .option('--host <address>', 'listen on this address', '127.0.0.1')
    .option('--port <n>', 'listen on this port; 0 for a free one', '8080')
    .option('--public-url <url>', 'where clients reach it (default: where it listens)')
    .option('--tls-cert <file>', 'PEM file of the certificate chain')
    .option('--tls-key <file>', 'PEM file of its private key')
    .option(
      '--anonymous [patterns...]',
      'let anybody read without a token: the models of these patterns, or all',
    )
    .option('--presign-seconds <n>', 'how long a URL into the bucket lasts', String(DEFAULT_PRESIGN_SECONDS))
    .option('--data-endpoint <url>', 'where clients reach the store, if elsewhere than this machine does')
    .option(
      '--proxy-data',
      'send files through the gateway: for networks where clients cannot reach the bucket',
    )
    .option('--requests <n>', 'requests of one reader in five minutes', String(DEFAULT_REQUESTS))
    .option('--metrics-port <n>', 'Prometheus metrics on 127.0.0.1 at this port (default: beside the models)')
    .option('--trust-proxy', 'believe X-Forwarded-For: only behind a proxy of your own')
    .option('--grace-seconds <n>', 'how long running answers may take when it is stopped', '30')
    .addHelpText(
      'after',
      '\nReads only: no signing key, nothing written into the vault. The access log goes to standard output, a JSON line a\nrequest. Tokens: `weighlock access grant <name>`.',
    )
    .action((flags: ServeFlags) => run({ ...flags }, (wire) => serve(wire, flags)));
}

async function serve(wire: Wire, flags: ServeFlags): Promise<Outcome> {
  const graceMs = number('--grace-seconds', flags.graceSeconds, { min: 0, max: 86_400 }) * 1000;
  const { gateway, registry, close } = await open(wire, flags);
  wire.terminal.err(await notice(gateway, registry, flags));
  await stopSignal();
  wire.terminal.err(labelled('stopping', 'running answers may finish; a second signal ends them'));
  await Promise.race([gateway.close({ graceMs }), stopSignal()]);
  await close();
  return { exit: EXIT.done, json: { stopped: true }, text: '' };
}

async function open(wire: Wire, flags: ServeFlags) {
  const { clock } = wire;
  const options = listening(flags);
  const presignSeconds = number('--presign-seconds', flags.presignSeconds, {
    min: 1,
    max: PRESIGN_SECONDS_MAX,
  });
  const requests = number('--requests', flags.requests, { min: 1, max: 1e9 });
  const { dataEndpoint } = flags;
  if (dataEndpoint !== undefined) requireUrl('--data-endpoint', dataEndpoint);
  const registry = await wire.readersRegistry(dataEndpoint);
  // Connections of their own: however many slow clients hold those that files come by, the state is still looked at.
  const isDirectory = registry.vault instanceof DirectoryVault;
  const files = isDirectory ? registry.vault : (await wire.readersRegistry(dataEndpoint)).vault;
  const freshness = await Freshness.start({ registry, clock, onChange: (change) => tell(wire, change) });
  let data: DataDoor | undefined;
  const catalog = new VaultCatalog({ registry, freshness, data: () => data as DataDoor });
  data =
    registry.vault instanceof DirectoryVault
      ? new DirectoryData(registry.vault)
      : new BucketData({
          vault: files,
          receipt: (id) => catalog.receipt(id),
          presignSeconds,
          proxyData: flags.proxyData ?? false,
        });
  const readers = new Grants({ state: () => freshness.current(), clock, anonymous: anonymousOf(flags) });
  const rateLimits = new RequestLimits(requests);
  const log = accessLog();
  const close = async () => {
    await freshness.close();
    await data.close();
    await registry.vault.close();
    if (files !== registry.vault) await files.close();
    await log.close();
  };
  const gateway = await startGateway({
    ...options,
    catalog,
    data,
    readers,
    rateLimits,
    log: log.destination,
    stateAgeMs: () => freshness.ageMs,
  }).catch(async (error: unknown) => {
    await close();
    throw cannotListen(error, flags);
  });
  return { gateway, registry, close };
}

/** What is believed now, or why nothing is; for whoever runs the gateway. Clients are told less. */
function tell({ terminal }: Wire, change: StateChange): void {
  if ('state' in change) {
    const { sequence, expiresAt } = change.state;
    terminal.err(labelled('state', `${sequence}, to be believed until ${expiresAt}`));
  } else {
    const { error } = change;
    const hint = error instanceof WeighlockError ? `\n${error.hint}` : '';
    terminal.err(labelled('not ready', `${error instanceof Error ? error.message : error}${hint}`));
  }
}

/** Lines of the access log are gathered up to so many characters, or so long: a write each would cost as much as an answer. */
const LOG_CHARACTERS_GATHERED = 64 << 10;
const LOG_GATHERED_MS = 100;
/** Lines that wait for whoever reads the log, in bytes; beyond, they are lost: the gateway goes on all the same. */
const LOG_BYTES_MAX = 64 << 20;
/** How long the last lines may take when it is stopped: whoever reads the log may have gone. */
const LOG_END_MS = 2_000;

/** Standard output, whose last line is written before `close` resolves. */
function accessLog() {
  const destination = pino.destination({
    dest: 1,
    sync: false,
    minLength: LOG_CHARACTERS_GATHERED,
    maxWrite: 4 * LOG_CHARACTERS_GATHERED,
    periodicFlush: LOG_GATHERED_MS,
    maxLength: LOG_BYTES_MAX,
  });
  const close = async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, LOG_END_MS);
    destination.flush(() => resolve());
    await promise;
    clearTimeout(timer);
  };
  return { destination, close };
}

/** What the system says about the address, in words; anything else as it is. */
function cannotListen(error: unknown, { host, port }: ServeFlags): unknown {
  const why = {
    EADDRINUSE: 'another program listens there',
    EADDRNOTAVAIL: 'this machine does not have that address',
    EACCES: 'that port is reserved for the administrator',
    ENOTFOUND: 'there is no address of that name',
  }[codeOf(error) ?? ''];
  if (why === undefined) return error;
  return new WeighlockError('WL_CONFIG_INVALID', `cannot listen at ${host}:${port}: ${why}`, {
    hint: 'Choose another with --host and --port; --port 0 takes a free one.',
    cause: error,
  });
}

/** What of the options belongs to the sockets. */
function listening(flags: ServeFlags) {
  const port = number('--port', flags.port, { min: 0, max: 65_535 });
  const { publicUrl, tlsCert, tlsKey, metricsPort, trustProxy } = flags;
  if (publicUrl !== undefined) requireUrl('--public-url', publicUrl);
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new WeighlockError('WL_USAGE', '--tls-cert and --tls-key go together');
  return {
    listen: { host: flags.host, port },
    publicUrl,
    ...(tlsCert !== undefined && tlsKey !== undefined && { tls: { cert: pem(tlsCert), key: pem(tlsKey) } }),
    metrics:
      metricsPort === undefined
        ? ('same port' as const)
        : { port: number('--metrics-port', metricsPort, { min: 0, max: 65_535 }) },
    trustProxy,
  };
}

function anonymousOf({ anonymous }: ServeFlags): readonly string[] {
  if (anonymous === undefined) return [];
  if (anonymous === true) return ['*'];
  for (const pattern of anonymous) requirePattern(pattern);
  return anonymous;
}

async function notice(gateway: Gateway, registry: Registry, flags: ServeFlags): Promise<string> {
  const tokens = await grants(registry).then(
    ({ length }) => length,
    () => 0,
  );
  const anonymous = anonymousOf(flags);
  const who = [
    tokens > 0
      ? `whoever has one of ${plural(tokens, 'token')}`
      : 'nobody has a token yet: `weighlock access grant <name>` makes one',
    anonymous.length > 0
      ? `anybody: ${anonymous.join(', ')}`
      : 'nobody without a token (--anonymous lets them)',
  ];
  return (
    labelled('serving', `${registry.vault.location} at ${gateway.url}`) +
    labelled('readers', who.join('\n')) +
    labelled(
      'clients',
      `HF_ENDPOINT=${gateway.publicUrl}${tokens > 0 && anonymous.length === 0 ? ' HF_TOKEN=hf_…' : ''}`,
    )
  );
}

function stopSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = () => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, stop);
    resolve();
  };
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, stop);
  return promise;
}

function number(option: string, text: string, { min, max }: { min: number; max: number }): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new WeighlockError('WL_USAGE', `${option} takes a whole number from ${min} to ${max}, not "${text}"`);
}

function requireUrl(option: string, text: string): void {
  const url = URL.parse(text);
  if (url && /^https?:$/.test(url.protocol) && !url.search && !url.hash && !url.username) return;
  throw new WeighlockError('WL_USAGE', `${option} takes the URL of a server, http(s)://host, not "${text}"`);
}

function pem(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new WeighlockError('WL_CONFIG_INVALID', `cannot read ${file}`, { cause: error });
  }
}

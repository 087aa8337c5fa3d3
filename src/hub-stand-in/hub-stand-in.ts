/**
 * The Hub stand-in: a real server on loopback that speaks the Hub's reading protocol, strictly.
 *
 * Two servers, on two host names: the *API host* answers metadata, small files, and redirects for large ones; the
 * *CDN* sends large files to whoever holds a signed URL and refuses everybody's credentials. Official clients
 * download from it, which is how it is known to be true; faults make it lie, one lie at a time.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { Api } from './api.ts';
import { Cdn } from './cdn.ts';
import { type Fault, Faults } from './fault.ts';
import { Line } from './line.ts';
import {
  addCommit,
  findCommit,
  makeRepo,
  type Organisation,
  type Repo,
  type StandInCommit,
  type StandInModel,
  type StandInToken,
} from './model.ts';
import { type Exchange, sendError } from './reply.ts';

export interface HubStandInOptions {
  readonly models: readonly StandInModel[];
  readonly faults?: readonly Fault[];
  readonly tokens?: readonly StandInToken[];
  readonly organisations?: readonly Organisation[];
  /** Users whose overview is known. */
  readonly users?: readonly string[];
  /** Entries a page of a tree has at most; the Hub's own are 1000, and 100 with `expand`. */
  readonly pageEntriesMax?: number;
  /** How long a CDN URL is good for. */
  readonly cdnExpirySeconds?: number;
  /** Serve small files through a redirect to `/api/resolve-cache/…` on the same host, as the Hub does since 2025. */
  readonly resolveCache?: boolean;
  /** Name of the CDN's host; must lead to this machine and differ from the API's 127.0.0.1. */
  readonly cdnHost?: string;
  /** How long every answer is kept back, as a far away server would. */
  readonly latencyMs?: number;
  /** What all bodies together may take of the line. */
  readonly bytesPerSecond?: number;
  /** Ports, where they must be known beforehand. */
  readonly apiPort?: number;
  readonly cdnPort?: number;
}

/** What was asked, for tests to hold a client's manners against. */
export interface RequestLogEntry {
  readonly server: 'api' | 'cdn';
  readonly method: string;
  /** As it came, percent-encoding and query included. */
  readonly path: string;
  readonly range: string | undefined;
  readonly authorized: boolean;
}

export interface HubStandIn {
  /** For `hub.endpoint` and HF_ENDPOINT, without a slash at the end. */
  readonly endpoint: string;
  readonly cdnEndpoint: string;
  /** `host:port` of the CDN, as a redirect host must be allowed. */
  readonly cdnHost: string;
  /** The latest requests, oldest first. */
  readonly requests: readonly RequestLogEntry[];
  readonly faults: Faults;
  /** Adds a commit to a model: `main`, or the refs that it names, moves there. Returns its id. */
  publish(model: string, commit: StandInCommit): string;
  /** The commit id that a ref of a model stands for. */
  commitOf(model: string, revision?: string): string;
  close(): Promise<void>;
}

/** Requests that the log remembers. */
const LOG_ENTRIES_MAX = 10_000;

const CDN_EXPIRY_SECONDS = 3600;

/** Starts both servers; `close` ends them and every connection. */
export async function startHubStandIn(options: HubStandInOptions): Promise<HubStandIn> {
  const repos = new Map(options.models.map((model): [string, Repo] => [model.id, makeRepo(model)]));
  const faults = new Faults(options.faults);
  const requests: RequestLogEntry[] = [];
  const log = (entry: RequestLogEntry) => {
    if (requests.push(entry) > LOG_ENTRIES_MAX) requests.shift();
  };
  const cdn = new Cdn({
    faults,
    expirySeconds: options.cdnExpirySeconds ?? CDN_EXPIRY_SECONDS,
    find: ({ model, commit, path }) =>
      repos
        .get(model)
        ?.commits.find(({ id }) => id === commit)
        ?.files.find((file) => file.path === path),
  });
  const cdnName = options.cdnHost ?? 'localhost';
  const line = options.bytesPerSecond === undefined ? undefined : new Line(options.bytesPerSecond);
  const late = (handle: (exchange: Exchange) => Promise<void>) => async (exchange: Exchange) => {
    if (options.latencyMs !== undefined) await setTimeout(options.latencyMs);
    return handle({ ...exchange, line });
  };
  const cdnServer = await listen(
    'cdn',
    late((exchange) => cdn.handle(exchange)),
    {
      log,
      host: cdnName,
      port: options.cdnPort,
    },
  );
  const cdnEndpoint = `http://${cdnName}:${portOf(cdnServer)}`;
  const api = new Api({ ...options, repos, faults, cdnUrl: (place) => cdnEndpoint + cdn.sign(place) });
  const apiServer = await listen(
    'api',
    late((exchange) => api.handle(exchange)),
    {
      log,
      host: '127.0.0.1',
      port: options.apiPort,
    },
  );
  return {
    endpoint: `http://127.0.0.1:${portOf(apiServer)}`,
    cdnEndpoint,
    cdnHost: `${cdnName}:${portOf(cdnServer)}`,
    requests,
    faults,
    publish: (model, commit) => addCommit(repoOf(repos, model), commit).id,
    commitOf: (model, revision = 'main') => {
      const commit = findCommit(repoOf(repos, model), revision);
      if (!commit) throw new Error(`${model} has no ${revision}`);
      return commit.id;
    },
    close: async () => {
      await Promise.all([shut(apiServer), shut(cdnServer)]);
    },
  };
}

function repoOf(repos: ReadonlyMap<string, Repo>, model: string): Repo {
  const repo = repos.get(model);
  if (!repo) throw new Error(`no model ${model}`);
  return repo;
}

interface ListenOptions {
  readonly log: (entry: RequestLogEntry) => void;
  readonly host: string;
  readonly port: number | undefined;
}

async function listen(
  name: 'api' | 'cdn',
  handle: (exchange: Exchange) => Promise<void>,
  { log, host, port }: ListenOptions,
): Promise<Server> {
  const server = createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
    const { method = 'GET', url: path = '/', headers } = request;
    const authorized = headers.authorization !== undefined;
    log({ server: name, method, path, range: headers.range, authorized });
    void answer(request, response, handle);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port ?? 0, host, resolve);
  });
  return server;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  handle: (exchange: Exchange) => Promise<void>,
): Promise<void> {
  const exchange = openExchange(request, response);
  if (!exchange) {
    response.writeHead(400).end();
    return;
  }
  try {
    await handle(exchange);
  } catch (error) {
    if (response.headersSent) response.destroy();
    else sendError(exchange, 500, undefined, error instanceof Error ? error.message : 'failed');
  }
}

function openExchange(request: IncomingMessage, response: ServerResponse): Exchange | undefined {
  try {
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`);
    const parts = url.pathname
      .split('/')
      .filter((part) => part !== '')
      .map(decodeURIComponent);
    return { request, response, url, parts };
  } catch {
    return undefined;
  }
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function shut(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

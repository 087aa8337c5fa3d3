/**
 * The gateway's server: sockets, limits against slow and rude clients, and a way to stop that lets answers finish.
 *
 * `node:http` without a framework, because request targets must be seen exactly as they were sent.
 */
import http, { type Server } from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { DestinationStream } from 'pino';
import { AccessLog } from './access-log.ts';
import { Dispatch, type DispatchParts } from './dispatch.ts';
import { Metrics } from './metrics.ts';
import { Reception } from './reception.ts';

/** What a client may take of us. */
export interface ConnectionLimits {
  /** All headers together; clients send less than 1 KiB. Node answers 431 beyond. */
  readonly headerBytesMax: number;
  /** From the connection, or the answer before, to the end of the headers. */
  readonly headersMs: number;
  /** To the end of the request's body. */
  readonly requestMs: number;
  /** Without a byte taken of what waits to be sent: a client that stopped reading. */
  readonly idleMs: number;
  /** Between two requests. */
  readonly keepAliveMs: number;
  readonly connectionsMax: number;
}

const LIMITS: ConnectionLimits = {
  headerBytesMax: 16 << 10,
  headersMs: 15_000,
  requestMs: 60_000,
  idleMs: 120_000,
  keepAliveMs: 65_000,
  connectionsMax: 10_000,
};

/** How often connections are held against the limits at the latest. */
const CHECK_MS = 5_000;

export interface GatewayOptions extends Omit<DispatchParts, 'publicUrl'> {
  readonly listen: { readonly host: string; readonly port: number };
  /** Where clients reach it; otherwise the address that it listens on. */
  readonly publicUrl?: string | undefined;
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer } | undefined;
  /** Takes the log, a JSON line at a time. */
  readonly log: DestinationStream;
  /** Where `/-/metrics` is: beside the models, or on a port of this machine alone (0 for a free one). */
  readonly metrics?: 'same port' | { readonly port: number } | undefined;
  /** Whether a proxy of ours stands in front, whose `X-Forwarded-For` names the client. */
  readonly trustProxy?: boolean | undefined;
  readonly limits?: Partial<ConnectionLimits> | undefined;
  /** How long ago the state that is believed was looked at, for the metrics. */
  readonly stateAgeMs?: (() => number) | undefined;
}

export interface Gateway {
  /** Where it listens. */
  readonly url: string;
  readonly publicUrl: string;
  readonly metricsUrl: string | undefined;
  /** Takes no more connections, lets running answers finish for `graceMs`, then ends them. */
  close(options: { readonly graceMs: number }): Promise<void>;
}

/** Resolves when it listens; rejects where it cannot. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { metrics: place, tls } = options;
  const server = makeServer(options);
  await listening(server, options.listen);
  const url = urlOf(server, tls ? 'https' : 'http');
  const publicUrl = (options.publicUrl ?? url).replace(/\/+$/, '');
  const metrics = new Metrics(options.catalog, options.stateAgeMs);
  const log = new AccessLog(options.log);
  const reception = new Reception({
    dispatch: new Dispatch({ ...options, publicUrl }),
    metrics,
    log,
    showsMetrics: place === 'same port',
    trustsProxy: options.trustProxy ?? false,
  });
  server.on('request', (request, response) => reception.take(request, response, 'body follows'));
  server.on('checkContinue', (request, response) => reception.take(request, response, 'body waits'));
  server.on('timeout', (socket) => {
    // Where nothing waits to be sent, it is the vault that takes its time: a large file is hashed before it is sent.
    if (reception.isWaiting(socket)) socket.setTimeout(server.timeout);
    else socket.destroy();
  });
  server.on('clientError', (error, socket) => reception.malformed(error, socket as Socket));
  const own = typeof place === 'object' ? await serveMetrics(metrics, place.port) : undefined;
  log.say('serving', { url, publicUrl });
  return {
    url,
    publicUrl,
    metricsUrl: place === undefined ? undefined : `${own ? urlOf(own, 'http') : url}/-/metrics`,
    close: async ({ graceMs }) => {
      reception.close();
      await Promise.all([shut(server, graceMs), own ? shut(own, 0) : undefined]);
      log.say('stopped');
    },
  };
}

function makeServer({ tls, limits: chosen }: GatewayOptions): Server {
  const limits = { ...LIMITS, ...chosen };
  const settings: http.ServerOptions = {
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: Math.min(CHECK_MS, limits.headersMs),
    noDelay: true,
  };
  const server = tls ? https.createServer({ ...settings, ...tls }) : http.createServer(settings);
  server.maxConnections = limits.connectionsMax;
  server.timeout = limits.idleMs;
  return server;
}

/** A server of its own for what Prometheus scrapes, which this machine alone reaches. */
async function serveMetrics(metrics: Metrics, port: number): Promise<Server> {
  const server = http.createServer((request, response) => {
    if (request.url !== '/-/metrics' || request.method !== 'GET') {
      response.writeHead(404).end();
      return;
    }
    metrics.text().then(
      ({ contentType, text }) => response.writeHead(200, { 'Content-Type': contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  await listening(server, { host: '127.0.0.1', port });
  return server;
}

function listening(server: Server, at: { readonly host: string; readonly port: number }): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(at.port, at.host, () => {
    server.off('error', reject);
    resolve();
  });
  return promise;
}

function urlOf(server: Server, protocol: 'http' | 'https'): string {
  const { address, port, family } = server.address() as AddressInfo;
  return `${protocol}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/** `close` ends idle connections at once; the others end with their answer, which says so, or when the time is up. */
function shut(server: Server, graceMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const deadline = setTimeout(() => server.closeAllConnections(), graceMs);
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  server.close(() => {
    clearTimeout(deadline);
    clearInterval(sweep);
    resolve();
  });
  return promise;
}

/** How often connections are ended whose answer had begun before the stop, and so did not say that it is the last. */
const SWEEP_MS = 100;

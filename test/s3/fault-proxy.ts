/**
 * A proxy in front of a real S3 server. Requests pass unchanged, Host included, so that signatures hold; answers are
 * lost, and errors given, as its fault table says. It refuses what AWS refuses and lesser servers let pass: HEAD on
 * a presigned URL, and an Authorization header beside one.
 */
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type FaultRule, FaultTable, type FaultWhat } from './fault.ts';
import { operationOf } from './operation.ts';
import { type Counter, type LoggedRequest, RequestLog } from './request-log.ts';
import { clientEnvironment, type S3Server } from './server.ts';
import { addressOf } from './stand-in/address.ts';
import { isS3Code, S3Error } from './stand-in/error.ts';
import { errorDocument } from './stand-in/xml.ts';

export interface FaultProxy extends S3Server {
  readonly faults: FaultTable;
  readonly requests: readonly LoggedRequest[];
  fault(rule: FaultRule): void;
  counter(operation: string): Counter;
  /** Closes the proxy; the server behind it lives on. */
  close(): Promise<void>;
}

/** More at once than any client here asks for. */
const CONNECTIONS_MAX = 512;
/** A server that says nothing for this long is gone. */
const SILENCE_MS_MAX = 120_000;
/** These belong to one connection, not to the message. */
const HOP_BY_HOP = ['connection', 'keep-alive', 'transfer-encoding'];

export async function startFaultProxy(server: S3Server): Promise<FaultProxy> {
  const faults = new FaultTable();
  const log = new RequestLog();
  // A connection a request: a server that closes one it was to keep would look like a fault of ours.
  const agent = new http.Agent({ keepAlive: false, maxSockets: CONNECTIONS_MAX });
  const upstream = { url: new URL(server.endpoint), agent };
  const proxy = http.createServer((request, response) =>
    handle({ request, response, faults, log, upstream }),
  );
  proxy.maxConnections = CONNECTIONS_MAX;
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { kind, region, credentials } = server;
  const place = {
    region,
    credentials,
    endpoint: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
  };
  return {
    kind,
    ...place,
    environment: clientEnvironment(place),
    makeBucket: (name, options) => server.makeBucket(name, options),
    faults,
    requests: log.requests,
    fault: (rule) => faults.add(rule),
    counter: (operation) => log.counter(operation),
    async close() {
      proxy.close();
      proxy.closeAllConnections();
      agent.destroy();
      await once(proxy, 'close');
    },
  };
}

interface Passage {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly faults: FaultTable;
  readonly log: RequestLog;
  readonly upstream: { readonly url: URL; readonly agent: http.Agent };
}

function handle(passage: Passage): void {
  const { request, response, faults, log } = passage;
  const { method = '', url = '/', headers } = request;
  const { at, query } = addressOf(url, headers.host ?? '');
  const isCopy = headers['x-amz-copy-source'] !== undefined;
  const operation = operationOf({ method, at, query, isCopy });
  const logged = log.add(request, operation, query);
  request.on('error', () => response.destroy());
  const refusal = refusalOf(request, query);
  const what = refusal ? undefined : faults.strike({ operation, method, url, headers });
  if (what === 'stall') return;
  if (what === 'reset') {
    request.socket.destroy();
    return;
  }
  const error = refusal ?? errorOf(what);
  if (error) refuse(passage, error, logged);
  else forward(passage, logged, what === 'drop-response' ? 'lost' : 'given');
}

/** What AWS refuses of a presigned URL, which carries the whole of its authority. */
function refusalOf({ method, headers }: IncomingMessage, query: URLSearchParams): S3Error | undefined {
  if (!query.has('X-Amz-Signature')) return undefined;
  if (headers.authorization !== undefined) {
    return new S3Error('InvalidArgument', {
      message: 'Only one auth mechanism allowed',
      fields: { ArgumentName: 'Authorization', ArgumentValue: headers.authorization },
    });
  }
  return method === 'HEAD' ? new S3Error('SignatureDoesNotMatch') : undefined;
}

function errorOf(what: FaultWhat | undefined): S3Error | undefined {
  switch (what) {
    case 'expired-token':
      return new S3Error('ExpiredToken');
    case 'conflict':
      return new S3Error('ConditionalRequestConflict');
    case 'abort-upload':
      return new S3Error('NoSuchUpload');
    default:
      if (typeof what !== 'object') return undefined;
      if (!isS3Code(what.code)) throw new Error(`a fault names ${what.code}, which is no error of S3`);
      return new S3Error(what.code, { status: what.status });
  }
}

/** Takes the body in before it answers, so that the client hears the answer. */
function refuse({ request, response }: Passage, error: S3Error, logged: LoggedRequest): void {
  const text = errorDocument({ Code: error.code, Message: error.message, ...error.fields });
  logged.status = error.status;
  logged.code = error.code;
  request.on('end', () => {
    response.writeHead(error.status, { 'content-type': 'application/xml' });
    response.end(request.method === 'HEAD' ? undefined : text);
  });
  request.resume();
}

function forward(
  { request, response, log, upstream }: Passage,
  logged: LoggedRequest,
  answer: 'given' | 'lost',
) {
  const { operation } = logged;
  const onward = http.request({
    agent: upstream.agent,
    host: upstream.url.hostname,
    port: upstream.url.port,
    method: request.method,
    path: request.url,
    headers: messageHeaders(request.rawHeaders),
    setHost: false,
    timeout: SILENCE_MS_MAX,
  });
  const cut = () => {
    onward.destroy();
    request.socket.destroy();
  };
  onward.on('timeout', cut).on('error', cut);
  request.on('data', (chunk: Buffer) =>
    log.addBytes(operation, { receivedBytes: chunk.length, sentBytes: 0 }),
  );
  response.on('close', () => {
    if (!response.writableFinished) onward.destroy();
  });
  onward.on('response', (inward) => {
    inward.on('error', cut);
    inward.on('data', (chunk: Buffer) =>
      log.addBytes(operation, { receivedBytes: 0, sentBytes: chunk.length }),
    );
    if (answer === 'lost') {
      inward.on('end', cut);
      return;
    }
    logged.status = inward.statusCode ?? 0;
    response.writeHead(inward.statusCode ?? 502, inward.statusMessage, messageHeaders(inward.rawHeaders));
    inward.pipe(response);
  });
  request.pipe(onward);
}

/** Names and values in turn, as they came, without those of the connection. */
function messageHeaders(raw: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const [name = '', value = ''] = [raw[at], raw[at + 1]];
    if (!HOP_BY_HOP.includes(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}

/**
 * A strict S3 in this process: real HTTP, real signatures, objects in memory. It refuses what AWS refuses, in AWS's
 * words, and misbehaves on request. Where it knows less than AWS it answers NotImplemented rather than guess.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { type FaultRule, FaultTable, type FaultWhat } from '../fault.ts';
import { operationOf } from '../operation.ts';
import { type Counter, type LoggedRequest, RequestLog } from '../request-log.ts';
import { type BucketOptions, clientEnvironment, type S3Credentials, type S3Server } from '../server.ts';
import { AccessBook } from './access.ts';
import { type Addressed, addressOf } from './address.ts';
import { openBody, readWire } from './body.ts';
import { setVersioning } from './buckets.ts';
import type { Abilities, Reply } from './call.ts';
import { answer } from './dispatch.ts';
import { isS3Code, S3Error } from './error.ts';
import { Store } from './store.ts';
import { errorDocument } from './xml.ts';

export interface StandInOptions extends Partial<Abilities> {
  readonly region?: string;
  readonly accountId?: string;
  /** Speak HTTPS with this certificate. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Gives the credentials a session token, refused from this moment (milliseconds). `expireAt` moves it. */
  readonly credentialsExpireAt?: number;
  /** Host names whose subdomains are buckets, beside AWS's own. */
  readonly domain?: string;
  /** All bytes of objects and parts together. */
  readonly heldBytesMax?: number;
  /** The server's clock. */
  readonly now?: () => number;
}

export interface S3StandIn extends S3Server {
  readonly kind: 'stand-in';
  readonly accountId: string;
  /** May read and list, nothing else. */
  readonly readOnlyCredentials: S3Credentials;
  /** Every request in order, the latest when there were very many. */
  readonly requests: readonly LoggedRequest[];
  readonly faults: FaultTable;
  readonly store: Store;
  fault(rule: FaultRule): void;
  counter(operation: string): Counter;
  /** Puts the bucket into another region: the endpoint then redirects, as AWS's does. */
  moveBucket(name: string, region: string): void;
  expireAt(timeMs: number): void;
}

const HELD_BYTES_MAX = 4 * 1024 ** 3;
const WIRE_BYTES_MAX = 2 * 1024 ** 3;

const ABILITIES: Abilities = {
  conditions: 'kept',
  versioning: 'supported',
  tagging: 'supported',
  kms: 'allowed',
  policy: 'none',
  repeatedComplete: 'same-answer',
  deniedActions: [],
};

export async function startS3StandIn(options: StandInOptions = {}): Promise<S3StandIn> {
  const running = new RunningStandIn(options);
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    running.handle(request, response).catch((error: unknown) => response.destroy(error as Error));
  };
  const server = options.tls ? https.createServer(options.tls, handle) : http.createServer(handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return running.face(`${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`, async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
}

class RunningStandIn {
  readonly #options: StandInOptions;
  readonly #region: string;
  readonly #accountId: string;
  readonly #store: Store;
  readonly #access: AccessBook;
  readonly #faults = new FaultTable();
  readonly #log = new RequestLog();

  constructor(options: StandInOptions) {
    this.#options = options;
    this.#region = options.region ?? 'eu-west-1';
    this.#accountId = options.accountId ?? '111122223333';
    this.#store = new Store(options.heldBytesMax ?? HELD_BYTES_MAX);
    const expireAt = options.credentialsExpireAt;
    this.#access = new AccessBook(this.#accountId, expireAt === undefined ? 'permanent' : 'temporary');
    if (expireAt !== undefined) this.#access.expireAt(expireAt);
  }

  face(endpoint: string, close: () => Promise<void>): S3StandIn {
    const { credentials, readOnlyCredentials } = this.#access;
    const place = { endpoint, region: this.#region, credentials };
    return {
      kind: 'stand-in',
      ...place,
      accountId: this.#accountId,
      readOnlyCredentials,
      environment: clientEnvironment(place),
      requests: this.#log.requests,
      faults: this.#faults,
      store: this.#store,
      fault: (rule) => this.#faults.add(rule),
      counter: (operation) => this.#log.counter(operation),
      makeBucket: async (name, bucketOptions: BucketOptions = {}) => {
        const bucket = this.#store.addBucket(name, this.#region, this.#nowMs());
        if (bucketOptions.versioning === 'on') setVersioning(bucket, 'Enabled');
      },
      moveBucket: (name, region) => {
        const bucket = this.#store.buckets.get(name);
        if (bucket) this.#store.buckets.set(name, { ...bucket, region });
      },
      expireAt: (timeMs) => this.#access.expireAt(timeMs),
      close,
    };
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? '/';
    const address = addressOf(url, request.headers.host ?? '', this.#options.domain);
    const { method = '' } = request;
    const isCopy = request.headers['x-amz-copy-source'] !== undefined;
    const operation = operationOf({ method, at: address.at, query: address.query, isCopy });
    const logged = this.#log.add(request, operation, address.query);
    const what = this.#faults.strike({ operation, method, url, headers: request.headers });
    if (what === 'stall') return;
    if (what === 'reset') {
      request.socket.destroy();
      return;
    }
    let wire: Buffer | undefined;
    let reply: Reply;
    try {
      wire = await readWire(request, WIRE_BYTES_MAX);
      if (what !== undefined && what !== 'drop-response') this.#fail(what, address);
      reply = this.#work(request, address, operation, wire);
    } catch (error) {
      if (!(error instanceof S3Error)) {
        request.socket.destroy();
        throw error;
      }
      logged.code = error.code;
      reply = errorReply(error, url);
    }
    if (what === 'drop-response' || request.socket.destroyed) {
      request.socket.destroy();
      return;
    }
    logged.status = reply.status;
    const sentBytes = send(method, reply, response);
    this.#log.addBytes(operation, { receivedBytes: wire?.length ?? 0, sentBytes });
  }

  /** Checks who calls, takes the body out of its wrapping, and does the work; all of it at one moment. */
  #work(request: IncomingMessage, address: Addressed, operation: string, wire: Buffer): Reply {
    const { method = '', url = '/', headers } = request;
    const nowMs = this.#nowMs();
    const caller = this.#access.identify({ method, url, headers, nowMs });
    const abilities = { ...ABILITIES, ...definedOnly(this.#options) };
    return answer({
      operation,
      address,
      headers,
      caller,
      abilities,
      store: this.#store,
      region: this.#region,
      accountId: this.#accountId,
      nowMs,
      body: openBody(wire, headers, caller.claim, caller.chain),
      allow: (action, resource) => this.#access.allow(caller, action, resource, abilities.deniedActions),
    });
  }

  #fail(what: Exclude<FaultWhat, 'stall' | 'reset' | 'drop-response'>, address: Addressed): never {
    if (what === 'expired-token') throw new S3Error('ExpiredToken');
    if (what === 'conflict') throw new S3Error('ConditionalRequestConflict');
    if (what === 'abort-upload') {
      const bucket = this.#store.buckets.get(address.bucket);
      const upload = bucket?.uploads.get(address.query.get('uploadId') ?? '');
      if (bucket && upload) this.#store.dropUpload(bucket, upload);
      throw new S3Error('NoSuchUpload');
    }
    if (!isS3Code(what.code)) throw new Error(`a fault names ${what.code}, which is no error of S3`);
    throw new S3Error(what.code, { status: what.status });
  }

  #nowMs(): number {
    return (this.#options.now ?? Date.now)();
  }
}

/** A setting that is given as undefined is as one not given. */
function definedOnly(options: StandInOptions): Partial<Abilities> {
  const given = Object.entries(options).filter(([name, value]) => name in ABILITIES && value !== undefined);
  return Object.fromEntries(given) as Partial<Abilities>;
}

function errorReply(error: S3Error, url: string): Reply {
  return {
    status: error.status,
    headers: error.headers,
    text: errorDocument({
      Code: error.code,
      Message: error.message,
      ...error.fields,
      Resource: url.split('?', 1)[0],
    }),
  };
}

/** Sends an answer and says how long its body is. HEAD and 304 have none. */
function send(method: string, reply: Reply, response: ServerResponse): number {
  const requestId = randomBytes(8).toString('hex').toUpperCase();
  const hostId = randomBytes(48).toString('base64');
  const ids = `<RequestId>${requestId}</RequestId><HostId>${hostId}</HostId></Error>`;
  const text = reply.text?.replace(/<\/Error>$/, ids);
  const chunks = text === undefined ? (reply.chunks ?? []) : [Buffer.from(text)];
  const sizeBytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const bodiless = method === 'HEAD' || reply.status === 304 || reply.status === 204;
  response.statusCode = reply.status;
  const headers = {
    server: 'AmazonS3',
    'x-amz-request-id': requestId,
    'x-amz-id-2': hostId,
    ...(text === undefined ? {} : { 'content-type': 'application/xml' }),
    ...(bodiless ? {} : { 'content-length': String(sizeBytes) }),
    ...reply.headers,
  };
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) response.setHeader(name, value);
  }
  if (bodiless) {
    response.end();
    return 0;
  }
  for (const chunk of chunks) response.write(chunk);
  response.end();
  return sizeBytes;
}

/**
 * Samples for tests of the gateway: a catalog and its data in memory, readers by token, and a client that sends bytes
 * exactly as they are given to it.
 */
import { createHash } from 'node:crypto';
import net from 'node:net';
import { gitBlobSha1, sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import { type Commit, type ModelName, parseCommit, parseModelName, parseRepoPath } from '../base/name.ts';
import type { RevisionId } from '../vault/layout.ts';
import type {
  Catalog,
  CatalogModel,
  RevisionStanding,
  ServedFile,
  ServedRevision,
  Snapshot,
} from './catalog.ts';
import type { DataDoor, Delivery } from './data.ts';
import type { RateLimits, Reader, Readers } from './reader.ts';
import { type Gateway, type GatewayOptions, startGateway } from './server.ts';

export interface SampleRevision {
  readonly commit: string;
  /** Published unless something else is said. */
  readonly is?: RevisionStanding['is'];
  readonly decidedAt?: string;
  /** Path → content. Paths that end in `.bin`, `.gguf` or `.safetensors` are in LFS. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly warnings?: readonly string[];
  readonly license?: string;
  readonly card?: Partial<ServedRevision['card']>;
}

export interface SampleModel {
  readonly name: string;
  /** The one decided last first. */
  readonly revisions: readonly SampleRevision[];
  readonly channels?: Readonly<Record<string, string>>;
  readonly tags?: Readonly<Record<string, string>>;
}

/** A commit that is told by its text. */
export function commitOf(text: string): Commit {
  return parseCommit(createHash('sha1').update(text).digest('hex'));
}

export class MemoryCatalog implements Catalog {
  readonly contents = new Map<string, Uint8Array>();
  readonly #models = new Map<string, CatalogModel>();
  readonly #revisions = new Map<string, ServedRevision>();
  #sequence = 1;
  /** What `now` throws, where it does. */
  unbelievable: unknown;

  constructor(models: readonly SampleModel[]) {
    for (const model of models) this.set(model);
  }

  /** Puts a model into the next state. */
  set({ name, revisions, channels = {}, tags = {} }: SampleModel): void {
    this.#sequence += 1;
    const model = parseModelName(name);
    const standings = new Map<Commit, RevisionStanding & { decidedAt: string }>();
    for (const revision of revisions) {
      const commit = parseCommit(revision.commit);
      const decidedAt = revision.decidedAt ?? '2026-11-01T12:00:00Z';
      standings.set(commit, { is: revision.is ?? 'published', decidedAt });
      this.#revisions.set(`${model}@${commit}`, this.#served({ model, commit }, { ...revision, decidedAt }));
    }
    const commits = (named: Readonly<Record<string, string>>) =>
      new Map(Object.entries(named).map(([key, commit]) => [key, parseCommit(commit)]));
    this.#models.set(name, {
      name: model,
      revisions: standings,
      channels: commits(channels),
      tags: commits(tags),
    });
  }

  now(): Snapshot {
    if (this.unbelievable !== undefined) throw this.unbelievable;
    const models = this.#models;
    const standing = ({ model, commit }: RevisionId) => models.get(model)?.revisions.get(commit)?.is;
    const revisions = this.#revisions;
    return {
      sequence: this.#sequence,
      model: async (name) => models.get(name),
      async revision(id) {
        const revision = revisions.get(`${id.model}@${id.commit}`);
        if (revision && standing(id) === 'published') return revision;
        throw new WeighlockError('WL_NOT_ADMITTED', `${id.model} is not published`);
      },
      explain: async (id) => `${id.model}@${id.commit.slice(0, 12)} is ${standing(id)}, for a reason`,
      async *list(after) {
        for (const name of [...models.keys()].sort()) {
          const model = models.get(name);
          const isServed = [...(model?.revisions.values() ?? [])].some(({ is }) => is === 'published');
          if (model && isServed && (after === undefined || name > after)) yield model;
        }
      },
    };
  }

  #served(id: RevisionId, sample: SampleRevision & { readonly decidedAt: string }): ServedRevision {
    const files = Object.entries(sample.files ?? {})
      .map(([text, content]): ServedFile => {
        const path = parseRepoPath(text);
        const bytes = Buffer.from(content);
        const digest = sha256(bytes);
        this.contents.set(digest, bytes);
        const isLfs = /\.(?:bin|gguf|safetensors)$/.test(text);
        const oid = isLfs ? undefined : gitBlobSha1(bytes);
        return { path, sizeBytes: bytes.length, sha256: digest, gitBlobSha1: oid };
      })
      .sort((a, b) => (a.path < b.path ? -1 : 1));
    const none = {
      tags: [],
      pipelineTag: undefined,
      libraryName: undefined,
      cardData: undefined,
      config: undefined,
    };
    return {
      id,
      decidedAt: sample.decidedAt,
      files: new Map(files.map((file) => [file.path, file])),
      repoId: undefined,
      license: sample.license,
      card: { ...none, ...sample.card },
      warnings: sample.warnings ?? [],
    };
  }
}

/** Reads from a catalog's contents: streams in small pieces, or redirects to a store that does not exist. */
export class MemoryData implements DataDoor {
  readonly #catalog: MemoryCatalog;
  by: 'stream' | 'redirect' = 'stream';
  /** What `open` does instead, where it does. */
  instead: ((file: ServedFile, signal: AbortSignal) => Promise<Delivery>) | undefined;
  /** Every span that was opened, as `path first-last`. */
  readonly opened: string[] = [];

  constructor(catalog: MemoryCatalog) {
    this.#catalog = catalog;
  }

  async open(id: RevisionId, file: ServedFile, options: Parameters<DataDoor['open']>[2]): Promise<Delivery> {
    const { span, signal } = options;
    this.opened.push(`${file.path}${span ? ` ${span.first}-${span.last}` : ''}`);
    if (this.instead) return this.instead(file, signal);
    if (this.by === 'redirect') {
      return {
        by: 'redirect',
        url: `https://store.test/${id.model}/${file.sha256}?signature=secret`,
        seconds: 300,
      };
    }
    const bytes = this.#bytes(file).subarray(span?.first ?? 0, (span?.last ?? file.sizeBytes - 1) + 1);
    return { by: 'stream', bytes: pieces(bytes) };
  }

  async firstByte(_id: RevisionId, file: ServedFile): Promise<Uint8Array> {
    return this.#bytes(file).subarray(0, 1);
  }

  async read(_id: RevisionId, file: ServedFile): Promise<Uint8Array> {
    return this.#bytes(file);
  }

  async close(): Promise<void> {}

  #bytes({ sha256: digest }: ServedFile): Uint8Array {
    const bytes = this.#catalog.contents.get(digest);
    if (bytes === undefined) throw new WeighlockError('WL_VAULT_CORRUPT', 'the file is gone from /srv/vault');
    return bytes;
  }
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

/** A token that every client takes for one: `hf_` and 34 letters and digits. */
export function tokenOf(name: string): string {
  return `hf_${name.padEnd(34, '0')}`;
}

/** `alice` reads everything, `bob` only `acme/…`, `audit` downloads nothing; nobody else reads unless allowed to. */
export class SampleReaders implements Readers {
  anonymous: 'refused' | 'reads' = 'refused';

  identify(token: string | undefined, address: string): ReturnType<Readers['identify']> {
    switch (token) {
      case tokenOf('alice'):
        return readerCalled('alice', () => true);
      case tokenOf('bob'):
        return readerCalled('bob', (model) => model.startsWith('acme/'));
      case tokenOf('audit'):
        return { ...readerCalled('audit', () => true), role: 'auditor', mayDownload: false };
      case undefined:
        if (this.anonymous === 'refused') return 'nobody';
        return { ...readerCalled(undefined, () => true), role: 'anonymous', countedBy: address };
      default:
        return 'unknown';
    }
  }
}

function readerCalled(name: string | undefined, mayRead: (model: ModelName) => boolean): Reader {
  const grantedAt = name === undefined ? undefined : '2026-10-01T00:00:00.000Z';
  return { name, role: 'reader', mayDownload: true, grantedAt, mayRead, countedBy: name ?? 'nobody' };
}

/** Lets `left` requests of each reader and kind through. */
export class SampleLimits implements RateLimits {
  left = Number.MAX_SAFE_INTEGER;

  take(_reader: Reader, policy: 'api' | 'resolvers') {
    const allowed = this.left > 0;
    if (allowed) this.left -= 1;
    return { allowed, policy, remaining: this.left, resetsInSeconds: 55 } as const;
  }
}

export interface SampleGateway extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly catalog: MemoryCatalog;
  readonly data: MemoryData;
  readonly readers: SampleReaders;
  readonly limits: SampleLimits;
  /** What was logged, a parsed line each. */
  readonly lines: readonly Record<string, unknown>[];
  /** The log as it was written. */
  readonly text: () => string;
  /** Resolves with the line once one like it is written. */
  logged(like: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  ask(target: string, more?: AskOptions): Promise<Received>;
}

/** A gateway over samples, on a free port of this machine. */
export async function startSample(
  models: readonly SampleModel[],
  options: Partial<GatewayOptions> = {},
): Promise<SampleGateway> {
  const catalog = new MemoryCatalog(models);
  const data = new MemoryData(catalog);
  const readers = new SampleReaders();
  const limits = new SampleLimits();
  const lines: Record<string, unknown>[] = [];
  let text = '';
  const waiting = new Set<() => void>();
  const log = {
    write(line: string) {
      text += line;
      lines.push(JSON.parse(line));
      for (const look of waiting) look();
    },
  };
  const listen = { host: '127.0.0.1', port: 0 };
  const gateway = await startGateway({ catalog, data, readers, rateLimits: limits, listen, log, ...options });
  return {
    gateway,
    catalog,
    data,
    readers,
    limits,
    lines,
    text: () => text,
    logged: (like) => {
      const { promise, resolve } = Promise.withResolvers<Record<string, unknown>>();
      const look = () => {
        const line = lines.find(like);
        if (line === undefined) return;
        waiting.delete(look);
        resolve(line);
      };
      waiting.add(look);
      look();
      return promise;
    },
    ask: (target, more) => askRaw(gateway.url, target, more),
    [Symbol.asyncDispose]: () => gateway.close({ graceMs: 0 }),
  };
}

export interface AskOptions {
  readonly method?: string;
  /** Whose token is sent: alice's unless somebody else is named; none for `null`. */
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface Received {
  readonly status: number;
  /** By lower-case name; the values of a repeated one on lines of their own. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly json: () => unknown;
}

/** Sends one request with the target exactly as given, and reads the answer to the end of the connection. */
export async function askRaw(url: string, target: string, options: AskOptions = {}): Promise<Received> {
  const { method = 'GET', token = 'alice', headers = {}, body = '' } = options;
  const lines = [`${method} ${target} HTTP/1.1`, 'Host: gateway.test', 'Connection: close'];
  if (token !== null) lines.push(`Authorization: Bearer ${token.startsWith('hf_') ? token : tokenOf(token)}`);
  if (body.length > 0) lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  return parseReceived(
    await exchangeRaw(url, [Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), Buffer.from(body)]),
  );
}

/** Everything that the server sends until it ends the connection. */
export function exchangeRaw(url: string, sent: readonly Uint8Array[]): Promise<Buffer> {
  const { hostname, port } = new URL(url);
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const received: Buffer[] = [];
  const socket = net.connect({ host: hostname, port: Number(port) });
  for (const bytes of sent) socket.write(bytes);
  socket.on('data', (chunk) => received.push(chunk));
  socket.on('close', () => resolve(Buffer.concat(received)));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    // The server may end a connection while we still send: what it said before counts.
    if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
  });
  return promise;
}

export function parseReceived(bytes: Buffer): Received {
  const end = bytes.indexOf('\r\n\r\n');
  const [first = '', ...lines] = bytes.subarray(0, Math.max(end, 0)).toString('latin1').split('\r\n');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = name in headers ? `${headers[name]}\n${value}` : value;
  }
  const body = bytes.subarray(end + 4);
  return { status: Number(first.split(' ')[1]), headers, body, json: () => JSON.parse(body.toString()) };
}

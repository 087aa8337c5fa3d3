/**
 * File answers: `resolve` and `raw`.
 *
 * Every HEAD is answered here with 200 and every header, and so is a GET for the first byte alone: that is how clients
 * learn size, digest and commit, and the bucket would answer neither (a signed URL is good for GET alone, and S3's ETag
 * is not the digest). Other GETs get the bytes, or a redirect to them.
 */
import { type Answer, type Body, EMPTY, type Headers } from './answer.ts';
import { readRange } from './byte-range.ts';
import type { ServedFile, ServedRevision } from './catalog.ts';
import type { ByteSpan, DataDoor } from './data.ts';
import { identityOf } from './file-identity.ts';
import { warningHeaders } from './model-fields.ts';
import { refuse } from './refusal.ts';

export interface FileAsk {
  readonly method: 'GET' | 'HEAD';
  readonly revision: ServedRevision;
  readonly path: string | undefined;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  /** Aborted when the client is gone. Made only where it is needed. */
  readonly signal: () => AbortSignal;
}

export class FileAnswers {
  readonly #data: DataDoor;

  constructor(data: DataDoor) {
    this.#data = data;
  }

  /** `/<name>/resolve/<revision>/<path>`: the file. */
  async resolve(ask: FileAsk): Promise<Answer> {
    const file = fileOf(ask);
    if (file === undefined) return notThere(ask);
    const { sizeBytes } = file;
    const { etag } = identityOf(file);
    const headers = {
      ...contentHeaders(ask.revision, file, etag),
      'X-Linked-Size': String(sizeBytes),
      'X-Linked-ETag': etag,
      'Content-Type': 'application/octet-stream',
    };
    if (ask.method === 'HEAD') {
      // Whoever asks for the head asks for the file next.
      this.#data.prepare?.(ask.revision.id);
      const warned = { ...headers, ...warningHeaders(ask.revision) };
      return { status: 200, headers: warned, body: { is: 'withheld', sizeBytes } };
    }
    return contentAnswer(ask, { sizeBytes, etag, headers, open: (span) => this.#open(ask, file, span) });
  }

  /** `/<name>/raw/<revision>/<path>`: what git holds, which for a file in LFS is its pointer. */
  async raw(ask: FileAsk): Promise<Answer> {
    const file = fileOf(ask);
    if (file === undefined) return notThere(ask);
    const identity = identityOf(file);
    const etag = `"${identity.oid}"`;
    const headers = {
      ...contentHeaders(ask.revision, file, etag),
      'Content-Type': 'text/plain; charset=utf-8',
    };
    const sizeBytes = identity.kind === 'lfs' ? identity.pointer.length : file.sizeBytes;
    if (ask.method === 'HEAD') return { status: 200, headers, body: { is: 'withheld', sizeBytes } };
    const open = async (span: ByteSpan | undefined): Promise<Opened> => {
      if (identity.kind === 'git') return this.#open(ask, file, span);
      return { is: 'bytes', bytes: identity.pointer.subarray(span?.first, span && span.last + 1) };
    };
    return contentAnswer(ask, { sizeBytes, etag, headers, open });
  }

  /** Bytes of a file that is not empty. The first alone is read here: no redirect would lead to what it is asked for. */
  async #open(
    { revision: { id }, signal, ifRange }: FileAsk,
    file: ServedFile,
    span: ByteSpan | undefined,
  ): Promise<Opened> {
    if (span?.first === 0 && span.last === 0) {
      return { is: 'bytes', bytes: await this.#data.firstByte(id, file) };
    }
    const delivery = await this.#data.open(id, file, {
      span,
      signal: signal(),
      // Stores pass over If-Range, and would give a range of a file that is not the one it names.
      direct: ifRange !== undefined,
    });
    if (delivery.by === 'redirect') return { is: 'elsewhere', url: delivery.url };
    return { is: 'stream', bytes: delivery.bytes, sizeBytes: lengthOf(span, file.sizeBytes) };
  }
}

type Opened = Exclude<Body, { readonly is: 'withheld' }> | { readonly is: 'elsewhere'; readonly url: string };

/** What a GET can be answered from. */
interface Content {
  readonly sizeBytes: number;
  readonly etag: string;
  readonly headers: Headers;
  /** Never asked where there are no bytes. */
  readonly open: (span: ByteSpan | undefined) => Promise<Opened>;
}

async function contentAnswer(ask: FileAsk, { sizeBytes, etag, headers, open }: Content): Promise<Answer> {
  const asked = readRange({ range: ask.range, ifRange: ask.ifRange }, { sizeBytes, etag });
  if (sizeBytes === 0) {
    // No range of an empty file can be satisfied; clients that ask for its first byte read the size from here.
    const range = asked.is === 'whole' ? {} : { 'Content-Range': 'bytes */0' };
    return { status: 200, headers: { ...headers, ...range }, body: EMPTY };
  }
  if (asked.is === 'outside') {
    return { status: 416, headers: { ...headers, 'Content-Range': `bytes */${sizeBytes}` }, body: EMPTY };
  }
  const span = asked.is === 'span' ? asked.span : undefined;
  const opened = await open(span);
  if (opened.is === 'elsewhere') {
    // The store answers a range itself: clients send it again.
    return { status: 302, headers: { ...headers, Location: opened.url }, body: EMPTY };
  }
  if (span === undefined) return { status: 200, headers, body: opened };
  const range = { 'Content-Range': `bytes ${span.first}-${span.last}/${sizeBytes}` };
  return { status: 206, headers: { ...headers, ...range }, body: opened };
}

function fileOf({ revision, path }: FileAsk): ServedFile | undefined {
  return path === undefined ? undefined : revision.files.get(path as ServedFile['path']);
}

function notThere({ revision, path }: FileAsk): Answer {
  return refuse({ is: 'no such file', commit: revision.id.commit, path });
}

function contentHeaders({ id }: ServedRevision, file: ServedFile, etag: string): Headers {
  return {
    'X-Repo-Commit': id.commit,
    ETag: etag,
    'Accept-Ranges': 'bytes',
    'Content-Disposition': disposition(file.path),
  };
}

/** As the Hub writes it: the name in UTF-8, and once more for clients that read only ASCII. */
function disposition(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const plain = name.replace(/[^\u0020-\u007e]|["\\%]/gu, '_');
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `inline; filename*=UTF-8''${encoded}; filename="${plain}";`;
}

function lengthOf(span: ByteSpan | undefined, sizeBytes: number): number {
  return span === undefined ? sizeBytes : span.last - span.first + 1;
}

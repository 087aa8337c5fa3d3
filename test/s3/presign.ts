/** Presigned URLs and signed headers by the letter of Signature Version 4, with every field open to a test. */
import { createHmac } from 'node:crypto';
import type { S3Server } from './server.ts';
import { encode, sha256 } from './stand-in/sigv4.ts';

type Place = Pick<S3Server, 'endpoint' | 'region' | 'credentials'>;

export interface PresignOptions {
  readonly bucket: string;
  readonly key: string;
  readonly method?: string;
  /** Milliseconds since the epoch; now where absent. */
  readonly at?: number;
  readonly expiresSeconds?: number;
  /** More of the query, signed with the rest. */
  readonly query?: Readonly<Record<string, string>>;
  /** The host to sign for and to name in the URL's place; the bucket is then not in the path. */
  readonly host?: string;
}

export function presign(place: Place, options: PresignOptions): string {
  const { bucket, key, method = 'GET', at = Date.now(), expiresSeconds = 300 } = options;
  const { accessKeyId, secretAccessKey, sessionToken } = place.credentials;
  const date = new Date(at).toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = [date.slice(0, 8), place.region, 's3', 'aws4_request'];
  const path = `/${[...(options.host ? [] : [bucket]), ...key.split('/')].map(encode).join('/')}`;
  const query = Object.entries({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': [accessKeyId, ...scope].join('/'),
    'X-Amz-Date': date,
    'X-Amz-Expires': String(expiresSeconds),
    'X-Amz-SignedHeaders': 'host',
    ...(sessionToken === undefined ? {} : { 'X-Amz-Security-Token': sessionToken }),
    ...options.query,
  })
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
  const host = options.host ?? new URL(place.endpoint).host;
  const canonical = [method, path, query, `host:${host}`, '', 'host', 'UNSIGNED-PAYLOAD'].join('\n');
  const digest = sha256(canonical);
  const text = ['AWS4-HMAC-SHA256', date, scope.join('/'), digest].join('\n');
  const signature = hmac(signingKey(secretAccessKey, scope), text);
  return `${place.endpoint}${path}?${query}&X-Amz-Signature=${signature}`;
}

export interface HeaderOptions {
  readonly method: string;
  /** Encoded, without query. */
  readonly path: string;
  /** The digest of the body, or one of S3's words in its place. */
  readonly payload: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A request with a signed Authorization header, and the signatures of the chunks that may follow. */
export function signHeaders(place: Place, { method, path, payload, headers }: HeaderOptions) {
  const { accessKeyId, secretAccessKey } = place.credentials;
  const date = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = [date.slice(0, 8), place.region, 's3', 'aws4_request'];
  const given = { ...headers, 'x-amz-content-sha256': payload, 'x-amz-date': date };
  const signed = { ...given, host: new URL(place.endpoint).host };
  const names = Object.keys(signed).sort();
  const lines = Object.entries(signed)
    .map(([name, value]) => `${name}:${value}`)
    .sort();
  const canonical = [method, path, '', ...lines, '', names.join(';'), payload].join('\n');
  const key = signingKey(secretAccessKey, scope);
  let last = hmac(key, ['AWS4-HMAC-SHA256', date, scope.join('/'), sha256(canonical)].join('\n'));
  const credential = `Credential=${[accessKeyId, ...scope].join('/')}`;
  const authorization = `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${names.join(';')}, Signature=${last}`;
  const next = (kind: string, digests: readonly string[]) => {
    last = hmac(key, [kind, date, scope.join('/'), last, ...digests].join('\n'));
    return last;
  };
  return {
    url: `${place.endpoint}${path}`,
    headers: { ...given, authorization },
    chain: {
      chunk: (bytes: Buffer) => next('AWS4-HMAC-SHA256-PAYLOAD', [sha256(''), sha256(bytes)]),
      trailer: (text: string) => next('AWS4-HMAC-SHA256-TRAILER', [sha256(text)]),
    },
  };
}

function signingKey(secret: string, scope: readonly string[]): Buffer {
  let key: Buffer = Buffer.from(`AWS4${secret}`);
  for (const part of scope) key = createHmac('sha256', key).update(part).digest();
  return key;
}

function hmac(key: Buffer, text: string): string {
  return createHmac('sha256', key).update(text).digest('hex');
}

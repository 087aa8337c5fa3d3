/** Presigned URLs and signed headers by the letter of Signature Version 4, with every field open to a test. */
import { createHash, createHmac } from 'node:crypto';
import type { S3Server } from './server.ts';
import { encode } from './stand-in/sigv4.ts';

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
  const digest = createHash('sha256').update(canonical).digest('hex');
  const text = ['AWS4-HMAC-SHA256', date, scope.join('/'), digest].join('\n');
  let signing: Buffer = Buffer.from(`AWS4${secretAccessKey}`);
  for (const part of [...scope, text]) signing = createHmac('sha256', signing).update(part).digest();
  return `${place.endpoint}${path}?${query}&X-Amz-Signature=${signing.toString('hex')}`;
}

/** URLs that a store takes without further ado: AWS Signature Version 4 in the query, the body not signed. */
import { createHash, createHmac } from 'node:crypto';
import type { S3Server } from '../test/s3/server.ts';

/** Longer than any bench, and no longer than stores allow. */
const VALID_SECONDS = 86_400;

export interface ToSign {
  readonly method: 'GET' | 'PUT' | 'POST';
  /** Bucket and key. */
  readonly place: string;
  /** Host and port as the request will name them. */
  readonly host: string;
  readonly query?: Readonly<Record<string, string>>;
}

/** Path and query of the signed URL. */
export function presign(server: S3Server, { method, place, host, query = {} }: ToSign): string {
  const { accessKeyId, secretAccessKey } = server.credentials;
  const time = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = time.slice(0, 8);
  const scope = `${day}/${server.region}/s3/aws4_request`;
  const path = `/${place.split('/').map(encodeURIComponent).join('/')}`;
  const signed = canonicalQuery({
    ...query,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${accessKeyId}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(VALID_SECONDS),
    'X-Amz-SignedHeaders': 'host',
  });
  const request = [method, path, signed, `host:${host}`, '', 'host', 'UNSIGNED-PAYLOAD'].join('\n');
  const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${createHash('sha256').update(request).digest('hex')}`;
  const key = [day, server.region, 's3', 'aws4_request'].reduce<Buffer>(
    (secret, part) => hmac(secret, part),
    Buffer.from(`AWS4${secretAccessKey}`),
  );
  return `${path}?${signed}&X-Amz-Signature=${hmac(key, text).toString('hex')}`;
}

function canonicalQuery(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .sort()
    .join('&');
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

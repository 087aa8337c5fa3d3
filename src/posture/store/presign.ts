/**
 * A presigned GET (AWS Signature Version 4 in the query, "Authenticating Requests: Using Query Parameters"), and its
 * trial: without any other authentication it must give the object, and with one character changed it must not.
 */
import { createHash, createHmac } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';
import { type AddressedRequest, addressOf } from './address.ts';

/** Seconds that a URL for a trial is good for. */
const VALID_SECONDS = 60;

/** HTTP status that the store answers to the URL, and to the same with a broken signature. */
export async function tryPresigned(
  client: S3Client,
  at: { readonly Bucket: string; readonly Key: string },
): Promise<{ readonly signed: number; readonly broken: number }> {
  const request = await addressOf(client, at);
  const query = await signedQuery(client, request);
  const signature = query['X-Amz-Signature'] ?? '';
  const other = signature.replace(/^./, (first) => (first === '0' ? '1' : '0'));
  return {
    signed: await statusOf(client, { ...request, query }),
    broken: await statusOf(client, { ...request, query: { ...query, 'X-Amz-Signature': other } }),
  };
}

async function signedQuery(client: S3Client, request: AddressedRequest): Promise<Record<string, string>> {
  const { accessKeyId, secretAccessKey, sessionToken } = await client.config.credentials();
  const region = await client.config.region();
  const time = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = `${time.slice(0, 8)}/${region}/s3/aws4_request`;
  const query: Record<string, string> = {
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${accessKeyId}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(VALID_SECONDS),
    ...(sessionToken !== undefined && { 'X-Amz-Security-Token': sessionToken }),
    'X-Amz-SignedHeaders': 'host',
  };
  const canonicalQuery = Object.entries(query)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .sort()
    .join('&');
  const canonical = [
    'GET',
    request.path,
    canonicalQuery,
    `host:${request.headers.host}`,
    '',
    'host',
    'UNSIGNED-PAYLOAD',
  ].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(canonical).digest('hex')].join(
    '\n',
  );
  const key = [time.slice(0, 8), region, 's3', 'aws4_request'].reduce<Buffer | string>(
    (secret, part) => createHmac('sha256', secret).update(part).digest(),
    `AWS4${secretAccessKey}`,
  );
  return { ...query, 'X-Amz-Signature': createHmac('sha256', key).update(toSign).digest('hex') };
}

async function statusOf(client: S3Client, request: AddressedRequest): Promise<number> {
  const { response } = await client.config.requestHandler.handle(request as never);
  // The body is not of interest, but its connection is.
  const body = response.body as { resume?: () => void; cancel?: () => Promise<void> } | undefined;
  if (body?.resume) body.resume();
  else await body?.cancel?.();
  return response.statusCode;
}

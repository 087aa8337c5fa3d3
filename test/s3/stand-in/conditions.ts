/** If-Match and If-None-Match, on writes and on reads, exactly as AWS takes them. */
import type { IncomingHttpHeaders } from 'node:http';
import { type Call, headerOf } from './call.ts';
import { S3Error } from './error.ts';
import type { StoredObject } from './store.ts';

/** Refuses a write whose condition does not hold; a delete marker on top counts as no object. */
export function checkWrite(call: Call): void {
  const ifMatch = headerOf(call.headers, 'if-match');
  const ifNoneMatch = headerOf(call.headers, 'if-none-match');
  checkPolicy(call, ifMatch, ifNoneMatch);
  if (call.abilities.conditions === 'ignored') return;
  if (ifNoneMatch !== undefined && (ifNoneMatch !== '*' || ifMatch !== undefined)) {
    throw new S3Error('NotImplemented', { fields: { Header: 'If-None-Match' } });
  }
  const current = call.store.current(call.bucket, call.key);
  if (ifNoneMatch !== undefined && current) throw failed('If-None-Match');
  if (ifMatch === undefined) return;
  if (!current) throw new S3Error('NoSuchKey', { fields: { Key: call.key } });
  if (!etagMatches(ifMatch, current.etag)) throw failed('If-Match');
}

function checkPolicy({ abilities, operation, bucket, key }: Call, ifMatch?: string, ifNoneMatch?: string) {
  const missing =
    (abilities.policy === 'deny-without-if-none-match' && ifNoneMatch === undefined) ||
    (abilities.policy === 'deny-unconditional' && ifNoneMatch === undefined && ifMatch === undefined);
  if (!missing || !['PutObject', 'CompleteMultipartUpload'].includes(operation)) return;
  throw new S3Error('AccessDenied', {
    message: `User is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::${bucket.name}/${key}" with an explicit deny in a resource-based policy`,
  });
}

/** What a read's conditions say: `unmodified` is 304. */
export function checkRead(headers: IncomingHttpHeaders, object: StoredObject): 'read' | 'unmodified' {
  const ifMatch = headerOf(headers, 'if-match');
  const ifNoneMatch = headerOf(headers, 'if-none-match');
  if (ifMatch !== undefined && !etagMatches(ifMatch, object.etag)) throw failed('If-Match');
  if (ifNoneMatch !== undefined) return etagMatches(ifNoneMatch, object.etag) ? 'unmodified' : 'read';
  const seconds = Math.floor(object.modifiedMs / 1000);
  const unmodifiedSince = Date.parse(headerOf(headers, 'if-unmodified-since') ?? '') / 1000;
  if (ifMatch === undefined && seconds > unmodifiedSince) throw failed('If-Unmodified-Since');
  const modifiedSince = Date.parse(headerOf(headers, 'if-modified-since') ?? '') / 1000;
  return seconds <= modifiedSince ? 'unmodified' : 'read';
}

/** Conditions on the source of a copy. */
export function checkCopySource(headers: IncomingHttpHeaders, source: StoredObject): void {
  const ifMatch = headerOf(headers, 'x-amz-copy-source-if-match');
  if (ifMatch !== undefined && !etagMatches(ifMatch, source.etag)) throw failed('x-amz-copy-source-If-Match');
  const ifNoneMatch = headerOf(headers, 'x-amz-copy-source-if-none-match');
  if (ifNoneMatch !== undefined && etagMatches(ifNoneMatch, source.etag)) {
    throw failed('x-amz-copy-source-If-None-Match');
  }
}

export function etagMatches(condition: string, etag: string): boolean {
  return condition.split(',').some((item) => {
    const wanted = item.trim().replace(/^W\//, '').replaceAll('"', '');
    return wanted === '*' || wanted === etag;
  });
}

function failed(condition: string): S3Error {
  return new S3Error('PreconditionFailed', { fields: { Condition: condition } });
}

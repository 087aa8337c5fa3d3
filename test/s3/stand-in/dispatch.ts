/** From a verified request to the operation that does its work. */
import type { IncomingHttpHeaders } from 'node:http';
import { BUCKET_SETTINGS } from '../operation.ts';
import { actionOf, type Caller } from './access.ts';
import type { Addressed } from './address.ts';
import type { Body } from './body.ts';
import {
  bucketLocation,
  bucketSetting,
  bucketVersioning,
  createBucket,
  deleteBucket,
  headBucket,
  listBuckets,
} from './buckets.ts';
import { type Abilities, type Call, headerOf, type Reply } from './call.ts';
import { completeUpload } from './completion.ts';
import { S3Error } from './error.ts';
import { listObjects, listUploads, listVersions } from './listings.ts';
import {
  deleteObject,
  deleteObjects,
  objectAttributes,
  objectTagging,
  putObject,
  readObject,
} from './objects.ts';
import type { Bucket, Store } from './store.ts';
import { abortUpload, copyPart, createUpload, listParts, uploadPart } from './uploads.ts';

const KEY_BYTES_MAX = 1024;

export interface VerifiedRequest {
  readonly operation: string;
  readonly address: Addressed;
  readonly headers: IncomingHttpHeaders;
  readonly caller: Caller;
  readonly abilities: Abilities;
  readonly store: Store;
  readonly region: string;
  readonly accountId: string;
  readonly nowMs: number;
  readonly body: Body;
  readonly allow: (action: string, resource: string) => void;
}

const OPERATIONS: Readonly<Record<string, (call: Call) => Reply>> = {
  AbortMultipartUpload: abortUpload,
  CompleteMultipartUpload: completeUpload,
  CreateMultipartUpload: createUpload,
  DeleteBucket: deleteBucket,
  DeleteObject: deleteObject,
  DeleteObjectTagging: objectTagging,
  DeleteObjects: deleteObjects,
  GetBucketLocation: bucketLocation,
  GetBucketVersioning: bucketVersioning,
  GetObject: readObject,
  GetObjectAttributes: objectAttributes,
  GetObjectTagging: objectTagging,
  HeadBucket: headBucket,
  HeadObject: readObject,
  ListMultipartUploads: listUploads,
  ListObjectVersions: listVersions,
  ListObjectsV2: listObjects,
  ListParts: listParts,
  PutBucketVersioning: bucketVersioning,
  PutObject: putObject,
  PutObjectTagging: objectTagging,
  UploadPart: uploadPart,
  UploadPartCopy: copyPart,
};

export function answer(request: VerifiedRequest): Reply {
  const { operation, address, caller, store, region, accountId, nowMs, allow } = request;
  const wanted = store.buckets.get(address.bucket)?.region ?? region;
  checkRegion(request, wanted);
  const resource = address.at === 'object' ? `${address.bucket}/${address.key}` : address.bucket;
  allow(actionOf(operation, address.query.has('versionId')), resource || '*');
  if (operation === 'ListBuckets') return listBuckets(store, accountId);
  if (operation === 'CreateBucket') {
    const { bytes } = request.body;
    return createBucket({ store, name: address.bucket, region, body: bytes, nowMs });
  }
  const bucket = store.buckets.get(address.bucket);
  if (!bucket) throw new S3Error('NoSuchBucket', { fields: { BucketName: address.bucket } });
  if (wanted !== caller.claim.region) throw elsewhere(bucket);
  const owner = headerOf(request.headers, 'x-amz-expected-bucket-owner');
  if (owner !== undefined && owner !== accountId) throw new S3Error('AccessDenied');
  if (Buffer.byteLength(address.key) > KEY_BYTES_MAX) {
    throw new S3Error('KeyTooLongError', {
      fields: { Size: String(Buffer.byteLength(address.key)), MaxSizeAllowed: String(KEY_BYTES_MAX) },
    });
  }
  const { key, query } = address;
  return perform({ ...request, bucket, key, query });
}

function perform(call: Call): Reply {
  const known = OPERATIONS[call.operation];
  if (known) return known(call);
  const setting = Object.keys(BUCKET_SETTINGS).find(
    (name) => call.key === '' && call.query.has(name) && call.operation.endsWith(BUCKET_SETTINGS[name] ?? ''),
  );
  if (setting !== undefined) return bucketSetting(call, setting);
  throw new S3Error('NotImplemented', { message: `The stand-in does not know ${call.operation}.` });
}

/**
 * A request is signed for this endpoint's region, or, since there is one endpoint here for every region, for that
 * of its bucket. For this region, where the bucket is in another, it is redirected.
 */
function checkRegion({ caller, region }: VerifiedRequest, wanted: string): void {
  const signed = caller.claim.region;
  if (signed === region || signed === wanted) return;
  const headers = { 'x-amz-bucket-region': wanted };
  const fields = { Region: wanted };
  if (caller.claim.how === 'presigned') {
    const message = `Error parsing the X-Amz-Credential parameter; the region '${signed}' is wrong; expecting '${wanted}'`;
    throw new S3Error('AuthorizationQueryParametersError', { message, fields, headers });
  }
  const message = `The authorization header is malformed; the region '${signed}' is wrong; expecting '${wanted}'`;
  throw new S3Error('AuthorizationHeaderMalformed', { message, fields, headers });
}

function elsewhere({ name, region }: Bucket): S3Error {
  return new S3Error('PermanentRedirect', {
    fields: { Endpoint: `s3.${region}.amazonaws.com`, Bucket: name },
    headers: { 'x-amz-bucket-region': region },
  });
}

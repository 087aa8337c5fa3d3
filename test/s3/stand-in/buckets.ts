/** Buckets: made, named, found in their region, versioned, and configured by documents that are kept as they come. */
import { type Call, iso, type Reply } from './call.ts';
import { type S3Code, S3Error } from './error.ts';
import type { Bucket, Store } from './store.ts';
import { childText, document, parseXml } from './xml.ts';

const SETTING_BYTES_MAX = 256 * 1024;

/** What GET answers where nothing was put: an error, or the document of an untouched bucket. */
const UNSET: Readonly<Record<string, S3Code | readonly [root: string]>> = {
  policy: 'NoSuchBucketPolicy',
  lifecycle: 'NoSuchLifecycleConfiguration',
  encryption: 'ServerSideEncryptionConfigurationNotFoundError',
  publicAccessBlock: 'NoSuchPublicAccessBlockConfiguration',
  ownershipControls: 'OwnershipControlsNotFoundError',
  'object-lock': 'ObjectLockConfigurationNotFoundError',
  logging: ['BucketLoggingStatus'],
  notification: ['NotificationConfiguration'],
  tagging: 'NoSuchTagSet',
  cors: 'NoSuchCORSConfiguration',
  replication: 'ReplicationConfigurationNotFoundError',
};

export function listBuckets(store: Store, accountId: string): Reply {
  const Bucket = [...store.buckets.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, createdMs, region }) => ({
      Name: name,
      CreationDate: iso(createdMs),
      BucketRegion: region,
    }));
  return {
    status: 200,
    text: document('ListAllMyBucketsResult', { Owner: { ID: accountId }, Buckets: { Bucket } }),
  };
}

export interface NewBucket {
  readonly store: Store;
  readonly name: string;
  readonly region: string;
  readonly body: Buffer;
  readonly nowMs: number;
}

export function createBucket({ store, name, region, body, nowMs }: NewBucket): Reply {
  if (!isBucketName(name)) throw new S3Error('InvalidBucketName', { fields: { BucketName: name } });
  if (store.buckets.has(name)) throw new S3Error('BucketAlreadyOwnedByYou', { fields: { BucketName: name } });
  const constraint =
    body.length > 0
      ? childText(parseXml(body, 'CreateBucketConfiguration'), 'LocationConstraint')
      : undefined;
  if ((constraint ?? 'us-east-1') !== region) {
    throw new S3Error('IllegalLocationConstraintException', {
      message: `The ${constraint ?? 'unspecified'} location constraint is incompatible for the region specific endpoint this request was sent to.`,
    });
  }
  store.addBucket(name, region, nowMs);
  return { status: 200, headers: { location: `/${name}` } };
}

export function isBucketName(name: string): boolean {
  return (
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) && !name.includes('..') && !/^\d+(\.\d+){3}$/.test(name)
  );
}

export function headBucket({ bucket }: Call): Reply {
  return { status: 200, headers: { 'x-amz-bucket-region': bucket.region } };
}

export function deleteBucket({ store, bucket }: Call): Reply {
  if (bucket.objects.size > 0) throw new S3Error('BucketNotEmpty', { fields: { BucketName: bucket.name } });
  store.buckets.delete(bucket.name);
  return { status: 204 };
}

/** us-east-1 is the region without a name. */
export function bucketLocation({ bucket }: Call): Reply {
  const location = bucket.region === 'us-east-1' ? '' : bucket.region;
  const empty = document('LocationConstraint', {});
  return { status: 200, text: empty.replace('></', `>${location}</`) };
}

export function bucketVersioning(call: Call): Reply {
  const { abilities, bucket, operation, body } = call;
  if (abilities.versioning === 'unsupported') {
    throw new S3Error('NotImplemented', { message: 'Versioning is not implemented.' });
  }
  if (operation === 'GetBucketVersioning') {
    const Status = { off: undefined, on: 'Enabled', suspended: 'Suspended' }[bucket.versioning];
    return { status: 200, text: document('VersioningConfiguration', { Status }) };
  }
  const status = childText(parseXml(body.bytes, 'VersioningConfiguration'), 'Status');
  if (status !== 'Enabled' && status !== 'Suspended') throw new S3Error('MalformedXML');
  setVersioning(bucket, status);
  return { status: 200 };
}

export function setVersioning(bucket: Bucket, status: 'Enabled' | 'Suspended'): void {
  bucket.versioning = status === 'Enabled' ? 'on' : 'suspended';
}

/** Get, Put and Delete of a document that the stand-in keeps but does not act on. */
export function bucketSetting(call: Call, name: string): Reply {
  const { bucket, operation, body } = call;
  if (operation.startsWith('Put')) {
    if (body.bytes.length > SETTING_BYTES_MAX) throw new S3Error('MalformedXML');
    bucket.settings.set(name, body.bytes);
    return { status: name === 'policy' ? 204 : 200 };
  }
  if (operation.startsWith('Delete')) {
    bucket.settings.delete(name);
    return { status: 204 };
  }
  const kept = bucket.settings.get(name);
  if (kept) return { status: 200, text: kept.toString() };
  const unset = UNSET[name];
  if (unset === undefined) throw new S3Error('NotImplemented');
  if (typeof unset === 'string') throw new S3Error(unset, { fields: { BucketName: bucket.name } });
  return { status: 200, text: document(unset[0], {}) };
}

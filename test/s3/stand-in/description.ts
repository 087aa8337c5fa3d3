/** What is said of an object beside its bytes: headers to give back, encryption, tags. */
import { type Call, headerOf } from './call.ts';
import { S3Error } from './error.ts';
import type { Described } from './store.ts';
import { childText, parseXml } from './xml.ts';

const KEPT = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
  'x-amz-storage-class',
  'x-amz-website-redirect-location',
];
const METADATA_BYTES_MAX = 2048;
const TAGS_MAX = 10;
const TAG_KEY_CHARACTERS_MAX = 128;
const TAG_VALUE_CHARACTERS_MAX = 256;
const TAG_CHARACTERS = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

export function describe(call: Call): Described {
  refuseLocksAndLists(call);
  const kept: Record<string, string> = { 'content-type': 'binary/octet-stream' };
  let metadataBytes = 0;
  for (const [name, value] of Object.entries(call.headers)) {
    if (typeof value !== 'string' || value === '') continue;
    if (name.startsWith('x-amz-meta-')) {
      metadataBytes += Buffer.byteLength(name) - 'x-amz-meta-'.length + Buffer.byteLength(value);
      kept[name] = value;
    } else if (KEPT.includes(name)) kept[name] = value;
  }
  if (metadataBytes > METADATA_BYTES_MAX) {
    throw new S3Error('MetadataTooLarge', {
      fields: { Size: String(metadataBytes), MaxSizeAllowed: String(METADATA_BYTES_MAX) },
    });
  }
  // aws-chunked is how the bytes travelled, not what they are.
  const encodings = (kept['content-encoding'] ?? '').split(',').map((encoding) => encoding.trim());
  const lasting = encodings.filter((encoding) => encoding !== '' && encoding !== 'aws-chunked');
  if (lasting.length > 0) kept['content-encoding'] = lasting.join(',');
  else delete kept['content-encoding'];
  return { headers: kept, encryption: encryptionOf(call), tags: tagsInHeader(call) };
}

function refuseLocksAndLists({ headers }: Call): void {
  const acl = headerOf(headers, 'x-amz-acl');
  if (acl !== undefined && acl !== 'bucket-owner-full-control')
    throw new S3Error('AccessControlListNotSupported');
  if (Object.keys(headers).some((name) => name.startsWith('x-amz-object-lock-'))) {
    throw new S3Error('InvalidRequest', { message: 'Bucket is missing Object Lock Configuration' });
  }
}

function encryptionOf(call: Call): Readonly<Record<string, string>> {
  const algorithm = headerOf(call.headers, 'x-amz-server-side-encryption');
  const keyId = headerOf(call.headers, 'x-amz-server-side-encryption-aws-kms-key-id');
  const bucketKey = headerOf(call.headers, 'x-amz-server-side-encryption-bucket-key-enabled');
  if (algorithm === 'aws:kms') {
    const key = keyArn(keyId ?? 'aws/s3', call);
    checkKms(call, 'kms:GenerateDataKey', key);
    return {
      'x-amz-server-side-encryption': algorithm,
      'x-amz-server-side-encryption-aws-kms-key-id': key,
      ...(bucketKey === 'true' ? { 'x-amz-server-side-encryption-bucket-key-enabled': 'true' } : {}),
    };
  }
  if (algorithm !== undefined && algorithm !== 'AES256') {
    throw new S3Error('InvalidArgument', {
      message: 'The encryption method specified is not supported',
      fields: { ArgumentName: 'x-amz-server-side-encryption', ArgumentValue: algorithm },
    });
  }
  if (keyId !== undefined) {
    throw new S3Error('InvalidArgument', {
      message:
        'Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms',
      fields: { ArgumentName: 'x-amz-server-side-encryption', ArgumentValue: algorithm ?? 'null' },
    });
  }
  return { 'x-amz-server-side-encryption': 'AES256' };
}

function keyArn(keyId: string, { bucket, accountId }: Call): string {
  if (keyId.startsWith('arn:')) return keyId;
  const name = keyId.startsWith('alias/') ? keyId : `key/${keyId}`;
  return `arn:aws:kms:${bucket.region}:${accountId}:${name}`;
}

/** Refuses whoever may not use the key that an object is encrypted by. */
export function checkKms({ abilities, accountId }: Call, action: string, key: string): void {
  if (abilities.kms === 'allowed') return;
  throw new S3Error('AccessDenied', {
    message: `User: arn:aws:iam::${accountId}:user/weighlock is not authorized to perform: ${action} on resource: ${key} because no identity-based policy allows the ${action} action`,
  });
}

export function isKms(encryption: Readonly<Record<string, string>>): boolean {
  return encryption['x-amz-server-side-encryption'] === 'aws:kms';
}

function tagsInHeader(call: Call): ReadonlyMap<string, string> {
  const header = headerOf(call.headers, 'x-amz-tagging');
  if (header === undefined || header === '') return new Map();
  requireTagging(call);
  call.allow('s3:PutObjectTagging', `${call.bucket.name}/${call.key}`);
  return checkedTags([...new URLSearchParams(header)]);
}

/** The tags in the body of PutObjectTagging. */
export function tagsInBody(call: Call): ReadonlyMap<string, string> {
  const tagSet = parseXml(call.body.bytes, 'Tagging').children.find((child) => child.name === 'TagSet');
  if (!tagSet) throw new S3Error('MalformedXML');
  return checkedTags(
    tagSet.children.map((tag) => {
      const [key, value] = [childText(tag, 'Key'), childText(tag, 'Value')];
      if (tag.name !== 'Tag' || key === undefined || value === undefined) throw new S3Error('MalformedXML');
      return [key, value] as const;
    }),
  );
}

export function requireTagging({ abilities }: Call): void {
  if (abilities.tagging === 'supported') return;
  throw new S3Error('NotImplemented', { message: 'Object tagging is not implemented.' });
}

function checkedTags(tags: readonly (readonly [string, string])[]): ReadonlyMap<string, string> {
  if (tags.length > TAGS_MAX) {
    throw new S3Error('BadRequest', { message: `Object tags cannot be greater than ${TAGS_MAX}` });
  }
  const map = new Map<string, string>();
  for (const [key, value] of tags) {
    if (key === '' || key.length > TAG_KEY_CHARACTERS_MAX || !TAG_CHARACTERS.test(key)) {
      throw new S3Error('InvalidTag', { message: 'The TagKey you have provided is invalid' });
    }
    if (value.length > TAG_VALUE_CHARACTERS_MAX || !TAG_CHARACTERS.test(value)) {
      throw new S3Error('InvalidTag', { message: 'The TagValue you have provided is invalid' });
    }
    if (map.has(key)) {
      throw new S3Error('InvalidTag', { message: 'Cannot provide multiple Tags with the same key' });
    }
    map.set(key, value);
  }
  return map;
}

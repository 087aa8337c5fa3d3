/** Multipart uploads: begun, filled by sent or copied parts, listed, aborted. Completion is in completion.ts. */
import { createHash, randomBytes } from 'node:crypto';
import { verifyChecksum } from './body.ts';
import { type Call, headerOf, iso, quoted, type Reply } from './call.ts';
import {
  ALGORITHMS,
  type ChecksumAlgorithm,
  type ChecksumType,
  checksumElement,
  checksumHeader,
  checksumOf,
  typesOf,
} from './checksum.ts';
import { checkCopySource } from './conditions.ts';
import { checkKms, describe, isKms } from './description.ts';
import { invalidArgument, S3Error } from './error.ts';
import { etagOf, find, slice } from './objects.ts';
import { decode } from './sigv4.ts';
import type { Part, StoredObject, Upload } from './store.ts';
import { document } from './xml.ts';

export const PARTS_MAX = 10_000;
export const PART_BYTES_MIN = 5 * 1024 * 1024;
const PART_BYTES_MAX = 5 * 1024 ** 3;
const UPLOADS_MAX = 100_000;
const LISTED_MAX = 1000;

export function createUpload(call: Call): Reply {
  const { bucket, key, headers, nowMs } = call;
  const named = headerOf(headers, 'x-amz-checksum-algorithm')?.toUpperCase();
  const algorithm = ALGORITHMS.find((candidate) => candidate === named) ?? 'CRC64NVME';
  if (named !== undefined && named !== algorithm) {
    throw new S3Error('InvalidRequest', {
      message: `Checksum algorithm provided is unsupported. Please try again with any of the valid types: [${ALGORITHMS.join(', ')}]`,
    });
  }
  const type = checksumType(headerOf(headers, 'x-amz-checksum-type')?.toUpperCase(), algorithm, named);
  if (bucket.uploads.size >= UPLOADS_MAX) throw new S3Error('SlowDown');
  const upload: Upload = {
    ...describe(call),
    id: randomBytes(48).toString('base64url'),
    key,
    startedMs: nowMs,
    parts: new Map(),
    algorithm,
    type,
    asked: named !== undefined,
  };
  bucket.uploads.set(upload.id, upload);
  return {
    status: 200,
    headers: {
      ...upload.encryption,
      ...(named === undefined ? {} : { 'x-amz-checksum-algorithm': algorithm, 'x-amz-checksum-type': type }),
    },
    text: document('InitiateMultipartUploadResult', {
      Bucket: bucket.name,
      Key: key,
      UploadId: upload.id,
    }),
  };
}

function checksumType(
  named: string | undefined,
  algorithm: ChecksumAlgorithm,
  namedAlgorithm: string | undefined,
): ChecksumType {
  const types = typesOf(algorithm);
  const [usual = 'FULL_OBJECT'] = types;
  if (named === undefined) return usual;
  if (namedAlgorithm === undefined) {
    throw new S3Error('InvalidRequest', {
      message: 'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.',
    });
  }
  const type = types.find((candidate) => candidate === named);
  if (type !== undefined) return type;
  throw new S3Error('InvalidRequest', {
    message: `The ${named} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
  });
}

/** The upload that a request names, under the very key that it was begun for. */
export function uploadOf({ bucket, key, query }: Call): Upload {
  const upload = bucket.uploads.get(query.get('uploadId') ?? '');
  if (upload?.key === key) return upload;
  throw new S3Error('NoSuchUpload', { fields: { UploadId: query.get('uploadId') ?? '' } });
}

export function uploadPart(call: Call): Reply {
  const number = partNumber(call);
  const upload = uploadOf(call);
  requireKey(call, upload);
  const { body } = call;
  const given = body.checksum?.algorithm;
  const optional = !upload.asked || upload.type === 'FULL_OBJECT';
  if (upload.asked && given !== upload.algorithm && !(given === undefined && optional)) {
    throw new S3Error('InvalidRequest', {
      message: `Checksum Type mismatch occurred, expected checksum Type: ${upload.algorithm.toLowerCase()}, actual checksum Type: ${given?.toLowerCase() ?? 'null'}`,
    });
  }
  verifyChecksum(body);
  const part = keepPart(call, upload, { number, bytes: body.bytes, checksum: body.checksum });
  const { checksum } = part;
  return {
    status: 200,
    headers: {
      etag: quoted(part.etag),
      ...upload.encryption,
      ...(checksum ? { [checksumHeader(checksum.algorithm)]: checksum.value } : {}),
    },
  };
}

function requireKey(call: Call, upload: Upload): void {
  if (!isKms(upload.encryption)) return;
  const key = upload.encryption['x-amz-server-side-encryption-aws-kms-key-id'] ?? '';
  checkKms(call, 'kms:GenerateDataKey', key);
}

/** A later part of the same number takes the place of the earlier one. */
function keepPart(
  { store, nowMs }: Call,
  upload: Upload,
  given: Pick<Part, 'number' | 'bytes' | 'checksum'>,
): Part {
  if (given.bytes.length > PART_BYTES_MAX) throw new S3Error('EntityTooLarge');
  const md5 = createHash('md5').update(given.bytes).digest('hex');
  const part: Part = { ...given, etag: etagOf(upload, md5), modifiedMs: nowMs };
  store.hold(part.bytes.length);
  store.release(upload.parts.get(part.number)?.bytes.length ?? 0);
  upload.parts.set(part.number, part);
  return part;
}

function partNumber({ query }: Call): number {
  const text = query.get('partNumber') ?? '';
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= PARTS_MAX) return number;
  throw invalidArgument('Part number must be an integer between 1 and 10000, inclusive', 'partNumber', text);
}

export function copyPart(call: Call): Reply {
  const number = partNumber(call);
  const upload = uploadOf(call);
  requireKey(call, upload);
  const { source, versioned } = copySource(call);
  checkCopySource(call.headers, source);
  const bytes = Buffer.concat(sourceChunks(call, source));
  const value = upload.asked ? checksumOf(upload.algorithm, [bytes]) : undefined;
  const checksum = value === undefined ? undefined : { algorithm: upload.algorithm, value };
  const part = keepPart(call, upload, { number, bytes, checksum });
  return {
    status: 200,
    headers: {
      ...upload.encryption,
      'x-amz-copy-source-version-id': versioned ? source.versionId : undefined,
    },
    text: document('CopyPartResult', {
      LastModified: iso(part.modifiedMs),
      ETag: quoted(part.etag),
      ...(checksum ? { [checksumElement(checksum.algorithm)]: checksum.value } : {}),
    }),
  };
}

function copySource(call: Call): { readonly source: StoredObject; readonly versioned: boolean } {
  const header = headerOf(call.headers, 'x-amz-copy-source') ?? '';
  const [name = '', version] = header.split(/\?versionId=(.*)/s, 2);
  const match = /^\/?([^/]+)\/(.+)$/s.exec(decode(name));
  if (!match) {
    throw invalidArgument(
      'Copy Source must mention the source bucket and key: sourcebucket/sourcekey',
      'x-amz-copy-source',
      header,
    );
  }
  const [, bucketName = '', key = ''] = match;
  const bucket = call.store.buckets.get(bucketName);
  if (!bucket) throw new S3Error('NoSuchBucket', { fields: { BucketName: bucketName } });
  const owner = headerOf(call.headers, 'x-amz-source-expected-bucket-owner');
  if (owner !== undefined && owner !== call.accountId) throw new S3Error('AccessDenied');
  call.allow(version === undefined ? 's3:GetObject' : 's3:GetObjectVersion', `${bucketName}/${key}`);
  const source = find(bucket, key, version === undefined ? null : decode(version));
  return { source, versioned: bucket.versioning !== 'off' };
}

function sourceChunks({ headers }: Call, source: StoredObject): readonly Buffer[] {
  const range = headerOf(headers, 'x-amz-copy-source-range');
  if (range === undefined) return source.chunks;
  const match = /^bytes=(\d+)-(\d+)$/.exec(range);
  const [start, end] = [Number(match?.[1] ?? Number.NaN), Number(match?.[2] ?? Number.NaN) + 1];
  if (!match || start >= end) {
    throw invalidArgument(
      'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy',
      'x-amz-copy-source-range',
      range,
    );
  }
  if (end > source.sizeBytes) {
    throw invalidArgument(
      `Range specified is not valid for source object of size: ${source.sizeBytes}`,
      'x-amz-copy-source-range',
      range,
    );
  }
  if (source.sizeBytes <= PART_BYTES_MIN) {
    throw new S3Error('InvalidRequest', {
      message: 'The specified copy source is not supported as a byte-range copy source',
    });
  }
  return slice(source.chunks, start, end);
}

export function abortUpload(call: Call): Reply {
  call.store.dropUpload(call.bucket, uploadOf(call));
  return { status: 204 };
}

export function listParts(call: Call): Reply {
  const upload = uploadOf(call);
  const after = Number(call.query.get('part-number-marker') ?? 0);
  const limit = Math.min(Number(call.query.get('max-parts') ?? LISTED_MAX), LISTED_MAX);
  const all = [...upload.parts.values()]
    .filter((part) => part.number > after)
    .sort((a, b) => a.number - b.number);
  const page = all.slice(0, limit);
  return {
    status: 200,
    text: document('ListPartsResult', {
      Bucket: call.bucket.name,
      Key: upload.key,
      UploadId: upload.id,
      StorageClass: 'STANDARD',
      PartNumberMarker: after,
      NextPartNumberMarker: page.at(-1)?.number ?? 0,
      MaxParts: limit,
      IsTruncated: all.length > page.length,
      ...(upload.asked ? { ChecksumAlgorithm: upload.algorithm, ChecksumType: upload.type } : {}),
      Part: page.map((part) => ({
        PartNumber: part.number,
        LastModified: iso(part.modifiedMs),
        ETag: quoted(part.etag),
        Size: part.bytes.length,
        ...(part.checksum ? { [checksumElement(part.checksum.algorithm)]: part.checksum.value } : {}),
      })),
    }),
  };
}

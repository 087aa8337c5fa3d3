/** Objects: written whole, read whole or in ranges, deleted by version or under a marker, tagged. */
import { createHash, randomBytes } from 'node:crypto';
import { verifyChecksum } from './body.ts';
import { type Call, headerOf, httpDate, iso, quoted, type Reply } from './call.ts';
import { type Checksum, checksumElement, checksumHeader, checksumOf } from './checksum.ts';
import { checkRead, checkWrite } from './conditions.ts';
import { checkKms, describe, isKms, requireTagging, tagsInBody } from './description.ts';
import { invalidArgument, S3Error } from './error.ts';
import type { Bucket, Described, StoredObject, Version } from './store.ts';
import { childText, document, parseXml, type XmlFields } from './xml.ts';

const DELETE_KEYS_MAX = 1000;
/** Response headers that a signed GET may ask for. */
const OVERRIDES = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
];

export function putObject(call: Call): Reply {
  verifyChecksum(call.body);
  const described = describe(call);
  checkWrite(call);
  const { bytes, checksum } = call.body;
  const object = addObject(call, {
    ...described,
    chunks: [bytes],
    sizeBytes: bytes.length,
    etag: etagOf(described, createHash('md5').update(bytes).digest('hex')),
    checksum: checksum ? { ...checksum, type: 'FULL_OBJECT' } : unaskedChecksum([bytes]),
    partBytes: undefined,
  });
  return {
    status: 200,
    headers: { ...writtenHeaders(object, call.bucket), ...checksumHeaders(object.checksum) },
  };
}

/** AWS keeps a CRC64NVME of what came without checksum; ours is slow, and above this size nobody has asked for it. */
const UNASKED_BYTES_MAX = 8 * 1024 * 1024;

export function unaskedChecksum(chunks: readonly Buffer[]): Checksum | undefined {
  if (chunks.reduce((sum, chunk) => sum + chunk.length, 0) > UNASKED_BYTES_MAX) return undefined;
  return { algorithm: 'CRC64NVME', type: 'FULL_OBJECT', value: checksumOf('CRC64NVME', chunks) };
}

type NewObject = Omit<StoredObject, 'kind' | 'key' | 'versionId' | 'modifiedMs'>;

export function addObject(call: Call, object: NewObject): StoredObject {
  const { store, bucket, key, nowMs } = call;
  const versionId = store.nextVersionId(bucket);
  const stored: StoredObject = { ...object, kind: 'object', key, versionId, modifiedMs: nowMs };
  store.add(bucket, stored);
  return stored;
}

/** The ETag of what a KMS key encrypted is not the MD5 of anything that a client has. */
export function etagOf({ encryption }: Pick<Described, 'encryption'>, md5: string): string {
  return isKms(encryption) ? randomBytes(16).toString('hex') : md5;
}

export function writtenHeaders(object: StoredObject, bucket: Bucket) {
  return { etag: quoted(object.etag), ...object.encryption, ...versionHeader(object, bucket) };
}

export function checksumHeaders(checksum: Checksum | undefined): Record<string, string> {
  if (!checksum) return {};
  return { [checksumHeader(checksum.algorithm)]: checksum.value, 'x-amz-checksum-type': checksum.type };
}

export function checksumElements(checksum: Checksum | undefined): XmlFields {
  return checksum
    ? { [checksumElement(checksum.algorithm)]: checksum.value, ChecksumType: checksum.type }
    : {};
}

function versionHeader(version: Version, bucket: Bucket): Record<string, string> {
  return bucket.versioning === 'off' ? {} : { 'x-amz-version-id': version.versionId };
}

/** GET and HEAD. */
export function readObject(call: Call): Reply {
  const { headers, query, bucket } = call;
  const object = find(bucket, call.key, query.get('versionId'));
  if (isKms(object.encryption)) {
    checkKms(call, 'kms:Decrypt', object.encryption['x-amz-server-side-encryption-aws-kms-key-id'] ?? '');
  }
  const always = {
    etag: quoted(object.etag),
    'last-modified': httpDate(object.modifiedMs),
    ...versionHeader(object, bucket),
  };
  if (checkRead(headers, object) === 'unmodified') return { status: 304, headers: always };
  const span = spanOf(call, object);
  const whole = span.start === 0 && span.end === object.sizeBytes;
  const asksChecksum = headerOf(headers, 'x-amz-checksum-mode')?.toUpperCase() === 'ENABLED';
  return {
    status: span.isPart ? 206 : 200,
    headers: {
      ...object.headers,
      ...overrides(query),
      ...object.encryption,
      ...always,
      'accept-ranges': 'bytes',
      'content-length': String(span.end - span.start),
      'content-range': span.isPart ? `bytes ${span.start}-${span.end - 1}/${object.sizeBytes}` : undefined,
      'x-amz-mp-parts-count': query.has('partNumber') ? String(object.partBytes?.length ?? 1) : undefined,
      'x-amz-tagging-count': object.tags.size > 0 ? String(object.tags.size) : undefined,
      ...(asksChecksum && whole ? checksumHeaders(object.checksum) : {}),
    },
    chunks: slice(object.chunks, span.start, span.end),
  };
}

/** The object that a request means, or the error that says what is there instead. */
export function find(bucket: Bucket, key: string, versionId: string | null): StoredObject {
  const versions = bucket.objects.get(key);
  const version =
    versionId === null ? versions?.at(-1) : versions?.find((candidate) => candidate.versionId === versionId);
  if (versionId !== null && !version) {
    if (versionId === 'null' || versionId.length === VERSION_ID_CHARACTERS) {
      throw new S3Error('NoSuchVersion', { fields: { Key: key, VersionId: versionId } });
    }
    throw invalidArgument('Invalid version id specified', 'versionId', versionId);
  }
  if (version?.kind === 'object') return version;
  const headers: Record<string, string> = version
    ? { 'x-amz-delete-marker': 'true', ...versionHeader(version, bucket) }
    : {};
  if (version && versionId !== null) throw new S3Error('MethodNotAllowed', { headers });
  throw new S3Error('NoSuchKey', { fields: { Key: key }, headers });
}

const VERSION_ID_CHARACTERS = 32;

interface Span {
  readonly start: number;
  readonly end: number;
  readonly isPart: boolean;
}

function spanOf({ headers, query }: Call, object: StoredObject): Span {
  const partNumber = query.get('partNumber');
  const range = headerOf(headers, 'range');
  if (partNumber !== null) return partSpan(object, Number(partNumber));
  const whole = { start: 0, end: object.sizeBytes, isPart: false };
  const match = /^bytes=(\d*)-(\d*)$/.exec(range ?? '');
  if (!match || range === 'bytes=-') return whole;
  const [first, last] = [match[1] ?? '', match[2] ?? ''];
  if (first !== '' && last !== '' && Number(last) < Number(first)) return whole;
  const start = first === '' ? Math.max(0, object.sizeBytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? object.sizeBytes : Math.min(Number(last) + 1, object.sizeBytes);
  if (start >= object.sizeBytes) {
    throw new S3Error('InvalidRange', {
      fields: { RangeRequested: range ?? '', ActualObjectSize: String(object.sizeBytes) },
      headers: { 'content-range': `bytes */${object.sizeBytes}` },
    });
  }
  return { start, end, isPart: true };
}

function partSpan(object: StoredObject, number: number): Span {
  const parts = object.partBytes ?? [object.sizeBytes];
  const sizeBytes = parts[number - 1];
  if (sizeBytes === undefined) {
    throw new S3Error('InvalidRange', { message: 'The requested partnumber is not satisfiable' });
  }
  const start = parts.slice(0, number - 1).reduce((sum, size) => sum + size, 0);
  return { start, end: start + sizeBytes, isPart: object.sizeBytes > 0 };
}

/** Bytes from start to end, without copying them. */
export function slice(chunks: readonly Buffer[], start: number, end: number): Buffer[] {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const chunk of chunks) {
    const piece = chunk.subarray(Math.max(0, start - at), Math.max(0, end - at));
    if (piece.length > 0) pieces.push(piece);
    at += chunk.length;
  }
  return pieces;
}

function overrides(query: URLSearchParams): Record<string, string> {
  const asked = OVERRIDES.flatMap((name) => {
    const value = query.get(`response-${name}`);
    return value === null ? [] : [[name, value] as const];
  });
  return Object.fromEntries(asked);
}

export function deleteObject(call: Call): Reply {
  if (headerOf(call.headers, 'if-match') !== undefined) checkWrite(call);
  const gone = deleteOne(call, call.key, call.query.get('versionId') ?? undefined);
  const versioned = call.bucket.versioning !== 'off' || gone.versionId !== undefined;
  return {
    status: 204,
    headers: {
      'x-amz-version-id': versioned ? gone.versionId : undefined,
      'x-amz-delete-marker': gone.marker ? 'true' : undefined,
    },
  };
}

interface Gone {
  readonly versionId: string | undefined;
  /** A marker was made, or the version deleted was one. */
  readonly marker: boolean;
}

function deleteOne({ store, bucket, nowMs }: Call, key: string, versionId: string | undefined): Gone {
  if (versionId !== undefined) {
    const removed = store.remove(bucket, key, versionId);
    return { versionId, marker: removed?.kind === 'marker' };
  }
  if (bucket.versioning === 'off') {
    store.remove(bucket, key, 'null');
    return { versionId: undefined, marker: false };
  }
  const marker: Version = { kind: 'marker', key, versionId: store.nextVersionId(bucket), modifiedMs: nowMs };
  store.add(bucket, marker);
  return { versionId: marker.versionId, marker: true };
}

export function deleteObjects(call: Call): Reply {
  const { headers, body } = call;
  if (body.checksum === undefined && headers['content-md5'] === undefined) {
    throw new S3Error('InvalidRequest', { message: 'Missing required header for this request: Content-MD5' });
  }
  verifyChecksum(body);
  const root = parseXml(body.bytes, 'Delete');
  const wanted = root.children.filter((child) => child.name === 'Object');
  if (wanted.length === 0 || wanted.length > DELETE_KEYS_MAX) throw new S3Error('MalformedXML');
  const deleted = wanted.map((item) => {
    const key = childText(item, 'Key');
    if (key === undefined) throw new S3Error('MalformedXML');
    const versionId = childText(item, 'VersionId');
    const gone = deleteOne(call, key, versionId);
    return {
      Key: key,
      VersionId: versionId,
      DeleteMarker: gone.marker || undefined,
      DeleteMarkerVersionId: gone.marker ? gone.versionId : undefined,
    };
  });
  const quiet = childText(root, 'Quiet') === 'true';
  return { status: 200, text: document('DeleteResult', { Deleted: quiet ? [] : deleted }) };
}

/** Get, Put and Delete of an object's tags. */
export function objectTagging(call: Call): Reply {
  requireTagging(call);
  const object = find(call.bucket, call.key, call.query.get('versionId'));
  const headers = versionHeader(object, call.bucket);
  if (call.operation === 'GetObjectTagging') {
    const Tag = [...object.tags].map(([Key, Value]) => ({ Key, Value }));
    return { status: 200, headers, text: document('Tagging', { TagSet: { Tag } }) };
  }
  const tags = call.operation === 'PutObjectTagging' ? tagsInBody(call) : new Map<string, string>();
  const versions = call.bucket.objects.get(call.key) ?? [];
  versions[versions.indexOf(object)] = { ...object, tags };
  return { status: call.operation === 'PutObjectTagging' ? 200 : 204, headers };
}

export function objectAttributes(call: Call): Reply {
  const object = find(call.bucket, call.key, call.query.get('versionId'));
  const asked = (headerOf(call.headers, 'x-amz-object-attributes') ?? '')
    .split(',')
    .map((name) => name.trim());
  return {
    status: 200,
    headers: { 'last-modified': httpDate(object.modifiedMs), ...versionHeader(object, call.bucket) },
    text: document('GetObjectAttributesResponse', {
      ETag: asked.includes('ETag') ? object.etag : undefined,
      Checksum: asked.includes('Checksum') ? checksumElements(object.checksum) : undefined,
      ObjectParts:
        asked.includes('ObjectParts') && object.partBytes
          ? { PartsCount: object.partBytes.length }
          : undefined,
      StorageClass: asked.includes('StorageClass') ? 'STANDARD' : undefined,
      ObjectSize: asked.includes('ObjectSize') ? object.sizeBytes : undefined,
    }),
  };
}

/** What listings say of an object. */
export function listed(object: StoredObject): XmlFields {
  return {
    LastModified: iso(object.modifiedMs),
    ETag: quoted(object.etag),
    ChecksumAlgorithm: object.checksum?.algorithm,
    ChecksumType: object.checksum?.type,
    Size: object.sizeBytes,
    StorageClass: object.headers['x-amz-storage-class'] ?? 'STANDARD',
  };
}

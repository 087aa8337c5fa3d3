/** Listings, in the order of UTF-8 bytes: objects, versions, uploads under way. */
import { type Call, iso, type Reply } from './call.ts';
import { invalidArgument } from './error.ts';
import { listed } from './objects.ts';
import { encode } from './sigv4.ts';
import type { Version } from './store.ts';
import { document, type XmlFields } from './xml.ts';

const LISTED_MAX = 1000;

export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

interface Asked {
  readonly prefix: string;
  readonly delimiter: string | null;
  readonly limit: number;
  /** Keys and prefixes as this listing writes them. */
  readonly name: (text: string) => string;
  readonly encoding: string | undefined;
}

function asked({ query }: Call, limitName: string): Asked {
  const limitText = query.get(limitName) ?? String(LISTED_MAX);
  const limit = Number(limitText);
  if (!/^\d+$/.test(limitText) || limit > 2_147_483_647) {
    throw invalidArgument('Provided max-keys not an integer or within integer range', limitName, limitText);
  }
  const encoding = query.get('encoding-type') ?? undefined;
  if (encoding !== undefined && encoding !== 'url') {
    throw invalidArgument('Invalid Encoding Method specified in Request', 'encoding-type', encoding);
  }
  return {
    prefix: query.get('prefix') ?? '',
    delimiter: query.get('delimiter') || null,
    limit: Math.min(limit, LISTED_MAX),
    name: encoding === 'url' ? (text) => encode(text).replaceAll('%2F', '/') : (text) => text,
    encoding,
  };
}

interface Page<T> {
  readonly items: readonly T[];
  readonly prefixes: readonly string[];
  readonly truncated: boolean;
  /** The last key or common prefix listed. */
  readonly last: string;
  readonly lastItem: T | undefined;
}

/** As many items as fit; those that share what follows the prefix up to the delimiter count as one. */
function pageOf<T extends { readonly key: string }>(
  sorted: readonly T[],
  by: Asked,
  isAfter: (item: T) => boolean,
  after: string,
): Page<T> {
  const items: T[] = [];
  const prefixes: string[] = [];
  let last = '';
  let truncated = false;
  for (const item of sorted) {
    if (!item.key.startsWith(by.prefix)) continue;
    const cut = by.delimiter === null ? -1 : item.key.indexOf(by.delimiter, by.prefix.length);
    const common =
      cut < 0 || by.delimiter === null ? undefined : item.key.slice(0, cut + by.delimiter.length);
    if (common !== undefined && (common === prefixes.at(-1) || common === after)) continue;
    if (!isAfter(item)) continue;
    if (items.length + prefixes.length >= by.limit) {
      truncated = by.limit > 0;
      break;
    }
    if (common === undefined) items.push(item);
    else prefixes.push(common);
    last = common ?? item.key;
  }
  return { items, prefixes, truncated, last, lastItem: items.at(-1) };
}

export function listObjects(call: Call): Reply {
  const { query, bucket, accountId } = call;
  const by = asked(call, 'max-keys');
  const token = query.get('continuation-token');
  const startAfter = query.get('start-after') ?? '';
  const after = token === null ? startAfter : Buffer.from(token, 'base64url').toString();
  const objects = [...bucket.objects.keys()]
    .sort(byBytes)
    .flatMap((key) => call.store.current(bucket, key) ?? []);
  const page = pageOf(objects, by, (object) => after === '' || byBytes(object.key, after) > 0, after);
  const owner = query.get('fetch-owner') === 'true' ? { Owner: { ID: accountId } } : {};
  return {
    status: 200,
    text: document('ListBucketResult', {
      Name: bucket.name,
      Prefix: by.name(by.prefix),
      Delimiter: by.delimiter === null ? undefined : by.name(by.delimiter),
      MaxKeys: by.limit,
      EncodingType: by.encoding,
      KeyCount: page.items.length + page.prefixes.length,
      IsTruncated: page.truncated,
      ContinuationToken: token ?? undefined,
      NextContinuationToken: page.truncated ? Buffer.from(page.last).toString('base64url') : undefined,
      StartAfter: startAfter === '' ? undefined : by.name(startAfter),
      Contents: page.items.map((object) => ({ Key: by.name(object.key), ...listed(object), ...owner })),
      CommonPrefixes: page.prefixes.map((prefix) => ({ Prefix: by.name(prefix) })),
    }),
  };
}

/** Versions of a key come newest first. */
export function listVersions(call: Call): Reply {
  const { query, bucket } = call;
  const by = asked(call, 'max-keys');
  const keyMarker = query.get('key-marker') ?? '';
  const versionMarker = query.get('version-id-marker') ?? '';
  const all = [...bucket.objects]
    .sort(([a], [b]) => byBytes(a, b))
    .flatMap(([, versions]) => versions.toReversed());
  const markerAt = all.findIndex(({ key, versionId }) => key === keyMarker && versionId === versionMarker);
  const isAfter = (version: Version) => {
    if (keyMarker === '' || byBytes(version.key, keyMarker) > 0) return true;
    return version.key === keyMarker && markerAt >= 0 && all.indexOf(version) > markerAt;
  };
  const page = pageOf(all, by, isAfter, keyMarker);
  const isLatest = (version: Version) => bucket.objects.get(version.key)?.at(-1) === version;
  const shared = (version: Version): XmlFields => ({
    Key: by.name(version.key),
    VersionId: version.versionId,
    IsLatest: isLatest(version),
  });
  return {
    status: 200,
    text: document('ListVersionsResult', {
      Name: bucket.name,
      Prefix: by.name(by.prefix),
      KeyMarker: by.name(keyMarker),
      VersionIdMarker: versionMarker,
      NextKeyMarker: page.truncated ? by.name(page.last) : undefined,
      NextVersionIdMarker: page.truncated ? page.lastItem?.versionId : undefined,
      MaxKeys: by.limit,
      EncodingType: by.encoding,
      IsTruncated: page.truncated,
      Version: page.items.flatMap((version) =>
        version.kind === 'object' ? [{ ...shared(version), ...listed(version) }] : [],
      ),
      DeleteMarker: page.items.flatMap((version) =>
        version.kind === 'marker' ? [{ ...shared(version), LastModified: iso(version.modifiedMs) }] : [],
      ),
      CommonPrefixes: page.prefixes.map((prefix) => ({ Prefix: by.name(prefix) })),
    }),
  };
}

export function listUploads(call: Call): Reply {
  const { query, bucket } = call;
  const by = asked(call, 'max-uploads');
  const keyMarker = query.get('key-marker') ?? '';
  const idMarker = query.get('upload-id-marker') ?? '';
  const uploads = [...bucket.uploads.values()].sort(
    (a, b) => byBytes(a.key, b.key) || a.startedMs - b.startedMs || byBytes(a.id, b.id),
  );
  const markerAt = uploads.findIndex(({ key, id }) => key === keyMarker && id === idMarker);
  const page = pageOf(
    uploads,
    by,
    (upload) =>
      keyMarker === '' ||
      byBytes(upload.key, keyMarker) > 0 ||
      (upload.key === keyMarker && markerAt >= 0 && uploads.indexOf(upload) > markerAt),
    keyMarker,
  );
  return {
    status: 200,
    text: document('ListMultipartUploadsResult', {
      Bucket: bucket.name,
      KeyMarker: by.name(keyMarker),
      UploadIdMarker: idMarker,
      NextKeyMarker: page.truncated ? by.name(page.last) : undefined,
      NextUploadIdMarker: page.truncated ? page.lastItem?.id : undefined,
      Prefix: by.name(by.prefix),
      Delimiter: by.delimiter === null ? undefined : by.name(by.delimiter),
      EncodingType: by.encoding,
      MaxUploads: by.limit,
      IsTruncated: page.truncated,
      Upload: page.items.map((upload) => ({
        Key: by.name(upload.key),
        UploadId: upload.id,
        Initiated: iso(upload.startedMs),
        StorageClass: 'STANDARD',
        ...(upload.asked ? { ChecksumAlgorithm: upload.algorithm, ChecksumType: upload.type } : {}),
      })),
      CommonPrefixes: page.prefixes.map((prefix) => ({ Prefix: by.name(prefix) })),
    }),
  };
}

/** What runs left in a bucket: staging areas, and uploads that were begun and never completed. */
import { ListMultipartUploadsCommand, ListPartsCommand, type MultipartUpload } from '@aws-sdk/client-s3';
import { type Key, MODELS_PREFIX, revisionOf, STAGING_PREFIX, stagingKey } from './layout.ts';
import { abortUpload } from './s3-door.ts';
import { isUploadGone } from './s3-errors.ts';
import { AreaLease } from './s3-lease.ts';
import { notesOf, ownerOf } from './s3-staging.ts';
import type { S3Store } from './s3-store.ts';
import type { Leftover } from './vault.ts';

/** Uploads a page of a listing. */
const PAGE_UPLOADS = 1000;

export async function* s3Leftovers(store: S3Store): AsyncIterable<Leftover> {
  for (const area of await store.folders(STAGING_PREFIX)) yield await areaLeftover(store, area);
  for await (const upload of pendingUploads(store)) {
    const leftover = await uploadLeftover(store, upload);
    if (leftover) yield leftover;
  }
}

async function areaLeftover(store: S3Store, area: string): Promise<Leftover> {
  let sizeBytes = 0;
  let modified = new Date(0);
  const lease = stagingKey(area, 'lease');
  for await (const object of store.list(stagingKey(area, ''))) {
    sizeBytes += object.sizeBytes;
    if (object.key !== lease && object.modified > modified) modified = object.modified;
    if (object.key === lease && modified.getTime() === 0) modified = object.modified;
  }
  return {
    kind: 'staging area',
    name: area,
    sizeBytes,
    modified,
    held: await AreaLease.isHeld(store, area),
    owner: area.slice(0, area.indexOf('-')),
    notes: () => notesOf(store, area),
    async remove() {
      const taken = await AreaLease.acquire(store, area);
      if (!taken) return 'busy';
      taken.forget();
      await store.removeBelow(stagingKey(area, ''), lease);
      await store.remove(lease);
      return 'removed';
    },
  };
}

async function* pendingUploads(store: S3Store): AsyncIterable<MultipartUpload> {
  let after: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {};
  while (after) {
    const input: { KeyMarker?: string; UploadIdMarker?: string } = after;
    const page = await store.send('ListMultipartUploads', '', () =>
      store.client.send(
        new ListMultipartUploadsCommand({
          ...store.bucket(),
          Prefix: store.at(MODELS_PREFIX).Key,
          MaxUploads: PAGE_UPLOADS,
          ...input,
        }),
      ),
    );
    yield* page.Uploads ?? [];
    const { NextKeyMarker: key, NextUploadIdMarker: id } = page;
    after = page.IsTruncated && key ? { KeyMarker: key, ...(id && { UploadIdMarker: id }) } : undefined;
  }
}

async function uploadLeftover(store: S3Store, upload: MultipartUpload): Promise<Leftover | undefined> {
  const { Key: full = '', UploadId: uploadId = '', Initiated: modified = new Date(0) } = upload;
  const key = full.slice(store.at('' as Key).Key.length) as Key;
  const revision = revisionOf(key);
  return {
    kind: 'pending upload',
    name: key,
    uploadId,
    ...(revision && { owner: ownerOf(revision) }),
    sizeBytes: await partsBytes(store, key, uploadId),
    modified,
    async remove() {
      await abortUpload(store, key, uploadId);
      return 'removed';
    },
  };
}

/** Bytes of the first thousand parts, which is what one request tells; for people. */
async function partsBytes(store: S3Store, key: Key, uploadId: string): Promise<number> {
  const command = new ListPartsCommand({ ...store.at(key), UploadId: uploadId });
  try {
    const { Parts: parts = [] } = await store.send(
      'ListParts',
      key,
      () => store.client.send(command),
      isUploadGone,
    );
    return parts.reduce((sum, part) => sum + (part.Size ?? 0), 0);
  } catch (error) {
    if (isUploadGone(error)) return 0;
    throw error;
  }
}

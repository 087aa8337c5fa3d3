/**
 * The staging area of a bucket as a worker thread sees it: files of at most one part wait as objects below
 * `staging/`, larger ones as pending multipart uploads at the very key where they will be published.
 *
 * Memory is counted: a file under way holds at most its share of part buffers, and waits for the store where they
 * are all in flight.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { WeighlockError } from '../base/errors.ts';
import type { RepoPath } from '../base/name.ts';
import { release } from '../base/release.ts';
import { combineCrc32 } from './crc32.ts';
import { fileKey, type Key, type RevisionId, stagingKey } from './layout.ts';
import { PART_BYTES_MIN, PARTS_HELD_MIN, partBytesFor } from './part-size.ts';
import { isUploadGone, nameOf, statusOf } from './s3-errors.ts';
import type { S3Store } from './s3-store.ts';
import type { StagedReader, StagedUpload, StagedWriter, StagingDoor, StoredCopy } from './vault.ts';

/** Longest range that the store copies by one request. */
const COPY_BYTES_MAX = 5 * 2 ** 30;
/** Copied in pieces of this size several at a time: inside the store a copy takes time, not our memory. */
const COPY_PART_BYTES = 512 << 20;
const COPIES_AT_ONCE = 4;
/** Longest staged object that is read back into memory. */
const OBJECT_BYTES_MAX = PART_BYTES_MIN;

export interface S3DoorOptions {
  readonly store: S3Store;
  readonly area: string;
  readonly revision: RevisionId;
  /** Bytes of part buffers that one file under way may hold; at least two parts are held. */
  readonly memoryBytes: number;
}

/** Where a small file of an area stands. */
export function stagedFileKey(area: string, path: RepoPath): Key {
  return stagingKey(area, `files/${path}`);
}

export class S3Door implements StagingDoor {
  readonly #options: S3DoorOptions;
  readonly #pool: Buffer[] = [];

  constructor(options: S3DoorOptions) {
    this.#options = options;
  }

  async create(path: RepoPath, sizeBytes: number): Promise<StagedWriter> {
    const { store, area, revision, memoryBytes } = this.#options;
    if (sizeBytes <= PART_BYTES_MIN) return new ObjectWriter(store, stagedFileKey(area, path), sizeBytes);
    const key = fileKey(revision, path);
    const partBytes = partBytesFor(sizeBytes);
    const buffers = Math.max(PARTS_HELD_MIN, Math.floor(memoryBytes / partBytes));
    return new UploadWriter({
      store,
      key,
      sizeBytes,
      partBytes,
      buffers,
      uploadId: await begin(store, key, CHECKED),
      pool: this.#pool,
    });
  }

  async open(path: RepoPath): Promise<StagedReader> {
    const { store, area } = this.#options;
    const there = await store.get(stagedFileKey(area, path), OBJECT_BYTES_MAX);
    if (!there) throw new WeighlockError('WL_VAULT_UNAVAILABLE', `the staged file ${path} is gone`);
    const { bytes } = there;
    return {
      sizeBytes: bytes.length,
      read: (offset, length) => bytes.subarray(offset, offset + length),
      close: () => {},
    };
  }

  async remove(path: RepoPath): Promise<void> {
    await this.#options.store.remove(stagedFileKey(this.#options.area, path));
  }

  async copy(path: RepoPath, from: StoredCopy): Promise<StagedUpload | undefined> {
    const { store, revision } = this.#options;
    const { sizeBytes } = from;
    if (sizeBytes <= PART_BYTES_MIN) return undefined;
    const key = fileKey(revision, path);
    // Without checksums: some stores cannot copy into an upload that was begun with them.
    const uploadId = await begin(store, key, {});
    const partBytes = Math.min(COPY_BYTES_MAX, Math.max(COPY_PART_BYTES, partBytesFor(sizeBytes)));
    const parts = Array.from({ length: Math.ceil(sizeBytes / partBytes) }, (_, number) => number);
    const source = `${store.at(fileKey(from.revision, from.path)).Bucket}/${encodePath(store.at(fileKey(from.revision, from.path)).Key)}`;
    const copied: { etag: string; crc32: string; sizeBytes: number }[] = [];
    const copyPart = async (number: number): Promise<void> => {
      const begins = number * partBytes;
      const ends = Math.min(sizeBytes, begins + partBytes) - 1;
      const answer = await store.send(
        'UploadPartCopy',
        key,
        () =>
          store.client.send(
            new UploadPartCopyCommand({
              ...store.at(key),
              UploadId: uploadId,
              PartNumber: number + 1,
              CopySource: `${source}?versionId=${encodeURIComponent(from.version)}`,
              CopySourceRange: `bytes=${begins}-${ends}`,
              CopySourceIfMatch: from.etag,
              ...(store.settings.bucketOwner && { ExpectedSourceBucketOwner: store.settings.bucketOwner }),
            }),
          ),
        isNotThere,
      );
      const { ETag: etag } = answer.CopyPartResult ?? {};
      if (!etag)
        throw new WeighlockError('WL_VAULT_UNAVAILABLE', `the store did not say what it copied to ${key}`);
      copied[number] = { etag, crc32: '', sizeBytes: ends - begins + 1 };
    };
    try {
      const left = parts[Symbol.iterator]();
      await Promise.all(
        Array.from({ length: COPIES_AT_ONCE }, async () => {
          for (const number of left) await copyPart(number);
        }),
      );
    } catch (error) {
      await abortUpload(store, key, uploadId);
      if (isNotThere(error)) return undefined;
      throw error;
    }
    return uploadOf(uploadId, copied);
  }

  async close(): Promise<void> {
    this.#options.store.client.destroy();
  }
}

/** The version that was to be copied is gone, or another than the receipt says. */
function isNotThere(error: unknown): boolean {
  return statusOf(error) === 404 || statusOf(error) === 412 || nameOf(error) === 'NoSuchVersion';
}

function encodePath(key: string): string {
  return key.split('/').map(encodeURIComponent).join('/');
}

/** The store computes and keeps the CRC-32 of the whole, and refuses parts that arrived with another than ours. */
const CHECKED = { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' } as const;

async function begin(store: S3Store, key: Key, checksums: Partial<typeof CHECKED>): Promise<string> {
  const answer = await store.send('CreateMultipartUpload', key, () =>
    store.client.send(
      new CreateMultipartUploadCommand({
        ...store.at(key),
        ...store.encryption(),
        ...checksums,
      }),
    ),
  );
  if (!answer.UploadId)
    throw new WeighlockError('WL_VAULT_UNAVAILABLE', `the store began no upload for ${key}`);
  return answer.UploadId;
}

/** Nothing to abort any more is as good as aborted. */
export async function abortUpload(store: S3Store, key: Key, uploadId: string): Promise<void> {
  const command = new AbortMultipartUploadCommand({ ...store.at(key), UploadId: uploadId });
  try {
    await store.send('AbortMultipartUpload', key, () => store.client.send(command), isUploadGone);
  } catch (error) {
    if (!isUploadGone(error)) throw error;
  }
}

function uploadOf(
  uploadId: string,
  parts: readonly { readonly etag: string; readonly crc32: string; readonly sizeBytes: number }[],
): StagedUpload {
  const known = parts.every((part) => part.crc32 !== '');
  return {
    uploadId,
    parts: parts.map(({ etag, crc32 }) => ({ etag, crc32 })),
    crc32: known ? combineCrc32(parts) : '',
  };
}

/** A file of one part at most: gathered, and put as one object. */
class ObjectWriter implements StagedWriter {
  readonly readable = true;
  readonly #store: S3Store;
  readonly #key: Key;
  readonly #bytes: Buffer;
  #filled = 0;

  constructor(store: S3Store, key: Key, sizeBytes: number) {
    this.#store = store;
    this.#key = key;
    this.#bytes = Buffer.allocUnsafeSlow(sizeBytes);
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#filled + chunk.length > this.#bytes.length)
      throw new Error(`${this.#key} is longer than was said`);
    this.#bytes.set(chunk, this.#filled);
    this.#filled += chunk.length;
    release(chunk);
  }

  async finish(): Promise<undefined> {
    await this.#store.put(this.#key, this.#bytes.subarray(0, this.#filled));
    release(this.#bytes);
  }

  async abort(): Promise<void> {}
}

interface UploadOptions {
  readonly store: S3Store;
  readonly key: Key;
  readonly sizeBytes: number;
  readonly partBytes: number;
  readonly buffers: number;
  readonly uploadId: string;
  /** Buffers of the usual size that files before this one left: new ones would wait for the garbage collector. */
  readonly pool: Buffer[];
}

/** A larger file: each full part goes its way while the next one fills. */
class UploadWriter implements StagedWriter {
  readonly readable = false;
  readonly #options: UploadOptions;
  readonly #stop = new AbortController();
  readonly #parts: { etag: string; crc32: string; sizeBytes: number }[] = [];
  /** Buffers that wait to be filled again. */
  readonly #idle: Buffer[] = [];
  readonly #underWay = new Set<Promise<void>>();
  #buffersMade = 0;
  #filling: Buffer | undefined;
  #filled = 0;
  #number = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: UploadOptions) {
    this.#options = options;
  }

  async write(chunk: Uint8Array): Promise<void> {
    let left = chunk;
    while (left.length > 0) {
      const buffer = this.#filling ?? (await this.#buffer());
      this.#filling = buffer;
      const room = buffer.length - this.#filled;
      const now = left.length <= room ? left : left.subarray(0, room);
      buffer.set(now, this.#filled);
      this.#filled += now.length;
      left = left.subarray(now.length);
      if (this.#filled === buffer.length) this.#send(buffer);
    }
    release(chunk);
  }

  async finish(): Promise<StagedUpload> {
    if (this.#filling) this.#send(this.#filling);
    while (this.#underWay.size > 0) await Promise.race(this.#underWay);
    this.#giveBack();
    this.#throwFailure();
    return uploadOf(this.#options.uploadId, this.#parts);
  }

  /** Nothing is under way any more. */
  #giveBack(): void {
    if (this.#filling) this.#idle.push(this.#filling);
    this.#filling = undefined;
    for (const buffer of this.#idle.splice(0)) {
      if (buffer.length === PART_BYTES_MIN) this.#options.pool.push(buffer);
      else release(buffer);
    }
  }

  async abort(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#underWay);
    this.#giveBack();
    const { store, key, uploadId } = this.#options;
    await abortUpload(store, key, uploadId).catch(() => {}); // The lifecycle of the bucket is there for these.
  }

  /** An empty buffer, as soon as there is one. */
  async #buffer(): Promise<Buffer> {
    const { partBytes, buffers } = this.#options;
    for (;;) {
      this.#throwFailure();
      const idle = this.#idle.pop();
      if (idle) return idle;
      if (this.#buffersMade < buffers) {
        this.#buffersMade += 1;
        const pooled = partBytes === PART_BYTES_MIN ? this.#options.pool.pop() : undefined;
        return pooled ?? Buffer.allocUnsafeSlow(partBytes);
      }
      await Promise.race(this.#underWay);
    }
  }

  #send(buffer: Buffer): void {
    const bytes = buffer.subarray(0, this.#filled);
    const number = this.#number;
    this.#number += 1;
    this.#filling = undefined;
    this.#filled = 0;
    const done = this.#upload(number, bytes)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#underWay.delete(done);
        this.#idle.push(buffer);
      });
    this.#underWay.add(done);
  }

  async #upload(number: number, bytes: Buffer): Promise<void> {
    const { store, key, uploadId } = this.#options;
    const checksum = Buffer.allocUnsafe(4);
    checksum.writeUInt32BE(crc32(bytes));
    const crc = checksum.toString('base64');
    const answer = await store.send('UploadPart', key, () =>
      store.client.send(
        new UploadPartCommand({
          ...store.at(key),
          UploadId: uploadId,
          PartNumber: number + 1,
          Body: bytes,
          ContentLength: bytes.length,
          ChecksumCRC32: crc,
        }),
        { abortSignal: this.#stop.signal },
      ),
    );
    if (!answer.ETag)
      throw new WeighlockError('WL_VAULT_UNAVAILABLE', `the store did not say what it kept of ${key}`);
    this.#parts[number] = { etag: answer.ETag, crc32: crc, sizeBytes: bytes.length };
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }
}

/** The name under which an area keeps its note about a path: paths may hold anything. */
export function noteKey(area: string, path: RepoPath): Key {
  return stagingKey(area, `notes/${createHash('sha256').update(path).digest('hex')}`);
}

/**
 * A scratch area in a bucket, `staging/check-<random>/`: where a store is put to the test. All that is written in it
 * is removed again, pending uploads and old versions too; should the check die, the lifecycle of staging/ does it.
 */
import { randomBytes } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type PutObjectCommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { stagingKey } from '../../vault/layout.ts';
import { type Place, rootOf } from '../bucket/place.ts';
import { asked, refusalOf } from './answer.ts';

/** Objects and versions that a cleaning removes at most: far more than any check writes. */
const REMOVED_MAX = 5_000;
/** Bytes that are read back of a test object. */
const READ_BYTES_MAX = 65_536;

export interface ScratchOptions extends Place {
  /** A client of its own at every call, as other machines would have. */
  readonly open: () => S3Client;
  readonly bucketOwner?: string;
}

export class Scratch {
  readonly client: S3Client;
  readonly #options: ScratchOptions;
  readonly #clients: S3Client[] = [];
  readonly #area = `check-${randomBytes(8).toString('hex')}`;
  readonly #uploads: { readonly key: string; readonly id: string }[] = [];

  constructor(options: ScratchOptions) {
    this.#options = options;
    this.client = this.open();
  }

  /** Another client, as another machine would have. */
  open(): S3Client {
    const client = this.#options.open();
    this.#clients.push(client);
    return client;
  }

  bucket(): { Bucket: string; ExpectedBucketOwner?: string } {
    const { bucket, bucketOwner } = this.#options;
    return { Bucket: bucket, ...(bucketOwner !== undefined && { ExpectedBucketOwner: bucketOwner }) };
  }

  key(name: string): string {
    return rootOf(this.#options) + stagingKey(this.#area, name);
  }

  at(name: string): { Bucket: string; Key: string; ExpectedBucketOwner?: string } {
    return { ...this.bucket(), Key: this.key(name) };
  }

  put(
    name: string,
    body: string,
    more: Partial<PutObjectCommandInput> & { readonly client?: S3Client } = {},
  ): Promise<PutObjectCommandOutput> {
    const { client = this.client, ...input } = more;
    return client.send(new PutObjectCommand({ ...this.at(name), Body: body, ...input }));
  }

  /** The object's text and ETag, undefined if it is not there. */
  async get(name: string, client = this.client): Promise<{ text: string; etag: string } | undefined> {
    const answer = await client.send(new GetObjectCommand(this.at(name))).catch((error: unknown) => {
      if (refusalOf(error)?.kind === 'absent') return undefined;
      throw error;
    });
    if (answer === undefined) return undefined;
    const { Body: body, ETag: etag = '', ContentLength: sizeBytes = 0 } = answer;
    if (sizeBytes > READ_BYTES_MAX) throw new Error(`a test object has grown to ${sizeBytes} bytes`);
    return { text: (await body?.transformToString()) ?? '', etag };
  }

  async delete(name: string): Promise<void> {
    await this.client.send(new DeleteObjectCommand(this.at(name)));
  }

  /** Begins an upload that the cleaning aborts unless it was completed. */
  async begin(
    name: string,
    more: Partial<CreateMultipartUploadCommandInput> & { readonly client?: S3Client } = {},
  ): Promise<string> {
    const { client = this.client, ...input } = more;
    const { UploadId: id = '' } = await client.send(
      new CreateMultipartUploadCommand({ ...this.at(name), ...input }),
    );
    this.#uploads.push({ key: this.key(name), id });
    return id;
  }

  /** Removes everything. Returns what could not be removed, in words; undefined when nothing is left. */
  async clean(): Promise<string | undefined> {
    try {
      for (const { key, id } of this.#uploads) {
        await asked(
          this.client.send(new AbortMultipartUploadCommand({ ...this.bucket(), Key: key, UploadId: id })),
        );
      }
      const left = (await this.#removeVersions()) ?? (await this.#removeObjects());
      return left;
    } finally {
      for (const client of this.#clients) client.destroy();
    }
  }

  async #removeVersions(): Promise<string | undefined> {
    const under = { ...this.bucket(), Prefix: this.key('') };
    const listed = await asked(this.client.send(new ListObjectVersionsCommand(under)));
    if (listed.kind !== 'answer') return undefined;
    const { Versions: versions = [], DeleteMarkers: markers = [] } = listed.answer;
    for (const { Key, VersionId } of [...versions, ...markers].slice(0, REMOVED_MAX)) {
      const removed = await asked(
        this.client.send(new DeleteObjectCommand({ ...this.bucket(), Key, VersionId })),
      );
      if (removed.kind !== 'answer' && removed.kind !== 'absent') return undefined;
    }
    return undefined;
  }

  async #removeObjects(): Promise<string | undefined> {
    const under = { ...this.bucket(), Prefix: this.key('') };
    const listed = await asked(this.client.send(new ListObjectsV2Command(under)));
    if (listed.kind !== 'answer') return `${under.Prefix} could not be listed: ${listed.said}`;
    for (const { Key } of (listed.answer.Contents ?? []).slice(0, REMOVED_MAX)) {
      const removed = await asked(this.client.send(new DeleteObjectCommand({ ...this.bucket(), Key })));
      if (removed.kind !== 'answer') return `${Key} could not be removed: ${removed.said}`;
    }
    return undefined;
  }
}

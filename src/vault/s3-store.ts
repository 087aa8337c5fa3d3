/**
 * S3Store: objects of one bucket below one prefix, by the operations that a vault needs; errors come out as ours.
 *
 * A conditional write that is answered 412 is not lost yet: the SDK repeats requests whose answer got lost, and then
 * meets its own success. What stands there is read back, and equal to what was to be written means written.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type PutObjectCommandOutput,
  PutObjectTaggingCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { WeighlockError } from '../base/errors.ts';
import type { Key } from './layout.ts';
import { s3Client } from './s3-client.ts';
import {
  isAbsent,
  isConflict,
  isPreconditionFailed,
  isUnknownToStore,
  notS3,
  storeError,
} from './s3-errors.ts';
import type { S3Settings } from './s3-place.ts';
import type { Listed, ReadOptions, StoredFile, StoredObject, Tag } from './vault.ts';

/** A write that keeps meeting rivals on the same key gives up. */
const CONFLICTS_MAX = 20;
/** Keys a page of a listing. */
const PAGE_KEYS = 1000;
/** Metadata of objects that move: one value a write. */
const WRITER = 'weighlock-writer';
/** Broken connections in a row, without a byte between them, after which a read gives up. */
const BREAKS_MAX = 5;

export class S3Store {
  readonly settings: S3Settings;
  readonly client: S3Client;

  constructor(settings: S3Settings) {
    this.settings = settings;
    this.client = s3Client(settings);
  }

  /** What every request on a key carries. */
  at(key: Key): { Bucket: string; Key: string; ExpectedBucketOwner?: string } {
    const { prefix } = this.settings;
    return { ...this.bucket(), Key: prefix === '' ? key : `${prefix}/${key}` };
  }

  bucket(): { Bucket: string; ExpectedBucketOwner?: string } {
    const { bucket, bucketOwner } = this.settings;
    return { Bucket: bucket, ...(bucketOwner && { ExpectedBucketOwner: bucketOwner }) };
  }

  /** How new objects are encrypted, where it is not left to the bucket. */
  encryption(): { ServerSideEncryption?: 'aws:kms'; SSEKMSKeyId?: string; BucketKeyEnabled?: boolean } {
    const { kmsKey } = this.settings;
    return kmsKey === undefined
      ? {}
      : { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: kmsKey, BucketKeyEnabled: true };
  }

  /** Runs a request; what the store answers comes out as an error of ours, except where `expected` says otherwise. */
  async send<T>(
    operation: string,
    key: Key | '',
    work: () => Promise<T>,
    expected: (error: unknown) => boolean = () => false,
  ): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (expected(error)) throw error;
      const full = key === '' ? '' : this.at(key).Key;
      throw storeError(error, { operation, key: full }, this.settings);
    }
  }

  async get(key: Key, bytesMax: number, signal?: AbortSignal): Promise<StoredObject | undefined> {
    const answer = await this.#getObject(key, { signal });
    if (!answer?.Body) return undefined;
    const { ContentLength: sizeBytes = 0, ETag: etag = '' } = answer;
    if (sizeBytes > bytesMax) {
      // Its end comes as an error, which nobody waits for.
      (answer.Body as Readable).on('error', () => {}).destroy();
      throw new WeighlockError(
        'WL_VAULT_CORRUPT',
        `${key} has ${sizeBytes} bytes, more than the ${bytesMax} it may have`,
      );
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.#resumed(key, answer, { offset: 0, length: sizeBytes }, signal))
      chunks.push(chunk);
    return { bytes: Buffer.concat(chunks), tag: etag as Tag };
  }

  async head(key: Key, version?: string): Promise<HeadObjectCommandOutput | undefined> {
    const input = {
      ...this.at(key),
      ...(version && { VersionId: version }),
      ChecksumMode: 'ENABLED',
    } as const;
    try {
      return await this.send(
        'HeadObject',
        key,
        () => this.client.send(new HeadObjectCommand(input)),
        isAbsent,
      );
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  async create(key: Key, bytes: Uint8Array): Promise<'created' | 'exists'> {
    if ((await this.createFile(key, bytes)) !== 'exists') return 'created';
    const there = await this.get(key, Number.MAX_SAFE_INTEGER);
    return there && Buffer.compare(there.bytes, bytes) === 0 ? 'created' : 'exists';
  }

  /** As `create`, but what stands there is never taken for created: with what the store said of what it wrote. */
  async createFile(key: Key, bytes: Uint8Array): Promise<PutObjectCommandOutput | 'exists'> {
    return (await this.#conditional(this.#body(key, bytes), { key, IfNoneMatch: '*' })) ?? 'exists';
  }

  async swap(key: Key, bytes: Uint8Array, expected: Tag | undefined): Promise<'swapped' | 'lost'> {
    const condition = expected === undefined ? { IfNoneMatch: '*' } : { IfMatch: expected };
    // A rival may write the same bytes: what was written carries who wrote it.
    const writer = randomBytes(12).toString('hex');
    const input = { ...this.#body(key, bytes), Metadata: { [WRITER]: writer } };
    if (await this.#conditional(input, { key, ...condition })) return 'swapped';
    return (await this.head(key))?.Metadata?.[WRITER] === writer ? 'swapped' : 'lost';
  }

  /** Writes whatever stands there. For what only its own run reads. */
  async put(key: Key, bytes: Uint8Array): Promise<void> {
    await this.send('PutObject', key, () => this.client.send(new PutObjectCommand(this.#body(key, bytes))));
  }

  /** Sets the object's only tag, on its current version or on another. */
  async tag(
    key: Key,
    { key: Key, value: Value }: { readonly key: string; readonly value: string },
    version?: string,
  ): Promise<'kept' | 'gone' | 'unsupported'> {
    const input = {
      ...this.at(key),
      ...(version && { VersionId: version }),
      Tagging: { TagSet: [{ Key, Value }] },
    };
    const expected = (error: unknown) => isAbsent(error) || isUnknownToStore(error);
    try {
      const work = () => this.client.send(new PutObjectTaggingCommand(input));
      await this.send(version ? 'PutObjectVersionTagging' : 'PutObjectTagging', key, work, expected);
      return 'kept';
    } catch (error) {
      if (!expected(error)) throw error;
      return isAbsent(error) ? 'gone' : 'unsupported';
    }
  }

  /** Removes every version of the object, so that its bytes are gone and the key is free again. */
  async remove(key: Key): Promise<void> {
    await this.#purge(key, (other) => other === key);
  }

  /** Removes everything below the prefix, but for what `keep` names. */
  async removeBelow(prefix: Key, keep?: Key): Promise<void> {
    await this.#purge(prefix, (key) => key !== keep);
  }

  async #purge(prefix: Key, chosen: (key: Key) => boolean): Promise<void> {
    const cut = this.at('' as Key).Key.length;
    for (;;) {
      // Always the first page: what it named is gone when the next one is asked for.
      const page = await this.send('ListObjectVersions', '', () =>
        this.client.send(
          new ListObjectVersionsCommand({
            ...this.bucket(),
            Prefix: this.at(prefix).Key,
            MaxKeys: PAGE_KEYS,
          }),
        ),
      );
      const found = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].filter(({ Key: key = '' }) =>
        chosen(key.slice(cut) as Key),
      );
      if (found.length === 0) return;
      const objects = found.map(({ Key, VersionId }) => ({ Key, ...(VersionId && { VersionId }) }));
      const answer = await this.send('DeleteObjects', prefix, () =>
        this.client.send(
          new DeleteObjectsCommand({ ...this.bucket(), Delete: { Objects: objects, Quiet: true } }),
        ),
      );
      const [refused] = answer.Errors ?? [];
      if (refused) {
        const { Key: key = '', Code: code = '', Message: message = '' } = refused;
        const error = Object.assign(new Error(message), { name: code });
        throw storeError(error, { operation: 'DeleteObject', key }, this.settings);
      }
      if (!page.IsTruncated) return;
    }
  }

  async *list(prefix: Key): AsyncIterable<Listed> {
    const cut = this.at('' as Key).Key.length;
    for await (const page of this.#pages({ Prefix: this.at(prefix).Key })) {
      for (const { Key: key, Size: sizeBytes = 0, LastModified: modified = new Date(0) } of page.Contents ??
        []) {
        if (key !== undefined) yield { key: key.slice(cut) as Key, sizeBytes, modified };
      }
    }
  }

  /** The names directly below a prefix that have something below them. */
  async folders(prefix: Key): Promise<string[]> {
    const full = this.at(prefix).Key;
    const base = full.slice(0, full.lastIndexOf('/') + 1);
    const names: string[] = [];
    for await (const page of this.#pages({ Prefix: full, Delimiter: '/' })) {
      for (const { Prefix: name = '' } of page.CommonPrefixes ?? []) names.push(name.slice(base.length, -1));
    }
    return names;
  }

  /** The bytes of the range, resumed where the connection breaks, all of one version. */
  async *read(key: Key, { range, version, etag, signal }: ReadOptions = {}): AsyncIterable<Uint8Array> {
    if (range?.length === 0) return;
    const answer = await this.#getObject(key, {
      ...(range && { Range: rangeHeader(range) }),
      ...(version && { VersionId: version }),
      ...(etag && { IfMatch: etag }),
      signal,
    });
    if (!answer?.Body)
      throw new WeighlockError('WL_VAULT_UNAVAILABLE', `cannot read ${key}: it does not exist`);
    const whole = range ?? { offset: 0, length: answer.ContentLength ?? 0 };
    yield* this.#resumed(key, answer, whole, signal);
  }

  async #getObject(
    key: Key,
    more: { Range?: string; VersionId?: string; IfMatch?: string; signal?: AbortSignal | undefined } = {},
  ): Promise<GetObjectCommandOutput | undefined> {
    const { signal, ...input } = more;
    const options = signal ? { abortSignal: signal } : {};
    try {
      return await this.send(
        'GetObject',
        key,
        async () => {
          const answer = await this.client.send(new GetObjectCommand({ ...this.at(key), ...input }), options);
          if (answer.ETag !== undefined) return answer;
          (answer.Body as Readable | undefined)?.on('error', () => {}).destroy();
          throw notS3();
        },
        isAbsent,
      );
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  /** Yields exactly the range, asking again for what is left where an answer breaks off. */
  async *#resumed(
    key: Key,
    first: GetObjectCommandOutput,
    range: { readonly offset: number; readonly length: number },
    signal?: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    const { ETag: etag, VersionId: version } = first;
    let body = first.Body as AsyncIterable<Uint8Array> | undefined;
    let at = range.offset;
    const end = range.offset + range.length;
    for (let breaks = 0; at < end; breaks++) {
      try {
        for await (const chunk of body ?? []) {
          if (at + chunk.length > end) throw tooLong(key);
          at += chunk.length;
          breaks = 0;
          yield chunk;
        }
        if (at < end) throw new Error('the answer ended early');
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof WeighlockError || breaks >= BREAKS_MAX)
          throw storeError(error, { operation: 'GetObject', key: this.at(key).Key }, this.settings);
        const rest = await this.#getObject(key, {
          Range: rangeHeader({ offset: at, length: end - at }),
          ...(etag && { IfMatch: etag }),
          ...(version && version !== 'null' && { VersionId: version }),
          signal,
        });
        body = rest?.Body as AsyncIterable<Uint8Array> | undefined;
      }
    }
  }

  /** Writes under a condition; undefined where the store says that it does not hold. */
  async #conditional(
    input: PutObjectCommandInput,
    { key, ...condition }: { key: Key; IfNoneMatch?: string; IfMatch?: string },
  ): Promise<PutObjectCommandOutput | undefined> {
    const open = (error: unknown) => isPreconditionFailed(error) || isConflict(error) || isAbsent(error);
    for (let attempt = 0; attempt < CONFLICTS_MAX; attempt++) {
      try {
        return await this.send(
          'PutObject',
          key,
          () => this.client.send(new PutObjectCommand({ ...input, ...condition })),
          open,
        );
      } catch (error) {
        if (!open(error)) throw error;
        // Absent: what was to be replaced is gone, which is a loss as well.
        if (!isConflict(error)) return undefined;
      }
    }
    throw new WeighlockError('WL_VAULT_UNAVAILABLE', `other writers kept ${key} busy for too long`);
  }

  #body(key: Key, bytes: Uint8Array): PutObjectCommandInput {
    const checksum = createHash('sha256').update(bytes).digest('base64');
    return { ...this.at(key), ...this.encryption(), Body: bytes, ChecksumSHA256: checksum };
  }

  async *#pages(input: { Prefix: string; Delimiter?: string }) {
    let token: string | undefined;
    do {
      const page = await this.send('ListObjectsV2', '', () =>
        this.client.send(
          new ListObjectsV2Command({
            ...this.bucket(),
            ...input,
            MaxKeys: PAGE_KEYS,
            ...(token && { ContinuationToken: token }),
          }),
        ),
      );
      yield page;
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }
}

function rangeHeader({ offset, length }: { readonly offset: number; readonly length: number }): string {
  return `bytes=${offset}-${offset + length - 1}`;
}

function tooLong(key: Key): WeighlockError {
  return new WeighlockError('WL_VAULT_CORRUPT', `the store sent more bytes of ${key} than were asked for`);
}

/** What an answer of the store says of an object, as the receipt keeps it. */
export function said(answer: {
  readonly VersionId?: string | undefined;
  readonly ETag?: string | undefined;
  readonly ChecksumCRC32?: string | undefined;
  readonly ChecksumSHA256?: string | undefined;
}): Pick<StoredFile, 'version' | 'etag' | 'checksum'> {
  const { VersionId: version, ETag: etag, ChecksumCRC32: crc32, ChecksumSHA256: sha256 } = answer;
  const checksum = sha256 ? `sha256:${sha256}` : crc32 ? `crc32:${crc32}` : undefined;
  return {
    // "null" is the version of objects from before versioning was switched on.
    ...(version && version !== 'null' && { version }),
    ...(etag && { etag }),
    ...(checksum && { checksum }),
  };
}

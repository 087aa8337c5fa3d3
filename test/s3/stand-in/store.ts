/** What the stand-in holds: buckets, versions of objects, uploads under way; all in memory, within a bound. */
import { randomBytes } from 'node:crypto';
import type { Checksum, ChecksumAlgorithm, ChecksumType } from './checksum.ts';
import { S3Error } from './error.ts';

/** What is said of an object when it is written, and again when it is read. */
export interface Described {
  /** Content-Type, x-amz-meta-* and their like, by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly encryption: Readonly<Record<string, string>>;
  readonly tags: ReadonlyMap<string, string>;
}

export interface StoredObject extends Described {
  readonly kind: 'object';
  /** `null` where the bucket was not versioned. */
  readonly versionId: string;
  readonly key: string;
  readonly modifiedMs: number;
  readonly chunks: readonly Buffer[];
  readonly sizeBytes: number;
  /** Without quotes. */
  readonly etag: string;
  readonly checksum: Checksum | undefined;
  /** Sizes of the parts of an object that came in parts. */
  readonly partBytes: readonly number[] | undefined;
}

export interface DeleteMarker {
  readonly kind: 'marker';
  readonly versionId: string;
  readonly key: string;
  readonly modifiedMs: number;
}

export type Version = StoredObject | DeleteMarker;

export interface Part {
  readonly number: number;
  readonly bytes: Buffer;
  readonly etag: string;
  readonly modifiedMs: number;
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly value: string } | undefined;
}

export interface Upload extends Described {
  readonly id: string;
  readonly key: string;
  readonly startedMs: number;
  readonly parts: Map<number, Part>;
  /** What the object's checksum will be; `asked` where the client chose it. */
  readonly algorithm: ChecksumAlgorithm;
  readonly type: ChecksumType;
  readonly asked: boolean;
}

/** What a completion answered, for when it is asked again. */
export interface Completion {
  readonly key: string;
  readonly parts: string;
  readonly object: StoredObject;
}

export interface Bucket {
  readonly name: string;
  readonly region: string;
  readonly createdMs: number;
  versioning: 'off' | 'on' | 'suspended';
  /** Versions of each key, the newest last; never an empty list. */
  readonly objects: Map<string, Version[]>;
  readonly uploads: Map<string, Upload>;
  readonly completions: Map<string, Completion>;
  /** Documents of configuration by their name in the query. */
  readonly settings: Map<string, Buffer>;
}

const OBJECTS_MAX = 1_000_000;
const COMPLETIONS_MAX = 10_000;

export class Store {
  readonly buckets = new Map<string, Bucket>();
  readonly #bytesMax: number;
  #heldBytes = 0;
  #objects = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  addBucket(name: string, region: string, nowMs: number): Bucket {
    const bucket: Bucket = {
      name,
      region,
      createdMs: nowMs,
      versioning: 'off',
      objects: new Map(),
      uploads: new Map(),
      completions: new Map(),
      settings: new Map(),
    };
    this.buckets.set(name, bucket);
    return bucket;
  }

  /** The id that the next version in this bucket gets. */
  nextVersionId(bucket: Bucket): string {
    return bucket.versioning === 'on' ? randomBytes(24).toString('base64url').replaceAll('-', '.') : 'null';
  }

  /** Puts a version on top; where the bucket is not versioned it takes the place of the one without id. */
  add(bucket: Bucket, version: Version): void {
    const size = version.kind === 'object' ? version.sizeBytes : 0;
    this.hold(size);
    this.#objects += 1;
    if (this.#objects > OBJECTS_MAX) throw new S3Error('InternalError', { message: 'the stand-in is full' });
    if (version.versionId === 'null') this.remove(bucket, version.key, 'null');
    const versions = bucket.objects.get(version.key) ?? [];
    versions.push(version);
    bucket.objects.set(version.key, versions);
  }

  /** Removes one version for good, and says what it was. */
  remove(bucket: Bucket, key: string, versionId: string): Version | undefined {
    const versions = bucket.objects.get(key) ?? [];
    const at = versions.findIndex((version) => version.versionId === versionId);
    const [removed] = at < 0 ? [] : versions.splice(at, 1);
    if (versions.length === 0) bucket.objects.delete(key);
    if (!removed) return undefined;
    this.#objects -= 1;
    if (removed.kind === 'object') this.release(removed.sizeBytes);
    return removed;
  }

  /** The object that a plain GET would read; a delete marker on top counts as none. */
  current(bucket: Bucket, key: string): StoredObject | undefined {
    const top = bucket.objects.get(key)?.at(-1);
    return top?.kind === 'object' ? top : undefined;
  }

  remember(bucket: Bucket, uploadId: string, completion: Completion): void {
    bucket.completions.set(uploadId, completion);
    const oldest = bucket.completions.keys().next().value;
    if (bucket.completions.size > COMPLETIONS_MAX && oldest !== undefined) bucket.completions.delete(oldest);
  }

  dropUpload(bucket: Bucket, upload: Upload): void {
    for (const part of upload.parts.values()) this.release(part.bytes.length);
    bucket.uploads.delete(upload.id);
  }

  hold(sizeBytes: number): void {
    if (this.#heldBytes + sizeBytes > this.#bytesMax) {
      throw new S3Error('InternalError', { message: `the stand-in holds at most ${this.#bytesMax} bytes` });
    }
    this.#heldBytes += sizeBytes;
  }

  release(sizeBytes: number): void {
    this.#heldBytes -= sizeBytes;
  }
}

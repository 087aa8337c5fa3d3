/**
 * S3Vault: a vault in a bucket, or below a prefix of one.
 *
 * Objects are created with `If-None-Match: *` and moved with `If-Match`. Files of an admission wait as parts of
 * pending multipart uploads, which nobody can read, and as small objects below `staging/`; publishing completes them
 * one by one, so that a revision appears file by file, `model.sig` last.
 */
import { randomBytes } from 'node:crypto';
import type { RepoPath } from '../base/name.ts';
import { fileKey, type Key, type RevisionId, revisionPrefix, stagingKey } from './layout.ts';
import { s3Leftovers } from './s3-leftovers.ts';
import { type Links, s3Links } from './s3-links.ts';
import { REVOKED_TAG, type S3Settings, s3Place } from './s3-place.ts';
import { S3Staging } from './s3-staging.ts';
import { S3Store, said } from './s3-store.ts';
import type {
  Leftover,
  Listed,
  ReadOptions,
  Staging,
  StoredFile,
  StoredObject,
  Tag,
  Vault,
  VaultTicket,
} from './vault.ts';

export class S3Vault implements Vault {
  readonly location: string;
  readonly place: string;
  readonly ticket: VaultTicket;
  readonly publishes = 'by file';
  readonly #store: S3Store;
  #links: Links | undefined;

  constructor(settings: S3Settings) {
    this.location = s3Place(settings);
    this.place = settings.endpoint ? `${this.location} at ${settings.endpoint}` : this.location;
    this.ticket = { kind: 's3', settings };
    this.#store = new S3Store(settings);
  }

  get(key: Key, bytesMax: number, signal?: AbortSignal): Promise<StoredObject | undefined> {
    return this.#store.get(key, bytesMax, signal);
  }

  create(key: Key, bytes: Uint8Array): Promise<'created' | 'exists'> {
    return this.#store.create(key, bytes);
  }

  swap(key: Key, bytes: Uint8Array, expected: Tag | undefined): Promise<'swapped' | 'lost'> {
    return this.#store.swap(key, bytes, expected);
  }

  list(prefix: Key): AsyncIterable<Listed> {
    return this.#store.list(prefix);
  }

  read(key: Key, options?: ReadOptions): AsyncIterable<Uint8Array> {
    return this.#store.read(key, options);
  }

  async stat(id: RevisionId): Promise<readonly StoredFile[]> {
    const prefix = revisionPrefix(id);
    const files: StoredFile[] = [];
    for await (const { key, sizeBytes } of this.#store.list(prefix)) {
      files.push({ path: key.slice(prefix.length) as RepoPath, sizeBytes });
    }
    return files;
  }

  async inspect(id: RevisionId, path: RepoPath): Promise<StoredFile | undefined> {
    const answer = await this.#store.head(fileKey(id, path));
    return answer && { path, sizeBytes: answer.ContentLength ?? 0, ...said(answer) };
  }

  async inspectVersion(id: RevisionId, path: RepoPath, version: string): Promise<StoredFile | undefined> {
    const answer = await this.#store.head(fileKey(id, path), version);
    return answer && { path, sizeBytes: answer.ContentLength ?? 0, ...said(answer) };
  }

  link(
    id: RevisionId,
    path: RepoPath,
    { version, seconds }: { readonly version: string; readonly seconds: number },
  ): Promise<string> {
    this.#links ??= s3Links(this.#store);
    return this.#links(fileKey(id, path), version, seconds);
  }

  stage(id: RevisionId): Promise<Staging> {
    return S3Staging.take(this.#store, id);
  }

  resume(area: string, id: RevisionId): Promise<Staging | 'busy' | 'gone'> {
    return S3Staging.resume(this.#store, area, id);
  }

  async keepsVersions(): Promise<boolean> {
    const key = stagingKey(`probe-${randomBytes(8).toString('hex')}`, 'version');
    try {
      const answer = await this.#store.createFile(key, Buffer.from('version'));
      return answer !== 'exists' && said(answer).version !== undefined;
    } finally {
      await this.#store.remove(key);
    }
  }

  async keepFrom(id: RevisionId, path: RepoPath, version: string | undefined) {
    const key = fileKey(id, path);
    const now = await this.#store.tag(key, REVOKED_TAG);
    if (now === 'unsupported' || version === undefined) return now;
    return this.#store.tag(key, REVOKED_TAG, version);
  }

  leftovers(): AsyncIterable<Leftover> {
    return s3Leftovers(this.#store);
  }

  remove(key: Key): Promise<void> {
    return this.#store.remove(key);
  }

  async close(): Promise<void> {
    this.#store.client.destroy();
  }
}

/**
 * A staging area of a bucket:
 *
 *   staging/<area>/lease            who works here
 *   staging/<area>/files/<path>     small files
 *   staging/<area>/notes/<digest>   what is known of a file that waits as a pending upload at its own place
 *
 * Its name begins with a digest of the revision, so that a later run finds it by one listing.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  CompleteMultipartUploadCommand,
  type CompleteMultipartUploadCommandOutput,
} from '@aws-sdk/client-s3';
import { sha256, sha256Stream } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import { parseRepoPath, type RepoPath } from '../base/name.ts';
import { fileKey, type Key, type RevisionId, stagingAreas, stagingKey } from './layout.ts';
import { abortUpload, noteKey, stagedFileKey } from './s3-door.ts';
import { isConflict, isPartWrong, isPreconditionFailed, isUploadGone } from './s3-errors.ts';
import { AreaLease } from './s3-lease.ts';
import { type S3Store, said } from './s3-store.ts';
import type {
  ExpectedFile,
  FinishedFiles,
  StagedFile,
  StagedUpload,
  Staging,
  StagingTicket,
  StoredFile,
} from './vault.ts';

/** Longest note: the facts of a large file. */
const NOTE_BYTES_MAX = 64 << 20;
/** Longest staged file that is published as an object of its own. */
const OBJECT_BYTES_MAX = 64 << 20;
/** Uploads that are completed, and objects that are moved, at once. */
const PUBLISHED_AT_ONCE = 8;

const AREA = /^[0-9a-f]{16}-[0-9a-f]{16}$/;

export class S3Staging implements Staging {
  readonly id: string;
  readonly ticket: StagingTicket;
  readonly #store: S3Store;
  readonly #revision: RevisionId;
  readonly #lease: AreaLease;
  readonly #uploads = new Map<RepoPath, StagedUpload>();

  private constructor(store: S3Store, area: string, from: { revision: RevisionId; lease: AreaLease }) {
    this.id = area;
    this.#store = store;
    this.#revision = from.revision;
    this.#lease = from.lease;
    this.ticket = { kind: 's3', settings: store.settings, area, revision: from.revision };
  }

  /** An abandoned area of this revision, or a new one. Never one that a living process holds. */
  static async take(store: S3Store, revision: RevisionId): Promise<S3Staging> {
    const start = ownerOf(revision);
    for (const area of await store.folders(stagingAreas(`${start}-`))) {
      const taken = await S3Staging.resume(store, area, revision);
      if (taken instanceof S3Staging) return taken;
    }
    const area = `${start}-${randomBytes(8).toString('hex')}`;
    const lease = await AreaLease.acquire(store, area);
    if (!lease) throw new Error(`somebody holds the new staging area ${area}`);
    return new S3Staging(store, area, { revision, lease });
  }

  static async resume(
    store: S3Store,
    area: string,
    revision: RevisionId,
  ): Promise<S3Staging | 'busy' | 'gone'> {
    if (!AREA.test(area) || !area.startsWith(`${ownerOf(revision)}-`)) return 'gone';
    const names = store.list(stagingKey(area, ''))[Symbol.asyncIterator]();
    const { done } = await names.next();
    if (done) return 'gone';
    const lease = await AreaLease.acquire(store, area);
    return lease ? new S3Staging(store, area, { revision, lease }) : 'busy';
  }

  async finished(): Promise<FinishedFiles> {
    const readable: StagedFile[] = [];
    const prefix = stagedFileKey(this.id, '' as RepoPath);
    for await (const { key, sizeBytes } of this.#store.list(stagingKey(this.id, ''))) {
      if (key.startsWith(prefix)) readable.push({ path: parseRepoPath(key.slice(prefix.length)), sizeBytes });
    }
    return { readable, notes: await notesOf(this.#store, this.id) };
  }

  async keep(path: RepoPath, upload: StagedUpload, note: Uint8Array): Promise<void> {
    this.adopt(path, upload);
    await this.#store.put(noteKey(this.id, path), note);
  }

  adopt(path: RepoPath, upload: StagedUpload): void {
    this.#uploads.set(path, upload);
  }

  async put(path: RepoPath, bytes: Uint8Array): Promise<void> {
    await this.#store.put(stagedFileKey(this.id, path), bytes);
  }

  async publish(groups: readonly (readonly ExpectedFile[])[]): Promise<readonly StoredFile[]> {
    const stored: StoredFile[] = [];
    for (const group of groups) {
      const left = group[Symbol.iterator]();
      const lane = async () => {
        for (const file of left) stored.push(await this.#publish(file));
      };
      const lanes = Array.from({ length: Math.min(PUBLISHED_AT_ONCE, group.length) }, lane);
      // All of them have ended before a failure is told: whoever looks again finds nothing still on its way.
      const failed = (await Promise.allSettled(lanes)).find((one) => one.status === 'rejected');
      if (failed) throw failed.reason;
      for (const { path } of group) this.#uploads.delete(path);
    }
    await this.discard();
    return stored;
  }

  async release(): Promise<void> {
    await this.#lease.release();
  }

  async discard(): Promise<void> {
    this.#lease.forget();
    for (const [path, { uploadId }] of this.#uploads) {
      await abortUpload(this.#store, fileKey(this.#revision, path), uploadId);
    }
    this.#uploads.clear();
    // The lease last: until then nobody else takes up what is being removed.
    const lease = stagingKey(this.id, 'lease');
    await this.#store.removeBelow(stagingKey(this.id, ''), lease);
    await this.#store.remove(lease);
  }

  async #publish(file: ExpectedFile): Promise<StoredFile> {
    const upload = this.#uploads.get(file.path);
    return upload ? this.#complete(file, upload) : this.#move(file);
  }

  /** Completes the upload; an answer that got lost is made up for by reading what stands there. */
  async #complete(file: ExpectedFile, upload: StagedUpload): Promise<StoredFile> {
    const key = fileKey(this.#revision, file.path);
    const open = (error: unknown) =>
      isPreconditionFailed(error) || isUploadGone(error) || isConflict(error) || isPartWrong(error);
    const command = new CompleteMultipartUploadCommand({
      ...this.#store.at(key),
      UploadId: upload.uploadId,
      IfNoneMatch: '*',
      ...(upload.crc32 && { ChecksumCRC32: upload.crc32, ChecksumType: 'FULL_OBJECT' as const }),
      MpuObjectSize: file.sizeBytes,
      MultipartUpload: {
        Parts: upload.parts.map(({ etag, crc32 }, number) => ({
          PartNumber: number + 1,
          ETag: etag,
          ...(crc32 && { ChecksumCRC32: crc32 }),
        })),
      },
    });
    let answer: CompleteMultipartUploadCommandOutput;
    try {
      answer = await this.#store.send(
        'CompleteMultipartUpload',
        key,
        () => this.#store.client.send(command),
        open,
      );
    } catch (error) {
      if (!open(error)) throw error;
      const there = await this.#readBack(file, key);
      // Nobody completes it any more: after a conflict AWS wants an upload anew, and what stands needs none.
      await abortUpload(this.#store, key, upload.uploadId);
      if (there) return there;
      await this.#forget(file.path);
      throw lost(file.path, error);
    }
    if (isMadeOf(upload, answer)) return { path: file.path, sizeBytes: file.sizeBytes, ...said(answer) };
    const there = await this.#readBack(file, key);
    if (there) return there;
    await this.#forget(file.path);
    throw lost(file.path);
  }

  /** Writes a small file to its place, from the staged object. */
  async #move(file: ExpectedFile): Promise<StoredFile> {
    const staged = await this.#store.get(stagedFileKey(this.id, file.path), OBJECT_BYTES_MAX);
    if (!staged) throw new Error(`${file.path} is to be published and was not staged`);
    if (sha256(staged.bytes) !== file.sha256) {
      await this.#store.remove(stagedFileKey(this.id, file.path));
      throw lost(file.path);
    }
    const key = fileKey(this.#revision, file.path);
    const answer = await this.#store.createFile(key, staged.bytes);
    if (answer !== 'exists') return { path: file.path, sizeBytes: file.sizeBytes, ...said(answer) };
    const there = await this.#readBack(file, key);
    if (there) return there;
    throw new WeighlockError('WL_VAULT_UNAVAILABLE', `${key} vanished while it was written`);
  }

  /** What stands at the place, if its bytes are the expected ones; undefined if nothing does. */
  async #readBack(file: ExpectedFile, key: Key): Promise<StoredFile | undefined> {
    const head = await this.#store.head(key);
    if (!head) return undefined;
    const stored = { path: file.path, sizeBytes: head.ContentLength ?? 0, ...said(head) };
    const bytes = this.#store.read(key, { version: stored.version });
    if (stored.sizeBytes === file.sizeBytes && (await sha256Stream(bytes)) === file.sha256) return stored;
    throw new WeighlockError(
      'WL_STAGING_LOST',
      `somebody else put other bytes at ${key} while it was about to be published`,
      { hint: 'Run the command again: it checks every byte that stands there.' },
    );
  }

  /** The store does not have the upload any more: a later run must not count on it. */
  async #forget(path: RepoPath): Promise<void> {
    this.#uploads.delete(path);
    await this.#store.remove(noteKey(this.id, path));
  }
}

/** What was noted about the uploads of an area. */
export async function notesOf(store: S3Store, area: string): Promise<Uint8Array[]> {
  const notes: Uint8Array[] = [];
  for await (const { key } of store.list(stagingKey(area, 'notes/'))) {
    const note = await store.get(key, NOTE_BYTES_MAX);
    if (note) notes.push(note.bytes);
  }
  return notes;
}

/**
 * Whether the object is made of exactly these parts, as far as its ETag can tell: the MD5 of the parts' MD5s, but not
 * under KMS. Some stores say "done" of an upload that a stranger has completed, with parts of his own.
 */
function isMadeOf({ parts }: StagedUpload, answer: CompleteMultipartUploadCommandOutput): boolean {
  const [, composite] = /^"?([0-9a-f]{32}-\d+)"?$/.exec(answer.ETag ?? '') ?? [];
  const digests = parts.map(({ etag }) => /^"?([0-9a-f]{32})"?$/.exec(etag)?.[1] ?? '');
  if (!composite || digests.includes('') || answer.ServerSideEncryption?.startsWith('aws:kms')) return true;
  const expected = createHash('md5')
    .update(Buffer.from(digests.join(''), 'hex'))
    .digest('hex');
  return composite === `${expected}-${parts.length}`;
}

/** The beginning of the names of all areas of a revision. */
export function ownerOf({ model, commit }: RevisionId): string {
  return createHash('sha256').update(`${model}@${commit}`).digest('hex').slice(0, 16);
}

function lost(path: RepoPath, cause?: unknown): WeighlockError {
  return new WeighlockError('WL_STAGING_LOST', `the store lost what was staged of ${path}`, {
    hint: 'Run the command again: that file is brought in again, the others are kept.',
    cause,
  });
}

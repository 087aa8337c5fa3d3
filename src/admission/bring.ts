/**
 * One file, one pass: each chunk that arrives is hashed, parsed and written before the next is asked for, so that
 * the bytes hashed, the bytes scanned and the bytes staged are the same bytes.
 */
import { createHash } from 'node:crypto';
import type { GitBlobSha1, Sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import { parseRandomCompletely, StreamParse } from '../formats/drive.ts';
import type { Facts } from '../formats/facts.ts';
import type { Source, SourceFile, SourceRevision } from '../sources/source.ts';
import type { StagedReader, StagingDoor } from '../vault/vault.ts';
import type { BroughtFile } from './job.ts';
import { readAhead } from './read-ahead.ts';

export interface Bring {
  readonly source: Source;
  readonly revision: Pick<SourceRevision, 'model' | 'commit'>;
  readonly door: StagingDoor;
  readonly readAheadBytes: number;
  /** Called with the number of bytes that went by. */
  readonly passed: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/** One read of a staged file. */
const STAGED_READ_BYTES = 1 << 20;

/** Throws WL_DIGEST_MISMATCH, and what `Source.read` throws; nothing of the file stays staged then. */
export async function bringFile(file: SourceFile, by: Bring): Promise<BroughtFile> {
  const writer = await by.door.create(file.path, file.sizeBytes);
  const pass = new Pass(file);
  try {
    for await (const chunk of readAhead(file, by)) {
      const { length } = chunk;
      pass.take(chunk);
      await writer.write(chunk);
      by.passed(length);
    }
    pass.requireDeclared();
    await writer.finish();
  } catch (error) {
    await writer.abort();
    throw error;
  }
  return pass.conclude(by.door, 'source');
}

/** The staged file of an earlier run, if its bytes are the declared ones; otherwise it is dropped. */
export async function reuseStaged(file: SourceFile, by: Bring): Promise<BroughtFile | undefined> {
  if (file.declared.kind === 'none') return undefined;
  const reader = by.door.open(file.path);
  const pass = new Pass(file);
  try {
    if (reader.sizeBytes === file.sizeBytes) passThrough(reader, pass, by);
  } finally {
    reader.close();
  }
  if (pass.isDeclared()) return pass.conclude(by.door, 'staging');
  await by.door.remove(file.path);
  return undefined;
}

function passThrough(reader: StagedReader, pass: Pass, by: Bring): void {
  for (let at = 0; at < reader.sizeBytes; at += STAGED_READ_BYTES) {
    by.signal.throwIfAborted();
    const chunk = reader.read(at, Math.min(STAGED_READ_BYTES, reader.sizeBytes - at));
    pass.take(chunk);
    by.passed(chunk.length);
  }
}

/** Hash and parse of one file, while its bytes pass. */
class Pass {
  readonly #file: SourceFile;
  readonly #sha256 = createHash('sha256');
  readonly #gitBlob = createHash('sha1');
  readonly #parse: StreamParse;
  readonly #needsGitBlob: boolean;
  #sizeBytes = 0;
  #digests: { sha256: Sha256; gitBlobSha1: GitBlobSha1 } | undefined;

  constructor(file: SourceFile) {
    this.#file = file;
    this.#parse = new StreamParse(file.sizeBytes);
    this.#needsGitBlob = file.declared.kind === 'git-blob-sha1';
    if (this.#needsGitBlob) this.#gitBlob.update(`blob ${file.sizeBytes}\0`);
  }

  take(chunk: Uint8Array): void {
    this.#sha256.update(chunk);
    if (this.#needsGitBlob) this.#gitBlob.update(chunk);
    this.#parse.push(chunk);
    this.#sizeBytes += chunk.length;
  }

  isDeclared(): boolean {
    const { declared, sizeBytes } = this.#file;
    const { sha256, gitBlobSha1 } = this.#finish();
    if (this.#sizeBytes !== sizeBytes) return false;
    switch (declared.kind) {
      case 'lfs-sha256':
        return declared.digest === sha256;
      case 'git-blob-sha1':
        return declared.digest === gitBlobSha1;
      case 'none':
        return true;
    }
  }

  requireDeclared(): void {
    if (this.isDeclared()) return;
    const { path, sizeBytes } = this.#file;
    const what =
      this.#sizeBytes === sizeBytes ? 'another digest' : `${this.#sizeBytes} bytes instead of ${sizeBytes}`;
    throw new WeighlockError('WL_DIGEST_MISMATCH', `${path} arrived with ${what} than the source declares`);
  }

  async conclude(door: StagingDoor, from: BroughtFile['from']): Promise<BroughtFile> {
    const streamed = await this.#parse.finish();
    const facts = streamed === 'needs-random-access' ? await parseStaged(door, this.#file) : streamed;
    return { file: this.#file, sizeBytes: this.#sizeBytes, ...this.#finish(), facts, from };
  }

  #finish(): { sha256: Sha256; gitBlobSha1: GitBlobSha1 } {
    this.#digests ??= {
      sha256: this.#sha256.digest('hex') as Sha256,
      gitBlobSha1: this.#gitBlob.digest('hex') as GitBlobSha1,
    };
    return this.#digests;
  }
}

/** Formats with their directory at the end are read from where they were just staged. */
async function parseStaged(door: StagingDoor, file: SourceFile): Promise<Facts> {
  const reader = door.open(file.path);
  try {
    return await parseRandomCompletely(reader);
  } finally {
    reader.close();
  }
}

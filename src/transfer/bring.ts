/**
 * One file, one pass: each chunk that arrives is hashed, parsed and written before the next is asked for, so that
 * the bytes hashed, the bytes scanned and the bytes staged are the same bytes.
 */
import { createHash } from 'node:crypto';
import type { GitBlobSha1, Sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import { type Engine, examineAll } from '../engines/engine.ts';
import { parseRandomCompletely, StreamParse } from '../formats/drive.ts';
import type { Facts } from '../formats/facts.ts';
import { HEAD_BYTES } from '../formats/identify.ts';
import { isDeclared, type SourceFile, type SourceRevision } from '../sources/source.ts';
import type { StagedReader, StagingDoor } from '../vault/vault.ts';
import type { BroughtFile, KnownCopy } from './job.ts';
import { readAhead } from './read-ahead.ts';
import { Sample } from './sample.ts';
import type { ReadingSource } from './source.ts';
import { Spool } from './spool.ts';

export interface Bring {
  readonly source: Pick<ReadingSource, 'read'>;
  readonly revision: Pick<SourceRevision, 'model' | 'commit'>;
  readonly door: StagingDoor;
  readonly readAheadBytes: number;
  readonly reads: 'facts' | 'bytes';
  /** Who else looks at the bytes. */
  readonly engines?: readonly Engine[];
  /** Called with the number of bytes that went by. */
  readonly passed: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/** One read of a staged file. */
const STAGED_READ_BYTES = 1 << 20;

/** Throws WL_DIGEST_MISMATCH, and what `Source.read` throws; nothing of the file stays staged then. */
export async function bringFile(file: SourceFile, by: Bring): Promise<BroughtFile> {
  const writer = await by.door.create(file.path, file.sizeBytes);
  const pass = new Pass(file, by);
  let spool: Spool | undefined;
  try {
    for await (const chunk of readAhead(file, by)) {
      const { length } = chunk;
      pass.take(chunk);
      if (spool) spool.write(chunk);
      else if (pass.needsRandomAccess && !writer.readable) spool = pass.spool();
      await writer.write(chunk);
      by.passed(length);
    }
    pass.requireDeclared();
    const upload = await writer.finish();
    const reader = spool;
    const brought = await pass.conclude(
      reader ? async () => reader : () => by.door.open(file.path),
      'source',
    );
    return { ...brought, upload };
  } catch (error) {
    await writer.abort();
    throw error;
  } finally {
    spool?.end();
  }
}

/** The staged file of an earlier run, if its bytes are the declared ones; otherwise it is dropped. */
export async function reuseStaged(file: SourceFile, by: Bring): Promise<BroughtFile | undefined> {
  if (file.declared.kind === 'none') return undefined;
  const reader = await by.door.open(file.path);
  const pass = new Pass(file, by);
  try {
    if (reader.sizeBytes === file.sizeBytes) passThrough(reader, pass, by);
  } finally {
    reader.close();
  }
  if (pass.isDeclared()) return pass.conclude(() => by.door.open(file.path), 'staging');
  await by.door.remove(file.path);
  return undefined;
}

/** The file copied inside the store; undefined where the store cannot, or does not have these bytes any more. */
export async function copyInStore(
  file: SourceFile,
  copy: KnownCopy,
  by: Bring,
): Promise<BroughtFile | undefined> {
  const upload = await by.door.copy?.(file.path, copy);
  if (!upload) return undefined;
  by.passed(file.sizeBytes);
  const { sizeBytes, sha256, facts } = copy;
  // git's name of a file that it keeps elsewhere is not a digest of its content: nobody asks for it.
  return { file, sizeBytes, sha256, gitBlobSha1: NO_BLOB, facts, from: 'vault', upload };
}

const NO_BLOB = '0'.repeat(40) as GitBlobSha1;

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
  readonly #reads: 'facts' | 'bytes';
  readonly #sha256 = createHash('sha256');
  readonly #gitBlob = createHash('sha1');
  readonly #parse: StreamParse;
  readonly #needsGitBlob: boolean;
  readonly #engines: readonly Engine[];
  readonly #sample: Sample | undefined;
  /** Copies of the chunks in which a format shows itself. */
  #head: Uint8Array[] = [];
  #sizeBytes = 0;
  #digests: { sha256: Sha256; gitBlobSha1: GitBlobSha1 } | undefined;

  constructor(file: SourceFile, { reads, engines = [] }: Pick<Bring, 'reads' | 'engines'>) {
    this.#file = file;
    this.#reads = reads;
    this.#engines = engines;
    this.#sample = reads === 'facts' && engines.length > 0 ? new Sample(file.sizeBytes) : undefined;
    this.#parse = new StreamParse(file.sizeBytes);
    this.#needsGitBlob = file.declared.kind === 'git-blob-sha1';
    if (this.#needsGitBlob) this.#gitBlob.update(`blob ${file.sizeBytes}\0`);
  }

  take(chunk: Uint8Array): void {
    this.#sha256.update(chunk);
    this.#sample?.take(chunk);
    if (this.#needsGitBlob) this.#gitBlob.update(chunk);
    if (this.#reads === 'facts') this.#parse.push(chunk);
    if (this.#sizeBytes < HEAD_BYTES) this.#head.push(Uint8Array.from(chunk));
    this.#sizeBytes += chunk.length;
  }

  /** True once the head of the file showed it. */
  get needsRandomAccess(): boolean {
    return this.#reads === 'facts' && this.#parse.needsRandomAccess;
  }

  /** A spool with everything that passed so far, taken right after the chunk that showed the need. */
  spool(): Spool {
    const spool = new Spool();
    for (const chunk of this.#head) spool.write(chunk);
    return spool;
  }

  isDeclared(): boolean {
    return this.#sizeBytes === this.#file.sizeBytes && isDeclared(this.#file, this.#finish());
  }

  requireDeclared(): void {
    if (this.isDeclared()) return;
    const { path, sizeBytes, declared } = this.#file;
    if (declared.kind === 'read-before')
      throw new WeighlockError(
        'WL_SOURCE_CHANGED',
        `${path} changed between its first and its second reading`,
      );
    const what =
      this.#sizeBytes === sizeBytes ? 'another digest' : `${this.#sizeBytes} bytes instead of ${sizeBytes}`;
    throw new WeighlockError('WL_DIGEST_MISMATCH', `${path} arrived with ${what} than the source declares`);
  }

  async conclude(open: () => Promise<StagedReader>, from: BroughtFile['from']): Promise<BroughtFile> {
    const facts = this.#reads === 'facts' ? await this.#facts(open) : undefined;
    const shown = facts && this.#sample?.shown(facts);
    const examinations = shown && (await examineAll(this.#engines, shown));
    const about = { file: this.#file, sizeBytes: this.#sizeBytes, ...this.#finish(), facts, from };
    return { ...about, ...(examinations && { examinations }) };
  }

  /** Formats with their directory at the end are read from where they were just kept. */
  async #facts(open: () => Promise<StagedReader>): Promise<Facts> {
    const streamed = await this.#parse.finish();
    if (streamed !== 'needs-random-access') return streamed;
    const reader = await open();
    try {
      return await parseRandomCompletely(reader);
    } finally {
      reader.close();
    }
  }

  #finish(): { sha256: Sha256; gitBlobSha1: GitBlobSha1 } {
    this.#digests ??= {
      sha256: this.#sha256.digest('hex') as Sha256,
      gitBlobSha1: this.#gitBlob.digest('hex') as GitBlobSha1,
    };
    return this.#digests;
  }
}

/**
 * One file of this machine, read once: hashed and parsed in one pass. What a format with its directory at the end
 * asks for is read where it stands; the hash takes those bytes along where they come next.
 */
import { createHash } from 'node:crypto';
import { type BigIntStats, closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { Sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import { readAt } from '../base/read-at.ts';
import { type Engine, type Examination, examineAll } from '../engines/engine.ts';
import { parseRandomCompletely, type RandomAccess, StreamParse } from '../formats/drive.ts';
import type { Facts } from '../formats/facts.ts';
import { Sample } from '../transfer/sample.ts';
import { OPEN_FLAGS, reasonOf } from './local.ts';

/** One read: the hash takes it from the processor's cache. */
const CHUNK_BYTES = 256 << 10;

export interface LocalRead {
  readonly sizeBytes: number;
  readonly sha256: Sha256;
  readonly facts: Facts;
  readonly examinations: readonly Examination[];
}

/**
 * The facts and digest of the file as it stood when it was opened. Throws WL_FILE_UNREADABLE, and WL_SOURCE_CHANGED
 * where it was written, grew or shrank meanwhile.
 */
export async function readLocal(
  place: string,
  passed: (bytes: number) => void,
  engines: readonly Engine[] = [],
): Promise<LocalRead> {
  const fd = opened(place);
  try {
    const before = fstatSync(fd, { bigint: true });
    if (!before.isFile()) throw unreadable('is not a regular file');
    const sample = engines.length > 0 ? new Sample(Number(before.size)) : undefined;
    const file = new HashedFile(fd, Number(before.size), (chunk) => {
      sample?.take(chunk);
      passed(chunk.length);
    });
    const facts = await file.parse();
    const sha256 = file.digest();
    refuseChange(before, fstatSync(fd, { bigint: true }));
    const examinations = sample ? await examineAll(engines, sample.shown(facts)) : [];
    return { sizeBytes: file.sizeBytes, sha256, facts, examinations };
  } catch (error) {
    throw error instanceof WeighlockError ? error : unreadable(reasonOf(error), error);
  } finally {
    closeSync(fd);
  }
}

function opened(place: string): number {
  try {
    return openSync(place, OPEN_FLAGS);
  } catch (error) {
    throw unreadable(reasonOf(error), error);
  }
}

class HashedFile implements RandomAccess {
  readonly sizeBytes: number;
  readonly #fd: number;
  readonly #passed: (chunk: Uint8Array) => void;
  readonly #hash = createHash('sha256');
  /** The hash has taken all bytes before this offset. */
  #hashed = 0;

  constructor(fd: number, sizeBytes: number, passed: (chunk: Uint8Array) => void) {
    this.#fd = fd;
    this.sizeBytes = sizeBytes;
    this.#passed = passed;
  }

  async parse(): Promise<Facts> {
    const stream = new StreamParse(this.sizeBytes);
    for (const chunk of this.#chunks()) {
      stream.push(chunk);
      if (stream.needsRandomAccess) return parseRandomCompletely(this);
    }
    const facts = await stream.finish();
    return facts === 'needs-random-access' ? parseRandomCompletely(this) : facts;
  }

  read(offset: number, length: number): Uint8Array {
    const bytes = readAt(this.#fd, this.sizeBytes, { offset, length });
    if (offset <= this.#hashed && offset + bytes.length > this.#hashed)
      this.#take(bytes.subarray(this.#hashed - offset));
    return bytes;
  }

  /** Hashes what is left, and makes sure that the file ends where it should. */
  digest(): Sha256 {
    for (const _ of this.#chunks());
    if (this.#hashed !== this.sizeBytes) throw changed('ends sooner than it did when it was opened');
    if (readSync(this.#fd, Buffer.alloc(1), 0, 1, this.sizeBytes) > 0)
      throw changed('is longer than it was when it was opened');
    return this.#hash.digest('hex') as Sha256;
  }

  /** What the hash has not taken yet, in one buffer that is used again. */
  *#chunks(): Generator<Uint8Array> {
    const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, Math.max(1, this.sizeBytes)));
    while (this.#hashed < this.sizeBytes) {
      const wanted = Math.min(buffer.length, this.sizeBytes - this.#hashed);
      const filled = readSync(this.#fd, buffer, 0, wanted, this.#hashed);
      if (filled === 0) return;
      const chunk = buffer.subarray(0, filled);
      this.#take(chunk);
      yield chunk;
    }
  }

  #take(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#hashed += bytes.length;
    this.#passed(bytes);
  }
}

function refuseChange(before: BigIntStats, after: BigIntStats): void {
  const same =
    before.size === after.size && before.mtimeNs === after.mtimeNs && before.ctimeNs === after.ctimeNs;
  if (!same) throw changed('was written while it was read');
}

function changed(what: string): WeighlockError {
  return new WeighlockError('WL_SOURCE_CHANGED', what);
}

function unreadable(what: string, cause?: unknown): WeighlockError {
  return new WeighlockError('WL_FILE_UNREADABLE', what, { cause });
}

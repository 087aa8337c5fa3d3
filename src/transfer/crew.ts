/**
 * The crew: worker threads that bring in the files of one revision, the largest first, so that none is left for
 * the end. The first failure stops all.
 */
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { RepoPath } from '../base/name.ts';
import type { OnStart } from '../base/progress.ts';
import type { SourceFile } from '../sources/source.ts';
import { PARTS_HELD_MIN, partBytesFor } from '../vault/part-size.ts';
import {
  type BroughtFile,
  type CrewOrder,
  type FileJob,
  fromPlainError,
  type JobResult,
  type KnownCopy,
} from './job.ts';

export interface CrewOptions extends Omit<CrewOrder, 'counters' | 'readAheadBytes' | 'partsBytes'> {
  readonly files: readonly SourceFile[];
  /** Files that an earlier run finished in the staging area. */
  readonly staged: ReadonlySet<RepoPath>;
  /** Bytes that stand in the vault already, by path. */
  readonly copies?: ReadonlyMap<RepoPath, KnownCopy> | undefined;
  /** Called with each file as it is finished; the crew ends when all that it returned is done. */
  readonly onBrought?: ((brought: BroughtFile) => Promise<void>) | undefined;
  /** Files under way at once. */
  readonly concurrency: number;
  /** Bytes that may wait in memory, over all files under way. */
  readonly memoryBytes: number;
  readonly onStart?: OnStart | undefined;
}

export interface CrewResult {
  /** In the order of `files`. */
  readonly brought: readonly BroughtFile[];
  readonly contacted: ReadonlySet<string>;
}

/**
 * What streams by is garbage at once, and V8 would let tens of megabytes of it gather in every thread before it
 * looks: a small nursery costs a little time and keeps the memory of the process within bounds.
 */
const RESOURCE_LIMITS = { maxYoungGenerationSizeMb: 6 };

/** While one file waits for its bytes or its sync, another is hashed; a thread of its own would cost each 50 MB. */
const FILES_PER_THREAD = 2;

export async function bringAll(options: CrewOptions): Promise<CrewResult> {
  const { files, staged, concurrency, memoryBytes } = options;
  const shared = new SharedArrayBuffer(BigUint64Array.BYTES_PER_ELEMENT * Math.max(1, files.length));
  const counters = new BigUint64Array(shared);
  options.onStart?.({ files, passed: (number) => Number(Atomics.load(counters, number)) });

  const jobs: FileJob[] = files
    .map((file, number) => ({
      number,
      file,
      staged: staged.has(file.path),
      copy: options.copies?.get(file.path),
    }))
    .sort((a, b) => b.file.sizeBytes - a.file.sizeBytes);
  const inFlight = Math.max(1, Math.min(concurrency, jobs.length, filesThatFit(memoryBytes, options)));
  const order: CrewOrder = {
    source: options.source,
    staging: options.staging,
    revision: options.revision,
    counters: shared,
    ...shareOf(memoryBytes, inFlight, options),
    reads: options.reads,
    ...(options.engines && { engines: options.engines }),
  };
  const threads = Math.min(availableParallelism(), Math.ceil(inFlight / FILES_PER_THREAD));
  return new Crew(order, jobs, { threads, inFlight, onBrought: options.onBrought }).run();
}

/** Files that may be under way at once, where each holds whole parts in memory. */
function filesThatFit(
  memoryBytes: number,
  { staging, files }: Pick<CrewOptions, 'staging' | 'files'>,
): number {
  if (staging.kind === 'directory') return files.length;
  const largest = files.reduce((most, file) => Math.max(most, file.sizeBytes), 0);
  return Math.floor(memoryBytes / (PARTS_HELD_MIN * partBytesFor(largest)));
}

/**
 * How much of one file may wait ahead of the hash and behind it. A store that takes files in parts wants most of it
 * behind: there whole parts gather, and ranges ahead are taken as they come.
 */
function shareOf(
  memoryBytes: number,
  inFlight: number,
  { staging }: Pick<CrewOptions, 'staging'>,
): Pick<CrewOrder, 'readAheadBytes' | 'partsBytes'> {
  const share = Math.floor(memoryBytes / inFlight);
  switch (staging.kind) {
    case 'directory':
      return { readAheadBytes: share, partsBytes: 0 };
    case 's3':
      return { readAheadBytes: 0, partsBytes: share };
  }
}

class Crew {
  readonly #jobs: FileJob[];
  readonly #workers: Worker[];
  readonly #lanes: number;
  readonly #brought: BroughtFile[] = [];
  readonly #contacted = new Set<string>();
  readonly #onBrought: CrewOptions['onBrought'];
  #open: number;

  constructor(
    order: CrewOrder,
    jobs: readonly FileJob[],
    size: { threads: number; inFlight: number; onBrought: CrewOptions['onBrought'] },
  ) {
    this.#jobs = [...jobs];
    this.#open = jobs.length;
    this.#lanes = size.inFlight;
    this.#onBrought = size.onBrought;
    this.#workers = Array.from({ length: size.threads }, () => {
      // Beside this file, as source or compiled.
      const worker = new URL(`worker${path.extname(import.meta.filename)}`, import.meta.url);
      return new Worker(worker, { workerData: order, resourceLimits: RESOURCE_LIMITS });
    });
  }

  async run(): Promise<CrewResult> {
    try {
      if (this.#open > 0) await this.#work();
    } finally {
      await Promise.all(this.#workers.map((worker) => worker.terminate()));
    }
    return { brought: this.#brought, contacted: this.#contacted };
  }

  #work(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    for (const worker of this.#workers) {
      worker.on('error', reject);
      worker.on('exit', (code) => reject(new Error(`a worker thread ended with code ${code}`)));
      worker.on('message', (result: JobResult) => {
        if (result.outcome === 'failed') {
          reject(fromPlainError(result.error));
          return;
        }
        this.#brought[result.number] = result.brought;
        for (const host of result.contacted) this.#contacted.add(host);
        this.#give(worker);
        const kept = this.#onBrought?.(result.brought) ?? Promise.resolve();
        kept.then(() => {
          this.#open -= 1;
          if (this.#open === 0) resolve();
        }, reject);
      });
    }
    for (let lane = 0; lane < this.#lanes; lane++) {
      const worker = this.#workers[lane % this.#workers.length];
      if (worker) this.#give(worker);
    }
    return promise;
  }

  #give(worker: Worker): void {
    const job = this.#jobs.shift();
    if (job) worker.postMessage(job);
  }
}

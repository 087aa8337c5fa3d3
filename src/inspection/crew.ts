/**
 * Worker threads that read the files of a subject, the largest first. A file on which a thread dies, runs out of
 * memory or stands still is given up, with a line of its own; the others go on in a new thread.
 */
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { OnStart } from '../base/progress.ts';
import type { EngineTicket } from '../engines/engine.ts';
import type { InspectionJob, InspectionOrder, InspectionResult } from './job.ts';
import type { SubjectFile, SubjectTicket } from './subject.ts';

/** A file on which nothing moves for this long hangs: the slowest parser goes through its largest text in a tenth. */
const LOCAL_STALL_MS = 120_000;

/** A source may ask for patience, and gets a quarter of an hour. */
const REMOTE_STALL_MS = 1_200_000;

/** How often a look is taken at what moves. */
const LOOK_MS = 5_000;

/**
 * The largest text that is parsed as a tree takes some 200 MB of objects; what wants three times that is hostile. A lower limit
 * makes V8 collect more often: at 384 MB pickles of nothing but opcodes take a tenth longer, and no memory is saved.
 */
const RESOURCE_LIMITS = { maxYoungGenerationSizeMb: 6, maxOldGenerationSizeMb: 640 };

/** While one remote file waits for its bytes, another is hashed. */
const REMOTE_FILES_PER_THREAD = 2;

export interface CrewOptions {
  readonly ticket: SubjectTicket;
  readonly files: readonly SubjectFile[];
  /** Remote files under way at once. */
  readonly concurrency: number;
  /** Bytes that may wait in memory, over all remote files under way. */
  readonly memoryBytes: number;
  /** Who else looks at the bytes. */
  readonly engines?: readonly EngineTicket[] | undefined;
  readonly onStart?: OnStart | undefined;
}

/** The results in the order of `files`. */
export async function readAll(options: CrewOptions): Promise<readonly InspectionResult[]> {
  const { files, ticket, onStart } = options;
  const shared = new SharedArrayBuffer(BigUint64Array.BYTES_PER_ELEMENT * Math.max(1, files.length));
  const counters = new BigUint64Array(shared);
  onStart?.({ files, passed: (number) => Number(Atomics.load(counters, number)) });
  if (files.length === 0) return [];
  const lanes = ticket.kind === 'local' ? 1 : REMOTE_FILES_PER_THREAD;
  const wanted = ticket.kind === 'local' ? files.length : Math.ceil(options.concurrency / lanes);
  const threads = Math.max(1, Math.min(availableParallelism(), wanted, files.length));
  const readAheadBytes = takesRanges(ticket) ? Math.floor(options.memoryBytes / (threads * lanes)) : 0;
  return new Crew({ ticket, counters: shared, readAheadBytes, engines: options.engines ?? [] }, files, {
    threads,
    lanes,
  }).run();
}

/** Where ranges are asked for at once they must be of one state of the file, which objects without a version do not say. */
function takesRanges(ticket: SubjectTicket): boolean {
  if (ticket.kind === 'local') return false;
  const { source } = ticket;
  return source.kind !== 'objects' && !(source.kind === 'url' && source.ranges === 'ignored');
}

class Crew {
  readonly #order: InspectionOrder;
  readonly #counters: BigUint64Array;
  readonly #jobs: InspectionJob[];
  readonly #size: { readonly threads: number; readonly lanes: number };
  readonly #results: InspectionResult[] = [];
  readonly #threads = new Set<Thread>();
  readonly #done = Promise.withResolvers<void>();
  #open: number;

  constructor(
    order: InspectionOrder,
    files: readonly SubjectFile[],
    size: { readonly threads: number; readonly lanes: number },
  ) {
    this.#order = order;
    this.#counters = new BigUint64Array(order.counters);
    this.#jobs = files
      .map((file, number) => ({ number, file }))
      .sort((a, b) => a.file.sizeBytes - b.file.sizeBytes);
    this.#size = size;
    this.#open = files.length;
  }

  async run(): Promise<readonly InspectionResult[]> {
    const watch = setInterval(() => this.#look(), LOOK_MS);
    try {
      for (let count = 0; count < this.#size.threads; count++) this.#start();
      await this.#done.promise;
      return this.#results;
    } finally {
      clearInterval(watch);
      await Promise.all([...this.#threads].map((thread) => thread.worker.terminate()));
    }
  }

  #start(): void {
    const thread = new Thread(this.#order);
    this.#threads.add(thread);
    thread.worker.on('message', (result: InspectionResult) => {
      thread.jobs.delete(result.number);
      this.#give(thread);
      this.#settle(result);
    });
    thread.worker.on('error', (error) => this.#lose(thread, reasonOf(error)));
    thread.worker.on('exit', () => this.#lose(thread, 'the thread that read it ended'));
    for (let lane = 0; lane < this.#size.lanes; lane++) this.#give(thread);
  }

  #give(thread: Thread): void {
    const job = this.#jobs.pop();
    if (!job) return;
    thread.jobs.add(job.number);
    thread.worker.postMessage(job);
  }

  #settle(result: InspectionResult): void {
    this.#results[result.number] = result;
    this.#open -= 1;
    if (this.#open === 0) this.#done.resolve();
  }

  /** What the thread had under way is given up; its place is taken by a new one. */
  #lose(thread: Thread, message: string): void {
    if (!this.#threads.delete(thread)) return;
    for (const number of thread.jobs) {
      const error = { code: 'WL_LIMIT', message };
      this.#settle({ number, outcome: 'failed', error, contacted: [] });
    }
    if (this.#jobs.length > 0) this.#start();
  }

  #look(): void {
    for (const thread of this.#threads) {
      const patienceMs = this.#order.ticket.kind === 'local' ? LOCAL_STALL_MS : REMOTE_STALL_MS;
      if (thread.standsStillMs(this.#counters) <= patienceMs) continue;
      this.#lose(thread, `nothing of it was read for ${patienceMs / 1000} seconds`);
      void thread.worker.terminate();
    }
  }
}

class Thread {
  readonly worker: Worker;
  /** Numbers of the files under way. */
  readonly jobs = new Set<number>();
  #mark = '';
  #movedAt = performance.now();

  constructor(order: InspectionOrder) {
    // Beside this file, as source or compiled.
    const file = new URL(`worker${path.extname(import.meta.filename)}`, import.meta.url);
    this.worker = new Worker(file, { workerData: order, resourceLimits: RESOURCE_LIMITS });
  }

  /** For how long the same files were under way, and no byte of them went by. */
  standsStillMs(counters: BigUint64Array): number {
    const mark = [...this.jobs].map((number) => `${number}:${Atomics.load(counters, number)}`).join();
    const now = performance.now();
    if (mark !== this.#mark || mark === '') {
      this.#mark = mark;
      this.#movedAt = now;
    }
    return now - this.#movedAt;
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ERR_WORKER_OUT_OF_MEMORY'
    ? `reading it takes more than ${RESOURCE_LIMITS.maxOldGenerationSizeMb} MB of memory`
    : `reading it failed: ${error instanceof Error ? error.message : String(error)}`;
}

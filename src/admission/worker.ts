/** A worker thread of an admission: takes one file after another until it is ended. */
import { parentPort, workerData } from 'node:worker_threads';
import { openSource } from '../sources/open.ts';
import { openStagingDoor } from '../vault/directory-staging.ts';
import { type Bring, bringFile, reuseStaged } from './bring.ts';
import { collectAsBytesPass } from './collect.ts';
import { type CrewOrder, type FileJob, type JobResult, toPlainError } from './job.ts';

const order = workerData as CrewOrder;
const counters = new BigUint64Array(order.counters);
const source = openSource(order.source);
const door = openStagingDoor(order.staging);
const stop = new AbortController();
const passed = collectAsBytesPass();

parentPort?.on('message', async (job: FileJob | 'stop') => {
  if (job === 'stop') {
    stop.abort(new Error('the admission stopped'));
    return;
  }
  parentPort?.postMessage(await run(job));
});

async function run(job: FileJob): Promise<JobResult> {
  const { number, file } = job;
  const by: Bring = {
    source,
    revision: order.revision,
    door,
    readAheadBytes: order.readAheadBytes,
    passed: (bytes) => {
      Atomics.add(counters, number, BigInt(bytes));
      passed(bytes);
    },
    signal: stop.signal,
  };
  try {
    const reused = job.staged ? await reuseStaged(file, by) : undefined;
    if (job.staged && !reused) Atomics.store(counters, number, 0n);
    const brought = reused ?? (await bringFile(file, by));
    return { number, outcome: 'brought', brought, contacted: [...source.contacted] };
  } catch (error) {
    return { number, outcome: 'failed', error: toPlainError(error) };
  }
}

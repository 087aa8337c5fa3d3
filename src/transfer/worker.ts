/** A worker thread of a transfer: takes one file after another until it is ended. */
import { parentPort, workerData } from 'node:worker_threads';
import { openEngines } from '../engines/engine.ts';
import { openStagingDoor } from '../vault/open.ts';
import { type Bring, bringFile, copyInStore, reuseStaged } from './bring.ts';
import { collectAsBytesPass } from './collect.ts';
import { type CrewOrder, type FileJob, type JobResult, toPlainError } from './job.ts';
import { openTransferSource } from './source.ts';

const order = workerData as CrewOrder;
const counters = new BigUint64Array(order.counters);
const source = await openTransferSource(order.source);
const door = await openStagingDoor(order.staging, order.partsBytes);
const engines = order.engines === undefined ? [] : await openEngines(order.engines);
const stop = new AbortController();
const passed = collectAsBytesPass();

parentPort?.on('message', async (job: FileJob | 'stop') => {
  if (job === 'stop') {
    stop.abort(new Error('the transfer stopped'));
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
    reads: order.reads,
    engines,
    passed: (bytes) => {
      Atomics.add(counters, number, BigInt(bytes));
      passed(bytes);
    },
    signal: stop.signal,
  };
  try {
    const reused = job.staged ? await reuseStaged(file, by) : undefined;
    if (job.staged && !reused) Atomics.store(counters, number, 0n);
    const copied = job.copy && !reused ? await copyInStore(file, job.copy, by) : undefined;
    const brought = reused ?? copied ?? (await bringFile(file, by));
    return { number, outcome: 'brought', brought, contacted: [...source.contacted] };
  } catch (error) {
    return { number, outcome: 'failed', error: toPlainError(error) };
  }
}

/** A worker thread of an inspection: reads one file after another until it is ended. */
import path from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { openEngines } from '../engines/engine.ts';
import { collectAsBytesPass } from '../transfer/collect.ts';
import { toPlainError } from '../transfer/job.ts';
import type { ReadingSource } from '../transfer/source.ts';
import type { InspectionJob, InspectionOrder, InspectionResult } from './job.ts';
import { readLocal } from './read-local.ts';

const order = workerData as InspectionOrder;
const { ticket, counters: shared, readAheadBytes } = order;
const counters = new BigUint64Array(shared);
const source = await openSource();
const engines = await openEngines(order.engines);
const collected = collectAsBytesPass();
const contacted = () => [...(source?.contacted ?? [])];

parentPort?.on('message', async (job: InspectionJob) => {
  parentPort?.postMessage(await run(job));
});

async function run(job: InspectionJob): Promise<InspectionResult> {
  const { number } = job;
  const passed = (bytes: number): void => {
    Atomics.add(counters, number, BigInt(bytes));
    collected(bytes);
  };
  try {
    const { sizeBytes, sha256, facts, examinations = [] } = await read(job, passed);
    if (!facts) throw new Error('a file was read and not parsed');
    return { number, outcome: 'read', sizeBytes, sha256, facts, examinations, contacted: contacted() };
  } catch (error) {
    return { number, outcome: 'failed', error: toPlainError(error), contacted: contacted() };
  }
}

function read({ file }: InspectionJob, passed: (bytes: number) => void) {
  if (ticket.kind === 'local') return readLocal(path.join(ticket.root, file.path), passed, engines);
  return readRemote(file.remote, passed);
}

/** What talks to others is loaded only for what is elsewhere. */
async function openSource(): Promise<ReadingSource | undefined> {
  if (ticket.kind === 'local') return undefined;
  const { openTransferSource } = await import('../transfer/source.ts');
  return openTransferSource(ticket.source);
}

async function readRemote(file: InspectionJob['file']['remote'], passed: (bytes: number) => void) {
  const [{ bringFile }, { nowhere }] = await Promise.all([
    import('../transfer/bring.ts'),
    import('../transfer/nowhere.ts'),
  ]);
  if (!file || !source || ticket.kind !== 'remote') throw new Error('a remote file has a source');
  return bringFile(file, {
    source,
    revision: ticket.revision,
    door: nowhere,
    readAheadBytes,
    reads: 'facts',
    engines,
    passed,
    signal: new AbortController().signal,
  });
}

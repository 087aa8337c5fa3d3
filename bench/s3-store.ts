/**
 * The store that a contestant fills: a real S3 server on loopback whose data lies in memory, begun anew for each, so
 * that nobody meets what another left.
 */
import { readdirSync, readFileSync, statfsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { clientEnvironment, type S3Server, startMinio, startVersitygw } from '../test/s3/server.ts';
import { GIBIBYTE } from './report.ts';
import { scratch } from './scratch.ts';

export const BUCKET = 'bench';

/** Files in memory. */
export const MEMORY_FOLDER = '/dev/shm';

/** For the programs, and for whoever else is on the machine. */
const MEMORY_BYTES_LEFT = 3 * GIBIBYTE;

export type StoreKind = 'versitygw' | 'minio';

export interface Store {
  readonly server: S3Server;
  /** For every contestant's own client. */
  readonly environment: Readonly<Record<string, string>>;
  /** CPU time of the server so far. */
  readonly cpuSeconds: () => number;
}

export function storeKind(text: string): StoreKind {
  if (text === 'versitygw' || text === 'minio') return text;
  throw new Error('--server takes versitygw or minio');
}

export interface StoreWanted {
  readonly kind: StoreKind;
  readonly sizeBytes: number;
  /** Of the bucket; off, as with every store, unless it is asked for. */
  readonly versioning?: 'on' | 'off';
}

/** Runs `work` with an empty bucket. Throws where memory does not hold what is to come. */
export async function withStore<T>(
  { kind, sizeBytes, versioning = 'off' }: StoreWanted,
  work: (store: Store) => Promise<T>,
): Promise<T> {
  await requireMemory(sizeBytes);
  using folder = scratch(MEMORY_FOLDER, 'store');
  const start = kind === 'minio' ? startMinio : startVersitygw;
  const server = await start({ folder: folder.path });
  try {
    await server.makeBucket(BUCKET, { versioning });
    const environment = clientEnvironment(server);
    return await work({
      server,
      environment: { ...environment, S3_ENDPOINT_URL: server.endpoint },
      cpuSeconds: () => childSeconds(kind),
    });
  } finally {
    await server.close();
  }
}

async function requireMemory(sizeBytes: number): Promise<void> {
  const free = statfsSync(MEMORY_FOLDER);
  const available = /^MemAvailable:\s+(\d+) kB$/m.exec(await readFile('/proc/meminfo', 'utf8'))?.[1];
  const roomBytes = Math.min(free.bavail * free.bsize, Number(available ?? 0) * 1024 - MEMORY_BYTES_LEFT);
  if (sizeBytes <= roomBytes) return;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new Error(
    `the store lies in memory, which has room for ${gigabytes(roomBytes)}, not for ${gigabytes(sizeBytes)}: try --gb`,
  );
}

/** Ticks of the kernel's clock in a second, as /proc counts: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** CPU time of the one child process of that name, by /proc/<pid>/stat (proc(5): fields 4, 14 and 15). */
function childSeconds(name: string): number {
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const fields = statOf(pid)?.split(' ') ?? [];
    const [command, , parent] = fields;
    if (command !== `(${name})` || Number(parent) !== process.pid) continue;
    return (Number(fields[12]) + Number(fields[13])) / TICKS_PER_SECOND;
  }
  throw new Error(`${name} is not running`);
}

/** From the name on; undefined where the process has just ended. */
function statOf(pid: string): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.indexOf(' ') + 1);
  } catch {
    return undefined;
  }
}

/**
 * Measuring a route: how long the first byte takes, and how fast all weights come, from here and now. Both routes are
 * measured by the same means, one after the other: parallel ranged reads, every connection new for the first byte.
 */
import { spread } from '../base/lanes.ts';
import { release } from '../base/release.ts';

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

export interface WeightsFile {
  readonly path: string;
  readonly sizeBytes: number;
}

/** A way to the bytes of a revision. */
export interface Road {
  read(path: string, range: ByteRange, signal: AbortSignal): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** Opens a road that has no connection yet. */
export type OpenRoad = () => Promise<Road>;

export interface Measurement {
  /** Milliseconds until the first byte, each over a new connection, in the order of measuring. */
  readonly firstByteMs: readonly number[];
  readonly medianFirstByteMs: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly bytesPerSecond: number;
  /** Whether `bytes` are all weights: otherwise the time for all of them is an estimate. */
  readonly complete: boolean;
  readonly secondsForAll: number;
}

export interface MeasureOptions {
  readonly files: readonly WeightsFile[];
  /** No more bytes than this are read to learn the speed. */
  readonly sampleBytesMax: number;
  /** Reads at once. */
  readonly lanes: number;
  readonly signal?: AbortSignal | undefined;
}

/** New connections for the first byte. */
export const FIRST_BYTES = 5;

/** One read: as large as loaders ask for. */
const PART_BYTES = 8 << 20;

/** The longest that a sample takes; a slower route is judged by what came until then. */
const SAMPLE_MS_MAX = 120_000;

/** Errors: whatever reading throws. Without weights there is nothing to measure: undefined. */
export async function measure(open: OpenRoad, options: MeasureOptions): Promise<Measurement | undefined> {
  const [largest] = options.files.toSorted((a, b) => b.sizeBytes - a.sizeBytes);
  if (largest === undefined || largest.sizeBytes === 0) return undefined;
  const firstByteMs: number[] = [];
  for (let count = 0; count < FIRST_BYTES; count++)
    firstByteMs.push(await firstByte(open, largest, options.signal));
  const { bytes, seconds } = await sample(open, options);
  const bytesPerSecond = bytes / seconds;
  const all = options.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return {
    firstByteMs,
    medianFirstByteMs: median(firstByteMs),
    bytes,
    seconds,
    bytesPerSecond,
    complete: bytes === all,
    secondsForAll: bytes === all ? seconds : all / bytesPerSecond,
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

async function firstByte(
  open: OpenRoad,
  file: WeightsFile,
  signal: AbortSignal | undefined,
): Promise<number> {
  const road = await open();
  const stop = new AbortController();
  try {
    const begun = performance.now();
    const range = { offset: 0, length: Math.min(file.sizeBytes, PART_BYTES) };
    for await (const chunk of road.read(file.path, range, either(signal, stop.signal))) {
      release(chunk);
      break;
    }
    return performance.now() - begun;
  } finally {
    stop.abort();
    await road.close();
  }
}

async function sample(
  open: OpenRoad,
  { files, sampleBytesMax, lanes, signal }: MeasureOptions,
): Promise<{ readonly bytes: number; readonly seconds: number }> {
  const road = await open();
  const late = AbortSignal.timeout(SAMPLE_MS_MAX);
  const begun = performance.now();
  let bytes = 0;
  try {
    await spread(partsOf(files, sampleBytesMax), lanes, async ({ path, range }) => {
      for await (const chunk of road.read(path, range, either(signal, late))) {
        bytes += chunk.length;
        release(chunk);
      }
    });
  } catch (error) {
    if (!late.aborted || bytes === 0) throw error;
  } finally {
    await road.close();
  }
  return { bytes, seconds: (performance.now() - begun) / 1000 };
}

function either(signal: AbortSignal | undefined, other: AbortSignal): AbortSignal {
  return signal === undefined ? other : AbortSignal.any([signal, other]);
}

function* partsOf(
  files: readonly WeightsFile[],
  bytesMax: number,
): Generator<{ readonly path: string; readonly range: ByteRange }> {
  let left = bytesMax;
  for (const { path, sizeBytes } of files) {
    for (let offset = 0; offset < sizeBytes && left > 0; offset += PART_BYTES) {
      const length = Math.min(PART_BYTES, sizeBytes - offset, left);
      left -= length;
      yield { path, range: { offset, length } };
    }
  }
}

/**
 * Who pulled what, read from files of the gateway's access log (gateway/access-log.ts: a JSON object a line). Hostile in
 * part: clients choose some of its values, and a file may hold anything. Read as a stream, line by line.
 */
import { createReadStream } from 'node:fs';
import { WeighlockError } from '../base/errors.ts';

/** The gateway's own lines are at most a few kilobytes. */
const LINE_BYTES_MAX = 65_536;
/** Readers that are told apart, and addresses that are kept of each. */
const READERS_MAX = 10_000;
const ADDRESSES_MAX = 10;
const TEXT_CHARS_MAX = 300;

export interface Wanted {
  readonly model: string;
  readonly commit: string;
  /** Only these files of it, by path; undefined: all. */
  readonly paths?: ReadonlySet<string>;
}

export interface Pull {
  readonly reader: string;
  readonly model: string;
  readonly commit: string;
  readonly requests: number;
  readonly bytes: number;
  readonly first: string;
  readonly last: string;
  readonly addresses: readonly string[];
}

export interface Pulls {
  readonly pulls: readonly Pull[];
  /** Lines that are none of the gateway's, or too long to be read. */
  readonly unread: number;
  /** Whether there were more readers than are kept. */
  readonly more: boolean;
}

/** Throws WL_FILE_UNREADABLE. */
export async function pullsIn(files: readonly string[], wanted: readonly Wanted[]): Promise<Pulls> {
  const byRevision = new Map(wanted.map((one) => [`${one.model}@${one.commit}`, one]));
  const found = new Map<string, Pull>();
  let unread = 0;
  let more = false;
  for (const file of files) {
    for await (const line of linesOf(file)) {
      const entry = line === undefined ? undefined : parsed(line);
      if (entry === undefined) {
        unread += 1;
        continue;
      }
      const pull = pullOf(entry, byRevision);
      if (pull === undefined) continue;
      const key = `${pull.reader}\n${pull.model}@${pull.commit}`;
      const before = found.get(key);
      if (before === undefined && found.size >= READERS_MAX) more = true;
      else found.set(key, before === undefined ? pull : joined(before, pull));
    }
  }
  return { pulls: [...found.values()].sort((a, b) => (a.reader < b.reader ? -1 : 1)), unread, more };
}

/** Bytes reached the reader, or it was sent to where they are. */
const SERVED: ReadonlySet<unknown> = new Set([200, 206, 302, 307]);

function pullOf(
  { model, commit, status, path, reader, from, time, bytes, method }: Readonly<Record<string, unknown>>,
  byRevision: ReadonlyMap<string, Wanted>,
): Pull | undefined {
  if (typeof model !== 'string' || typeof commit !== 'string' || typeof path !== 'string') return undefined;
  const wanted = byRevision.get(`${model}@${commit}`);
  if (wanted === undefined || !SERVED.has(status) || method === 'HEAD') return undefined;
  if (wanted.paths !== undefined && !wanted.paths.has(path)) return undefined;
  const at = short(time);
  return {
    reader: reader === undefined ? '(nobody by name)' : short(reader),
    model,
    commit,
    requests: 1,
    bytes: typeof bytes === 'number' && Number.isFinite(bytes) ? bytes : 0,
    first: at,
    last: at,
    addresses: typeof from === 'string' ? [short(from)] : [],
  };
}

function joined(before: Pull, pull: Pull): Pull {
  const addresses = [...new Set([...before.addresses, ...pull.addresses])].slice(0, ADDRESSES_MAX);
  return {
    ...before,
    requests: before.requests + 1,
    bytes: before.bytes + pull.bytes,
    first: pull.first < before.first ? pull.first : before.first,
    last: pull.last > before.last ? pull.last : before.last,
    addresses,
  };
}

function short(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, TEXT_CHARS_MAX) : '';
}

function parsed(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The lines of a file; undefined for one that is too long. Empty lines are left out. */
async function* linesOf(file: string): AsyncIterable<string | undefined> {
  let parts: Buffer[] = [];
  let sizeBytes = 0;
  const take = (): string | undefined => {
    const line = sizeBytes > LINE_BYTES_MAX ? undefined : Buffer.concat(parts).toString('utf8');
    parts = [];
    sizeBytes = 0;
    return line;
  };
  const keep = (part: Buffer) => {
    sizeBytes += part.length;
    // A line that is too long is counted on, and not kept.
    if (sizeBytes <= LINE_BYTES_MAX) parts.push(part);
    else parts = [];
  };
  try {
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      let start = 0;
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
        keep(chunk.subarray(start, end));
        start = end + 1;
        const line = take();
        if (line !== '') yield line;
      }
      keep(chunk.subarray(start));
    }
  } catch (cause) {
    throw new WeighlockError('WL_FILE_UNREADABLE', `the access log ${file} cannot be read`, { cause });
  }
  const last = take();
  if (last !== '') yield last;
}

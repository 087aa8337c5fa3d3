/**
 * A lease: who works in a staging area of a bucket, and until when.
 *
 * It saves work and guards nothing: two holders of one area would waste each other's uploads, and conditional writes
 * would still let only one publish. That is why clocks may be a little wrong, and why a holder on this machine that
 * is dead is known at once, so that a command which was killed can be run again without waiting.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import os from 'node:os';
import { z } from 'zod';
import { type Key, stagingKey } from './layout.ts';
import type { S3Store } from './s3-store.ts';
import type { Tag } from './vault.ts';

/** How long a holder is believed to live after its last sign. */
const LEASE_MS = 90_000;
const RENEW_MS = 30_000;
const LEASE_BYTES_MAX = 4096;

const schema = z.object({
  holder: z.string(),
  /** The machine, as this start of it, and the process on it. */
  machine: z.string(),
  pid: z.int(),
  started: z.string(),
  until: z.int(),
});

type Lease = z.infer<typeof schema>;

export class AreaLease {
  readonly #store: S3Store;
  readonly #key: Key;
  readonly #holder: string;
  #timer: NodeJS.Timeout | undefined;
  #tag: Tag | undefined;

  private constructor(store: S3Store, key: Key, holder: string) {
    this.#store = store;
    this.#key = key;
    this.#holder = holder;
  }

  /** The lease of the area, unless a living process holds it. */
  static async acquire(store: S3Store, area: string): Promise<AreaLease | undefined> {
    const lease = new AreaLease(store, stagingKey(area, 'lease'), randomBytes(12).toString('hex'));
    const there = await store.get(lease.#key, LEASE_BYTES_MAX);
    if (there && isAlive(there.bytes)) return undefined;
    if (!(await lease.#write(there?.tag))) return undefined;
    lease.#timer = setInterval(() => void lease.#renew(), RENEW_MS).unref();
    return lease;
  }

  /** Whether a living process holds the area. */
  static async isHeld(store: S3Store, area: string): Promise<boolean> {
    const there = await store.get(stagingKey(area, 'lease'), LEASE_BYTES_MAX);
    return there !== undefined && isAlive(there.bytes);
  }

  /** Lets others in. The object stays: some stores do not let a key be created again that was deleted. */
  async release(): Promise<void> {
    this.forget();
    await this.#write(this.#tag, 0);
  }

  /** Stops renewing, where the area is removed with everything in it. */
  forget(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #renew(): Promise<void> {
    // A failure is met by the work itself: its own requests go to the same store.
    await this.#write(this.#tag).catch(() => false);
  }

  async #write(expected: Tag | undefined, until = Date.now() + LEASE_MS): Promise<boolean> {
    const lease: Lease = { holder: this.#holder, ...SELF, until };
    if ((await this.#store.swap(this.#key, Buffer.from(JSON.stringify(lease)), expected)) === 'lost')
      return false;
    this.#tag = (await this.#store.get(this.#key, LEASE_BYTES_MAX))?.tag;
    return true;
  }
}

const SELF: Pick<Lease, 'machine' | 'pid' | 'started'> = {
  machine: machine(),
  pid: process.pid,
  started: startOf(process.pid) ?? '',
};

function isAlive(bytes: Uint8Array): boolean {
  let lease: Lease;
  try {
    lease = schema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch {
    return false; // Whoever damaged it cannot keep others from working here.
  }
  if (lease.until <= Date.now()) return false;
  return lease.machine !== SELF.machine || SELF.started === '' || startOf(lease.pid) === lease.started;
}

/** This start of this machine, and the process ids that are seen from here: a container counts for itself. */
function machine(): string {
  const read = (work: () => string) => {
    try {
      return work().trim();
    } catch {
      return '';
    }
  };
  const boot = read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'));
  const namespace = read(() => readlinkSync('/proc/self/ns/pid'));
  return `${os.hostname()} ${boot} ${namespace}`;
}

/** When the process began, in ticks since the machine's start; undefined if there is none. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name of the program, in brackets, may hold anything; the 20th field after it is the start.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

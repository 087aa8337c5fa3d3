/**
 * Freshness: the newest state of the vault, looked for all the time. A state counts only for so long after the look that
 * showed it: whoever cannot look any more does not know, and says so instead of serving yesterday's truth.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { STATE_BYTES_MAX, type State } from '../attest/state.ts';
import type { Clock } from '../base/clock.ts';
import { WeighlockError } from '../base/errors.ts';
import { expiry, type Registry } from '../registry/registry.ts';
import { STATE_KEY } from '../vault/layout.ts';

/** Between the beginnings of two looks. */
const LOOK_EVERY_MS = 1_000;
/** A look that takes longer is given up: the next one may find the vault again. */
const LOOK_MS_MAX = 4_000;
/** How long after the beginning of a look its answer counts: the bound within which every change is seen. */
export const BELIEVED_MS = 5_000;

/** A state that is believed from now on, or why there is none. */
export type StateChange = { readonly state: State } | { readonly error: unknown };

export interface FreshnessOptions {
  readonly registry: Registry;
  readonly clock: Clock;
  /** Told once for each change: a new state, or why there is none to be believed any more. */
  readonly onChange?: (change: StateChange) => void;
}

export class Freshness {
  readonly #options: FreshnessOptions;
  readonly #stop = new AbortController();
  /** The last state that was believed, and what recognises its object. */
  #believed: { readonly state: State; readonly tag: string } | undefined;
  /** Monotonic time at which the last look began that succeeded. */
  #lookedAt = Number.NEGATIVE_INFINITY;
  #trouble: unknown;
  #looking: Promise<void> | undefined;

  private constructor(options: FreshnessOptions) {
    this.#options = options;
  }

  /** Looks once, and then on and on. A first look that fails is not the end: the vault may be back later. */
  static async start(options: FreshnessOptions): Promise<Freshness> {
    const freshness = new Freshness(options);
    await freshness.#look();
    freshness.#looking = freshness.#watch();
    return freshness;
  }

  /** Throws what keeps the state from being believed now. */
  current(): State {
    const believed = this.#believed;
    if (this.#trouble instanceof WeighlockError && this.#trouble.code !== 'WL_VAULT_UNAVAILABLE')
      throw this.#trouble;
    if (!believed || performance.now() - this.#lookedAt > BELIEVED_MS)
      throw this.#trouble ?? new WeighlockError('WL_VAULT_UNAVAILABLE', 'the vault does not answer in time');
    const past = expiry(believed.state, this.#options.clock);
    if (past) throw past;
    return believed.state;
  }

  /** How long ago the state that counts was looked at, in milliseconds. */
  get ageMs(): number {
    return performance.now() - this.#lookedAt;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#looking;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop;
    for (let began = performance.now(); !signal.aborted; ) {
      const left = Math.max(0, LOOK_EVERY_MS - (performance.now() - began));
      await pause(left, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      began = performance.now();
      await this.#look();
    }
  }

  async #look(): Promise<void> {
    const began = performance.now();
    const { onChange } = this.#options;
    try {
      const changed = await inTime((signal) => this.#read(signal));
      this.#lookedAt = began;
      const recovered = this.#trouble !== undefined;
      this.#trouble = undefined;
      if (this.#believed && (changed || recovered)) onChange?.({ state: this.#believed.state });
    } catch (error) {
      const again = messageOf(error) === messageOf(this.#trouble);
      this.#trouble = error;
      if (!again) onChange?.({ error });
    }
  }

  /** Whether another state than before is believed now. */
  async #read(signal: AbortSignal): Promise<boolean> {
    const { registry } = this.#options;
    const stored = await registry.vault.get(STATE_KEY, STATE_BYTES_MAX, signal);
    if (stored && this.#trouble === undefined && stored.tag === this.#believed?.tag) return false;
    // Past its time it is remembered all the same: what it rolls back is known from then on.
    const { state, tag } = await registry.state('accept');
    // A look that was given up may end after a later one.
    if (this.#believed && state.sequence < this.#believed.state.sequence) return false;
    this.#believed = { state, tag };
    return true;
  }
}

/** What the look finds; what it finds too late, or loses later, is nobody's business. */
async function inTime<T>(look: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { promise: end, reject } = Promise.withResolvers<never>();
  const stop = new AbortController();
  const timer = setTimeout(() => {
    reject(tooSlow());
    stop.abort();
  }, LOOK_MS_MAX);
  const looking = look(stop.signal);
  looking.catch(() => {});
  try {
    return await Promise.race([looking, end]);
  } finally {
    clearTimeout(timer);
  }
}

function tooSlow(): WeighlockError {
  return new WeighlockError('WL_VAULT_UNAVAILABLE', 'the vault does not answer in time');
}

function messageOf(error: unknown): string | undefined {
  return error === undefined ? undefined : String(error);
}

/**
 * Patience: how long a failing server is waited for.
 *
 * A *passing failure* may be gone next time: a broken connection, a busy server. It is waited for by the server's
 * own hint where it gives one, otherwise by exponential back-off with jitter, all inside named limits.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, systemClock } from '../base/clock.ts';
import { WeighlockError } from '../base/errors.ts';
import type { HubLimits } from './hub-limits.ts';

/** A clock that can also be waited on; a test's waits take no time. */
export interface WaitingClock extends Clock {
  /** Rejects with the signal's reason when it aborts. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** Evenly in [0, 1): spreads the retries of many workers. */
  random(): number;
}

export const systemWaitingClock: WaitingClock = {
  now: systemClock.now,
  random: Math.random,
  sleep: async (milliseconds, signal) => {
    await sleep(milliseconds, undefined, signal ? { signal } : {}).catch((error: unknown) => {
      throw signal?.aborted ? signal.reason : error;
    });
  },
};

/** Something that may be gone when tried again. `waitMs` is the server's hint; 0 means at once. */
export class PassingFailure extends Error {
  readonly waitMs: number | undefined;

  constructor(
    message: string,
    options: { readonly waitMs?: number | undefined; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.waitMs = options.waitMs;
  }
}

type PatienceLimits = Pick<
  HubLimits,
  'attemptsMax' | 'failuresMax' | 'backoffMs' | 'backoffMsMax' | 'hintMsMax' | 'waitTotalMsMax'
>;

/** The patience of one operation: used up by failures, renewed in part by progress. */
export class Patience {
  readonly #limits: PatienceLimits;
  readonly #clock: WaitingClock;
  #inARow = 0;
  #failures = 0;
  #waitedMs = 0;

  constructor(limits: PatienceLimits, clock: WaitingClock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Something arrived since the last failure. */
  progressed(): void {
    this.#inARow = 0;
  }

  /** Returns when it is time to try again; throws WL_SOURCE_UNAVAILABLE when that is not worth it any more. */
  async wait(failure: PassingFailure, signal?: AbortSignal): Promise<void> {
    this.#inARow += 1;
    this.#failures += 1;
    const limits = this.#limits;
    if (this.#inARow >= limits.attemptsMax) throw gaveUp(failure, `after ${this.#inARow} attempts`);
    if (this.#failures >= limits.failuresMax)
      throw gaveUp(failure, `after ${this.#failures} broken connections`);
    const hint = failure.waitMs;
    if (hint !== undefined && hint > limits.hintMsMax)
      throw gaveUp(failure, `because it asks to wait ${Math.ceil(hint / 1000)} seconds`);
    const waitMs = hint === 0 ? 0 : Math.max(hint ?? 0, this.#backoffMs());
    if (this.#waitedMs + waitMs > limits.waitTotalMsMax)
      throw gaveUp(failure, `after waiting ${Math.round(this.#waitedMs / 1000)} seconds in all`);
    this.#waitedMs += waitMs;
    if (waitMs > 0) await this.#clock.sleep(waitMs, signal);
    signal?.throwIfAborted();
  }

  /** Between half and all of the exponential step, so that workers do not come back together. */
  #backoffMs(): number {
    const step = Math.min(this.#limits.backoffMsMax, this.#limits.backoffMs * 2 ** (this.#inARow - 1));
    return step * (0.5 + this.#clock.random() / 2);
  }
}

/** Runs the operation until it succeeds, fails for good, or patience ends. */
export async function withPatience<T>(
  patience: Patience,
  signal: AbortSignal | undefined,
  operation: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await operation();
    } catch (error) {
      if (!(error instanceof PassingFailure)) throw error;
      await patience.wait(error, signal);
    }
  }
}

/**
 * How long the server asks to wait: `Retry-After` (RFC 9110 10.2.3: seconds or a date), and
 * `RateLimit: "api";r=0;t=55` (draft-ietf-httpapi-ratelimit-headers: t seconds until the quota is renewed).
 */
export function hintOf(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  nowMs: number,
): number | undefined {
  const hints: number[] = [];
  const retryAfter = headers['retry-after'];
  if (typeof retryAfter === 'string') {
    const atMs = /^\d{1,9}$/.test(retryAfter) ? nowMs + Number(retryAfter) * 1000 : Date.parse(retryAfter);
    if (Number.isFinite(atMs)) hints.push(Math.max(MIN_HINT_MS, atMs - nowMs));
  }
  const rateLimit = headers.ratelimit;
  if (typeof rateLimit === 'string' && /;\s*r=0\b/.test(rateLimit)) {
    const [, seconds] = rateLimit.match(/;\s*t=(\d{1,9})\b/) ?? [];
    if (seconds !== undefined) hints.push(Math.max(MIN_HINT_MS, Number(seconds) * 1000));
  }
  return hints.length > 0 ? Math.max(...hints) : undefined;
}

/** "Retry-After: 0" from a busy server is no leave to hammer it. */
const MIN_HINT_MS = 100;

function gaveUp(failure: PassingFailure, why: string): WeighlockError {
  return new WeighlockError('WL_SOURCE_UNAVAILABLE', `${failure.message}; given up ${why}`, {
    cause: failure.cause ?? failure,
  });
}

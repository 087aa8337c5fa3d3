/** Request limits: how much each reader may ask for in a window, counted in fixed windows as the Hub does. */
import type { Allowance, RateLimits, Reader } from './reader.ts';

/** The Hub's window. */
const WINDOW_MS = 300_000;
/** Readers that are counted at once; the one that came first in its window is forgotten first. */
const COUNTED_MAX = 100_000;

interface Window {
  readonly endsAt: number;
  taken: number;
}

export class RequestLimits implements RateLimits {
  readonly #perWindow: number;
  readonly #now: () => number;
  readonly #windows = new Map<string, Window>();

  /** `perWindow`: requests of one reader and kind in five minutes. */
  constructor(perWindow: number, now: () => number = () => performance.now()) {
    this.#perWindow = perWindow;
    this.#now = now;
  }

  take({ countedBy }: Reader, policy: Allowance['policy']): Allowance {
    const now = this.#now();
    const key = `${policy} ${countedBy}`;
    let window = this.#windows.get(key);
    if (!window || window.endsAt <= now) {
      this.#windows.delete(key);
      window = { endsAt: now + WINDOW_MS, taken: 0 };
      this.#windows.set(key, window);
      const [oldest] = this.#windows.keys();
      if (this.#windows.size > COUNTED_MAX && oldest !== undefined) this.#windows.delete(oldest);
    }
    const allowed = window.taken < this.#perWindow;
    if (allowed) window.taken += 1;
    return {
      allowed,
      policy,
      remaining: this.#perWindow - window.taken,
      resetsInSeconds: Math.max(1, Math.ceil((window.endsAt - now) / 1000)),
    };
  }
}

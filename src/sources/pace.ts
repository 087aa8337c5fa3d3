/** Pace: notices a body that drips. Time counts only while we wait for bytes, not while they are worked on. */
import type { HubLimits } from './hub-limits.ts';
import { PassingFailure, type WaitingClock } from './patience.ts';

export class Pace {
  readonly #limits: HubLimits;
  readonly #clock: WaitingClock;
  #sinceMs = 0;
  #waitedMs = 0;
  #bytes = 0;

  constructor(limits: HubLimits, clock: WaitingClock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  waiting(): void {
    this.#sinceMs = this.#clock.now();
  }

  arrived(bytes: number): void {
    this.#waitedMs += this.#clock.now() - this.#sinceMs;
    this.#bytes += bytes;
    if (this.#waitedMs < this.#limits.slowAfterMs) return;
    if (this.#bytes < (this.#limits.bytesPerSecondMin * this.#waitedMs) / 1000)
      throw new PassingFailure(
        `the connection is slower than ${this.#limits.bytesPerSecondMin} bytes a second`,
      );
    this.#waitedMs = 0;
    this.#bytes = 0;
  }
}

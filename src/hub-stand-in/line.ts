/** A line of limited width, shared by everything that is sent at one time. */
import { setTimeout } from 'node:timers/promises';

export class Line {
  readonly #bytesPerSecond: number;
  /** When the line has sent all that was given to it, in milliseconds. */
  #freeAt = 0;

  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Returns when so many bytes have gone through. */
  async take(bytes: number): Promise<void> {
    const now = performance.now();
    this.#freeAt = Math.max(now, this.#freeAt) + (bytes / this.#bytesPerSecond) * 1000;
    await setTimeout(this.#freeAt - now);
  }
}

/**
 * Where decoders put what they expand: through a ring, past the checksum of the stream at work, to a sink.
 */
import type { Check } from './checks.ts';
import { Ring, type Sink } from './ring.ts';

export class Output {
  readonly ring: Ring;
  /** Where the bytes go; another one where a stream is expanded again. */
  sink: Sink;
  /** Of the stream at work; set by its decoder. */
  check: Check | undefined;
  #words = new Uint32Array(0);

  /** Memory to work in, the same one for all streams: many small ones cost no more than a large one. */
  words(count: number): Uint32Array {
    if (this.#words.length < count) this.#words = new Uint32Array(count);
    return this.#words.subarray(0, count);
  }

  constructor(sink: Sink) {
    this.sink = sink;
    this.ring = new Ring({
      push: (bytes) => {
        this.check?.update(bytes);
        this.sink.push(bytes);
      },
    });
  }
}

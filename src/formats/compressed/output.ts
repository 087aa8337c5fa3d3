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

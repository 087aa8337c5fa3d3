/**
 * Arrivals: the bytes of a body in the batches in which they came.
 *
 * Whoever asks chunk by chunk waits for each by way of several promises, which at a gigabyte a second costs a third
 * of what hashing does. Here chunks gather as the connection hands them over, and one wait takes all of them.
 */
import type { Readable } from 'node:stream';

/** Bytes that gather ahead of whoever takes them, before the connection is told to pause: counts against memory. */
const GATHERED_BYTES_MAX = 2 ** 18;

/** All bytes of the body in order, each batch of at least one chunk. A body that is not read to its end is destroyed. */
export async function* arrivals(body: Readable): AsyncGenerator<readonly Uint8Array[]> {
  const gathering = new Gathering(body);
  try {
    for (;;) {
      const batch = gathering.take();
      if (batch.length > 0) yield batch;
      else if (gathering.ended) return;
      else await gathering.more();
    }
  } finally {
    body.destroy();
  }
}

class Gathering {
  readonly #body: Readable;
  #chunks: Uint8Array[] = [];
  #sizeBytes = 0;
  #end: 'open' | 'complete' | { readonly error: unknown } = 'open';
  #wake: () => void = () => {};

  constructor(body: Readable) {
    this.#body = body;
    // The first of these counts; an error that comes after the end, such as that of destroying it, is nobody's.
    body.on('end', () => this.#over('complete'));
    body.on('error', (error) => this.#over({ error }));
    body.on('close', () => this.#over({ error: new Error('the body was closed before its end') }));
    body.on('data', (chunk: Uint8Array) => {
      this.#chunks.push(chunk);
      this.#sizeBytes += chunk.length;
      if (this.#sizeBytes >= GATHERED_BYTES_MAX) body.pause();
      this.#wake();
    });
  }

  /** True once everything was taken; throws where the body failed, after all that came before it was taken. */
  get ended(): boolean {
    if (typeof this.#end === 'object') throw this.#end.error;
    return this.#end === 'complete';
  }

  /** What gathered so far, which may be nothing. */
  take(): readonly Uint8Array[] {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#sizeBytes = 0;
    if (this.#body.isPaused()) this.#body.resume();
    return chunks;
  }

  /** Fulfilled when there is something to take, or the body ended. */
  more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #over(end: 'complete' | { readonly error: unknown }): void {
    if (this.#end === 'open') this.#end = end;
    this.#wake();
  }
}

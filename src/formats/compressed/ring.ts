/**
 * The expanded side of a decoder: the last bytes of its output, which matches refer to, and a sink that gets all of
 * them as they come. Memory is used as far as something comes, up to the window that the stream asks for.
 */
import { Malformed } from '../malformed.ts';

/** Takes expanded bytes, which are valid during the call only. Throws Malformed where there are too many. */
export interface Sink {
  push(bytes: Uint8Array): void;
}

/** Largest window: that of `xz -9`; larger ones come from options that nobody sets. */
const WINDOW_BYTES_MAX = 64 << 20;

const BYTES_MIN = 256 << 10;

/** Bytes after which the sink gets what is there, so that limits are met in time. */
const FLUSH_BYTES = 256 << 10;

export class Ring {
  readonly #sink: Sink;
  #windowBytes = 0;
  #bytes = new Uint8Array(0);
  #at = 0;
  #flushed = 0;
  #limit = FLUSH_BYTES;
  /** Bytes since `begin`, up to the last time that the ring turned. */
  #before = 0;
  /** Where matches may begin, counted as `total` is. */
  #start = 0;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** Bytes put since `begin`. */
  get total(): number {
    return this.#before + this.#at;
  }

  /** Bytes put since `begin` or `restart`. */
  get position(): number {
    return this.#before + this.#at - this.#start;
  }

  /** The byte before, 0 in the beginning. */
  get previous(): number {
    return this.position === 0 ? 0 : (this.#bytes[(this.#at === 0 ? this.#bytes.length : this.#at) - 1] ?? 0);
  }

  /** Begins a stream whose matches reach back `windowBytes`, at most `WINDOW_BYTES_MAX`. */
  begin(windowBytes: number): void {
    this.flush();
    // Memory that nothing was written to yet costs nothing.
    const length = Math.max(windowBytes, BYTES_MIN);
    if (this.#bytes.length < length) this.#bytes = new Uint8Array(length);
    this.#windowBytes = windowBytes;
    this.#at = 0;
    this.#flushed = 0;
    this.#before = 0;
    this.#start = 0;
    this.#limit = Math.min(this.#bytes.length, FLUSH_BYTES);
  }

  /** From here on, nothing of what came before can be referred to. */
  restart(): void {
    this.#start = this.total;
  }

  put(byte: number): void {
    this.#bytes[this.#at++] = byte;
    if (this.#at === this.#limit) this.#turn();
  }

  /** The byte so many before the next: only where `total` says that it is there. */
  back(distance: number): number {
    const from = this.#at - distance;
    return this.#bytes[from < 0 ? from + this.#bytes.length : from] ?? 0;
  }

  /** Repeats what came so many bytes before. False where the stream has not come that far, or does not reach it. */
  copy(distance: number, length: number): boolean {
    if (distance > this.position || distance > this.#windowBytes || distance <= 0) return false;
    let left = length;
    while (left > 0) {
      let from = this.#at - distance;
      if (from < 0) from += this.#bytes.length;
      const count = Math.min(left, this.#limit - this.#at, this.#bytes.length - from);
      const bytes = this.#bytes;
      const end = this.#at + count;
      if (count > 32 && (distance >= count || from > this.#at)) {
        bytes.copyWithin(this.#at, from, from + count);
      } else {
        for (let to = this.#at; to < end; ) bytes[to++] = bytes[from++] ?? 0;
      }
      this.#at = end;
      left -= count;
      if (end === this.#limit) this.#turn();
    }
    return true;
  }

  append(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      const count = Math.min(bytes.length - from, this.#limit - this.#at);
      this.#bytes.set(bytes.subarray(from, from + count), this.#at);
      this.#at += count;
      from += count;
      if (this.#at === this.#limit) this.#turn();
    }
  }

  flush(): void {
    if (this.#at > this.#flushed) this.#sink.push(this.#bytes.subarray(this.#flushed, this.#at));
    this.#flushed = this.#at;
  }

  #turn(): void {
    this.flush();
    if (this.#at === this.#bytes.length) {
      this.#before += this.#at;
      this.#at = 0;
      this.#flushed = 0;
    }
    this.#limit = Math.min(this.#bytes.length, this.#at + FLUSH_BYTES);
  }
}

/** The window that a stream asks for, in bytes. Throws Malformed above the largest one. */
export function windowWithin(bytes: number, offset: number): number {
  if (bytes <= WINDOW_BYTES_MAX) return bytes;
  const detail = `the stream asks for a window of ${bytes} bytes, more than ${WINDOW_BYTES_MAX}`;
  throw new Malformed('window-too-large', offset, detail);
}

/**
 * The filter BCJ for x86: an encoder made the targets of calls and jumps absolute, so that they compress better; here
 * they become relative again. Writers apply it to all files alike, whatever is in them.
 *
 * Source: `bcj_x86` of xz embedded (xz_dec_bcj.c).
 */
import type { Sink } from '../compressed/ring.ts';

/** Bytes behind an opcode that must be there before it is turned back. */
const AHEAD_BYTES = 4;

const ALLOWED = [true, true, true, false, true, false, false, false];
const BIT_NUMBER = [0, 1, 2, 2, 3, 3, 3, 3];

export class X86Filter implements Sink {
  readonly #next: Sink;
  #rest: Buffer = Buffer.alloc(0);
  #position = 0;
  #mask = 0;

  constructor(next: Sink) {
    this.#next = next;
  }

  push(bytes: Uint8Array): void {
    const buffer = Buffer.concat([this.#rest, bytes]);
    const done = this.#turnBack(buffer);
    this.#position += done;
    if (done > 0) this.#next.push(buffer.subarray(0, done));
    this.#rest = buffer.subarray(done);
  }

  /** The last bytes are left as they are. */
  end(): void {
    if (this.#rest.length > 0) this.#next.push(this.#rest);
  }

  /** Turns back what is complete; returns how many bytes that are. */
  #turnBack(buffer: Buffer): number {
    const size = buffer.length - AHEAD_BYTES;
    if (size <= 0) return 0;
    let mask = this.#mask;
    let previous = -1;
    let at = 0;
    for (; at < size; at++) {
      if (((buffer[at] ?? 0) & 0xfe) !== 0xe8) continue;
      const distance = at - previous;
      previous = at;
      mask = distance > 3 ? 0 : (mask << (distance - 1)) & 7;
      if (mask !== 0) {
        const high = buffer[at + 4 - (BIT_NUMBER[mask] ?? 0)] ?? 0;
        if (ALLOWED[mask] !== true || isSign(high)) {
          mask = (mask << 1) | 1;
          continue;
        }
      }
      if (!isSign(buffer[at + 4] ?? 0)) {
        mask = (mask << 1) | 1;
        continue;
      }
      const target = relative(buffer.readInt32LE(at + 1), { from: this.#position + at + 5, mask });
      buffer.writeInt32LE((target & 0x01ffffff) | -(target & 0x01000000), at + 1);
      at += AHEAD_BYTES;
    }
    const distance = at - previous;
    this.#mask = distance > 3 ? 0 : mask << (distance - 1);
    return at;
  }
}

function relative(
  absolute: number,
  { from, mask }: { readonly from: number; readonly mask: number },
): number {
  let source = absolute;
  for (;;) {
    const target = (source - from) | 0;
    if (mask === 0) return target;
    const bits = (BIT_NUMBER[mask] ?? 0) * 8;
    if (!isSign((target >>> (24 - bits)) & 0xff)) return target;
    source = target ^ (2 ** (32 - bits) - 1);
  }
}

function isSign(byte: number): boolean {
  return byte === 0 || byte === 0xff;
}

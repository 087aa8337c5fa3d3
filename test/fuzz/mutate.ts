/** Mutations of a file that keep enough of it to get past the first look: what a parser meets when somebody tries. */

/** xorshift32: the same seed makes the same inputs on every machine. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed | 0) === 0 ? 0x9e3779b9 : seed | 0;
  }

  /** A whole number from 0 up to, and without, `limit`. */
  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return limit <= 0 ? 0 : (this.#state >>> 0) % limit;
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

/** Numbers at which sizes, counts and offsets go wrong. */
const EDGES = [0, 1, 2, 7, 8, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/** Inputs stay small: what is wanted is many. */
const BYTES_MAX = 256 << 10;

/** One to six mutations of `input`; `other` is a file to splice with. */
export function mutate(input: Buffer, other: Buffer, random: Random): Buffer {
  let bytes = Buffer.from(input);
  for (let count = 1 + random.below(6); count > 0; count--) bytes = Buffer.from(step(bytes, other, random));
  return bytes.subarray(0, BYTES_MAX);
}

function step(bytes: Buffer, other: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  switch (random.below(9)) {
    case 0:
      return set(bytes, at, Buffer.of(random.below(256)));
    case 1:
      return set(bytes, at, Buffer.of((bytes[at] ?? 0) ^ (1 << random.below(8))));
    case 2:
      return set(bytes, at, number(random));
    case 3:
      return bytes.subarray(0, at);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), number(random), bytes.subarray(at)]);
    case 5:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(64))]);
    case 6: {
      const from = random.below(bytes.length);
      const piece = bytes.subarray(from, from + 1 + random.below(512));
      return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
    }
    case 7: {
      const from = random.below(other.length);
      return Buffer.concat([
        bytes.subarray(0, at),
        other.subarray(from, from + 1 + random.below(512)),
        bytes.subarray(at),
      ]);
    }
    default:
      return Buffer.concat([bytes.subarray(0, at), other.subarray(random.below(other.length))]);
  }
}

function set(bytes: Buffer, at: number, value: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  value.copy(copy, Math.min(at, Math.max(0, copy.length - 1)));
  return copy;
}

function number(random: Random): Buffer {
  const value = random.of(EDGES);
  const buffer = Buffer.alloc(8);
  const length = random.of([1, 2, 4, 8]);
  if (random.below(2) === 0) buffer.writeUInt32LE(value);
  else buffer.writeUInt32BE(value, length === 8 ? 4 : 0);
  return buffer.subarray(0, length);
}

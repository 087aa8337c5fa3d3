/**
 * Which bytes structures have taken, by where they begin: a million of them in little memory, since a hostile file can
 * have as many as it likes. An open-addressed table of numbers; a place that is taken is never given back.
 */

export interface Claim {
  readonly begin: number;
  readonly end: number;
}

const START_SLOTS = 1024;

/** Slots are at most half full, so that a search ends soon. */
const SLOTS_PER_CLAIM = 2;

/** Marks a slot that holds nothing. */
const NOTHING = -1;

export class Claims {
  #begins = new Float64Array(START_SLOTS).fill(NOTHING);
  #ends = new Float64Array(START_SLOTS);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(begin: number): boolean {
    return this.#begins[this.#slot(begin)] === begin;
  }

  /** Takes the range. What begins at the same place and was taken before must have been asked for with `has`. */
  add(begin: number, end: number): void {
    if ((this.#size + 1) * SLOTS_PER_CLAIM > this.#begins.length) this.#grow();
    const slot = this.#slot(begin);
    this.#begins[slot] = begin;
    this.#ends[slot] = end;
    this.#size += 1;
  }

  /** All ranges, in the order of where they begin. */
  *sorted(): Iterable<Claim> {
    const begins = new Float64Array(this.#size);
    let count = 0;
    for (const begin of this.#begins) if (begin !== NOTHING) begins[count++] = begin;
    for (const begin of begins.sort()) yield { begin, end: this.#ends[this.#slot(begin)] ?? begin };
  }

  /** Where a place is in the table, or would be. */
  #slot(begin: number): number {
    const mask = this.#begins.length - 1;
    // Addresses are multiples of eight: both halves are mixed, so that they spread.
    let slot = (Math.imul(begin >>> 0, 0x9e3779b1) ^ (begin / 0x1_0000_0000)) >>> 7;
    for (slot &= mask; ; slot = (slot + 1) & mask) {
      const there = this.#begins[slot];
      if (there === begin || there === NOTHING) return slot;
    }
  }

  #grow(): void {
    const [begins, ends] = [this.#begins, this.#ends];
    this.#begins = new Float64Array(begins.length * 2).fill(NOTHING);
    this.#ends = new Float64Array(begins.length * 2);
    for (let index = 0; index < begins.length; index += 1) {
      const begin = begins[index] ?? NOTHING;
      if (begin === NOTHING) continue;
      const slot = this.#slot(begin);
      this.#begins[slot] = begin;
      this.#ends[slot] = ends[index] ?? begin;
    }
  }
}

/** A cache of what is dear to make, bounded by weight: what was not asked for the longest goes first. */

interface Entry<T> {
  readonly made: Promise<T>;
  weight: number;
}

export class WeightedCache<T> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #weightMax: number;
  readonly #weigh: (value: T) => number;
  #weight = 0;

  /** `weigh`: about how many bytes a value takes. */
  constructor(weightMax: number, weigh: (value: T) => number) {
    this.#weightMax = weightMax;
    this.#weigh = weigh;
  }

  /** The value under the key, made once for all who ask meanwhile. A failure is not kept. */
  get(key: string, make: () => Promise<T>): Promise<T> {
    const there = this.#entries.get(key);
    if (there) {
      this.#entries.delete(key);
      this.#entries.set(key, there);
      return there.made;
    }
    const entry: Entry<T> = { made: make(), weight: 0 };
    this.#entries.set(key, entry);
    entry.made.then(
      (value) => this.#weighIn(key, entry, this.#weigh(value)),
      () => {
        if (this.#entries.get(key) === entry) this.#entries.delete(key);
      },
    );
    return entry.made;
  }

  /** Makes the value anew for whoever asks next. */
  forget(key: string): void {
    this.#weight -= this.#entries.get(key)?.weight ?? 0;
    this.#entries.delete(key);
  }

  #weighIn(key: string, entry: Entry<T>, weight: number): void {
    if (this.#entries.get(key) !== entry) return;
    entry.weight = weight;
    this.#weight += weight;
    for (const [oldest, { weight: gone }] of this.#entries) {
      if (this.#weight <= this.#weightMax) return;
      this.#entries.delete(oldest);
      this.#weight -= gone;
    }
  }
}

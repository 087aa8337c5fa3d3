/** Progress: how many bytes of each file went by, for whoever shows it. */

export interface Progress {
  readonly files: readonly { readonly path: string; readonly sizeBytes: number }[];
  /** Bytes of the file with this number in `files` that went by so far. */
  passed(number: number): number;
}

/** Is told once, when work on files begins, and may look at the progress as often as it likes. */
export type OnStart = (progress: Progress) => void;

/** Progress that is counted where the bytes go by. */
export class Tally implements Progress {
  readonly files: Progress['files'];
  readonly #passed: number[];

  constructor(files: Progress['files']) {
    this.files = files;
    this.#passed = files.map(() => 0);
  }

  passed(number: number): number {
    return this.#passed[number] ?? 0;
  }

  add(number: number, bytes: number): void {
    this.#passed[number] = this.passed(number) + bytes;
  }

  /** The chunks as they are, counted. */
  async *count(number: number, chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    for await (const chunk of chunks) {
      this.add(number, chunk.length);
      yield chunk;
    }
  }
}

/**
 * What engines are shown of one file: its bytes as far as they are no tensors, gathered while they pass, up to the limit
 * of the engines. Patterns in numbers are noise, and weights are most of every model.
 */
import { EXAMINED_BYTES_MAX } from '../engines/engine.ts';
import type { Facts } from '../formats/facts.ts';

export class Sample {
  readonly #sizeBytes: number;
  #bytes: Buffer;
  #filled = 0;

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
    this.#bytes = Buffer.alloc(0);
  }

  /** Takes the next bytes of the file, in order. */
  take(chunk: Uint8Array): void {
    const room = Math.min(this.#sizeBytes, EXAMINED_BYTES_MAX) - this.#filled;
    if (room <= 0) return;
    if (this.#bytes.length === 0) this.#bytes = Buffer.allocUnsafeSlow(this.#filled + room);
    const part = chunk.subarray(0, room);
    this.#bytes.set(part, this.#filled);
    this.#filled += part.length;
  }

  /** What was gathered and is no tensor, by the facts; `leftBytes` are beyond the limit and not known to be tensors. */
  shown(facts: Facts): { readonly bytes: Uint8Array; readonly leftBytes: number } {
    const gathered = this.#bytes.subarray(0, this.#filled);
    const ranges = rangesOf(facts);
    if (ranges === undefined) return { bytes: gathered, leftBytes: this.#sizeBytes - gathered.length };
    const parts = ranges.map(({ from, to }) => gathered.subarray(from, to));
    const wanted = ranges.reduce((sum, { from, to }) => sum + to - from, 0);
    const bytes = Buffer.concat(parts);
    return { bytes, leftBytes: Math.max(0, wanted - bytes.length) };
  }
}

/** The ranges of a file that hold something else than numbers; undefined where all of it may. */
function rangesOf(facts: Facts): readonly { readonly from: number; readonly to: number }[] | undefined {
  switch (facts.format) {
    case 'safetensors':
    case 'gguf': {
      // Complete facts say that every other byte belongs to one tensor.
      if (facts.gaps.length > 0 || facts.problems.length > 0) return undefined;
      const [first] = facts.tensors.toSorted((a, b) => a.begin - b.begin);
      return [{ from: 0, to: first?.begin ?? facts.sizeBytes }];
    }
    case 'pytorch': {
      if (facts.gaps.length > 0 || facts.problems.length > 0) return undefined;
      return facts.members.map(({ offset, sizeBytes }) => ({ from: offset, to: offset + sizeBytes }));
    }
    default:
      return undefined;
  }
}

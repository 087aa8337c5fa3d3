/**
 * Rendered answers: what was put into JSON once is sent again as it is. Keys begin with the sequence of the state, so
 * that no answer outlives the state that it was made from.
 */
import { type Answer, packedAnswer } from './answer.ts';

/** All of them together: a few thousand models' trees, and no more however many are asked for. */
const BYTES_MAX = 64 << 20;

/** What an entry costs beside its body: key, headers, the map's own. */
const ENTRY_BYTES = 1024;

export class RenderedAnswers {
  readonly #bytesMax: number;
  /** The one used last is at the end. */
  readonly #answers = new Map<string, Answer>();
  #bytes = 0;

  constructor(bytesMax = BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** The answer under `key`, rendered now unless it was before. */
  answer(key: string, render: () => Answer): Answer {
    const known = this.#answers.get(key);
    if (known !== undefined) {
      this.#answers.delete(key);
      this.#answers.set(key, known);
      return known;
    }
    const answer = packedAnswer(render());
    this.#answers.set(key, answer);
    this.#bytes += weigh(key, answer);
    for (const [oldest, forgotten] of this.#answers) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#answers.delete(oldest);
      this.#bytes -= weigh(oldest, forgotten);
    }
    return answer;
  }

  get bytes(): number {
    return this.#bytes;
  }
}

function weigh(key: string, { body }: Answer): number {
  return (
    ENTRY_BYTES + key.length + (body.is === 'bytes' ? body.bytes.length + (body.packed?.length ?? 0) : 0)
  );
}

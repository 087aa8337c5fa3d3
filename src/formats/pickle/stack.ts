/**
 * The machine's stacks, with the fences of CPython's C unpickler: nothing may be popped from below the last mark.
 */
import {
  MARKS_MAX,
  MEMO_ITEMS_WEIGHT_MAX,
  MEMO_KEY_MAX,
  MEMO_WEIGHT_MAX,
  STACK_MAX,
  STACK_WEIGHT_MAX,
} from './facts.ts';
import { OPAQUE, UNKNOWN, type Value } from './value.ts';

/** CPython would raise here (or a limit of ours is reached): the stream ends where it stands. */
export class Broken extends Error {
  readonly code: string;

  constructor(code: string, detail: string) {
    super(detail);
    this.code = code;
  }
}

/** Values that a shadow sees of the stack it is a view of: arrays of numbers break before they reach deeper. */
const SHADOW_VALUES = 16;

export class Stack {
  /** Grows and is never cut: what lies at or above `#top` is left over. */
  readonly #values: Value[] = [];
  #top = 0;
  readonly #marks: number[] = [];
  #fence = 0;
  #weight = 0;
  /** This is a view of a deeper stack. */
  #cut = false;

  push(value: Value): void {
    let kept = value;
    if (value.weight > 0) {
      if (this.#weight + value.weight > STACK_WEIGHT_MAX) kept = OPAQUE[value.kind];
      else this.#weight += value.weight;
    }
    this.#values[this.#top++] = kept;
    if (this.#top > STACK_MAX)
      throw new Broken('stack-too-deep', `more than ${STACK_MAX} values on the stack`);
  }

  pop(): Value {
    if (this.#top <= this.#fence) throw this.#underflow();
    const value = this.#values[--this.#top] ?? UNKNOWN;
    this.#weight -= value.weight;
    return value;
  }

  top(): Value {
    if (this.#top <= this.#fence) throw this.#underflow();
    return this.#values[this.#top - 1] ?? UNKNOWN;
  }

  /** The top, or undefined where there is none in reach. */
  peek(): Value | undefined {
    return this.#top > this.#fence ? this.#values[this.#top - 1] : undefined;
  }

  /** A copy of the upper part, on which `underflow` below it says that the copy was too short. */
  shadow(): Stack {
    const copy = new Stack();
    const base = Math.max(0, this.#top - SHADOW_VALUES);
    for (const value of this.#values.slice(base, this.#top)) copy.push(value);
    for (let at = this.#marks.length - 1; at >= 0; at--) {
      const mark = (this.#marks[at] ?? 0) - base;
      if (mark < 0) break;
      copy.#marks.unshift(mark);
    }
    copy.#fence = copy.#marks[copy.#marks.length - 1] ?? 0;
    copy.#cut = base > 0 || copy.#marks.length < this.#marks.length;
    return copy;
  }

  mark(): void {
    if (this.#marks.length >= MARKS_MAX)
      throw new Broken('marks-too-deep', `more than ${MARKS_MAX} marks on the stack`);
    this.#fence = this.#top;
    this.#marks.push(this.#fence);
  }

  /** POP takes a mark where one is on top, as `load_pop` does. */
  popValueOrMark(): void {
    if (this.#marks.length > 0 && this.#marks[this.#marks.length - 1] === this.#top) this.#unmark();
    else this.pop();
  }

  /** The values above the last mark, which is removed with them. */
  popToMark(): Value[] {
    const from = this.#unmark();
    return this.#take(from);
  }

  /** As `popToMark`, where the container that the values go into must lie below the mark, in reach. */
  popToMarkInto(): Value[] {
    const from = this.#unmark();
    if (from <= this.#fence) throw this.#underflow();
    return this.#take(from);
  }

  /** The container that the values above the last mark go into. Throws as `popToMarkInto` would. */
  belowMark(): Value {
    const from = this.#marks[this.#marks.length - 1];
    if (from === undefined) throw this.#noMark();
    if (from <= (this.#marks[this.#marks.length - 2] ?? 0)) throw this.#underflow();
    return this.#values[from - 1] ?? UNKNOWN;
  }

  /** Removes the last mark and the values above it, of which only the imported ones matter; says how many. */
  dropToMark(imported: (value: Value, before: Value | undefined) => void): number {
    const from = this.#unmark();
    const count = this.#top - from;
    for (let i = from; i < this.#top; i++) {
      const value = this.#values[i] ?? UNKNOWN;
      if (value.weight === 0) continue;
      this.#weight -= value.weight;
      if (value.kind === 'global') imported(value, i > from ? this.#values[i - 1] : undefined);
    }
    this.#top = from;
    return count;
  }

  popCount(count: number): Value[] {
    if (this.#top - count < this.#fence) throw this.#underflow();
    return this.#take(this.#top - count);
  }

  #take(from: number): Value[] {
    const values = this.#values.slice(from, this.#top);
    for (const value of values) this.#weight -= value.weight;
    this.#top = from;
    return values;
  }

  #unmark(): number {
    const from = this.#marks.pop();
    if (from === undefined) throw this.#noMark();
    this.#fence = this.#marks[this.#marks.length - 1] ?? 0;
    return from;
  }

  #noMark(): Broken {
    if (this.#cut) return tooDeep();
    return new Broken('no-mark', 'an opcode needs a mark and there is none');
  }

  #underflow(): Broken {
    if (this.#cut && this.#marks.length === 0) return tooDeep();
    return new Broken('stack-underflow', 'an opcode takes more from the stack than there is');
  }
}

function tooDeep(): Broken {
  return new Broken('shadow-too-deep', 'an opcode takes more from the stack than the shadow holds');
}

/** The memo: an array by key, whose count of entries is the next key of MEMOIZE, as in `_Unpickler_MemoPut`. */
export class Memo {
  readonly #values: (Value | undefined)[] = [];
  #count = 0;
  #weight = 0;
  /** Of that, tuples and lists. */
  #itemsWeight = 0;
  /** Of a shadow: the memo that it is a view of, and what was put since. */
  #below: Memo | undefined;
  readonly #above = new Map<number, Value>();

  /** A view: what is put into it does not reach this memo. */
  shadow(): Memo {
    const view = new Memo();
    view.#below = this;
    view.#count = this.#count;
    return view;
  }

  put(key: number, value: Value): void {
    if (key > MEMO_KEY_MAX)
      throw new Broken('memo-key-too-large', `memo key ${key} is above ${MEMO_KEY_MAX}`);
    if (this.#below !== undefined) {
      if (!this.#above.has(key) && this.#below.#values[key] === undefined) this.#count++;
      this.#above.set(key, value);
      return;
    }
    while (this.#values.length < key) this.#values.push(undefined);
    const old = this.#values[key];
    if (old === undefined) this.#count++;
    else this.#weigh(old, -1);
    const kept = this.#hasRoom(value) ? value : OPAQUE[value.kind];
    this.#weigh(kept, 1);
    if (key === this.#values.length) this.#values.push(kept);
    else this.#values[key] = kept;
  }

  #hasRoom({ weight, items }: Value): boolean {
    if (this.#weight + weight > MEMO_WEIGHT_MAX) return false;
    return items === undefined || this.#itemsWeight + weight <= MEMO_ITEMS_WEIGHT_MAX;
  }

  #weigh({ weight, items }: Value, sign: 1 | -1): void {
    this.#weight += sign * weight;
    if (items !== undefined) this.#itemsWeight += sign * weight;
  }

  memoize(value: Value): void {
    // What is shared weighs nothing, and is most of what is memoized.
    if (value.weight === 0 && this.#below === undefined && this.#count === this.#values.length) {
      if (this.#count <= MEMO_KEY_MAX) {
        this.#values.push(value);
        this.#count++;
        return;
      }
    }
    this.put(this.#count, value);
  }

  get(key: number): Value {
    const value =
      this.#below === undefined ? this.#values[key] : (this.#above.get(key) ?? this.#below.#values[key]);
    if (value === undefined)
      throw new Broken('memo-key-unset', `memo key ${key} is read before it is written`);
    return value;
  }
}

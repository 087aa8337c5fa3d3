/**
 * The machine: runs one pickle stream symbolically, over a window of bytes, as CPython's C unpickler
 * (`Modules/_pickle.c`) would. It never imports, calls or builds anything; it notes what would be.
 *
 * Where CPython would raise, the machine breaks (`Broken`): what follows is not part of the stream. Where CPython
 * would go on with something the machine cannot know, it goes on too and remembers from where on it is unsure.
 */
import { isUsedAsFields, lieOfArray, lieOfArrayState, noteDtype, setDtypeState } from './dtype.ts';
import {
  LINE_BYTES_MAX,
  NESTED_BYTES_MAX,
  OPCODES_MAX,
  type PickleOperation,
  TEXT_BYTES_MAX,
} from './facts.ts';
import { type ArrayBehind, arrayBehind, isArrayWrapper, STATES_MAX, stateDict } from './joblib.ts';
import type { Ledger } from './ledger.ts';
import type { Opcode } from './opcode.ts';
import { OPCODES } from './opcodes.ts';
import { python3Name } from './python2-names.ts';
import { looksLikePickle } from './recognise.ts';
import { Broken, Memo, Stack } from './stack.ts';
import { runStretch, type Stretch } from './stretch.ts';
import { lieOfTensor, lieOfTensorState } from './tensor.ts';
import { type GlobalName, type Kind, named, OPAQUE, UNKNOWN, type Value } from './value.ts';

/**
 * Why `run` returned: more bytes are needed in the window, some may be skipped, an array of joblib follows, or the
 * stream is at its end.
 */
export type Pause =
  | { readonly kind: 'more'; readonly bytes: number; readonly line: boolean }
  | { readonly kind: 'skip'; readonly bytes: number }
  | { readonly kind: 'skip-line' }
  | { readonly kind: 'array'; readonly array: ArrayBehind }
  | { readonly kind: 'stopped' };

/** Dictionaries kept as fields of types at the same time: how deep structures are followed into structures. */
const FIELDS_KEPT_MAX = 8;

/** Kinds of keys that may be a text which the machine does not know. */
const KEYS_HIDDEN: ReadonlySet<Kind> = new Set(['result', 'unknown', 'persistent']);

/** Bytes of a payload that are looked at before deciding whether it is a pickle. */
const SNIFF_BYTES = 32;

const STOPPED: Pause = { kind: 'stopped' };

export interface MachineOptions {
  readonly ledger: Ledger;
  /** Where the input ends, as an offset: a frame may not reach beyond. */
  readonly inputEnd: number;
  /** Parses bytes that look like a pickle; false where they were not followed to their end. */
  readonly nested: (bytes: Uint8Array, offset: number) => boolean;
  /** `joblib`: arrays follow their wrappers, as joblib reads them; `plain` and its `shadow`: as all others do. */
  readonly arrays: 'joblib' | 'plain' | 'shadow';
  /** The stacks to begin with: views of those of another machine. */
  readonly stack?: Stack;
  readonly memo?: Memo;
}

export class Machine {
  readonly stack: Stack;
  readonly memo: Memo;
  readonly ledger: Ledger;
  readonly inputEnd: number;
  /** Set by PROTO; decides on Python 2 names and dotted names, as `self->proto`. */
  protocol = 0;
  /** Where the last frame ends, as an offset; 0 without one. */
  frameEnd = 0;
  /** The value that STOP returned. */
  value: Value = UNKNOWN;
  /** Where the machine's knowledge of the stream ends, or undefined while it is complete. */
  unsureFrom: number | undefined;
  unsureWhy = '';
  /** Texts in the order of their appearance, where `keepTexts` asks for them (PyTorch's list of storage keys). */
  texts: string[] | undefined;
  /** How many bytes of the window the completed opcodes took. */
  consumed = 0;
  stopped = false;
  readonly arrays: MachineOptions['arrays'];
  readonly #nested: MachineOptions['nested'];
  readonly #globals = new Map<string, GlobalName>();
  readonly #stretch: Stretch = { at: 0, opcodes: 0 };
  #base = 0;
  #array: ArrayBehind | undefined;
  /** The latest dictionaries that may be the fields of a type. */
  readonly #fields: Value[] = [];
  /** State dictionaries of arrays that are not used yet. */
  #states = 0;

  constructor(options: MachineOptions) {
    this.stack = options.stack ?? new Stack();
    this.memo = options.memo ?? new Memo();
    this.arrays = options.arrays;
    this.ledger = options.ledger;
    this.inputEnd = options.inputEnd;
    this.#nested = options.nested;
  }

  /** Offset of the opcode at work. */
  get offset(): number {
    return this.#base + this.consumed;
  }

  /**
   * Runs opcodes of `window` (which starts at offset `base` of the input) until it needs more or is done.
   * `atEnd` says that the input ends with the window. Throws Broken where the stream cannot go on.
   */
  run(window: Buffer, base: number, atEnd: boolean): Pause {
    this.#base = base;
    this.consumed = 0;
    while (!this.stopped && this.#array === undefined) {
      this.#runStretch(window);
      const code = window[this.consumed];
      if (code === undefined) return { kind: 'more', bytes: 1, line: false };
      const opcode = OPCODES[code];
      if (opcode === undefined)
        throw new Broken('unknown-opcode', `0x${code.toString(16).padStart(2, '0')} is not an opcode`);
      if (++this.ledger.opcodes > OPCODES_MAX)
        throw new Broken('too-many-opcodes', `more than ${OPCODES_MAX} opcodes`);
      const from = this.consumed + 1;
      if (opcode.operand === 'fixed') {
        const to = from + opcode.bytes;
        if (to > window.length) return this.#more(1 + opcode.bytes);
        this.#checkFrame(to);
        opcode.run(this, window, from, to);
        this.consumed = to;
        continue;
      }
      const pause =
        opcode.operand === 'counted'
          ? this.#counted(opcode, window, from)
          : this.#lines(opcode, window, from, atEnd);
      if (pause !== undefined) return pause;
    }
    const array = this.#array;
    if (array === undefined) return STOPPED;
    this.#array = undefined;
    return { kind: 'array', array };
  }

  #runStretch(window: Buffer): void {
    const frame = this.frameEnd - this.#base;
    const end = frame > this.consumed ? Math.min(frame, window.length) : window.length;
    const stretch = this.#stretch;
    stretch.at = this.consumed;
    stretch.opcodes = 0;
    try {
      runStretch(stretch, window, end, this);
    } finally {
      this.consumed = stretch.at;
      this.ledger.opcodes += stretch.opcodes;
    }
  }

  /** A machine for the pickle that an array of objects is, which joblib gives to a plain unpickler. */
  nestedInPlace(): Machine {
    return new Machine({ ...this.#options(this.ledger), arrays: 'plain' });
  }

  /** A machine that goes on from here as a plain unpickler would, and leaves stack and memo of this one alone. */
  shadow(ledger: Ledger): Machine {
    const { stack, memo } = this;
    const shadow = new Machine({
      ...this.#options(ledger),
      arrays: 'shadow',
      nested: () => false,
      stack: stack.shadow(),
      memo: memo.shadow(),
    });
    shadow.protocol = this.protocol;
    return shadow;
  }

  #options(ledger: Ledger): MachineOptions {
    return { ledger, inputEnd: this.inputEnd, nested: this.#nested, arrays: 'plain' };
  }

  /** An empty dictionary, whose entries are kept where it becomes the state of an array or the fields of a type. */
  emptyDict(): Value {
    const below = this.stack.peek();
    if (below?.kind === 'tuple' && below.items?.[0]?.kind === 'str') return this.#fieldsDict();
    if (this.arrays !== 'joblib' || this.#states >= STATES_MAX) return OPAQUE.dict;
    if (below === undefined || !isArrayWrapper(below)) return OPAQUE.dict;
    this.#states++;
    return stateDict();
  }

  /** Behind a tuple of names may follow the fields of a type. Those of the types being made are kept, no others. */
  #fieldsDict(): Value {
    const dict = stateDict();
    this.#fields.push(dict);
    const oldest = this.#fields.length > FIELDS_KEPT_MAX ? this.#fields.shift() : undefined;
    if (oldest !== undefined) oldest.entries = undefined;
    return dict;
  }

  /**
   * BUILD: what the state says of types and of arrays that follow. The attacker's move: a first state that names a
   * class `__setstate__`, so that the second state is given to that class.
   */
  built(target: Value, state: Value): void {
    this.#refuse(target.built ? 'an object is given a state twice' : undefined);
    target.built = true;
    this.#refuse(
      setDtypeState(target, state) ?? lieOfArrayState(target, state) ?? lieOfTensorState(target, state),
    );
    if (this.arrays !== 'joblib' || !isArrayWrapper(target)) return;
    const array = target.number === undefined ? arrayBehind(state) : undefined;
    // The same wrapper again would keep what this state does not replace.
    target.number = 1;
    if (state.entries !== undefined) {
      state.entries = undefined;
      this.#states--;
    }
    if (array === undefined)
      this.unsure('array-state', 'how many bytes of an array follow is not said in the way of joblib');
    else if (this.offset + 1 < this.frameEnd)
      this.unsure('frame-crossed', 'an array begins inside of a frame, and readers disagree about where');
    else this.#array = array;
  }

  /**
   * An imported name goes into a dictionary. The attacker's move: an attribute that Python itself looks for, such as
   * `__class__`, by which an object becomes one of a class that never made it.
   */
  named(key: Value | undefined): void {
    const hidden =
      key === undefined || KEYS_HIDDEN.has(key.kind) || (key.kind === 'str' && key.text === undefined);
    if (hidden || (key.kind === 'str' && /^__.*__$/.test(key.text ?? '')))
      this.#refuse('an imported name may become a special attribute of an object');
  }

  /** Something goes into a dictionary. */
  filled(target: Value): void {
    if (isUsedAsFields(target)) this.#refuse('the fields of a numpy type change after it was made');
  }

  #refuse(lie: string | undefined): void {
    if (lie !== undefined) this.ledger.problem('impossible', this.offset, lie);
  }

  /** The opcode will be met again. */
  #more(bytes: number): Pause & { kind: 'more' } {
    this.ledger.opcodes--;
    return { kind: 'more', bytes, line: false };
  }

  /** Payloads with a length in front. What need not be held is skipped: its kind and length suffice. */
  #counted(opcode: Opcode, window: Buffer, from: number): Pause | undefined {
    const start = from + opcode.bytes;
    if (start > window.length) return this.#more(1 + opcode.bytes);
    const length = countAt(window, from, opcode);
    this.#checkFrame(start + length);
    if (length > TEXT_BYTES_MAX) {
      if (opcode.nests && length <= NESTED_BYTES_MAX) {
        if (start + SNIFF_BYTES > window.length) return this.#more(1 + opcode.bytes + SNIFF_BYTES);
        if (looksLikePickle(window.subarray(start, start + SNIFF_BYTES)) && start + length > window.length)
          return this.#more(1 + opcode.bytes + length);
      }
      if (start + length > window.length) {
        opcode.run(this, window, start, start + length);
        this.consumed = start;
        return { kind: 'skip', bytes: length };
      }
    }
    if (start + length > window.length) return this.#more(1 + opcode.bytes + length);
    opcode.run(this, window, start, start + length);
    this.consumed = start + length;
    return undefined;
  }

  /** Arguments that end with a newline. The C unpickler cuts the last byte of a line that the input's end cut. */
  #lines(opcode: Opcode, window: Buffer, from: number, atEnd: boolean): Pause | undefined {
    let end = from;
    for (let line = 0; line < opcode.bytes; line++) {
      const newline = lineEnd(window, line === 0 ? from : end + 1);
      if (newline !== -1) {
        end = newline;
        continue;
      }
      if (window.length - from >= opcode.bytes * LINE_BYTES_MAX) {
        if (!opcode.skips)
          throw new Broken('line-too-long', `a name or key is longer than ${LINE_BYTES_MAX} bytes`);
        opcode.run(this, window, from, window.length);
        this.consumed = from;
        return { kind: 'skip-line' };
      }
      if (!atEnd)
        return { ...this.#more(Math.max(window.length - this.consumed + 1, LINE_BYTES_MAX)), line: true };
      this.unsure('truncated', 'the input ends inside of an argument');
      if (window.length - 1 > from) opcode.run(this, window, from, window.length - 1);
      throw new Broken('truncated', 'the input ends inside of an argument');
    }
    this.#checkFrame(end + 1);
    opcode.run(this, window, from, end);
    this.consumed = end + 1;
    return undefined;
  }

  /**
   * The attacker's move: an argument that crosses the end of its frame. The C unpickler, reading from a file object
   * that cannot peek (PyTorch's), drops the part inside of the frame and reads the argument anew from behind it: the
   * name `XXXXos` becomes `os`. From memory it reads `XXXXos`, and the Python unpickler raises. Picklers never do it.
   */
  #checkFrame(end: number): void {
    if (this.offset < this.frameEnd && this.#base + end > this.frameEnd)
      this.unsure(
        'frame-crossed',
        'an opcode crosses the end of its frame, and readers disagree about what follows',
      );
  }

  /** From the opcode at work on, the machine does not know everything that CPython would do. */
  unsure(code: string, detail: string): void {
    this.ledger.problem(code, this.offset, detail);
    if (this.unsureFrom !== undefined) return;
    this.unsureFrom = this.offset;
    this.unsureWhy = detail;
  }

  note(operation: PickleOperation, target: Value, given?: Value): void {
    this.ledger.note(operation, target, given, this.offset);
    if (target.kind === 'unknown')
      this.unsure('unknown-target', `${operation} on a value that was not followed`);
  }

  /** Imports a global, as `find_class` does, and notes it. */
  import(module: string, name: string): Value {
    const key = `${this.protocol < 3 ? 2 : 3}\n${module}\n${name}`;
    let global = this.#globals.get(key);
    if (global === undefined) {
      const [module3, name3] = this.protocol < 3 ? python3Name(module, name) : [module, name];
      global = { module: module3, name: name3, writtenModule: module, writtenName: name };
      this.#globals.set(key, global);
    }
    const value = named('global', global);
    this.note('import', value);
    return value;
  }

  /** A call: its result remembers which global it came from. */
  call(operation: PickleOperation, callee: Value, given: Value): Value {
    if (given.kind === 'global') this.pass([given]);
    this.note(operation, callee, given);
    if (callee.global === undefined) return UNKNOWN;
    const result = named('result', callee.global);
    if (callee.kind === 'global' && operation === 'reduce') {
      const name = `${callee.global.module}.${callee.global.name}`;
      this.#refuse(noteDtype(result, given) ?? lieOfArray(name, given) ?? lieOfTensor(name, given));
    }
    return result;
  }

  /** Values that go into arguments, a container or a state: globals among them are noted as handed on. */
  pass(values: readonly Value[]): void {
    for (const value of values)
      if (value.kind === 'global') this.ledger.note('pass', value, undefined, this.offset);
  }

  /** Bytes in the window: a nested pickle is followed at once. */
  bytes(window: Buffer, from: number, to: number, otherwise: Value): Value {
    if (to > window.length || !looksLikePickle(window.subarray(from, to))) return otherwise;
    return this.#nested(window.subarray(from, to), this.#base + from) ? OPAQUE.pickle : otherwise;
  }
}

function lineEnd(window: Buffer, from: number): number {
  const to = Math.min(window.length, from + LINE_BYTES_MAX);
  for (let i = from; i < to; i++) if (window[i] === 0x0a) return i;
  return -1;
}

/** The length in front of a payload; `signed` ones may be negative, where CPython raises. */
function countAt(window: Buffer, from: number, opcode: Opcode): number {
  const { bytes } = opcode;
  if (bytes === 1) return window[from] ?? 0;
  if (bytes === 4) {
    const count = opcode.signed ? window.readInt32LE(from) : window.readUInt32LE(from);
    if (count < 0) throw new Broken('negative-length', `a payload has the length ${count}`);
    return count;
  }
  const high = window.readUInt32LE(from + 4);
  if (high > 0x1fffff) throw new Broken('length-too-large', 'a payload is longer than any file');
  return high * 0x1_0000_0000 + window.readUInt32LE(from);
}

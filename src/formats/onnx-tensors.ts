/**
 * The tensors of an ONNX model: dimensions times element size must be what is stored, and what is stored outside must
 * have a place that can be. A reader that believes dimensions allocates what they say.
 */
import { type Account, Malformed, quoted } from './malformed.ts';
import type { ExternalRange } from './onnx.ts';
import { TENSORS_MAX } from './tensors.ts';

/** Bits of an element by its number in TensorProto.DataType; 8 is text. */
const BITS: ReadonlyMap<number, number> = new Map([
  ...([2, 3, 9, 17, 18, 19, 20, 24] as const).map((type) => [type, 8] as const),
  ...([4, 5, 10, 16] as const).map((type) => [type, 16] as const),
  ...([1, 6, 12] as const).map((type) => [type, 32] as const),
  ...([7, 11, 13, 14] as const).map((type) => [type, 64] as const),
  [15, 128],
  ...([21, 22, 23] as const).map((type) => [type, 4] as const),
  ...([25, 26] as const).map((type) => [type, 2] as const),
]);

const DIMS = 1;
const DATA_TYPE = 2;
const RAW = 9;
const LOCATION = 14;

const PLACE_KEYS: ReadonlySet<string> = new Set(['location', 'offset', 'length']);

/** Longest place inside of a file: no file is longer. */
const PLACE = /^\d{1,15}$/;

export function isTensor(message: string): boolean {
  return message === 'Tensor' || message === 'Initializer';
}

export class TensorChecks {
  readonly #account: Account;
  readonly #offset: () => number;
  #elements = 1;
  #type = 0;
  #rawBytes: number | undefined;
  #outside = false;
  #entries = new Map<string, string>();
  readonly ranges: ExternalRange[] = [];

  constructor(account: Account, offset: () => number) {
    this.#account = account;
    this.#offset = offset;
  }

  open(): void {
    this.#elements = 1;
    this.#type = 0;
    this.#rawBytes = undefined;
    this.#outside = false;
    this.#entries = new Map();
  }

  number(field: number, value: number): void {
    if (field === DIMS) this.#elements *= value;
    if (field === DATA_TYPE) this.#type = value;
    if (field === LOCATION) this.#outside = value === 1;
  }

  data(field: number, length: number): void {
    if (field !== RAW) return;
    if (this.#rawBytes !== undefined) this.#problem('duplicate-data', 'a tensor holds its data twice');
    this.#rawBytes = length;
  }

  external(key: string, value: string): void {
    if (this.#entries.has(key)) this.#problem('duplicate-key', `external data says ${quoted(key)} twice`);
    if (PLACE_KEYS.has(key)) this.#entries.set(key, value);
    if ((key === 'offset' || key === 'length') && !PLACE.test(value))
      this.#problem('bad-external', `external data with the ${key} ${quoted(value)}`);
  }

  close(): void {
    this.#keepRange();
    if (!Number.isSafeInteger(this.#elements))
      this.#problem('impossible-size', 'a tensor of more elements than any file holds');
    const bits = BITS.get(this.#type);
    if (this.#rawBytes === undefined || this.#outside || bits === undefined) return;
    if (Math.ceil((this.#elements * bits) / 8) !== this.#rawBytes)
      this.#problem('size-mismatch', `a tensor holds ${this.#rawBytes} bytes, type and shape say otherwise`);
  }

  #keepRange(): void {
    const location = this.#entries.get('location');
    if (!this.#outside || location === undefined) return;
    if (this.ranges.length >= TENSORS_MAX)
      throw new Malformed('too-many-tensors', this.#offset(), `more than ${TENSORS_MAX} tensors outside`);
    const length = this.#entries.get('length');
    const begin = Number(this.#entries.get('offset') ?? 0);
    this.ranges.push({ location, begin, ...(length === undefined ? {} : { length: Number(length) }) });
  }

  #problem(code: string, detail: string): void {
    this.#account.problem(code, this.#offset(), detail);
  }
}

/**
 * safetensors: 8 bytes of header length (little endian), a JSON header, then nothing but tensor data.
 * Format: https://github.com/huggingface/safetensors#format. Only the header is read; the tensors follow from it.
 */
import { type JsonVisitor, readJson } from './json-reader.ts';
import { Account, Malformed, quoted } from './malformed.ts';
import type { BaseFacts, Parse } from './parse.ts';
import type { SecretFact } from './secrets.ts';
import {
  accountForTensors,
  DIMENSIONS_MAX,
  elements,
  TENSOR_NAME_CHARS_MAX,
  TENSORS_MAX,
  type Tensor,
} from './tensors.ts';
import { decodeUtf8 } from './utf8.ts';

export const SAFETENSORS_PARSER = 'safetensors/2';

export interface SafetensorsFacts extends BaseFacts {
  readonly format: 'safetensors';
  readonly headerBytes: number;
  readonly tensors: readonly Tensor[];
  /** `__metadata__`, keys and values cut to a bound. */
  readonly metadata: Readonly<Record<string, string>>;
  /** What looks like a secret in the metadata, as lines of `key = value`. */
  readonly secrets?: readonly SecretFact[];
}

/** Longest header: the reference implementation's own limit, against readers that allocate what it says. */
const SAFETENSORS_HEADER_BYTES_MAX = 100_000_000;

/** Most `__metadata__` entries kept, and longest value kept. */
const METADATA_MAX = 1024;
const METADATA_CHARS_MAX = 1024;

/** Bits per element of every dtype of the format (sub-byte ones are packed). */
const DTYPE_BITS: ReadonlyMap<string, number> = new Map([
  ['BOOL', 8],
  ['F4', 4],
  ['F6_E2M3', 6],
  ['F6_E3M2', 6],
  ['U8', 8],
  ['I8', 8],
  ['F8_E5M2', 8],
  ['F8_E4M3', 8],
  ['F8_E8M0', 8],
  ['F8_E4M3FNUZ', 8],
  ['F8_E5M2FNUZ', 8],
  ['I16', 16],
  ['U16', 16],
  ['F16', 16],
  ['BF16', 16],
  ['I32', 32],
  ['U32', 32],
  ['F32', 32],
  ['C64', 64],
  ['F64', 64],
  ['I64', 64],
  ['U64', 64],
]);

/**
 * A length whose top bytes are zero, then the `{` that the format prescribes as the first byte of the header.
 * A length beyond the limit still counts as this format: refusing it is the parser's business.
 */
export function isSafetensors(head: Uint8Array): boolean {
  return head.length >= 9 && head[8] === 0x7b && head[5] === 0 && head[6] === 0 && head[7] === 0;
}

export function* parseSafetensors(sizeBytes: number): Parse<SafetensorsFacts> {
  const account = new Account();
  const header = new Header(account);
  let headerBytes = 0;
  try {
    headerBytes = yield* readHeader(sizeBytes, header);
    const tensors = header.tensors.map((tensor) => placed(tensor, 8 + headerBytes, account));
    header.tensors = tensors;
    accountForTensors(tensors, { begin: 8 + headerBytes, end: sizeBytes, slackBytesMax: 0 }, account);
  } catch (thrown) {
    account.give(thrown, sizeBytes);
  }
  return {
    format: 'safetensors',
    parser: SAFETENSORS_PARSER,
    sizeBytes,
    gaps: account.gaps,
    problems: account.problems,
    headerBytes,
    tensors: header.tensors,
    metadata: Object.fromEntries(header.metadata),
  };
}

function* readHeader(sizeBytes: number, header: Header): Parse<number> {
  const lead = Buffer.from(yield { offset: 0, length: 8 });
  if (lead.length < 8) throw new Malformed('truncated', 0, 'the file ends before the header length');
  const length = lead.readUInt32LE(0) + lead.readUInt32LE(4) * 0x1_0000_0000;
  if (length > SAFETENSORS_HEADER_BYTES_MAX)
    throw new Malformed('header-too-long', 0, `the header claims ${length} bytes`);
  if (length > sizeBytes - 8)
    throw new Malformed('truncated', 0, `the header claims ${length} bytes, ${sizeBytes - 8} are there`);
  const bytes = yield { offset: 8, length };
  if (bytes.length < length) throw new Malformed('truncated', 8, 'the file ends inside the header');
  const text = decodeUtf8(bytes);
  if (text === undefined) throw new Malformed('header-not-utf8', 8, 'the header is not UTF-8');
  const outcome = readJson(text, header);
  if (!outcome.ok)
    throw new Malformed(`header-${outcome.code}`, 8, `the header is not JSON: ${outcome.detail}`);
  if (outcome.documents !== 1) throw new Malformed('header-malformed', 8, 'the header is not one object');
  return length;
}

/** Checks dtype × shape against the range, and moves the range from the data section into the file. */
function placed(tensor: Tensor, dataBegin: number, account: Account): Tensor {
  const bits = DTYPE_BITS.get(tensor.dtype);
  const count = elements(tensor.shape);
  const begin = dataBegin + tensor.begin;
  if (bits === undefined) {
    account.problem(
      'unknown-dtype',
      begin,
      `tensor ${quoted(tensor.name)} has the dtype ${quoted(tensor.dtype)}`,
    );
  } else if (count === undefined || count * bits !== (tensor.end - tensor.begin) * 8) {
    account.problem(
      'size-mismatch',
      begin,
      `tensor ${quoted(tensor.name)} holds ${tensor.end - tensor.begin} bytes, dtype and shape say otherwise`,
    );
  }
  return { ...tensor, begin, end: dataBegin + tensor.end };
}

/** Reads the header as it is visited: `{name: {dtype, shape, data_offsets}, __metadata__: {key: text}}`. */
class Header implements JsonVisitor {
  tensors: readonly Tensor[] = [];
  readonly metadata = new Map<string, string>();
  readonly #account: Account;
  readonly #found: Tensor[] = [];
  /** Containers open; the last names on the way are `#name` (level 1) and `#field` (level 2). */
  readonly #open: ('object' | 'array')[] = [];
  #name = '';
  #field = '';
  #dtype: string | undefined;
  #shape: number[] | undefined;
  #offsets: number[] | undefined;

  constructor(account: Account) {
    this.#account = account;
  }

  open(kind: 'object' | 'array'): void {
    this.#open.push(kind);
    const depth = this.#open.length;
    const expected = depth < 3 ? 'object' : 'array';
    if (kind !== expected || depth > 3 || (depth === 3 && this.#name === '__metadata__'))
      throw malformed(`something else than a tensor stands at ${quoted(this.#name)}`);
    if (depth === 2) {
      this.#dtype = undefined;
      this.#shape = undefined;
      this.#offsets = undefined;
    }
    if (depth === 3) {
      const numbers: number[] = [];
      if (this.#field === 'shape') this.#shape = numbers;
      else if (this.#field === 'data_offsets') this.#offsets = numbers;
      else throw malformed(`tensor ${quoted(this.#name)} has a list ${quoted(this.#field)}`);
    }
  }

  close(): void {
    const depth = this.#open.length;
    this.#open.pop();
    if (depth === 2 && this.#name !== '__metadata__') this.#tensor();
    if (depth === 1) this.tensors = this.#found;
  }

  key(name: string): void {
    if (this.#open.length === 1) this.#name = name;
    else this.#field = name;
  }

  value(value: string | number | boolean | null, written = ''): void {
    const depth = this.#open.length;
    if (depth === 3) {
      const list = this.#field === 'shape' ? this.#shape : this.#offsets;
      // `16.0` and `1e1` are whole to JavaScript and refused by the reference implementation.
      if (
        typeof value !== 'number' ||
        !Number.isSafeInteger(value) ||
        !/^\d+$/.test(written) ||
        list === undefined
      )
        throw malformed(`tensor ${quoted(this.#name)} has a ${this.#field} that is not whole numbers`);
      if (list.length === DIMENSIONS_MAX)
        throw malformed(`tensor ${quoted(this.#name)} has too many dimensions`);
      list.push(value);
    } else if (depth === 2 && this.#name === '__metadata__') {
      if (typeof value !== 'string') throw malformed('__metadata__ holds something else than text');
      if (this.metadata.size < METADATA_MAX)
        this.metadata.set(this.#field.slice(0, METADATA_CHARS_MAX), value.slice(0, METADATA_CHARS_MAX));
    } else if (depth === 2 && this.#field === 'dtype' && typeof value === 'string') {
      this.#dtype = value;
    } else {
      throw malformed(`something else than a tensor stands at ${quoted(this.#name)}`);
    }
  }

  duplicate(name: string): void {
    this.#account.problem('duplicate-key', 8, `the key ${quoted(name)} stands twice`);
  }

  #tensor(): void {
    const [begin, end, more] = this.#offsets ?? [];
    if (this.#dtype === undefined || this.#shape === undefined || begin === undefined || end === undefined)
      throw malformed(`tensor ${quoted(this.#name)} lacks dtype, shape or data_offsets`);
    if (more !== undefined || end < begin)
      throw malformed(`tensor ${quoted(this.#name)} has impossible data_offsets`);
    if (this.#found.length === TENSORS_MAX)
      throw new Malformed('too-many-tensors', 8, `more than ${TENSORS_MAX} tensors`);
    if (this.#name.length > TENSOR_NAME_CHARS_MAX)
      throw malformed(`the tensor name ${quoted(this.#name)} is too long`);
    this.#found.push({ name: this.#name, dtype: this.#dtype, shape: this.#shape, begin, end });
  }
}

function malformed(detail: string): Malformed {
  return new Malformed('header-malformed', 8, detail);
}

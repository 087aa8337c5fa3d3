/**
 * Attributes of HDF5 objects: text is read, from the header or the global heap, and JSON and pickles in it are
 * parsed as if they were files. Numbers are passed over.
 */
import { Cursor } from '../cursor.ts';
import { describeJson } from '../json.ts';
import { type Account, Malformed, quoted } from '../malformed.ts';
import type { Parse } from '../parse.ts';
import { asPickle } from '../pickle-shaped.ts';
import { decodeUtf8 } from '../utf8.ts';
import { readAttribute } from './datatype.ts';
import type { Hdf5Config, Hdf5Facts, Hdf5Pickle } from './facts.ts';
import type { Message } from './header.ts';
import { GlobalHeap } from './heap.ts';
import type { Hdf5Space } from './space.ts';

/** Most texts of one attribute: `weight_names` of a large layer have some hundreds. */
const TEXTS_MAX = 65_536;

/** Most attributes of one file that are kept, with their longest value; all are judged. */
const KEPT_MAX = 2048;
const VALUE_CHARS_MAX = 256;

/** Most configurations and pickles of one file. */
const CONFIGS_MAX = 64;

/** Longest text: a large model's configuration has some megabytes. */
const TEXT_BYTES_MAX = 32 * 1024 * 1024;

/** Text of all attributes together: many may refer to one value, and each is judged. */
const TEXT_TOTAL_BYTES_MAX = 64 * 1024 * 1024;

export class Attributes {
  readonly heap: GlobalHeap;
  readonly #space: Hdf5Space;
  readonly #account: Account;
  readonly #kept: { path: string; value: string }[] = [];
  readonly #configs: Hdf5Config[] = [];
  readonly #pickles: Hdf5Pickle[] = [];
  #left = TEXT_TOTAL_BYTES_MAX;

  constructor(space: Hdf5Space, account: Account) {
    this.#space = space;
    this.#account = account;
    this.heap = new GlobalHeap(space);
  }

  facts(): Pick<Hdf5Facts, 'attributes' | 'configs' | 'pickles'> {
    return { attributes: this.#kept, configs: this.#configs, pickles: this.#pickles };
  }

  /** Reads one attribute message of the object at `path`. */
  *read(message: Message, path: string): Parse<void> {
    const { offset, bytes } = message;
    if (message.shared) {
      this.#unread(offset, 'a shared attribute is not read');
      return;
    }
    const cut = (part: Buffer, at: number) => new Cursor(part, at);
    const attribute = readAttribute(new Cursor(bytes, offset), this.#space, cut);
    const { name, datatype, dataspace, data } = attribute;
    const where = `${path}@${name}`;
    switch (datatype.kind) {
      case 'string':
      case 'opaque':
        for (let left = dataspace.elements; left > 0; left -= 1) {
          if (datatype.elementBytes === 0) break;
          this.#judge(data.take(datatype.elementBytes), where, offset);
        }
        break;
      case 'text':
      case 'sequence':
        yield* this.#texts({ count: dataspace.elements, data, where, offset });
        break;
      case 'committed':
      case 'compound':
        // Neither Keras nor PyTables keeps text in them, and what they hold is not looked at.
        this.#unread(offset, `the attribute ${quoted(where)} has a datatype that is not read`);
        break;
      default:
    }
  }

  *#texts(all: {
    readonly count: number;
    readonly data: Cursor;
    readonly where: string;
    readonly offset: number;
  }): Parse<void> {
    if (all.count > TEXTS_MAX)
      throw new Malformed('too-many', all.offset, `${all.count} texts of one attribute`);
    for (let left = all.count; left > 0; left -= 1) {
      const length = all.data.u32();
      const address = all.data.uint(this.#space.addressBytes);
      const index = all.data.u32();
      if (length === 0 || address === undefined || address === 0) continue;
      if (length > TEXT_BYTES_MAX)
        throw new Malformed('text-too-long', all.offset, `a text of ${length} bytes`);
      this.#judge(yield* this.heap.read(address, index, length), all.where, all.offset);
    }
  }

  #judge(bytes: Buffer, path: string, offset: number): void {
    this.#left -= bytes.length;
    if (this.#left < 0)
      throw new Malformed(
        'text-too-long',
        offset,
        `attributes of more than ${TEXT_TOTAL_BYTES_MAX} bytes of text`,
      );
    const pickle = asPickle(bytes);
    if (pickle !== undefined) {
      this.#keep(this.#pickles, { path, pickle }, offset);
      return;
    }
    const text = decodeUtf8(bytes)?.replace(/\0+$/, '');
    if (text === undefined) return;
    if (this.#kept.length < KEPT_MAX) this.#kept.push({ path, value: text.slice(0, VALUE_CHARS_MAX) });
    if (!/^\s*[{[]/.test(text)) return;
    const json = describeJson(text, bytes.length);
    if ('facts' in json) this.#keep(this.#configs, { path, json: json.facts }, offset);
    else if (/^\s*\{/.test(text)) this.#unread(offset, `${quoted(path)} is ${json.detail}`);
  }

  #keep<T>(list: T[], item: T, offset: number): void {
    if (list.length < CONFIGS_MAX) list.push(item);
    else this.#unread(offset, `more than ${CONFIGS_MAX} attributes that are configurations`);
  }

  #unread(offset: number, detail: string): void {
    this.#account.problem('attribute-unread', offset, detail);
    this.#account.gap(offset, 1, detail);
  }
}

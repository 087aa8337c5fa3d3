/**
 * A streaming walker over protobuf messages of known schemas: it descends into messages, captures the fields that
 * facts need, and passes over the rest without asking for the bytes. A field that the schema does not know is not
 * accounted for. Wire format: https://protobuf.dev/programming-guides/encoding/.
 */
import { type Account, Malformed } from './malformed.ts';
import type { Parse } from './parse.ts';
import { decodeUtf8 } from './utf8.ts';
import type { Window } from './window.ts';

/** What to do with a field: descend, capture, or pass over what is known to be data or prose. */
export type Field =
  | { readonly kind: 'message'; readonly name: string }
  /** Captured; must be UTF-8, and no longer than `bytesMax`. */
  | { readonly kind: 'text'; readonly bytesMax?: number }
  /** Captured where it is short and UTF-8; passed over otherwise, as data is. */
  | { readonly kind: 'short' }
  | { readonly kind: 'number' }
  /** Numbers one by one or as a short packed list; a longer list is passed over as data. */
  | { readonly kind: 'numbers' }
  /** Tensor data and lists of numbers, in any encoding; skipped. */
  | { readonly kind: 'data' }
  /** A string or number that decides nothing; skipped, and bounded in length. */
  | { readonly kind: 'plain' };

/** Fields by number, messages by name. */
export type Schema = Readonly<Record<string, Readonly<Record<number, Field>>>>;

export interface ProtobufVisitor {
  open(message: string): void;
  close(message: string): void;
  text(message: string, field: number, value: string): void;
  number(message: string, field: number, value: number): void;
  /** Data that is passed over, by its length. */
  data?(message: string, field: number, length: number): void;
}

/** protobuf's own limit of nesting is 100. */
const DEPTH_MAX = 100;

/** Most fields of one file: graphs have some ten per node and a hundred thousand nodes at most. */
const FIELDS_MAX = 20_000_000;

/** Longest text captured unless its schema says otherwise, longest short one, and longest passed over as plain text. */
const TEXT_BYTES_MAX = 64 * 1024;
const SHORT_BYTES_MAX = 1024;
const PLAIN_BYTES_MAX = 16 * 1024 * 1024;

interface Open {
  readonly message: string;
  readonly end: number;
}

export class Protobuf {
  readonly #window: Window;
  readonly #schema: Schema;
  readonly #account: Account;

  constructor(window: Window, schema: Schema, account: Account) {
    this.#window = window;
    this.#schema = schema;
    this.#account = account;
  }

  /** Walks one message that fills the rest of the input. Throws Malformed where the encoding breaks. */
  *walk(message: string, visitor: ProtobufVisitor): Parse<void> {
    const window = this.#window;
    const open: Open[] = [{ message, end: window.offset + window.remaining }];
    visitor.open(message);
    let left = FIELDS_MAX;
    for (let at = open.at(-1); at !== undefined; at = open.at(-1)) {
      if (window.offset === at.end) {
        open.pop();
        visitor.close(at.message);
        continue;
      }
      left -= 1;
      if (left < 0) throw new Malformed('too-many-fields', window.offset, `more than ${FIELDS_MAX} fields`);
      const inner = yield* this.#field(at, visitor);
      if (inner === undefined) continue;
      if (open.length >= DEPTH_MAX)
        throw new Malformed('too-deep', window.offset, 'messages nested too deeply');
      open.push(inner);
      visitor.open(inner.message);
    }
  }

  /** Reads one field; returns the message that it opens, if it does. */
  *#field(at: Open, visitor: ProtobufVisitor): Parse<Open | undefined> {
    const window = this.#window;
    const start = window.offset;
    const tag = yield* this.#varint(at.end);
    const number = Math.floor(tag / 8);
    const field = this.#schema[at.message]?.[number];
    if (field === undefined)
      this.#account.problem('unknown-field', start, `field ${number} of ${at.message} is not known`);
    switch (tag % 8) {
      case 0: {
        const value = yield* this.#varint(at.end);
        if (field?.kind === 'number' || field?.kind === 'numbers') visitor.number(at.message, number, value);
        break;
      }
      case 1:
        this.#skip(8, at.end);
        break;
      case 5:
        this.#skip(4, at.end);
        break;
      case 2: {
        const length = yield* this.#varint(at.end);
        if (length > at.end - window.offset)
          throw new Malformed(
            'truncated',
            start,
            `field ${number} of ${at.message} is longer than its message`,
          );
        if (field?.kind === 'message') return { message: field.name, end: window.offset + length };
        yield* this.#bytes({ ...at, number, length, field }, visitor);
        break;
      }
      default:
        throw new Malformed('bad-wire-type', start, `wire type ${tag % 8} in ${at.message}`);
    }
    if (field === undefined) this.#account.gap(start, window.offset - start, 'a field that is not known');
    return undefined;
  }

  *#bytes(
    at: {
      readonly message: string;
      readonly number: number;
      readonly length: number;
      readonly field: Field | undefined;
    },
    visitor: ProtobufVisitor,
  ): Parse<void> {
    const start = this.#window.offset;
    if (at.field?.kind === 'short' && at.length <= SHORT_BYTES_MAX) {
      yield* this.#window.need(at.length);
      const text = decodeUtf8(this.#window.slice(at.length));
      if (text !== undefined) visitor.text(at.message, at.number, text);
      return;
    }
    if (at.field?.kind === 'numbers' && at.length <= SHORT_BYTES_MAX) {
      yield* this.#window.need(at.length);
      const end = start + at.length;
      while (this.#window.offset < end) visitor.number(at.message, at.number, yield* this.#varint(end));
      return;
    }
    if (at.field?.kind === 'data') visitor.data?.(at.message, at.number, at.length);
    if (at.field?.kind !== 'text') {
      if (at.field?.kind === 'plain' && at.length > PLAIN_BYTES_MAX) {
        this.#account.problem('text-too-long', start, `text of ${at.length} bytes in ${at.message}`);
        this.#account.gap(start, at.length, 'text longer than the limit');
      }
      this.#skip(at.length, start + at.length);
      return;
    }
    if (at.length > (at.field.bytesMax ?? TEXT_BYTES_MAX))
      throw new Malformed('text-too-long', start, `text of ${at.length} bytes in ${at.message}`);
    yield* this.#window.need(at.length);
    const text = decodeUtf8(this.#window.slice(at.length));
    if (text === undefined) throw new Malformed('not-utf8', start, `text in ${at.message} is not UTF-8`);
    visitor.text(at.message, at.number, text);
  }

  #skip(length: number, end: number): void {
    if (this.#window.offset + length > end)
      throw new Malformed('truncated', this.#window.offset, 'a field is longer than its message');
    this.#window.skip(length);
  }

  /** A varint of at most ten bytes, exact up to 2^53; more is precise enough to be refused as a length. */
  *#varint(end: number): Parse<number> {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count += 1) {
      if (this.#window.offset >= end)
        throw new Malformed('truncated', this.#window.offset, 'a message ends inside a number');
      if (!this.#window.has(1)) yield* this.#window.need(1);
      const byte = this.#window.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new Malformed('bad-varint', this.#window.offset, 'a number of more than ten bytes');
  }
}

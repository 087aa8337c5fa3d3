/**
 * R's serialisation (`.rds`, `.RData`, without the compression around it): one tree of values. Reading data is
 * harmless; *promises* are expressions that R evaluates when somebody looks at the value, *bytecode*, *closures* and
 * *language* are code, and *references* out of the file are pointers and hooks.
 * Format: https://cran.r-project.org/doc/manuals/r-release/R-ints.html#Serialization-Formats.
 */
import { Account, Malformed } from './malformed.ts';
import type { BaseFacts, Parse } from './parse.ts';
import { Window } from './window.ts';

export const RDS_PARSER = 'rds/1';

/** What a value of R may be besides data. */
export type RdsCode =
  | 'promise'
  | 'bytecode'
  | 'closure'
  | 'language'
  | 'environment'
  | 'pointer'
  | 'builtin'
  | 'compact';

export interface RdsFacts extends BaseFacts {
  readonly format: 'rds';
  readonly version: number;
  readonly values: number;
  /** Kinds of values that are more than data, with how many there are. */
  readonly code: readonly { readonly kind: RdsCode; readonly count: number }[];
}

/** Most values and deepest nesting: trees of models have millions of numbers, but in vectors. */
const VALUES_MAX = 10_000_000;
const PENDING_MAX = 10_000_000;

/** Longest text: R's own limit is 2 GB, names and levels are short. */
const TEXT_BYTES_MAX = 64 * 1024 * 1024;

const HEAD = /^(?:RD[AX][23]\n)?(?:X|A|B)\n/;

/** `X` (binary, big endian), `A` (text) or `B` (binary, little endian), behind the magic of workspaces; a version. */
export function isRds(head: Uint8Array): boolean {
  const text = Buffer.from(head.subarray(0, 32)).toString('latin1');
  const found = HEAD.exec(text)?.[0];
  if (found === undefined) return false;
  const rest = text.slice(found.length);
  return /^(?:\0\0\0[\x02\x03]|[\x02\x03]\0\0\0|[23]\n\d{5,6}\n)/.test(rest);
}

export function* parseRds(sizeBytes: number): Parse<RdsFacts> {
  const walk = new Walk(sizeBytes);
  try {
    yield* walk.read();
  } catch (thrown) {
    walk.account.give(thrown, sizeBytes);
  }
  const { account, version, values } = walk;
  const code = [...walk.code].map(([kind, count]) => ({ kind, count }));
  const { gaps, problems } = account;
  return { format: 'rds', parser: RDS_PARSER, sizeBytes, gaps, problems, version, values, code };
}

/** Types without content: nil, environments of R itself, missing arguments. */
const EMPTY: ReadonlySet<number> = new Set([254, 253, 252, 251, 250, 242, 241]);

/** Vectors of fixed elements, by type: truth, whole numbers, numbers, complex numbers, bytes. */
const ELEMENT_BYTES: ReadonlyMap<number, number> = new Map([
  [10, 4],
  [13, 4],
  [14, 8],
  [15, 16],
  [24, 1],
]);

const HAS_ATTRIBUTES = 0x200;
const HAS_TAG = 0x400;

class Walk {
  readonly account = new Account();
  readonly code = new Map<RdsCode, number>();
  version = 0;
  values = 0;
  readonly #window: Window;
  /** Values that are still to be read. */
  #pending = 1;

  constructor(sizeBytes: number) {
    this.#window = new Window(sizeBytes);
  }

  *read(): Parse<void> {
    yield* this.#readHead();
    while (this.#pending > 0) {
      this.#pending -= 1;
      this.values += 1;
      if (this.values > VALUES_MAX)
        throw new Malformed('too-many', this.#window.offset, `more than ${VALUES_MAX} values`);
      yield* this.#value();
    }
    const { offset, remaining } = this.#window;
    if (remaining === 0) return;
    this.account.problem('trailing-data', offset, `${remaining} bytes follow the value`);
    this.account.gap(offset, remaining, 'follows the value');
  }

  *#readHead(): Parse<void> {
    const window = this.#window;
    yield* window.need(2);
    if (window.peek(2).toString('latin1') === 'RD') window.skip(5);
    yield* window.need(2);
    const kind = window.slice(2).toString('latin1');
    if (kind !== 'X\n')
      throw new Malformed('unread-encoding', 0, 'only the portable binary form of R is read');
    this.version = yield* this.#int();
    yield* this.#int();
    yield* this.#int();
    if (this.version === 3) window.skip(yield* this.#length());
    else if (this.version !== 2) throw new Malformed('unknown-version', 0, `version ${this.version}`);
  }

  *#value(): Parse<void> {
    const at = this.#window.offset;
    const flags = yield* this.#int();
    const type = flags & 0xff;
    const attributes = (flags & HAS_ATTRIBUTES) !== 0 ? 1 : 0;
    const bytes = ELEMENT_BYTES.get(type);
    if (bytes !== undefined) {
      this.#window.skip(bytes * (yield* this.#length()));
      return this.#more(attributes);
    }
    if (EMPTY.has(type)) return;
    switch (type) {
      case 1: // A symbol, whose name follows.
        return this.#more(1);
      case 2: // A list of pairs: attributes, tag, value, and the rest.
        return this.#more(attributes + ((flags & HAS_TAG) !== 0 ? 1 : 0) + 2);
      case 9:
        return yield* this.#text();
      case 16:
      case 19:
      case 20: // Vectors of texts, of values, of expressions.
        if (type === 20) this.#note('language');
        return this.#more((yield* this.#length()) + attributes);
      case 25: // An object of a class: all of it stands in attributes.
        return this.#more(attributes);
      case 255: // A value that was read before; its number is in the flags, or follows.
        if (flags >>> 8 === 0) yield* this.#int();
        return;
      default:
        yield* this.#code(type, flags, at);
    }
  }

  /** Values that are more than data. Their parts are read on, so that all kinds in a file are named. */
  *#code(type: number, flags: number, at: number): Parse<void> {
    const attributes = (flags & HAS_ATTRIBUTES) !== 0 ? 1 : 0;
    const tag = (flags & HAS_TAG) !== 0 ? 1 : 0;
    switch (type) {
      case 3:
        this.#note('closure');
        return this.#more(attributes + tag + 2);
      case 4: // An environment: whether it is locked, then what encloses it, its frame, its table, its attributes.
        this.#note('environment');
        yield* this.#int();
        return this.#more(4);
      case 5:
        this.#note('promise');
        return this.#more(attributes + tag + 2);
      case 6:
      case 17:
        this.#note('language');
        return this.#more(attributes + tag + 2);
      case 7:
      case 8:
        this.#note('builtin');
        return this.#window.skip(yield* this.#length());
      case 22:
        this.#note('pointer');
        return this.#more(2 + attributes);
      case 23:
        this.#note('pointer');
        return this.#more(attributes);
      case 238: // A compact vector: its class, its state, its attributes.
        this.#note('compact');
        return this.#more(3);
      case 247:
      case 248:
      case 249: // Packages and namespaces, by their names.
        this.#note('environment');
        yield* this.#int();
        return this.#more(yield* this.#length());
      default:
        this.#note(type === 21 || (type >= 239 && type <= 244) ? 'bytecode' : 'pointer');
        throw new Malformed('unread-type', at, `a value of the type ${type} is not read`);
    }
  }

  #note(kind: RdsCode): void {
    this.code.set(kind, (this.code.get(kind) ?? 0) + 1);
  }

  #more(count: number): void {
    this.#pending += count;
    if (this.#pending > PENDING_MAX)
      throw new Malformed('too-many', this.#window.offset, `a list of ${count} values`);
  }

  *#text(): Parse<void> {
    const at = this.#window.offset;
    const length = yield* this.#int();
    if (length === -1) return;
    if (length < 0 || length > TEXT_BYTES_MAX)
      throw new Malformed('bad-length', at, `text of ${length} bytes`);
    this.#window.skip(length);
  }

  /** A length that is not negative; the long form is two numbers. */
  *#length(): Parse<number> {
    const at = this.#window.offset;
    const length = yield* this.#int();
    if (length >= 0) return length;
    if (length !== -1) throw new Malformed('bad-length', at, `a length of ${length}`);
    const high = yield* this.#int();
    const low = (yield* this.#int()) >>> 0;
    if (high < 0 || high > 0xffff) throw new Malformed('bad-length', at, 'an impossible length');
    return high * 0x1_0000_0000 + low;
  }

  *#int(): Parse<number> {
    if (!this.#window.has(4)) yield* this.#window.need(4);
    return this.#window.u32be() | 0;
  }
}

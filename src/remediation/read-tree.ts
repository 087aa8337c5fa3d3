/**
 * Reading a pickle into a tree, opcode by opcode, as CPython's C unpickler would go through them. What cannot be written
 * down (a name computed at run time, an extension code, a buffer from outside) becomes a node that is nobody's tensor;
 * what CPython would refuse is refused.
 *
 * Source: Modules/_pickle.c, Lib/pickletools.py.
 */
import type { RandomAccess } from '../formats/drive.ts';
import { Cursor } from './cursor.ts';
import type { MadeNode, Node } from './tree.ts';
import { Unconvertible } from './unconvertible.ts';

/** Nodes of one pickle: the largest real checkpoints have a few million values beside their tensors. */
const NODES_MAX = 20_000_000;

/** Highest memo key. */
const MEMO_MAX = 1 << 24;

/** Texts longer than this are kept by their place alone: no name of a tensor is. */
const TEXT_BYTES_MAX = 4096;

const NONE: Node = { kind: 'none' };
const EMPTY: Node = { kind: 'tuple', items: [] };

/** The value of the pickle that begins at `offset`, and where it ends. Throws Unconvertible. */
export function readTree(file: RandomAccess, offset: number): { readonly root: Node; readonly end: number } {
  const reader = new TreeReader(new Cursor(file, offset));
  return reader.run();
}

class TreeReader {
  readonly #cursor: Cursor;
  readonly #stack: Node[] = [];
  readonly #marks: number[] = [];
  readonly #memo: (Node | undefined)[] = [];
  #memoized = 0;
  #nodes = 0;

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
  }

  run(): { readonly root: Node; readonly end: number } {
    for (;;) {
      const opcode = String.fromCharCode(this.#cursor.u8());
      if (opcode === '.') return { root: this.#pop(), end: this.#cursor.offset };
      const known =
        this.#scalar(opcode) || this.#container(opcode) || this.#memory(opcode) || this.#deed(opcode);
      if (!known)
        throw new Unconvertible(
          `the pickle holds an opcode that is none, at byte ${this.#cursor.offset - 1}`,
        );
    }
  }

  #scalar(opcode: string): boolean {
    const c = this.#cursor;
    switch (opcode) {
      case 'N':
        return this.#push(NONE);
      case '\x88':
      case '\x89':
        return this.#push({ kind: 'bool', value: opcode === '\x88' });
      case 'K':
        return this.#int(c.u8());
      case 'M':
        return this.#int(c.u16());
      case 'J':
        return this.#int(c.i32());
      case 'I':
        return this.#line(c.line());
      case 'L':
        return this.#push({ kind: 'int', value: whole(c.line().replace(/L$/, '')) });
      case '\x8a':
        return this.#long(c.u8());
      case '\x8b':
        return this.#long(c.u32());
      case 'G':
        return this.#push({ kind: 'float', value: c.f64be() });
      case 'F':
        return this.#push({ kind: 'float', value: Number(c.line()) });
      case '\x8c':
      case 'U':
        return this.#text(c.u8());
      case 'X':
      case 'T':
        return this.#text(c.u32());
      case '\x8d':
        return this.#text(c.u64());
      case 'S':
      case 'V':
        return this.#push({ kind: 'text', value: c.line().replace(/^['"](.*)['"]$/s, '$1') });
      case 'C':
        return this.#bytes(c.u8());
      case 'B':
        return this.#bytes(c.u32());
      case '\x8e':
      case '\x96':
        return this.#bytes(c.u64());
      default:
        return false;
    }
  }

  #container(opcode: string): boolean {
    switch (opcode) {
      case ')':
        return this.#push(EMPTY);
      case '(':
        this.#marks.push(this.#stack.length);
        return true;
      case 't':
        return this.#push({ kind: 'tuple', items: this.#toMark() });
      case '\x85':
      case '\x86':
      case '\x87':
        return this.#push({ kind: 'tuple', items: this.#take(opcode.charCodeAt(0) - 0x84) });
      case ']':
        return this.#push({ kind: 'list', items: [] });
      case 'l':
        return this.#push({ kind: 'list', items: this.#toMark() });
      case '}':
        return this.#push({ kind: 'dict', entries: [] });
      case 'd':
        return this.#push({ kind: 'dict', entries: pairs(this.#toMark()) });
      case '\x8f':
        return this.#push({ kind: 'set', items: [] });
      case '\x91':
        return this.#push({ kind: 'set', items: this.#toMark() });
      case 'a':
        return this.#append(this.#take(1));
      case 'e':
      case '\x90':
        return this.#append(this.#toMark());
      case 's':
        return this.#setItems(this.#take(2));
      case 'u':
        return this.#setItems(this.#toMark());
      default:
        return false;
    }
  }

  #memory(opcode: string): boolean {
    const c = this.#cursor;
    switch (opcode) {
      case '\x94':
        return this.#put(this.#memoized);
      case 'q':
        return this.#put(c.u8());
      case 'r':
        return this.#put(c.u32());
      case 'p':
        return this.#put(Number(whole(c.line())));
      case 'h':
        return this.#push(this.#get(c.u8()));
      case 'j':
        return this.#push(this.#get(c.u32()));
      case 'g':
        return this.#push(this.#get(Number(whole(c.line()))));
      case '0':
        if (this.#marks.at(-1) === this.#stack.length) this.#marks.pop();
        else this.#pop();
        return true;
      case '1':
        this.#toMark();
        return true;
      case '2':
        return this.#push(this.#top());
      case '\x80':
        c.u8();
        return true;
      case '\x95':
        c.u64();
        return true;
      default:
        return false;
    }
  }

  /** What would import, call or change something: written down. */
  #deed(opcode: string): boolean {
    const c = this.#cursor;
    switch (opcode) {
      case 'c':
        return this.#push({ kind: 'global', module: c.line(), name: c.line() });
      case '\x93': {
        const [module, name] = this.#take(2);
        return this.#push({ kind: 'global', module: textOf(module), name: textOf(name) });
      }
      case 'R':
      case '\x81': {
        const [by = NONE, args = NONE] = this.#take(2);
        return this.#push(made(by, args));
      }
      case '\x92': {
        const [by = NONE, args = NONE, named = NONE] = this.#take(3);
        return this.#push({ ...made(by, args), state: named });
      }
      case 'o': {
        const [by = NONE, ...items] = this.#toMark();
        return this.#push(made(by, { kind: 'tuple', items }));
      }
      case 'i': {
        const by: Node = { kind: 'global', module: c.line(), name: c.line() };
        return this.#push(made(by, { kind: 'tuple', items: this.#toMark() }));
      }
      case 'b': {
        const state = this.#pop();
        const target = this.#top();
        if (target.kind === 'made') target.state = state;
        return true;
      }
      case 'P':
        return this.#push({ kind: 'persistent', id: { kind: 'text', value: c.line() } });
      case 'Q':
        return this.#push({ kind: 'persistent', id: this.#pop() });
      case '\x82':
        return this.#extension(c.u8());
      case '\x83':
        return this.#extension(c.u16());
      case '\x84':
        return this.#extension(c.u32());
      case '\x97':
        return this.#push({ kind: 'bytes', offset: 0, length: 0 });
      case '\x98':
        return true;
      default:
        return false;
    }
  }

  #extension(code: number): true {
    return this.#push({ kind: 'global', module: '<extension>', name: String(code) });
  }

  #int(value: number): true {
    return this.#push({ kind: 'int', value });
  }

  /** INT also writes booleans. */
  #line(text: string): true {
    if (text === '00' || text === '01') return this.#push({ kind: 'bool', value: text === '01' });
    return this.#push({ kind: 'int', value: whole(text) });
  }

  #long(length: number): true {
    const bytes = this.#cursor.take(length);
    let value = 0n;
    for (let at = bytes.length - 1; at >= 0; at--) value = (value << 8n) | BigInt(bytes[at] ?? 0);
    const signed = BigInt.asIntN(length * 8, value);
    const small = signed >= BigInt(Number.MIN_SAFE_INTEGER) && signed <= BigInt(Number.MAX_SAFE_INTEGER);
    return this.#push({ kind: 'int', value: small ? Number(signed) : signed });
  }

  #text(length: number): true {
    if (length > TEXT_BYTES_MAX) return this.#bytes(length);
    return this.#push({ kind: 'text', value: Buffer.from(this.#cursor.take(length)).toString('utf8') });
  }

  #bytes(length: number): true {
    const { offset } = this.#cursor;
    this.#cursor.skip(length);
    return this.#push({ kind: 'bytes', offset, length });
  }

  #append(values: readonly Node[]): true {
    const target = this.#top();
    if (target.kind === 'list' || target.kind === 'set' || target.kind === 'made') {
      for (const value of values) target.items.push(value);
    }
    return true;
  }

  #setItems(values: readonly Node[]): true {
    const target = this.#top();
    if (target.kind === 'dict' || target.kind === 'made') {
      for (const pair of pairs(values)) target.entries.push(pair);
    }
    return true;
  }

  #put(key: number): true {
    if (!(key >= 0 && key <= MEMO_MAX)) throw new Unconvertible(`the pickle has a memo key of ${key}`);
    while (this.#memo.length < key) this.#memo.push(undefined);
    if (this.#memo[key] === undefined) this.#memoized += 1;
    this.#memo[key] = this.#top();
    return true;
  }

  #get(key: number): Node {
    const node = this.#memo[key];
    if (node === undefined) throw new Unconvertible('the pickle reads a memo entry that it never wrote');
    return node;
  }

  #push(node: Node): true {
    this.#nodes += 1;
    if (this.#nodes > NODES_MAX) throw new Unconvertible(`the pickle builds more than ${NODES_MAX} values`);
    this.#stack.push(node);
    return true;
  }

  #top(): Node {
    const node = this.#stack.at(-1);
    if (node === undefined || this.#stack.length <= (this.#marks.at(-1) ?? 0)) throw underflow();
    return node;
  }

  #pop(): Node {
    const node = this.#top();
    this.#stack.pop();
    return node;
  }

  #take(count: number): Node[] {
    if (this.#stack.length - count < (this.#marks.at(-1) ?? 0)) throw underflow();
    return this.#stack.splice(this.#stack.length - count);
  }

  #toMark(): Node[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw underflow();
    return this.#stack.splice(mark);
  }
}

function made(by: Node, args: Node): MadeNode {
  return { kind: 'made', by, args, state: undefined, items: [], entries: [] };
}

function pairs(values: readonly Node[]): (readonly [Node, Node])[] {
  const found: (readonly [Node, Node])[] = [];
  for (let at = 0; at + 1 < values.length; at += 2) found.push([values[at] ?? NONE, values[at + 1] ?? NONE]);
  return found;
}

function textOf(node: Node | undefined): string {
  return node?.kind === 'text' ? node.value : '<computed>';
}

function whole(text: string): number | bigint {
  if (!/^[-+]?\d{1,4000}$/.test(text)) throw new Unconvertible('the pickle writes a number in an odd way');
  const value = BigInt(text);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function underflow(): Unconvertible {
  return new Unconvertible('the pickle takes more from its stack than is there');
}

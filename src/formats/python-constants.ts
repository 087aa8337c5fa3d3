/**
 * The text that an expression of constants comes to, the way attackers spell names: joined, sliced, reversed,
 * formatted, decoded, character by character. Bounded in depth and in length; undefined for all else.
 */
import type { SyntaxNode } from '@lezer/common';

/** Deepest expression followed, and longest text that comes of it. */
const DEPTH_MAX = 48;
const FOLD_CHARS_MAX = 4096;

/** What folding needs to know of a module. */
export interface Constants {
  /** `literal`: only what stands there as text; `spelled`: also what calls, slices and names come to. */
  readonly by: 'literal' | 'spelled';
  /** The source of a node as it is written. */
  source(node: SyntaxNode): string;
  /** Text that a name was given as a constant, if ever only one. */
  text(name: string): string | undefined;
  /** The dotted names that a callee stands for. */
  resolve(node: SyntaxNode): readonly string[];
  arguments(call: SyntaxNode): { readonly positional: readonly SyntaxNode[] };
}

export function foldText(node: SyntaxNode, constants: Constants, depth = 0): string | undefined {
  if (depth > DEPTH_MAX) return undefined;
  const text = fold(node, constants, depth + 1);
  return text === undefined || text.length > FOLD_CHARS_MAX ? undefined : text;
}

function fold(node: SyntaxNode, constants: Constants, depth: number): string | undefined {
  if (constants.by === 'literal' && /^(?:VariableName|MemberExpression|CallExpression)$/.test(node.name))
    return undefined;
  switch (node.name) {
    case 'String':
      return unquote(constants.source(node));
    case 'VariableName':
      return constants.text(constants.source(node).normalize('NFKC'));
    case 'ParenthesizedExpression': {
      const inner = node.firstChild?.nextSibling;
      return inner ? foldText(inner, constants, depth) : undefined;
    }
    case 'ContinuedString':
      return joined(children(node), '', { constants, depth });
    case 'BinaryExpression':
      return binary(node, constants, depth);
    case 'MemberExpression':
      return sliced(node, constants, depth);
    case 'CallExpression':
      return called(node, constants, depth);
    default:
      return undefined;
  }
}

interface At {
  readonly constants: Constants;
  readonly depth: number;
}

function children(node: SyntaxNode): SyntaxNode[] {
  const all: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) all.push(child);
  return all;
}

function joined(parts: readonly SyntaxNode[], between: string, { constants, depth }: At): string | undefined {
  let text = '';
  for (const [index, part] of parts.entries()) {
    const piece = foldText(part, constants, depth);
    if (piece === undefined || text.length + piece.length > FOLD_CHARS_MAX) return undefined;
    text += (index > 0 ? between : '') + piece;
  }
  return text;
}

function binary(node: SyntaxNode, constants: Constants, depth: number): string | undefined {
  const operator = node.getChild('ArithOp');
  const [left, right] = [node.firstChild, node.lastChild];
  if (operator === null || left === null || right === null) return undefined;
  const sign = constants.source(operator);
  if (sign === '+') return joined([left, right], '', { constants, depth });
  if (sign !== '%' || constants.by === 'literal') return undefined;
  const format = foldText(left, constants, depth);
  const values = /^(?:TupleExpression)$/.test(right.name) ? elements(right) : [right];
  return format === undefined ? undefined : filled(format, /%[sr]/g, { values, constants, depth });
}

/** A format whose places are filled in their order. */
function filled(
  format: string,
  places: RegExp,
  { values, constants, depth }: At & { readonly values: readonly SyntaxNode[] },
): string | undefined {
  const texts = values.map((value) => foldText(value, constants, depth));
  if (texts.includes(undefined)) return undefined;
  let next = 0;
  return format.replace(places, () => texts[next++] ?? '');
}

function elements(node: SyntaxNode): SyntaxNode[] {
  return children(node).filter(({ name }) => !/^[()[\],]$/.test(name));
}

/** `"metsys"[::-1]`: other slices hide nothing worth following. */
function sliced(node: SyntaxNode, constants: Constants, depth: number): string | undefined {
  const [object, open] = [node.firstChild, node.firstChild?.nextSibling];
  if (!object || open?.name !== '[') return undefined;
  if (
    constants
      .source(node)
      .slice(open.from - node.from)
      .replace(/\s/g, '') !== '[::-1]'
  )
    return undefined;
  const text = foldText(object, constants, depth);
  return text === undefined ? undefined : [...text].reverse().join('');
}

function called(node: SyntaxNode, constants: Constants, depth: number): string | undefined {
  const callee = node.firstChild;
  if (callee === null) return undefined;
  const { positional } = constants.arguments(node);
  const property = callee.name === 'MemberExpression' ? callee.getChild('PropertyName') : null;
  const owner = callee.firstChild;
  if (property !== null && owner !== null) {
    const text = foldText(owner, constants, depth);
    if (text !== undefined) return method(text, constants.source(property), { positional, constants, depth });
  }
  const [first] = positional;
  if (first === undefined) return undefined;
  const [name = ''] = constants.resolve(callee);
  const bare = name.replace(/^builtins\./, '');
  if (bare === 'chr') return character(first, constants);
  if (bare === 'str' || bare === 'bytes' || bare === 'bytearray')
    return foldText(first, constants, depth) ?? bytes(first, constants);
  const encoding = DECODERS.get(bare);
  const encoded = encoding === undefined ? undefined : foldText(first, constants, depth);
  return encoding === undefined || encoded === undefined
    ? undefined
    : Buffer.from(encoded, encoding).toString('latin1');
}

const DECODERS: ReadonlyMap<string, BufferEncoding> = new Map([
  ['base64.b64decode', 'base64'],
  ['base64.standard_b64decode', 'base64'],
  ['base64.urlsafe_b64decode', 'base64url'],
  ['base64.decodebytes', 'base64'],
  ['base64.b16decode', 'hex'],
  ['binascii.a2b_base64', 'base64'],
  ['binascii.unhexlify', 'hex'],
  ['binascii.a2b_hex', 'hex'],
  ['bytes.fromhex', 'hex'],
  ['bytearray.fromhex', 'hex'],
]);

function method(
  text: string,
  name: string,
  { positional, constants, depth }: At & { readonly positional: readonly SyntaxNode[] },
): string | undefined {
  const [first, second] = positional;
  switch (name) {
    case 'decode':
    case 'encode':
      return /rot/i.test((first && foldText(first, constants, depth)) ?? '') ? rot13(text) : text;
    case 'lower':
      return text.toLowerCase();
    case 'upper':
      return text.toUpperCase();
    case 'strip':
      return first === undefined ? text.trim() : undefined;
    case 'join': {
      if (first === undefined || !/^(?:ArrayExpression|TupleExpression)$/.test(first.name)) return undefined;
      return joined(elements(first), text, { constants, depth });
    }
    case 'format':
      return filled(text, /\{\d?\}/g, { values: positional, constants, depth });
    case 'replace': {
      const [from, to] = [first, second].map((node) => node && foldText(node, constants, depth));
      return from === undefined || to === undefined ? undefined : text.replaceAll(from, to);
    }
    default:
      return undefined;
  }
}

function rot13(text: string): string {
  return text.replace(/[A-Za-z]/g, (letter) => {
    const base = letter <= 'Z' ? 65 : 97;
    return String.fromCharCode(((letter.charCodeAt(0) - base + 13) % 26) + base);
  });
}

function character(node: SyntaxNode, constants: Constants): string | undefined {
  const code = Number(constants.source(node).replaceAll('_', ''));
  return Number.isInteger(code) && code >= 0 && code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}

/** `bytes([111, 115])` */
function bytes(node: SyntaxNode, constants: Constants): string | undefined {
  if (!/^(?:ArrayExpression|TupleExpression)$/.test(node.name)) return undefined;
  const all = elements(node).map((element) => character(element, constants));
  return all.length > FOLD_CHARS_MAX || all.includes(undefined) ? undefined : all.join('');
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

/** The text between the quotes of a Python string literal, with its escapes undone. */
function unquote(literal: string): string | undefined {
  const [, prefix = '', quote] = /^([A-Za-z]{0,2})('''|"""|'|")/.exec(literal) ?? [];
  if (quote === undefined || literal.length < prefix.length + 2 * quote.length) return undefined;
  const body = literal.slice(prefix.length + quote.length, literal.length - quote.length);
  if (/r/i.test(prefix)) return body;
  return body.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([0-7]{1,3})|(\r?\n)|(.))/g,
    (whole, hex?: string, unicode?: string, octal?: string, line?: string, one?: string) => {
      if (hex ?? unicode) return String.fromCharCode(Number.parseInt(hex ?? unicode ?? '', 16));
      if (octal) return String.fromCharCode(Number.parseInt(octal, 8));
      if (line) return '';
      return ESCAPES[one ?? ''] ?? whole;
    },
  );
}

/**
 * Tokens of TorchScript source, as PyTorch's own writer prints it: a part of what its lexer takes, and nothing on which
 * the two could disagree. No comments, no prefixes of strings, no triple quotes, no continued lines.
 *
 * Source of the language: torch/csrc/jit/frontend/lexer.h, torch/csrc/jit/serialization/python_print.cpp.
 */
import { Malformed } from '../malformed.ts';

export interface Token {
  readonly kind: 'name' | 'number' | 'string' | 'sign' | 'line';
  /** Of a string: what stands between its quotes. */
  readonly text: string;
  readonly offset: number;
}

/** Without backtracking. Numbers must not run into a name or a second dot. */
const TOKEN =
  /[A-Za-z_][A-Za-z0-9_]*|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?j?(?![A-Za-z0-9_.])|->|[()[\]{},.:=+\-*/%<>|&^~!@"'\n]/y;

const BLANK = 0x20;

/** Yields the tokens of a source, bytes read as Latin-1. Throws Malformed at what the writer never prints. */
export function* tokensOf(source: string): Generator<Token, void, void> {
  let at = 0;
  while (at < source.length) {
    if (source.charCodeAt(at) === BLANK) {
      at += 1;
      continue;
    }
    TOKEN.lastIndex = at;
    if (!TOKEN.test(source)) throw strange(at, 'a character that PyTorch does not write into its programs');
    const offset = at;
    at = TOKEN.lastIndex;
    const text = source.slice(offset, at);
    if (text === '"' || text === "'") {
      at = endOfString(source, at, text);
      yield { kind: 'string', text: source.slice(offset + 1, at - 1), offset };
    } else yield { kind: kindOf(text), text, offset };
  }
}

function kindOf(text: string): Token['kind'] {
  if (text === '\n') return 'line';
  if (/^[A-Za-z_]/.test(text)) return 'name';
  return /[0-9]/.test(text) ? 'number' : 'sign';
}

/** Where a string that begins before `from` ends, its quote included. */
function endOfString(source: string, from: number, quote: string): number {
  if (source.startsWith(quote + quote, from)) throw strange(from - 1, 'a string in triple quotes');
  for (let at = from; at < source.length; at++) {
    if (source[at] === quote) return at + 1;
    if (source[at] === '\\') at += 1;
    if (source[at] === '\n') break;
  }
  throw strange(from - 1, 'a string without an end');
}

function strange(offset: number, detail: string): Malformed {
  return new Malformed('torchscript-source', offset, detail);
}

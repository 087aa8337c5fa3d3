/**
 * Arguments in text, as the opcodes of protocol 0 and 1 carry them: decoded exactly as CPython's C unpickler does,
 * or not at all. `undefined` always means "not followed", and whoever asked must fail closed.
 */
import { Broken } from './stack.ts';

/** ASCII without anything to decode: what names and keys of real pickles are made of. */
function isAscii(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if ((bytes[i] ?? 0x80) >= 0x80) return false;
  return true;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** UTF-8, or undefined where it is malformed (CPython raises, or keeps lone surrogates). */
export function utf8(bytes: Buffer, from: number, to: number): string | undefined {
  if (isAscii(bytes, from, to)) return bytes.toString('latin1', from, to);
  try {
    return UTF8.decode(bytes.subarray(from, to));
  } catch {
    return undefined;
  }
}

/** Byte strings of Python 2: text depends on the loader's `encoding` unless they are ASCII. */
export function python2Text(bytes: Buffer, from: number, to: number): string | undefined {
  return isAscii(bytes, from, to) ? bytes.toString('latin1', from, to) : undefined;
}

/** A memo key in text: plain decimal only. CPython's `int()` also takes signs, spaces and underscores. */
export function memoKey(bytes: Buffer, from: number, to: number): number | undefined {
  const text = bytes.toString('latin1', from, to);
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}

/** INT, LONG and FLOAT in the forms that picklers write. */
export function isNumber(bytes: Buffer, from: number, to: number): boolean {
  const text = bytes.toString('latin1', from, to);
  return /^[-+]?(?:[0-9]+L?|[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?|[0-9]+\.|inf|nan)$/.test(text);
}

/** STRING: a quoted Python 2 byte string with escapes (`PyBytes_DecodeEscape`). Throws where CPython raises. */
export function quotedString(bytes: Buffer, from: number, to: number): string | undefined {
  const quote = bytes[from];
  if (to - from < 2 || quote !== bytes[to - 1] || (quote !== 0x27 && quote !== 0x22))
    throw new Broken('string-not-quoted', 'the argument of STRING is not quoted');
  const body = bytes.toString('latin1', from + 1, to - 1);
  if (!body.includes('\\')) return isAscii(bytes, from, to) ? body : undefined;
  // The attacker's move: `S'\x6f\x73'`. CPython keeps escapes other than these as written; not followed here.
  if (!/^(?:[^\\]|\\x[0-9a-fA-F]{2}|\\[0-7]{1,3}|\\[\\'"abfnrtv])*$/.test(body)) return undefined;
  const text = body.replace(/\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|.)/g, (_whole: string, code: string) =>
    unescaped(code),
  );
  return /^[\0-\x7f]*$/.test(text) ? text : undefined;
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function unescaped(code: string): string {
  if (code.startsWith('x')) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
  if (/^[0-7]/.test(code)) return String.fromCharCode(Number.parseInt(code, 8) & 0xff);
  return ESCAPES[code] ?? code;
}

/**
 * UNICODE: Latin-1 with `\uXXXX` and `\UXXXXXXXX` (`raw-unicode-escape`); backslashes pair off from the left.
 * Throws where CPython raises.
 */
export function rawUnicode(bytes: Buffer, from: number, to: number): string {
  const text = bytes.toString('latin1', from, to);
  if (!text.includes('\\')) return text;
  return text.replace(/\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[\s\S]|$)/g, (whole: string, code: string) => {
    if (!/^[uU]/.test(code)) return whole;
    const point = code.length === 1 ? Number.POSITIVE_INFINITY : Number.parseInt(code.slice(1), 16);
    if (point > 0x10ffff) throw new Broken('unicode-escape', 'a \\u or \\U escape of UNICODE is malformed');
    return String.fromCodePoint(point);
  });
}

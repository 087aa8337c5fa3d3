/**
 * Which parser reads a file: decided by its first bytes, never by its name.
 */
import type { Facts } from './facts.ts';
import { parseOpaque, recognise } from './opaque.ts';
import type { Access, Parse } from './parse.ts';
import { isSafetensors, parseSafetensors } from './safetensors.ts';
import { parseText } from './text.ts';
import { startsLikeText } from './utf8.ts';

/** Bytes that decide: every magic number lies within, and enough text to tell it from binary. */
export const HEAD_BYTES = 4096;

export interface Parser {
  readonly access: Access;
  parse(sizeBytes: number): Parse<Facts>;
}

/** Reads of a parser in order, each recogniser looking at the head only. The first that fits wins. */
const FORMATS: readonly (Parser & { fits(head: Uint8Array, sizeBytes: number): boolean })[] = [
  { fits: isSafetensors, access: 'forward', parse: parseSafetensors },
  { fits: isPlainText, access: 'forward', parse: parseText },
];

const OPAQUE: Parser = { access: 'forward', parse: parseOpaque };

/** The parser for an input that begins with `head` (`HEAD_BYTES` of it, or all). Always gives one. */
export function identify(head: Uint8Array, sizeBytes: number): Parser {
  return FORMATS.find(({ fits }) => fits(head, sizeBytes)) ?? OPAQUE;
}

/** Text that is not an executable by its first bytes; scripts are text and read as such. */
function isPlainText(head: Uint8Array): boolean {
  return startsLikeText(head) && (!recognise(head).executable || head[0] === 0x23 || head[0] === 0x4d);
}

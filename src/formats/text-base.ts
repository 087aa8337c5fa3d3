/**
 * What the facts of every kind of text share.
 */
import type { SecretFact } from './secrets.ts';

export interface TextBase {
  readonly lines: number;
  /** False until secretlint ran over the whole text; stays false where it is longer than the limit. */
  readonly secretsScanned: boolean;
  readonly secrets: readonly SecretFact[];
  /** Lines that hold bidirectional controls: what a reviewer sees is not what an interpreter reads. */
  readonly bidiLines: readonly number[];
}

const BIDI = /[\u202a-\u202e\u2066-\u2069]/g;

/** Most lines with bidirectional controls kept. */
const BIDI_LINES_MAX = 16;

export function textBase(text: string): TextBase {
  const bidiLines: number[] = [];
  for (const { index } of text.matchAll(BIDI)) {
    if (bidiLines.length === BIDI_LINES_MAX) break;
    bidiLines.push(countLines(text, index));
  }
  return { lines: countLines(text, text.length), secretsScanned: false, secrets: [], bidiLines };
}

/** The line, counted from 1, of a place in the text. */
function countLines(text: string, end: number): number {
  let lines = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < end; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
}

/**
 * What holds for a file of any format: it has the length that was declared, and it is not a second format at the
 * same time. A *polyglot* is a file that two loaders read as two things: a safetensors file with a zip behind it
 * is scanned as the one and loaded as the other.
 */
import type { BaseFacts, Problem } from './parse.ts';

/** The end of central directory and its longest comment: readers of zip search this much from the end. */
export const TAIL_BYTES = 22 + 0xffff;

export interface WholeInput {
  readonly declaredBytes: number;
  readonly actualBytes: number;
  /** The last `TAIL_BYTES` of the input, or all of a shorter one. */
  readonly tail: Uint8Array;
}

/** The facts with the problems of the whole added; each also becomes a gap, so that the file is not complete. */
export function withWhole<F extends BaseFacts>(facts: F, input: WholeInput): F {
  const problems: Problem[] = [];
  if (input.actualBytes !== input.declaredBytes) {
    problems.push({
      code: input.actualBytes < input.declaredBytes ? 'input-shorter' : 'input-longer',
      offset: Math.min(input.actualBytes, input.declaredBytes),
      detail: `${input.declaredBytes} bytes were declared, ${input.actualBytes} came`,
    });
  }
  const zipEnd = ZIP_FORMATS.has(facts.format) ? undefined : findZipEnd(input.tail);
  if (zipEnd !== undefined) {
    problems.push({
      code: 'polyglot-zip',
      offset: Math.max(0, input.actualBytes - input.tail.length) + zipEnd,
      detail: `the file is ${facts.format} by its head and a zip archive by its tail`,
    });
  }
  if (problems.length === 0) return facts;
  const gaps = problems.map(({ offset, detail }) => {
    const from = Math.min(offset, Math.max(0, facts.sizeBytes - 1));
    return { offset: from, length: Math.max(1, facts.sizeBytes - from), reason: detail };
  });
  return { ...facts, problems: [...facts.problems, ...problems], gaps: [...facts.gaps, ...gaps] };
}

/** Formats whose own parser judges the zip directory; in tar, whatever is not a zero belongs to a member judged so. */
const ZIP_FORMATS: ReadonlySet<string> = new Set(['zip', 'pytorch', 'tar']);

/** Of the locator of zip64, which stands before the end record; of an entry of the directory, without its name. */
const LOCATOR_BYTES = 20;
const ENTRY_BYTES_MIN = 46;

/**
 * Where an end of central directory stands that a lenient reader (CPython's zipfile takes the last signature
 * and ignores what follows) would believe: the directory it names fits before it and, where it lies within the
 * tail, begins with the signature of an entry. Four random bytes in tensor data do not satisfy that. The attacker's
 * moves: a count of entries that is wrong, which CPython does not look at, and a size that the record of zip64 corrects.
 */
function findZipEnd(tail: Uint8Array): number | undefined {
  const bytes = Buffer.from(tail.buffer, tail.byteOffset, tail.byteLength);
  for (let at = bytes.lastIndexOf('PK\x05\x06', undefined, 'latin1'); at >= 0; ) {
    if (at + 22 <= bytes.length) {
      const directoryBytes = bytes.readUInt32LE(at + 12);
      const begin = at - directoryBytes;
      if (
        at >= LOCATOR_BYTES &&
        bytes.toString('latin1', at - LOCATOR_BYTES, at - LOCATOR_BYTES + 4) === 'PK\x06\x07'
      )
        return at;
      if (directoryBytes >= ENTRY_BYTES_MIN) {
        if (begin < 0 || bytes.toString('latin1', begin, begin + 4) === 'PK\x01\x02') return at;
      }
    }
    if (at === 0) return undefined;
    at = bytes.lastIndexOf('PK\x05\x06', at - 1, 'latin1');
  }
  return undefined;
}

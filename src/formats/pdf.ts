/**
 * PDF: papers beside the model. Identified and searched for what acts when the paper is opened; nothing that
 * loads a model reads it. Names may spell letters as `#xx` (ISO 32000-1, 7.3.5), so both spellings are sought.
 */
import { Account } from './malformed.ts';
import type { BaseFacts, Parse } from './parse.ts';
import { Window } from './window.ts';

export const PDF_PARSER = 'pdf/1';

export interface PdfFacts extends BaseFacts {
  readonly format: 'pdf';
  /** Names of actions that stand in it, as `/JavaScript`. Compressed objects are not opened. */
  readonly actions: readonly string[];
}

const ACTIONS: readonly string[] = ['/JavaScript', '/Launch', '/OpenAction', '/EmbeddedFile', '/XFA'];

/** Longest spelling of a name that is recognised: every letter of the longest as `#xx`. */
const NAME_BYTES_MAX = 48;

/** Bytes searched at a time. */
const SEARCHED_BYTES = 32 * 1024;

/** What may follow `%%EOF`: line ends, and blanks that some writers pad with. */
const TRAILING_BYTES_MAX = 1024;

export function isPdf(head: Uint8Array): boolean {
  return (
    Buffer.from(head.buffer, head.byteOffset, Math.min(5, head.byteLength)).toString('latin1') === '%PDF-'
  );
}

export function* parsePdf(sizeBytes: number): Parse<PdfFacts> {
  const account = new Account();
  const actions = new Set<string>();
  const window = new Window(sizeBytes);
  let eof = -1;
  try {
    while (window.remaining > 0) {
      yield* window.reach(Math.min(SEARCHED_BYTES, window.remaining));
      const text = window.held.toString('latin1');
      for (const [name] of text.matchAll(/\/(?:[A-Za-z]|#[0-9a-fA-F]{2}){2,16}/g)) note(name, actions);
      const last = text.lastIndexOf('%%EOF');
      if (last >= 0) eof = window.offset + last + 5;
      // The end of the block is looked at again with the next one: a name may lie across.
      const final = text.length >= window.remaining;
      window.skip(final ? text.length : Math.max(1, text.length - NAME_BYTES_MAX));
    }
    if (eof < 0) {
      account.problem('truncated', sizeBytes, 'the file does not end as a PDF does');
      account.gap(0, sizeBytes, 'no end of file');
    } else if (sizeBytes - eof > TRAILING_BYTES_MAX) {
      account.problem('trailing-data', eof, `${sizeBytes - eof} bytes follow the end`);
      account.gap(eof, sizeBytes - eof, 'follows the end of the PDF');
    }
  } catch (thrown) {
    account.give(thrown, sizeBytes);
  }
  const { gaps, problems } = account;
  return { format: 'pdf', parser: PDF_PARSER, sizeBytes, gaps, problems, actions: [...actions].sort() };
}

function note(written: string, actions: Set<string>): void {
  const name = written.replace(/#([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  const known = ACTIONS.find((action) => action === name);
  if (known !== undefined) actions.add(known);
}

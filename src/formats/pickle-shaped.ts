/**
 * Whether something that is not announced as a pickle would run as one. Protocols 0 and 1 have no magic number and
 * are often plain text, and the first bytes of a GIF or of a text can be opcodes. CPython's unpickler does not ask
 * what a file is: it executes bytes until one of them makes no sense.
 */
import type { PickleFacts } from './pickle/facts.ts';
import { parsePickle } from './pickle/parse.ts';

/** Names that an import can have: prose makes globals too (`c` is an opcode), but hardly with such names. */
const NAME = /^[\w.]+$/;

/**
 * The facts of `bytes` as a pickle, where the unpickler would use a global, reach STOP after importing one, or read
 * all of it without a contradiction; otherwise undefined. A few bytes of prose that happen to end in STOP ("C" takes
 * the next letter for a length) are no pickle.
 */
export function asPickle(bytes: Uint8Array): PickleFacts | undefined {
  const facts = readAsPickle(bytes);
  return runsAsPickle(facts) ? facts : undefined;
}

/** Whether what the unpickler makes of bytes that are something else is more than noise: see `asPickle`. */
export function runsAsPickle(facts: PickleFacts): boolean {
  const { globals, streams, opcodes, gaps } = facts;
  const named = globals.filter(({ module, name }) => NAME.test(module) && NAME.test(name));
  const used = named.some(({ operation }) => operation !== 'import');
  const complete = streams > 0 && opcodes > 1 && gaps.length === 0;
  return used || complete || (streams > 0 && named.length > 0);
}

/** Opcodes from which on bytes that nothing else explains are no accident: noise breaks after one or two. */
const OPCODES_MIN = 8;

/**
 * Whether the first bytes of something binary are a pickle of protocol 0 or 1, which have no magic number: all of it
 * runs, or at least as far as `head` goes. Python writes such pickles for old readers.
 */
export function beginsAsPickle(head: Uint8Array): boolean {
  const { problems, opcodes, gaps, streams } = readAsPickle(head);
  if (gaps.length === 0) return streams > 0 && opcodes > 1;
  return opcodes >= OPCODES_MIN && problems.every(({ code }) => code === 'truncated');
}

function readAsPickle(bytes: Uint8Array): PickleFacts {
  const parse = parsePickle({ sizeBytes: bytes.length });
  let step = parse.next();
  while (!step.done) {
    const { offset, length } = step.value;
    step = parse.next(bytes.subarray(offset, offset + length));
  }
  return step.value;
}

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
  const parse = parsePickle({ sizeBytes: bytes.length });
  let step = parse.next();
  while (!step.done) {
    const { offset, length } = step.value;
    step = parse.next(bytes.subarray(offset, offset + length));
  }
  const { globals, streams, opcodes, gaps } = step.value;
  const named = globals.filter(({ module, name }) => NAME.test(module) && NAME.test(name));
  const used = named.some(({ operation }) => operation !== 'import');
  const complete = streams > 0 && opcodes > 1 && gaps.length === 0;
  return used || complete || (streams > 0 && named.length > 0) ? step.value : undefined;
}

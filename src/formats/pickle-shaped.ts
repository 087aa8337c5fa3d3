/**
 * Whether something that is not announced as a pickle would run as one. Protocols 0 and 1 have no magic number and
 * are often plain text, and the first bytes of a GIF or of a text can be opcodes. CPython's unpickler does not ask
 * what a file is: it executes bytes until one of them makes no sense.
 */
import type { PickleFacts } from './pickle/facts.ts';
import { parsePickle } from './pickle/parse.ts';

/** Names that an import can have. Prose makes globals too (`c` is an opcode), but none with such names that is used. */
const NAME = /^[\w.]+$/;

/** The facts of `bytes` as a pickle, where the unpickler would reach STOP or use a global; otherwise undefined. */
export function asPickle(bytes: Uint8Array): PickleFacts | undefined {
  const parse = parsePickle({ sizeBytes: bytes.length });
  let step = parse.next();
  while (!step.done) {
    const { offset, length } = step.value;
    step = parse.next(bytes.subarray(offset, offset + length));
  }
  const { globals, streams, opcodes } = step.value;
  const used = globals.some(
    ({ operation, module, name }) => operation !== 'import' && NAME.test(module) && NAME.test(name),
  );
  return used || (streams > 0 && opcodes > 1) ? step.value : undefined;
}

/**
 * A stretch: opcodes that only push plain values, back to back, as data is made of. They are three in four of a dense
 * pickle, and run here in one loop, without the questions that the machine asks before every other opcode: none of
 * them can name, call or change anything.
 */
import type { Memo, Stack } from './stack.ts';
import { FALSE, FLOAT, int, NONE, OPAQUE, TRUE } from './value.ts';

/** The longest of these opcodes with its argument: BINFLOAT. */
const OPCODE_BYTES_MAX = 9;

/** Where a stretch ended, and how many opcodes it had. */
export interface Stretch {
  at: number;
  opcodes: number;
}

/**
 * Runs opcodes of `window` from `stretch.at` on, and stops before the first that is none of these, or could reach beyond
 * `end`: the end of the window or of the frame. `stretch` is right also where the stack or the memo throws.
 */
export function runStretch(
  stretch: Stretch,
  window: Buffer,
  end: number,
  { stack, memo }: { readonly stack: Stack; readonly memo: Memo },
): void {
  const last = end - OPCODE_BYTES_MAX;
  let at = stretch.at;
  while (at <= last) {
    const from = at;
    switch (window[at]) {
      case 0x4b: // BININT1
        stack.push(int(window[at + 1] ?? 0));
        at += 2;
        break;
      case 0x4d: // BININT2
        stack.push(int((window[at + 1] ?? 0) | ((window[at + 2] ?? 0) << 8)));
        at += 3;
        break;
      case 0x4a: // BININT
        stack.push(int(window.readInt32LE(at + 1)));
        at += 5;
        break;
      case 0x47: // BINFLOAT
        stack.push(FLOAT);
        at += 9;
        break;
      case 0x68: // BINGET
        stretch.at = from;
        stack.push(memo.get(window[at + 1] ?? 0));
        at += 2;
        break;
      case 0x94: // MEMOIZE
        stretch.at = from;
        memo.memoize(stack.top());
        at += 1;
        break;
      case 0x71: // BINPUT
        stretch.at = from;
        memo.put(window[at + 1] ?? 0, stack.top());
        at += 2;
        break;
      case 0x4e: // NONE
        stack.push(NONE);
        at += 1;
        break;
      case 0x88: // NEWTRUE
        stack.push(TRUE);
        at += 1;
        break;
      case 0x89: // NEWFALSE
        stack.push(FALSE);
        at += 1;
        break;
      case 0x28: // MARK
        stretch.at = from;
        stack.mark();
        at += 1;
        break;
      case 0x8f: // EMPTY_SET
        stack.push(OPAQUE.set);
        at += 1;
        break;
      default:
        stretch.at = at;
        return;
    }
    stretch.at = at;
    stretch.opcodes += 1;
  }
}

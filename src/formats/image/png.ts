/** PNG: a signature, then chunks of length, type, data and CRC, up to IEND. https://www.w3.org/TR/png-3/ */
import { Malformed } from '../malformed.ts';
import type { Parse } from '../parse.ts';
import type { Window } from '../window.ts';

/** Most chunks: writers make some thousands of IDAT at most. */
const CHUNKS_MAX = 1_000_000;

export function* walkPng(window: Window): Parse<void> {
  window.skip(8);
  for (let left = CHUNKS_MAX; left > 0; left -= 1) {
    yield* window.need(8);
    const at = window.offset;
    const length = window.u32be();
    const type = window.slice(4).toString('latin1');
    if (!/^[A-Za-z]{4}$/.test(type)) throw new Malformed('bad-chunk', at, 'a chunk without a type');
    window.skip(length + 4);
    if (type === 'IEND') {
      if (length !== 0) throw new Malformed('bad-chunk', at, 'the last chunk holds data');
      return;
    }
  }
  throw new Malformed('too-many-chunks', window.offset, `more than ${CHUNKS_MAX} chunks`);
}

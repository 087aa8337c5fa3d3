/** WebP: one RIFF container of known length. https://developers.google.com/speed/webp/docs/riff_container */
import { Malformed } from '../malformed.ts';
import type { Parse } from '../parse.ts';
import type { Window } from '../window.ts';

/** Most chunks: an animation has one for each frame. */
const CHUNKS_MAX = 1_000_000;

export function* walkWebp(window: Window): Parse<void> {
  yield* window.need(12);
  window.skip(4);
  const end = 8 + window.u32();
  window.skip(4);
  for (let left = CHUNKS_MAX; window.offset < end; left -= 1) {
    if (left === 0) throw new Malformed('too-many-chunks', window.offset, `more than ${CHUNKS_MAX} chunks`);
    yield* window.need(8);
    const at = window.offset;
    window.skip(4);
    const length = window.u32();
    if (window.offset + length > end)
      throw new Malformed('bad-chunk', at, 'a chunk ends behind its container');
    window.skip(length + (length % 2));
  }
}

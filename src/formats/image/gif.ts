/** GIF: header, colour tables, blocks of sub-blocks, trailer. https://www.w3.org/Graphics/GIF/spec-gif89a.txt */
import { Malformed } from '../malformed.ts';
import type { Parse } from '../parse.ts';
import type { Window } from '../window.ts';

/** Most sub-blocks: each holds up to 255 bytes, so this is far beyond any picture in a card. */
const SUB_BLOCKS_MAX = 4_000_000;

const EXTENSION = 0x21;
const IMAGE = 0x2c;
const TRAILER = 0x3b;

export function* walkGif(window: Window): Parse<void> {
  yield* window.need(13);
  const screen = window.slice(13);
  skipColours(window, screen[10] ?? 0);
  let left = SUB_BLOCKS_MAX;
  for (;;) {
    yield* window.need(1);
    const at = window.offset;
    const kind = window.u8();
    if (kind === TRAILER) return;
    if (kind === EXTENSION) {
      window.skip(1);
    } else if (kind === IMAGE) {
      yield* window.need(9);
      skipColours(window, window.slice(9)[8] ?? 0);
      window.skip(1);
    } else {
      throw new Malformed('bad-block', at, 'neither an image nor an extension');
    }
    for (let length = -1; length !== 0; left -= 1) {
      if (left === 0) throw new Malformed('too-many-blocks', at, `more than ${SUB_BLOCKS_MAX} blocks`);
      if (!window.has(1)) yield* window.need(1);
      length = window.u8();
      window.skip(length);
    }
  }
}

/** A table of 2^(n+1) colours of three bytes, where the flags announce one. */
function skipColours(window: Window, flags: number): void {
  if (flags & 0x80) window.skip(3 * 2 ** ((flags & 7) + 1));
}

/**
 * JPEG: markers with segments, and after each SOS entropy-coded data up to the next real marker.
 * https://www.w3.org/Graphics/JPEG/itu-t81.pdf, annex B.
 */
import { Malformed } from '../malformed.ts';
import type { Parse } from '../parse.ts';
import type { Window } from '../window.ts';

/** Most markers: progressive pictures have some hundreds. */
const MARKERS_MAX = 1_000_000;

const EOI = 0xd9;
const SOS = 0xda;

export function* walkJpeg(window: Window): Parse<void> {
  window.skip(2);
  for (let left = MARKERS_MAX; left > 0; left -= 1) {
    const at = window.offset;
    const marker = yield* readMarker(window);
    if (marker === EOI) return;
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) continue;
    yield* window.need(2);
    const length = (window.u8() << 8) | window.u8();
    if (length < 2) throw new Malformed('bad-segment', at, 'a segment shorter than its own length');
    window.skip(length - 2);
    if (marker === SOS) yield* skipEntropyCoded(window);
  }
  throw new Malformed('too-many-markers', window.offset, `more than ${MARKERS_MAX} markers`);
}

/** 0xFF, any number of fill bytes 0xFF, and the marker. */
function* readMarker(window: Window): Parse<number> {
  const at = window.offset;
  yield* window.need(2);
  if (window.u8() !== 0xff) throw new Malformed('marker-expected', at, 'a marker was expected');
  for (;;) {
    yield* window.need(1);
    const code = window.u8();
    if (code !== 0xff) {
      if (code === 0) throw new Malformed('marker-expected', at, 'a marker was expected');
      return code;
    }
  }
}

/** Up to the next 0xFF that is neither stuffed (0xFF00) nor a restart marker. */
function* skipEntropyCoded(window: Window): Parse<void> {
  for (;;) {
    yield* window.need(2);
    const { held } = window;
    const found = held.indexOf(0xff);
    if (found < 0) {
      window.skip(held.length);
    } else if (found === held.length - 1) {
      window.skip(found);
    } else {
      const next = held[found + 1] ?? 0;
      if (next !== 0 && !(next >= 0xd0 && next <= 0xd7)) {
        window.skip(found);
        return;
      }
      window.skip(found + 2);
    }
  }
}

/**
 * Strict UTF-8: what Python, Rust and browsers would each repair differently is not text here.
 */
import { isUtf8 } from 'node:buffer';

/** The text, or undefined where the bytes are not valid UTF-8. A byte order mark stays in the text. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  if (!isUtf8(bytes)) return undefined;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** Whether the bytes may be the beginning of UTF-8 text without NUL: a character cut at the end counts. */
export function startsLikeText(head: Uint8Array): boolean {
  if (head.includes(0)) return false;
  for (let cut = 0; cut <= Math.min(3, head.length); cut += 1) {
    if (isUtf8(head.subarray(0, head.length - cut))) return true;
  }
  return false;
}

/** The offset in UTF-8 bytes of a place in text given in UTF-16 units. */
export function byteOffset(text: string, at: number): number {
  return Buffer.byteLength(text.slice(0, at), 'utf8');
}

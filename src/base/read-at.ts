/** Reading a range of an open file, however many calls of the system it takes. */
import { readSync } from 'node:fs';

/** The bytes of the range in a buffer of their own, cut at `sizeBytes`; shorter where the file ends before. */
export function readAt(
  fd: number,
  sizeBytes: number,
  { offset, length }: { readonly offset: number; readonly length: number },
): Buffer {
  const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(length, sizeBytes - offset)));
  let filled = 0;
  while (filled < bytes.length) {
    const read = readSync(fd, bytes, filled, bytes.length - filled, offset + filled);
    if (read === 0) break;
    filled += read;
  }
  return bytes.subarray(0, filled);
}

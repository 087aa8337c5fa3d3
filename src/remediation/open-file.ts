/** A file of this machine as random access, for as long as it is converted. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { RandomAccess } from '../formats/drive.ts';

export interface OpenFile extends RandomAccess, Disposable {}

export function openFile(place: string): OpenFile {
  const fd = openSync(place, 'r');
  const sizeBytes = fstatSync(fd).size;
  return {
    sizeBytes,
    read: (offset, length) => {
      const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(length, sizeBytes - offset)));
      let filled = 0;
      while (filled < bytes.length) {
        const read = readSync(fd, bytes, filled, bytes.length - filled, offset + filled);
        if (read === 0) break;
        filled += read;
      }
      return bytes.subarray(0, filled);
    },
    [Symbol.dispose]: () => closeSync(fd),
  };
}

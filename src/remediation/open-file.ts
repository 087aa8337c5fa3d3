/** A file of this machine as random access, for as long as it is converted. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { readAt } from '../base/read-at.ts';
import type { RandomAccess } from '../formats/drive.ts';

export interface OpenFile extends RandomAccess, Disposable {}

export function openFile(place: string): OpenFile {
  const fd = openSync(place, 'r');
  const sizeBytes = fstatSync(fd).size;
  return {
    sizeBytes,
    read: (offset, length) => readAt(fd, sizeBytes, { offset, length }),
    [Symbol.dispose]: () => closeSync(fd),
  };
}

/** The mark of a file: the same for as long as it is the same file and nobody writes to it. */
import type { BigIntStats } from 'node:fs';

/** Another file, or one that was written to, has another: nobody but the system's administrator sets a ctime. */
export function fileMark({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}

/** Folders of a bench, on the disk or in memory: gone when it ends, also when it is broken off. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';

export interface Scratch extends Disposable {
  readonly path: string;
}

/** A new folder in `parent`. */
export function scratch(parent: string, name: string): Scratch {
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(path.join(parent, `weighlock-bench-${name}-`));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  return {
    path: folder,
    [Symbol.dispose]() {
      process.off('exit', remove);
      remove();
    },
  };
}

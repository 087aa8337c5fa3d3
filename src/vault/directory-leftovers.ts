/** What runs left below `staging/` of a directory vault: areas that nobody holds, and files written halfway. */
import { lstatSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { areas, DirectoryStaging, folderOf } from './directory-staging.ts';
import { codeOf } from './durable-file.ts';
import { STAGING_PREFIX } from './layout.ts';
import type { Leftover } from './vault.ts';

export function* directoryLeftovers(root: string): Iterable<Leftover> {
  for (const id of areas(root)) {
    const folder = folderOf(root, id);
    const { sizeBytes, modified } = measure(folder);
    yield {
      kind: 'staging area',
      name: id,
      sizeBytes,
      modified,
      held: DirectoryStaging.isHeld(root, id),
      async remove() {
        const area = DirectoryStaging.abandoned(root, id);
        if (area === 'busy') return 'busy';
        if (area !== 'gone') await area.discard();
        else rmSync(folder, { recursive: true, force: true });
        return 'removed';
      },
    };
  }
  const scratch = path.join(root, STAGING_PREFIX, 'tmp');
  for (const name of namesIn(scratch)) {
    const file = path.join(scratch, name);
    const stat = lstatSync(file, { throwIfNoEntry: false });
    if (!stat) continue;
    yield {
      kind: 'scratch',
      name: `${STAGING_PREFIX}tmp/${name}`,
      sizeBytes: stat.size,
      modified: stat.mtime,
      async remove() {
        rmSync(file, { force: true });
        return 'removed';
      },
    };
  }
}

function measure(folder: string): { sizeBytes: number; modified: Date } {
  let sizeBytes = 0;
  let latest = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const stat = lstatSync(path.join(entry.parentPath, entry.name), { throwIfNoEntry: false });
    if (!stat || entry.isDirectory()) continue;
    sizeBytes += stat.size;
    // The lock is touched by whoever looks.
    if (entry.name !== 'lock' && !entry.name.startsWith('lock-')) latest = Math.max(latest, stat.mtimeMs);
  }
  return { sizeBytes, modified: new Date(latest) };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

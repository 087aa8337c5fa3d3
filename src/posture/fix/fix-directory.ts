/** A fix of a vault in a directory: nobody but the owner may write. */
import { chmodSync, lstatSync } from 'node:fs';
import type { StepReport } from '../bucket/steps.ts';
import type { PostureRow } from '../posture.ts';

const WRITABLE_BY_OTHERS = 0o022;

/** Takes the permission to write from all but the owner, of what `directory-modes` named. */
export function fixDirectory(rows: readonly PostureRow[], mode: 'apply' | 'dry run'): StepReport[] {
  const modes = rows.find(({ id, status }) => id === 'directory-modes' && status === 'failed');
  return (modes?.subjects ?? []).map(({ resource }): StepReport => {
    const report = { id: 'modes', what: `chmod go-w ${resource}`, essential: false };
    try {
      const stats = lstatSync(resource);
      // Never through a link that was put there since the look.
      if (stats.isSymbolicLink())
        return { ...report, outcome: { kind: 'cannot', reason: 'it is a link now' } };
      if (mode === 'apply') chmodSync(resource, stats.mode & 0o7777 & ~WRITABLE_BY_OTHERS);
      return { ...report, outcome: { kind: 'changed' } };
    } catch (error) {
      return { ...report, outcome: { kind: 'cannot', reason: error instanceof Error ? error.message : '' } };
    }
  });
}

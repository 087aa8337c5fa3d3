/** The posture of a vault in a directory: who may write in it, and who may put another in its place. */
import { lstatSync, opendirSync, realpathSync, type Stats } from 'node:fs';
import path from 'node:path';
import { WeighlockError } from '../../base/errors.ts';
import type { Answers, Subject } from './check.ts';
import { judged, undecided } from './check.ts';

/** Files and folders that are looked at, and how deep: a vault's own tree is at most a dozen deep below a model's. */
const ENTRIES_MAX = 1_000_000;
const DEPTH_MAX = 64;
/** Subjects that are kept of one check: a vault with wrong modes has them everywhere. */
const SUBJECTS_MAX = 100;

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/** Throws WL_VAULT_UNAVAILABLE where there is no directory that can be read. */
export function directoryAnswers(directory: string): Answers {
  const root = rootOf(directory);
  const { uid } = lstatSync(root);
  const owners: Subject[] = [];
  const modes: Subject[] = [];
  const unread: Subject[] = [];
  let count = 0;
  const folders = [{ folder: root, depth: 0 }];
  const look = (resource: string, stats: Stats) => {
    if (stats.uid !== uid && owners.length < SUBJECTS_MAX)
      owners.push({ resource, said: `user ${stats.uid} owns it, and user ${uid} the vault` });
    // The mode of a link says nothing: what it points to does, and a vault has none.
    if (!stats.isSymbolicLink() && (stats.mode & WRITABLE_BY_OTHERS) !== 0 && modes.length < SUBJECTS_MAX)
      modes.push({ resource, said: `mode ${(stats.mode & 0o7777).toString(8)}` });
  };
  look(root, lstatSync(root));
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    const { folder, depth } = next;
    try {
      const entries = opendirSync(folder);
      try {
        for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
          count += 1;
          const file = path.join(folder, entry.name);
          look(file, lstatSync(file));
          if (entry.isDirectory() && depth < DEPTH_MAX) folders.push({ folder: file, depth: depth + 1 });
          else if (entry.isDirectory())
            unread.push({ resource: file, said: 'it lies too deep to be looked at' });
          if (count > ENTRIES_MAX) break;
        }
      } finally {
        entries.closeSync();
      }
    } catch {
      unread.push({ resource: folder, said: 'it could not be read' });
    }
    if (count > ENTRIES_MAX) {
      unread.push({ resource: root, said: `more than ${ENTRIES_MAX} entries: not all were looked at` });
      break;
    }
  }
  const looked = `${count + 1} files and folders`;
  const answer = (subjects: readonly Subject[], clean: string) =>
    subjects.length === 0 && unread.length > 0
      ? undecided(unread.slice(0, SUBJECTS_MAX))
      : judged(subjects, clean);
  return {
    'directory-owner': answer(owners, `user ${uid} owns all of ${looked}`),
    'directory-modes': answer(modes, looked),
    'directory-path': judged(above(root, uid), 'none of them can'),
  };
}

function rootOf(directory: string): string {
  try {
    const root = realpathSync(directory);
    if (lstatSync(root).isDirectory()) return root;
  } catch (cause) {
    throw new WeighlockError('WL_VAULT_UNAVAILABLE', `there is no directory ${directory}`, { cause });
  }
  throw new WeighlockError('WL_VAULT_UNAVAILABLE', `${directory} is no directory`);
}

/** Folders above in which a stranger may rename: writable ones, but for those where only owners may (/tmp). */
function above(root: string, uid: number): Subject[] {
  const found: Subject[] = [];
  let folder = root;
  while (path.dirname(folder) !== folder) {
    folder = path.dirname(folder);
    const { mode, uid: owner } = lstatSync(folder);
    const writable = (mode & WRITABLE_BY_OTHERS) !== 0 && (mode & STICKY) === 0;
    if (writable) found.push({ resource: folder, said: `mode ${(mode & 0o7777).toString(8)}` });
    else if (owner !== uid && owner !== 0) found.push({ resource: folder, said: `user ${owner} owns it` });
  }
  return found;
}

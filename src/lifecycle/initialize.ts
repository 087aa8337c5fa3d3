/**
 * Initialize: a verified copy at a mount point, for the container that is started next. A mount point cannot be replaced
 * by a rename, as `pull` does, so the copy is made in a folder of ours inside of it, and its files are moved up when all of
 * them were right. A pod that is started again finds them, and hashes them again.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { WeighlockError } from '../base/errors.ts';
import { copyProofPath, readCopyProof, verifyCopy } from '../registry/copy-proof.ts';
import type { Registry } from '../registry/registry.ts';
import { codeOf } from '../vault/durable-file.ts';
import type { RevisionId } from '../vault/layout.ts';
import { type PullOptions, pull } from './pull.ts';

/** Our folder inside of the mount point: while it is being filled, and afterwards for the proof. */
const OURS = '.weighlock';

/** What a file system puts into its own root. */
const NOT_CONTENT = ['lost+found', OURS];

export interface Initialized {
  readonly id: RevisionId;
  /** Whether the files of an earlier start were found and hashed again, instead of being copied. */
  readonly found: boolean;
}

/** Throws WL_TARGET_EXISTS where files lie that are not ours, and what `pull` throws; then no file of the model is there. */
export async function initialize(registry: Registry, options: PullOptions): Promise<Initialized> {
  const { directory } = options;
  const ours = path.join(directory, OURS);
  const copy = path.join(ours, 'copy');
  const earlier = existsSync(ours);
  try {
    requireOurs(directory, earlier);
    mkdirSync(copy, { recursive: true });
    // From here on nothing lies where a loader looks, whatever happens.
    if (earlier) move(directory, copy);
    const { id } = await registry.published(options.model, options.revision);
    const found = await isCopyOf(registry, copy, id);
    if (!found) {
      rmSync(ours, { recursive: true, force: true });
      mkdirSync(ours, { recursive: true });
      await pull(registry, { ...options, revision: id.commit, directory: copy });
    }
    move(copy, directory);
    return { id, found };
  } catch (error) {
    if (codeOf(error) === undefined || error instanceof WeighlockError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new WeighlockError('WL_TARGET_UNAVAILABLE', `cannot write ${directory}: ${why}`, { cause: error });
  }
}

function requireOurs(directory: string, earlier: boolean): void {
  if (earlier || !existsSync(directory)) return;
  const stranger = readdirSync(directory).find((name) => !NOT_CONTENT.includes(name));
  if (stranger !== undefined)
    throw new WeighlockError(
      'WL_TARGET_EXISTS',
      `${directory} holds ${stranger}, which is not of an earlier start`,
    );
}

/** Every file and folder of `from` into `to`, which are on one file system; what stands there gives way. */
function move(from: string, to: string): void {
  for (const name of readdirSync(from)) {
    if (NOT_CONTENT.includes(name)) continue;
    rmSync(path.join(to, name), { recursive: true, force: true });
    renameSync(path.join(from, name), path.join(to, name));
  }
}

async function isCopyOf(registry: Registry, copy: string, expect: RevisionId): Promise<boolean> {
  const file = copyProofPath(copy);
  if (!existsSync(file)) return false;
  try {
    const proof = readCopyProof(file);
    const { problems } = await verifyCopy({
      directory: copy,
      proof,
      trust: registry.trust,
      expect,
      depth: 'bytes',
    });
    return problems.length === 0;
  } catch (error) {
    if (error instanceof WeighlockError) return false;
    throw error;
  }
}

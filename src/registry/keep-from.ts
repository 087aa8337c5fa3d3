/** Keeps the files of revoked revisions from whoever reads the store directly: the state says so, and the store obeys. */
import { WeighlockError } from '../base/errors.ts';
import { spread } from '../base/lanes.ts';
import type { RepoPath } from '../base/name.ts';
import type { RevisionId } from '../vault/layout.ts';
import type { Gate } from './gate.ts';

/** Files that are marked at once. */
const MARKED_AT_ONCE = 8;

/**
 * Tells the store to refuse reads of the revision's files, those on record and those that stand there; how many it
 * keeps now, or undefined where it can keep nobody from them. Throws WL_VAULT_UNSAFE where it knows no tags.
 */
export async function keepFromReaders(gate: Gate, id: RevisionId): Promise<number | undefined> {
  const { vault } = gate;
  if (!vault.keepFrom) return undefined;
  const entry = (await gate.model(id.model, await gate.state('accept')))?.revisions[id.commit];
  if (!entry?.receipt || entry.removed) return 0;
  const receipt = await gate.receipt(id, entry.number, entry.receipt);
  // A file that somebody hid from the listing is still there to be read by its version.
  const versions = new Map<RepoPath, string | undefined>(
    (await vault.stat(id)).map(({ path }) => [path, undefined]),
  );
  for (const { path, version } of receipt.files) versions.set(path, version);
  let kept = 0;
  await spread(versions, MARKED_AT_ONCE, async ([path, version]) => {
    const answer = await vault.keepFrom?.(id, path, version);
    if (answer === 'kept') kept += 1;
    if (answer === 'unsupported') throw knowsNoTags(vault.location);
  });
  return kept;
}

function knowsNoTags(location: string): WeighlockError {
  return new WeighlockError(
    'WL_VAULT_UNSAFE',
    `the revocation is logged, and every gateway refuses; but ${location} knows no tags, so whoever reads it directly still can`,
    { hint: 'Let runtimes read through the gateway, or `weighlock remove` the revision.' },
  );
}

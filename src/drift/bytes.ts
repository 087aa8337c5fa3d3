/** Whether the objects of a revision are still those that the store named when they were published. */

import type { Receipt } from '../attest/state.ts';
import { spread } from '../base/lanes.ts';
import type { Registry } from '../registry/registry.ts';
import { fileKey, type RevisionId } from '../vault/layout.ts';
import type { StoredFile } from '../vault/vault.ts';
import type { Difference } from './drift.ts';

/** Files that are named of one revision: whoever overwrote one may have overwritten all. */
const NAMED_MAX = 20;

/** Files that are asked for at once. */
const LANES = 8;

/** Objects whose version or ETag is not the receipt's. A file that is missing is said by the verification already. */
export async function changedSince(registry: Registry, id: RevisionId): Promise<Difference[]> {
  const { entry, receipt: digest } = await registry.published(id.model, id.commit);
  const receipt = await registry.receipt(id, entry.number, digest);
  const changed: Difference[] = [];
  await spread(receipt.files, LANES, async (file) => {
    if (changed.length >= NAMED_MAX) return;
    const now = await registry.vault.inspect(id, file.path);
    if (now === undefined) return;
    const what = changeOf(file, now);
    if (what !== undefined)
      changed.push({ kind: 'bytes', said: `${fileKey(id, file.path)} was overwritten: ${what}` });
  });
  return changed;
}

function changeOf(
  before: Receipt['files'][number],
  now: Pick<StoredFile, 'version' | 'etag'>,
): string | undefined {
  for (const name of ['version', 'etag'] as const)
    if (before[name] !== undefined && now[name] !== undefined && before[name] !== now[name])
      return `${name} ${now[name]} instead of ${before[name]}`;
  return undefined;
}

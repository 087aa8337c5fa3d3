/** Whether the objects of a revision are still those that the store named when they were published. */
import type { Registry } from '../registry/registry.ts';
import { fileKey, type RevisionId } from '../vault/layout.ts';
import type { Difference } from './drift.ts';

/** Files that are named of one revision: whoever overwrote one may have overwritten all. */
const NAMED_MAX = 20;

/** Objects whose version or ETag is not the receipt's. A file that is missing is said by the verification already. */
export async function changedSince(
  registry: Registry,
  id: RevisionId,
  saidAlready: number,
): Promise<Difference[]> {
  const { entry, receipt: digest } = await registry.published(id.model, id.commit);
  const receipt = await registry.receipt(id, entry.number, digest);
  const stored = new Map((await registry.vault.stat(id)).map((file) => [file.path as string, file]));
  const changed = receipt.files.flatMap((file): Difference[] => {
    const now = stored.get(file.path);
    if (now === undefined) return [];
    const version = file.version !== undefined && now.version !== undefined && file.version !== now.version;
    const etag = file.etag !== undefined && now.etag !== undefined && file.etag !== now.etag;
    if (!version && !etag) return [];
    const what = version
      ? `version ${now.version} instead of ${file.version}`
      : `ETag ${now.etag} instead of ${file.etag}`;
    return [{ kind: 'bytes', said: `${fileKey(id, file.path)} was overwritten: ${what}` }];
  });
  return changed.slice(0, Math.max(1, NAMED_MAX - saidAlready));
}

/**
 * Bytes of a new revision that stand in the vault already: files that the source names by the same SHA-256 as a file
 * of a published revision of this model. They are copied inside the store, from exactly the version that the receipt
 * names, and judged on the facts that were read of them. Never on the word of a git SHA-1.
 */
import { type Sha256, sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import type { Commit, ModelName, RepoPath } from '../base/name.ts';
import { asFacts, type Facts, PARSERS_VERSION } from '../formats/facts.ts';
import type { BaseFacts } from '../formats/parse.ts';
import type { Gate } from '../registry/gate.ts';
import type { SourceFile } from '../sources/source.ts';
import type { KnownCopy } from '../transfer/job.ts';
import { factsKey, type RevisionId } from '../vault/layout.ts';

/** Published revisions that are looked through, the latest first. */
const REVISIONS_MAX = 16;
/** Longest facts that are read back. */
const FACTS_BYTES_MAX = 256 << 20;

export async function knownCopies(
  gate: Gate,
  model: ModelName,
  files: readonly SourceFile[],
): Promise<ReadonlyMap<RepoPath, KnownCopy>> {
  const found = new Map<RepoPath, KnownCopy>();
  const wanted = new Map<Sha256, SourceFile[]>();
  for (const file of files) {
    if (file.declared.kind !== 'lfs-sha256') continue;
    const { digest } = file.declared;
    wanted.set(digest, [...(wanted.get(digest) ?? []), file]);
  }
  if (wanted.size === 0 || gate.vault.publishes === 'at once') return found;
  for (const id of await published(gate, model)) {
    if (wanted.size === 0) break;
    for await (const copy of copiesIn(gate, id, wanted)) {
      for (const file of wanted.get(copy.sha256) ?? []) {
        if (file.sizeBytes === copy.sizeBytes) found.set(file.path, copy);
      }
      wanted.delete(copy.sha256);
    }
  }
  return found;
}

/** The published revisions of the model, the latest first. */
async function published(gate: Gate, model: ModelName): Promise<RevisionId[]> {
  const index = await gate.model(model, await gate.state('accept'));
  return Object.entries(index?.revisions ?? {})
    .filter(([, entry]) => entry.verdict === 'admitted' && entry.receipt && !entry.removed)
    .sort(([, a], [, b]) => b.logIndex - a.logIndex)
    .slice(0, REVISIONS_MAX)
    .map(([commit]) => ({ model, commit: commit as Commit }));
}

async function* copiesIn(
  gate: Gate,
  id: RevisionId,
  wanted: ReadonlyMap<Sha256, unknown>,
): AsyncIterable<KnownCopy> {
  const { entry, receipt: digest } = await gate.published(id.model, id.commit);
  const { body } = await gate.record(id, entry.number, entry.record);
  // Other parsers might read more in the same bytes.
  if (body.parsers !== PARSERS_VERSION) return;
  const receipt = await gate.receipt(id, entry.number, digest);
  const stored = new Map(receipt.files.map((file) => [file.path, file]));
  for (const { path, sizeBytes, sha256 } of body.manifest.files) {
    const { version, etag } = stored.get(path) ?? {};
    // Without a version nobody can say that the store still has the bytes that were hashed.
    if (!wanted.has(sha256) || !version || !etag) continue;
    const named = body.coverage.find((file) => file.path === path)?.facts;
    const facts = named && (await factsOf(gate, named));
    if (facts) yield { revision: id, path, sizeBytes, version, etag, sha256, facts };
  }
}

/** The facts with this digest. */
async function factsOf(gate: Gate, digest: Sha256): Promise<Facts | undefined> {
  const stored = await gate.vault.get(factsKey(digest), FACTS_BYTES_MAX);
  if (!stored) return undefined;
  if (sha256(stored.bytes) !== digest)
    throw new WeighlockError('WL_VAULT_CORRUPT', `${factsKey(digest)} was changed`);
  return asFacts(JSON.parse(Buffer.from(stored.bytes).toString('utf8')) as BaseFacts);
}

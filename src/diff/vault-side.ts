/** A revision in the vault as a side: facts and findings are those on record, texts are read from the vault and held to it. */

import { factsOnRecord } from '../admission/rejudge.ts';
import { describeRecord } from '../admission/vault-source.ts';
import type { SignedRecord } from '../attest/record.ts';
import type { RevisionIndex } from '../attest/state.ts';
import type { ManifestFile } from '../base/manifest.ts';
import { publishedText } from '../registry/published-file.ts';
import type { Registry } from '../registry/registry.ts';
import type { RevisionId } from '../vault/layout.ts';
import { type Looked, type Side, TEXT_BYTES_MAX } from './side.ts';

export interface VaultRevision {
  readonly id: RevisionId;
  readonly entry: RevisionIndex;
  readonly record: SignedRecord;
}

/**
 * `staged` reads texts of a revision that is not published; without it those are not read. Throws WL_VAULT_CORRUPT while looking,
 * where facts or files are not what the record names.
 */
export function vaultSide(
  registry: Registry,
  { id, entry, record }: VaultRevision,
  staged?: (path: string) => Promise<string | undefined>,
): Side {
  const { body } = record;
  const files = new Map(body.manifest.files.map((file) => [file.path as string, file]));
  const coverage = new Map(body.coverage.map((one) => [one.path as string, one]));
  const { license, publisher, repoId } = describeRecord(record, id);
  return {
    commit: id.commit,
    where: `in the vault, ${entry.revoked ? 'revoked' : body.verdict}`,
    files: body.manifest.files.map(sideFile),
    license,
    publisher,
    repoId,
    look: async (paths) => {
      const found = new Map<string, Looked>();
      for (const path of paths) {
        const covered = coverage.get(path);
        if (!covered) continue;
        const findings = body.findings.filter((finding) => finding.file === path);
        found.set(path, { facts: await factsOnRecord(registry, covered.facts), findings });
      }
      return found;
    },
    text: async (path) => {
      const file = files.get(path);
      if (!file || file.sizeBytes > TEXT_BYTES_MAX) return undefined;
      if (entry.receipt === undefined) return staged?.(path);
      return publishedText(registry.vault, id, file);
    },
  };
}

function sideFile({ path, sizeBytes, sha256: digest, gitBlobSha1 }: ManifestFile): Side['files'][number] {
  return { path, sizeBytes, names: [`sha256 ${digest}`, ...(gitBlobSha1 ? [`sha1 ${gitBlobSha1}`] : [])] };
}

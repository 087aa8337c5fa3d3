/** Small files of a published revision: configuration, cards, code. */
import { sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import type { ManifestFile } from '../base/manifest.ts';
import { fileKey, type RevisionId } from '../vault/layout.ts';
import type { Vault } from '../vault/vault.ts';

/**
 * The text of a file as the record names it; no byte beyond its size is taken from the store. Callers bound the size. Throws
 * WL_VAULT_CORRUPT where the store has something else.
 */
export async function publishedText(
  vault: Vault,
  id: RevisionId,
  file: Pick<ManifestFile, 'path' | 'sizeBytes' | 'sha256'>,
): Promise<string> {
  const key = fileKey(id, file.path);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of vault.read(key)) {
    length += chunk.length;
    if (length > file.sizeBytes) break;
    chunks.push(Buffer.from(chunk));
  }
  const bytes = Buffer.concat(chunks);
  if (sha256(bytes) === file.sha256) return bytes.toString('utf8');
  throw new WeighlockError('WL_VAULT_CORRUPT', `${key} is not what the record names`);
}

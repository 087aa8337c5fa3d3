/** Which revision of a vault an address in S3 stands for. */

import { parseRepoPath } from '../../base/name.ts';
import { objectKey, type RevisionId, revisionOf, revisionPrefix } from '../../vault/layout.ts';
import { type Place, rootOf } from '../bucket/place.ts';

export type VaultUri =
  | { readonly kind: 'revision'; readonly id: RevisionId }
  /** In the vault, and not exactly one revision. */
  | { readonly kind: 'within'; readonly key: string }
  | { readonly kind: 'elsewhere' };

/** `s3://bucket/prefix/models/org/name/commit/`, with or without the slash at its end. Never throws. */
export function vaultUri(uri: string, place: Place): VaultUri {
  const root = `s3://${place.bucket}/${rootOf(place)}`;
  if (!uri.startsWith(root)) return { kind: 'elsewhere' };
  const key = uri.slice(root.length);
  try {
    const whole = key.endsWith('/') ? key : `${key}/`;
    const id = revisionOf(objectKey(parseRepoPath(`${whole}x`)));
    return id !== undefined && revisionPrefix(id) === whole
      ? { kind: 'revision', id }
      : { kind: 'within', key };
  } catch {
    return { kind: 'within', key };
  }
}

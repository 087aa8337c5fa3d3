/**
 * File identities: what the Hub's protocol calls the content of a file by. What git holds itself goes by git's blob
 * sha1; what LFS keeps goes by its sha256, and in trees by the blob sha1 of the small pointer file that git holds.
 */
import { type GitBlobSha1, gitBlobSha1 } from '../base/digest.ts';
import type { ServedFile } from './catalog.ts';

export type FileIdentity =
  | { readonly kind: 'git'; readonly oid: GitBlobSha1; readonly etag: string }
  | {
      readonly kind: 'lfs';
      /** Of the pointer, not of the content. */
      readonly oid: GitBlobSha1;
      readonly etag: string;
      readonly pointer: Buffer;
    };

/** Kept as long as the catalog keeps the file. */
const identities = new WeakMap<ServedFile, FileIdentity>();

export function identityOf(file: ServedFile): FileIdentity {
  let identity = identities.get(file);
  if (identity === undefined) {
    identity = identify(file);
    identities.set(file, identity);
  }
  return identity;
}

function identify({ sha256, sizeBytes, gitBlobSha1: oid }: ServedFile): FileIdentity {
  if (oid !== undefined) return { kind: 'git', oid, etag: `"${oid}"` };
  // https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md: these three lines, sorted, each ended by one LF.
  const pointer = Buffer.from(
    `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${sizeBytes}\n`,
  );
  return { kind: 'lfs', oid: gitBlobSha1(pointer), etag: `"${sha256}"`, pointer };
}

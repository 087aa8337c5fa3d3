/**
 * The manifest: every file of a revision, and which of them are stored.
 *
 * Its canonical digest is what statements are about. It binds what a content digest alone does not: the vault,
 * the model's name, the commit, and each file's path and size, so that one admitted model's files cannot stand
 * in for another's.
 */
import { canonicalJson } from './canonical-json.ts';
import { type GitBlobSha1, type Sha256, sha256 } from './digest.ts';
import type { Commit, ModelName, RepoPath } from './name.ts';

/** A file that is stored: hashed by us, and checked against the source's own digest where it has one. */
export interface ManifestFile {
  readonly path: RepoPath;
  readonly sizeBytes: number;
  readonly sha256: Sha256;
  /** git's name for the content, where the source names files so. */
  readonly gitBlobSha1?: GitBlobSha1 | undefined;
}

/** A file that the source has and the vault does not: excluded, on record. */
export interface ExcludedFile {
  readonly path: RepoPath;
  readonly sizeBytes: number;
  /** Why: the option that left it out, for example `--exclude @code`. */
  readonly by: string;
}

export interface Manifest {
  /** The vault's id. */
  readonly vault: string;
  readonly model: ModelName;
  readonly commit: Commit;
  /** Stored files, sorted by path. */
  readonly files: readonly ManifestFile[];
  readonly excluded: readonly ExcludedFile[];
}

/** SHA-256 over the canonical JSON of vault, model, commit and the stored files' paths, sizes and digests. */
export function manifestDigest(manifest: Manifest): Sha256 {
  const files = manifest.files.map(({ path, sizeBytes, sha256 }) => [path, sizeBytes, sha256]);
  return sha256(
    canonicalJson({
      type: 'weighlock.manifest/v1',
      vault: manifest.vault,
      model: manifest.model,
      commit: manifest.commit,
      files,
    }),
  );
}

/** The commit of a model that has none of its own: the first 40 hex digits of a digest over all of its files. */
export function commitFromContent(
  files: readonly Pick<ManifestFile, 'path' | 'sizeBytes' | 'sha256'>[],
): Commit {
  const listed = files.map(({ path, sizeBytes, sha256 }) => [path, sizeBytes, sha256]);
  return sha256(canonicalJson({ type: 'weighlock.content/v1', files: listed })).slice(0, 40) as Commit;
}

/** Order of paths everywhere: by UTF-16 code units, so that no locale decides. */
export function byPath<T extends { readonly path: string }>(a: T, b: T): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}

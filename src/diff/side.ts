/** A side of a comparison: a revision, with what is known of its files without reading weights. */
import type { Finding } from '../base/finding.ts';
import type { Facts } from '../formats/facts.ts';
import type { Publisher } from '../sources/source.ts';

export interface SideFile {
  readonly path: string;
  readonly sizeBytes: number;
  /**
   * Names by which equal content is told: the sha256 where it is known, the git blob's sha1 where that is. Two files are the
   * same where they share one.
   */
  readonly names: readonly string[];
}

export interface Side {
  readonly commit: string;
  /** For people: `in the vault, admitted`, `upstream`. */
  readonly where: string;
  readonly files: readonly SideFile[];
  readonly license: string | undefined;
  readonly publisher: Publisher | undefined;
  readonly repoId: string | undefined;
  /** Facts and findings of these files; what cannot be read is left out. */
  look(paths: readonly string[]): Promise<ReadonlyMap<string, Looked>>;
  /** The text of a file, undefined where it is too long or cannot be read. */
  text(path: string): Promise<string | undefined>;
}

export interface Looked {
  readonly facts: Facts;
  readonly findings: readonly Finding[];
}

/** Longest text that is compared by line or by key. */
export const TEXT_BYTES_MAX = 16 << 20;

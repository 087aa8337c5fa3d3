/**
 * What the stand-in serves: models, their commits, and the files of each commit.
 *
 * A *declaration* (`StandInModel`) is what a test or the demo writes down. A *repo* is the same with everything
 * filled in that the Hub adds: commit ids, refs, storage by git or LFS. Content is never held twice, and large
 * content not at all: it is bytes at hand, a file on disk, or made on the fly.
 */
import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { Sha256 } from '../base/digest.ts';

export type Content =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'disk'; readonly path: string; readonly sizeBytes: number }
  | {
      readonly kind: 'made';
      readonly sizeBytes: number;
      /** At least one and at most `length` bytes of the content from `offset` on. */
      readonly make: (offset: number, length: number) => Uint8Array;
    };

export interface StandInFile {
  /** Served as it is, hostile or not. */
  readonly path: string;
  readonly content: Content;
  /** Kept by LFS: decided as the Hub does where this is absent. */
  readonly lfs?: boolean;
  /** Spares the stand-in reading large content only to name it. */
  readonly sha256?: Sha256;
  /** The Hub's scan status of this file; `safe` where absent. */
  readonly scan?: ScanStatus;
}

export type ScanStatus = 'unscanned' | 'safe' | 'queued' | 'error' | 'caution' | 'suspicious' | 'unsafe';

export interface StandInCommit {
  readonly files: readonly StandInFile[];
  /** Refs that point here: `refs/heads/main`, `refs/tags/v1`, `refs/pr/1`. `refs/heads/main` where absent. */
  readonly refs?: readonly string[];
  readonly title?: string;
  /** Account that made it, or several; `stand-in` where absent. */
  readonly author?: string | readonly string[];
  /** 40 hex digits; derived where absent. */
  readonly id?: string;
}

export interface StandInModel {
  /** `namespace/name`, or a legacy `name`. */
  readonly id: string;
  /** Oldest first: a later commit takes over the refs that it names. */
  readonly commits: readonly StandInCommit[];
  /** Names that answer 307 to this one. */
  readonly renamedFrom?: readonly string[];
  readonly gated?: 'auto' | 'manual';
  readonly private?: boolean;
  readonly disabled?: boolean;
  readonly cardData?: Readonly<Record<string, unknown>>;
  readonly tags?: readonly string[];
  readonly discussions?: readonly {
    readonly title: string;
    readonly status?: 'open' | 'closed' | 'merged';
  }[];
  /** The Hub's `_id`; derived where absent. */
  readonly repoId?: string;
}

/** An account of the stand-in. */
export interface StandInToken {
  readonly token: string;
  readonly user: string;
  /** Private and gated models that it may read. */
  readonly reads?: readonly string[];
}

export interface Organisation {
  readonly name: string;
  readonly verified?: boolean;
  readonly plan?: string;
  readonly followers?: number;
  /** The Hub's `_id` of it; derived where absent. */
  readonly id?: string;
}

export interface RepoCommit {
  readonly id: string;
  readonly title: string;
  readonly author: string | readonly string[];
  readonly date: string;
  readonly files: readonly StandInFile[];
}

export interface Repo {
  readonly declared: StandInModel;
  readonly repoId: string;
  readonly commits: RepoCommit[];
  /** Full ref name to commit id. */
  readonly refs: Map<string, string>;
}

/** The Hub moves files over 10 MB to LFS whatever their name is. */
const LFS_ABOVE_BYTES = 10_000_000;

/** Extensions that the Hub's usual .gitattributes keeps in LFS. */
const LFS_NAME =
  /\.(?:7z|arrow|bin|bz2|ckpt|ftz|gguf|gz|h5|joblib|mlmodel|model|msgpack|npy|npz|onnx|ot|parquet|pb|pickle|pkl|pt|pth|rar|safetensors|tar|tflite|tgz|wasm|xz|zip|zst)$/;

/** Most files that `directoryFiles` lists. */
const DIRECTORY_FILES_MAX = 100_000;

export function sizeOf(content: Content): number {
  return content.kind === 'bytes' ? content.bytes.length : content.sizeBytes;
}

export function isLfs(file: StandInFile): boolean {
  return file.lfs ?? (sizeOf(file.content) > LFS_ABOVE_BYTES || LFS_NAME.test(file.path));
}

/** Files from a record of path to bytes or text. */
export function filesOf(record: Readonly<Record<string, Uint8Array | string>>): StandInFile[] {
  return Object.entries(record).map(([path, bytes]) => ({
    path,
    content: { kind: 'bytes', bytes: typeof bytes === 'string' ? Buffer.from(bytes) : bytes },
  }));
}

/** Every regular file below a directory, left on disk and streamed from there. */
export async function directoryFiles(directory: string): Promise<StandInFile[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  if (entries.length > DIRECTORY_FILES_MAX) throw new Error(`more than ${DIRECTORY_FILES_MAX} entries`);
  const files: StandInFile[] = [];
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const { size: sizeBytes } = await stat(path);
    const name = relative(directory, path).split(sep).join('/');
    files.push({ path: name, content: { kind: 'disk', path, sizeBytes } });
  }
  return files;
}

/** A file of any size whose bytes follow from a seed: distinct per seed, made without copying. */
export function patternFile(path: string, sizeBytes: number, seed: number): StandInFile {
  const pattern = Buffer.allocUnsafe(PATTERN_BYTES);
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  for (let at = 0; at < pattern.length; at += 4) {
    state ^= (state << 13) >>> 0;
    state ^= state >>> 17;
    state = (state ^ (state << 5)) >>> 0;
    pattern.writeUInt32LE(state, at);
  }
  const make = (offset: number, length: number) => {
    const start = offset % PATTERN_BYTES;
    return pattern.subarray(start, Math.min(PATTERN_BYTES, start + length));
  };
  return { path, content: { kind: 'made', sizeBytes, make } };
}

/** Length of the repeated pattern: no power of two, so that it does not line up with parts and pages. */
const PATTERN_BYTES = 1_048_572;

export function makeRepo(declared: StandInModel): Repo {
  const repoId =
    declared.repoId ?? createHash('sha1').update(`repo ${declared.id}`).digest('hex').slice(0, 24);
  const repo: Repo = { declared, repoId, commits: [], refs: new Map() };
  for (const commit of declared.commits) addCommit(repo, commit);
  return repo;
}

/** Appends a commit and moves the refs that it names onto it. */
export function addCommit(repo: Repo, commit: StandInCommit): RepoCommit {
  const title = commit.title ?? `Commit ${repo.commits.length + 1}`;
  const id = commit.id ?? deriveCommitId(repo, title, commit.files);
  const date = new Date(FIRST_COMMIT_MS + repo.commits.length * 86_400_000).toISOString();
  const made: RepoCommit = { id, title, author: commit.author ?? 'stand-in', date, files: commit.files };
  repo.commits.push(made);
  for (const ref of commit.refs ?? ['refs/heads/main']) repo.refs.set(ref, id);
  return made;
}

const FIRST_COMMIT_MS = Date.UTC(2026, 0, 1);

/** Stable between runs: from the model, the commit before, names, sizes, and the bytes where they are at hand. */
function deriveCommitId(repo: Repo, title: string, files: readonly StandInFile[]): string {
  const hash = createHash('sha1').update(`${repo.declared.id}\n${repo.commits.at(-1)?.id ?? ''}\n${title}\n`);
  for (const { path, content, sha256 } of files) {
    hash.update(`${JSON.stringify(path)} ${sizeOf(content)} ${sha256 ?? ''}\n`);
    if (content.kind === 'bytes') hash.update(content.bytes);
  }
  return hash.digest('hex');
}

/** The commit that a branch, tag, full ref or commit id names, as the Hub reads revisions. */
export function findCommit(repo: Repo, revision: string): RepoCommit | undefined {
  const name = revision === 'HEAD' ? 'main' : revision;
  const id =
    repo.refs.get(`refs/heads/${name}`) ?? repo.refs.get(`refs/tags/${name}`) ?? repo.refs.get(name) ?? name;
  return repo.commits.find((commit) => commit.id === id);
}

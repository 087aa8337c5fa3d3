/**
 * Names on which trust rests: a model's name, a commit, a path inside a model. Each is a branded string that
 * only its parser makes. Nothing is normalised: what is not exactly of the form is refused, because two
 * spellings of one name are two ways past a check.
 */
import { WeighlockError } from './errors.ts';

declare const brand: unique symbol;

/** `namespace/name`, or a legacy `name` without a namespace, as the Hub spells it. */
export type ModelName = string & { readonly [brand]: 'model' };

/** 40 lower-case hex characters: one commit, never a branch or tag. */
export type Commit = string & { readonly [brand]: 'commit' };

/** A relative path of a file inside a model, `/` between parts, safe as a key and as a file name. */
export type RepoPath = string & { readonly [brand]: 'path' };

/** The Hub's rule for each part of a name: letters, digits, `-`, `_`, `.`; no `--`, no `..`; at most 96. */
const NAME_PART = /^(?!.*(?:--|\.\.))[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?$/;

/** Longest part of a path, in UTF-8 bytes: what file systems and SageMaker take. */
const PART_BYTES_MAX = 255;

/** Longest path, in UTF-8 bytes: an S3 key has 1,024 for prefix, model, commit and path together. */
const PATH_BYTES_MAX = 700;

export function parseModelName(text: string): ModelName {
  const parts = text.split('/');
  if (parts.length > 2 || !parts.every((part) => NAME_PART.test(part))) {
    throw new WeighlockError('WL_NAME_INVALID', `"${text}" is not a model name`);
  }
  return text as ModelName;
}

export function isCommit(text: string): text is Commit {
  return /^[0-9a-f]{40}$/.test(text);
}

export function parseCommit(text: string): Commit {
  if (!isCommit(text))
    throw new WeighlockError('WL_NAME_INVALID', `"${text}" is not a commit of 40 hex digits`);
  return text;
}

/**
 * A path that is safe to store: relative, no empty, `.` or `..` part, no NUL, control character, backslash or
 * colon, valid Unicode, within the length limits. Throws WL_PATH_REFUSED with the reason.
 */
export function parseRepoPath(text: string): RepoPath {
  const reason = pathProblem(text);
  if (reason) throw new WeighlockError('WL_PATH_REFUSED', `the path ${JSON.stringify(text)} ${reason}`);
  return text as RepoPath;
}

function pathProblem(text: string): string | undefined {
  if (text === '') return 'is empty';
  if (!text.isWellFormed()) return 'is not valid Unicode';
  if (text.startsWith('/')) return 'is absolute';
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text)) return 'holds a control character';
  if (/[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/.test(text))
    return 'holds an invisible or bidirectional character';
  if (text.includes('\\')) return 'holds a backslash';
  if (/^[A-Za-z]:/.test(text)) return 'starts with a drive letter';
  if (Buffer.byteLength(text) > PATH_BYTES_MAX) return `is longer than ${PATH_BYTES_MAX} bytes`;
  for (const part of text.split('/')) {
    if (part === '') return 'has an empty part';
    if (part.trim() === '') return 'has a blank part';
    if (part === '.' || part === '..') return `has a "${part}" part`;
    if (Buffer.byteLength(part) > PART_BYTES_MAX) return `has a part longer than ${PART_BYTES_MAX} bytes`;
  }
  return undefined;
}

/** Words that clients use for revisions of their own, and that no channel may take. */
const NOT_CHANNELS = ['main', 'head', 'refs'];

/** A channel: a lower-case word of at most 64 characters that cannot be taken for a commit or a git ref. */
export function isChannel(text: string): boolean {
  return (
    /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/.test(text) && !NOT_CHANNELS.includes(text) && !isCommit(text)
  );
}

/** The file name reserved for our signature inside a published revision. */
export const SIGNATURE_PATH = 'model.sig' as RepoPath;

/**
 * Paths that cannot stand beside each other in one store: the same path twice, a file where another needs a
 * folder, or two that differ in case or Unicode form only (some file systems would overwrite one by the other).
 * Throws WL_PATH_REFUSED naming both.
 */
export function refuseClashes(paths: readonly RepoPath[]): void {
  const seen = new Map<string, string>();
  const folders = new Map<string, string>();
  for (const path of paths) {
    const folded = fold(path);
    const other = seen.get(folded);
    if (other !== undefined) throw clash(path, other);
    seen.set(folded, path);
    for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
      folders.set(fold(path.slice(0, slash)), path);
    }
  }
  for (const [folded, path] of seen) {
    const inside = folders.get(folded);
    if (inside !== undefined) throw clash(path, inside);
  }
}

function fold(path: string): string {
  return path.normalize('NFKC').toLowerCase();
}

function clash(a: string, b: string): WeighlockError {
  return new WeighlockError(
    'WL_PATH_REFUSED',
    `the paths ${JSON.stringify(a)} and ${JSON.stringify(b)} clash`,
  );
}

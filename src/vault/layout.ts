/**
 * The layout of a vault: this file builds every key, and nothing else does.
 *
 *   <prefix>/
 *     models/<namespace>/<name>/<commit>/<path…>      admitted files, named as in the repo
 *     models/<namespace>/<name>/<commit>/model.sig    OpenSSF Model Signing bundle, written last
 *     registry/vault                                  what this vault is: id, format, log origin
 *     registry/state                                  the signed state
 *     registry/records/<namespace>/<name>/<commit>/<n>
 *     registry/receipts/<namespace>/<name>/<commit>/<n>
 *     registry/proofs/<namespace>/<name>/<commit>/<n> c2sp.org/tlog-proof@v1 of the record's log entry
 *     registry/statements/<sha256>                    waivers, revocations, channel moves, grants, deployments, …
 *     registry/facts/<sha256>                         what the parsers read of a file; its record names the digest
 *     registry/evidence/<sha256>
 *     registry/policies/<sha256>
 *     registry/index/<sha256>                         derived; believed only through digests in the state
 *     log/                                            C2SP tlog-tiles
 *     staging/<admission>/…                           what is not decided or not published yet; in a bucket:
 *     staging/<area>/lease                              who works there, and until when
 *     staging/<area>/files/<path…>                      small files, readable
 *     staging/<area>/notes/<sha256 of path>             what is known of a file that waits as a pending upload
 *
 * A legacy model without a namespace lives under the namespace `_`, which no Hub namespace can be called.
 */
import type { Sha256 } from '../base/digest.ts';
import { type Commit, isCommit, type ModelName, parseModelName, type RepoPath } from '../base/name.ts';

declare const brand: unique symbol;

/** A key inside a vault, relative to its prefix. Only this file makes them. */
export type Key = string & { readonly [brand]: 'key' };

/** One revision of one model. */
export interface RevisionId {
  readonly model: ModelName;
  readonly commit: Commit;
}

export const VAULT_KEY = 'registry/vault' as Key;
export const STATE_KEY = 'registry/state' as Key;
/** The prefix of every key. */
export const EVERYTHING = '' as Key;
export const MODELS_PREFIX = 'models/' as Key;
export const REGISTRY_PREFIX = 'registry/' as Key;
export const LOG_PREFIX = 'log/' as Key;
export const LOG_STAGING_PREFIX = 'log/staging/' as Key;
export const RECORDS_PREFIX = 'registry/records/' as Key;
/** Where objects stand under their own digest, and are needed only as long as something names them. */
export const REFERENCED_PREFIXES: readonly Key[] = ['facts', 'evidence', 'policies', 'index'].map(
  (room) => `registry/${room}/` as Key,
);
export const STAGING_PREFIX = 'staging/' as Key;

export function revisionPrefix(id: RevisionId): Key {
  return `models/${home(id)}/` as Key;
}

export function fileKey(id: RevisionId, path: RepoPath): Key {
  return `models/${home(id)}/${path}` as Key;
}

export function recordKey(id: RevisionId, number: number): Key {
  return `registry/records/${home(id)}/${number}` as Key;
}

export function receiptKey(id: RevisionId, number: number): Key {
  return `registry/receipts/${home(id)}/${number}` as Key;
}

export function proofKey(id: RevisionId, number: number): Key {
  return `registry/proofs/${home(id)}/${number}` as Key;
}

export function statementKey(digest: Sha256): Key {
  return `registry/statements/${digest}` as Key;
}

export function factsKey(digest: Sha256): Key {
  return `registry/facts/${digest}` as Key;
}

export function evidenceKey(digest: Sha256): Key {
  return `registry/evidence/${digest}` as Key;
}

export function policyKey(digest: Sha256): Key {
  return `registry/policies/${digest}` as Key;
}

export function indexKey(digest: Sha256): Key {
  return `registry/index/${digest}` as Key;
}

/** Any object below the place of a vault, for whoever only reads what lies there. */
export function objectKey(path: RepoPath): Key {
  return path as string as Key;
}

/** A key of a staging area, whose own file knows what stands below it. */
export function stagingKey(area: string, rest: string): Key {
  return `staging/${area}/${rest}` as Key;
}

/** Where the staging areas of one revision begin. */
export function stagingAreas(start: string): Key {
  return `staging/${start}` as Key;
}

/** A key of the log, whose own room knows what stands below `log/`. */
export function logKey(rest: string): Key {
  return `log/${rest}` as Key;
}

/** The revision that a file's key belongs to; undefined for other keys. */
export function revisionOf(key: Key): RevisionId | undefined {
  const [, namespace, name, commit = ''] = /^models\/([^/]+)\/([^/]+)\/([0-9a-f]{40})\//.exec(key) ?? [];
  if (!namespace || !name || !isCommit(commit)) return undefined;
  return { model: parseModelName(namespace === '_' ? name : `${namespace}/${name}`), commit };
}

/** The digest that an object is called by; undefined for other keys. */
export function digestOf(key: Key): string | undefined {
  return /^registry\/[a-z]+\/([0-9a-f]{64})$/.exec(key)?.[1];
}

/** The namespace and name of a model as two parts of a key. */
function home({ model, commit }: RevisionId): string {
  return `${model.includes('/') ? model : `_/${model}`}/${commit}`;
}

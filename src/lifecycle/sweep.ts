/**
 * Sweep: what a node has in its cache, held against the vault by digest. A client with a pinned commit in its cache asks
 * nobody any more: only this finds what was revoked since, was changed on the node, or never came through the vault.
 */
import { createHash } from 'node:crypto';
import path from 'node:path';
import type { ModelIndex } from '../attest/state.ts';
import { parseSha256, type Sha256 } from '../base/digest.ts';
import { fileMark } from '../base/file-mark.ts';
import type { Commit, ModelName } from '../base/name.ts';
import type { Registry } from '../registry/registry.ts';
import {
  type CachedFile,
  type CachedModel,
  openCached,
  readCache,
  removeEmptyFolders,
  removePlace,
  removeRefs,
} from './hub-cache.ts';

export type SweptStatus = 'admitted' | 'revoked' | 'changed' | 'unknown';

export interface SweptFile {
  readonly model: ModelName;
  /** Undefined for bytes that no snapshot refers to. */
  readonly commit: Commit | undefined;
  readonly path: string;
  readonly status: SweptStatus;
  readonly why: string;
  readonly sha256: Sha256 | undefined;
  readonly removed: boolean;
}

export interface Sweep {
  readonly files: readonly SweptFile[];
  readonly passedOver: readonly string[];
}

/** Digests that a daemon remembers; beyond, it computes them anew. */
const KNOWN_MAX = 1_000_000;

/** Digests that were computed before, by what recognises a file that was not written to since. */
export type KnownDigests = Map<string, Sha256>;

export interface SweepOptions {
  readonly folder: string;
  readonly remove: boolean;
  readonly known: KnownDigests;
}

/** What a sweep asks the vault. */
export type SweptAgainst = Pick<Registry, 'state' | 'model' | 'record' | 'statement'>;

/** Throws whatever keeps the vault's state from being believed: a sweep by yesterday's truth finds nothing. */
export async function sweep(registry: SweptAgainst, { folder, remove, known }: SweepOptions): Promise<Sweep> {
  const { state } = await registry.state();
  const revokedFiles = new Set(Object.keys(state.revokedFiles));
  const { models, passedOver } = await readCache(folder);
  const files: SweptFile[] = [];
  for (const cached of models) {
    const judge = new Judge(registry, cached.model, revokedFiles);
    const how = { judge, known, remove };
    // One by one: a folder may hold more files than a call takes arguments.
    for (const file of await sweepLinks(cached, remove)) files.push(file);
    for (const file of await sweepFiles(cached, how)) files.push(file);
    for (const file of await sweepOrphans(cached, how)) files.push(file);
  }
  return { files, passedOver };
}

interface ModelSweep {
  readonly judge: Judge;
  readonly known: KnownDigests;
  readonly remove: boolean;
}

/** A client reads what is behind them, and nobody knows what that is: the link goes, and nothing behind it. */
async function sweepLinks(cached: CachedModel, remove: boolean): Promise<readonly SweptFile[]> {
  const swept: SweptFile[] = [];
  for (const link of cached.links) {
    const { model, folder } = cached;
    const named = path.relative(folder, link);
    const removed = remove && (await removePlace(cached, link));
    const why = 'it is a link in the place of a folder; nothing behind it is looked at';
    swept.push({ model, commit: undefined, path: named, status: 'changed', why, sha256: undefined, removed });
  }
  return swept;
}

async function sweepFiles(cached: CachedModel, { judge, known, remove }: ModelSweep): Promise<SweptFile[]> {
  const { model } = cached;
  const swept: { readonly file: CachedFile; readonly judged: Judged; readonly sha256: Sha256 | undefined }[] =
    [];
  for (const file of cached.files) {
    const sha256 = file.bytesAt === undefined ? undefined : await digestOf(file.bytesAt, known);
    // Gone since it was listed; what came in its place is the next sweep's.
    if (file.bytesAt !== undefined && sha256 === undefined) continue;
    swept.push({ file, judged: await judge.file(file, sha256), sha256 });
  }
  const going = swept.filter(({ judged }) => remove && judged.status !== 'admitted').map(({ file }) => file);
  const gone = await takeAway(cached, going);
  return swept.map(({ file, judged, sha256 }) => {
    const { commit, path } = file;
    return { model, commit, path, ...judged, sha256, removed: gone.has(file) };
  });
}

/** Which of the files are gone, with their bytes, unless a file that stays needs those. */
async function takeAway(cached: CachedModel, going: readonly CachedFile[]): Promise<ReadonlySet<CachedFile>> {
  const leaves = new Set(going);
  const needed = new Set(cached.files.filter((file) => !leaves.has(file)).map(({ bytesAt }) => bytesAt));
  const gone = new Set<CachedFile>();
  for (const file of going) {
    const { place, bytesAt } = file;
    const placeIsGone = await removePlace(cached, place);
    const bytesAreGone = bytesAt === undefined || needed.has(bytesAt) || (await removePlace(cached, bytesAt));
    if (placeIsGone && bytesAreGone) gone.add(file);
    await removeEmptyFolders(cached, file);
  }
  for (const commit of new Set(going.map((file) => file.commit))) await removeRefs(cached, commit);
  return gone;
}

async function sweepOrphans(cached: CachedModel, { judge, known, remove }: ModelSweep): Promise<SweptFile[]> {
  const { model, folder } = cached;
  const swept: SweptFile[] = [];
  for (const orphan of cached.orphans) {
    const sha256 = await digestOf(orphan, known);
    if (sha256 === undefined) continue;
    const judged = await judge.orphan(sha256);
    const removed = remove && judged.status === 'revoked' && (await removePlace(cached, orphan));
    swept.push({ model, commit: undefined, path: path.relative(folder, orphan), ...judged, sha256, removed });
  }
  return swept;
}

type Judged = Pick<SweptFile, 'status' | 'why'>;

/** What the vault says of one model's files. */
class Judge {
  readonly #registry: SweptAgainst;
  readonly #model: ModelName;
  readonly #revokedFiles: ReadonlySet<string>;
  readonly #manifests = new Map<Commit, Promise<ReadonlyMap<string, Sha256>>>();
  #index: Promise<ModelIndex | undefined> | undefined;

  constructor(registry: SweptAgainst, model: ModelName, revokedFiles: ReadonlySet<string>) {
    this.#registry = registry;
    this.#model = model;
    this.#revokedFiles = revokedFiles;
  }

  async file({ commit, path }: CachedFile, sha256: Sha256 | undefined): Promise<Judged> {
    if (sha256 && this.#revokedFiles.has(sha256)) return { status: 'revoked', why: 'the file was revoked' };
    const index = await this.#modelIndex();
    if (!index) return { status: 'unknown', why: 'the model never came through the vault' };
    const entry = index.revisions[commit];
    if (!entry) return { status: 'unknown', why: 'the revision never came through the vault' };
    if (entry.revoked) return { status: 'revoked', why: await this.#reason(entry.revoked.statement) };
    if (entry.verdict !== 'admitted') return { status: 'unknown', why: `the revision is ${entry.verdict}` };
    if (sha256 === undefined) return { status: 'changed', why: 'it is a link that leads out of the cache' };
    const recorded = (await this.#manifest(commit)).get(path);
    if (recorded === undefined)
      return { status: 'unknown', why: 'the revision was admitted without this file' };
    return recorded === sha256
      ? { status: 'admitted', why: '' }
      : { status: 'changed', why: `its bytes are not the admitted ones (${recorded.slice(0, 12)}…)` };
  }

  /** Bytes that belong to no snapshot harm nobody unless they were revoked. */
  async orphan(sha256: Sha256): Promise<Judged> {
    if (this.#revokedFiles.has(sha256)) return { status: 'revoked', why: 'the file was revoked' };
    let judged: Judged = {
      status: 'unknown',
      why: 'no snapshot refers to it: a download that did not end, or a leftover',
    };
    for (const [commit, entry] of Object.entries((await this.#modelIndex())?.revisions ?? {})) {
      const holds = [...(await this.#manifest(commit as Commit)).values()].includes(sha256);
      if (!holds) continue;
      if (entry.revoked) judged = { status: 'revoked', why: await this.#reason(entry.revoked.statement) };
      else if (entry.verdict === 'admitted') return { status: 'admitted', why: 'no snapshot refers to it' };
      else if (judged.status === 'unknown')
        judged = { status: 'unknown', why: `no snapshot refers to it; its revision is ${entry.verdict}` };
    }
    return judged;
  }

  #modelIndex(): Promise<ModelIndex | undefined> {
    this.#index ??= this.#registry.model(this.#model);
    return this.#index;
  }

  #manifest(commit: Commit): Promise<ReadonlyMap<string, Sha256>> {
    const known = this.#manifests.get(commit) ?? this.#read(commit);
    this.#manifests.set(commit, known);
    return known;
  }

  async #read(commit: Commit): Promise<ReadonlyMap<string, Sha256>> {
    const entry = (await this.#modelIndex())?.revisions[commit];
    if (!entry) return new Map();
    const id = { model: this.#model, commit };
    const { body } = await this.#registry.record(id, entry.number, entry.record);
    return new Map(body.manifest.files.map((file) => [file.path, file.sha256]));
  }

  async #reason(statement: Sha256): Promise<string> {
    const { body } = await this.#registry.statement('revocation', statement);
    return `revoked at ${body.madeAt}: ${body.reason}`;
  }
}

/** The digest of the file's bytes, computed again whenever it was written to; undefined for a file that is gone. */
async function digestOf(file: string, known: KnownDigests): Promise<Sha256 | undefined> {
  const handle = await openCached(file);
  if (handle === undefined) return undefined;
  try {
    const identity = fileMark(await handle.stat({ bigint: true }));
    const before = known.get(identity);
    if (before) return before;
    const hash = createHash('sha256');
    for await (const chunk of handle.createReadStream({ highWaterMark: 1 << 20, autoClose: false }))
      hash.update(chunk as Buffer);
    const digest = parseSha256(hash.digest('hex'));
    if (!digest) throw new Error('a digest is one');
    if (known.size >= KNOWN_MAX) known.clear();
    known.set(identity, digest);
    return digest;
  } finally {
    await handle.close();
  }
}

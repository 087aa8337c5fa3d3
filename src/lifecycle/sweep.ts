/**
 * Sweep: what a node has in its cache, held against the vault by digest. A client with a pinned commit in its cache asks
 * nobody any more: only this finds what was revoked since, was changed on the node, or never came through the vault.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import type { ModelIndex } from '../attest/state.ts';
import { parseSha256, type Sha256 } from '../base/digest.ts';
import type { Commit, ModelName } from '../base/name.ts';
import type { Registry } from '../registry/registry.ts';
import { type CachedFile, type CachedModel, readCache, removeFile, removeRefs } from './hub-cache.ts';

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

/** Digests that were computed before, by what recognises a file that was not written to since. */
export type KnownDigests = Map<string, Sha256>;

export interface SweepOptions {
  readonly folder: string;
  readonly remove: boolean;
  readonly known: KnownDigests;
}

/** Throws whatever keeps the vault's state from being believed: a sweep by yesterday's truth finds nothing. */
export async function sweep(registry: Registry, { folder, remove, known }: SweepOptions): Promise<Sweep> {
  const { state } = await registry.state();
  const { models, passedOver } = await readCache(folder);
  const files: SweptFile[] = [];
  for (const cached of models) {
    const judge = new Judge(registry, cached.model, new Set(Object.keys(state.revokedFiles)));
    for (const file of cached.files) {
      const sha256 = file.bytesAt && (await digestOf(file.bytesAt, known));
      const judged = await judge.file(file, sha256 || undefined);
      const removed = remove && judged.status !== 'admitted';
      if (removed) await takeAway(cached, file);
      const { model } = cached;
      files.push({
        model,
        commit: file.commit,
        path: file.path,
        ...judged,
        sha256: sha256 || undefined,
        removed,
      });
    }
    for (const orphan of cached.orphans) {
      const sha256 = await digestOf(orphan, known);
      const judged = await judge.orphan(sha256);
      const removed = remove && judged.status === 'revoked';
      if (removed) await rm(orphan, { force: true });
      const { model } = cached;
      files.push({
        model,
        commit: undefined,
        path: orphan.slice(cached.folder.length + 1),
        ...judged,
        sha256,
        removed,
      });
    }
  }
  return { files, passedOver };
}

async function takeAway(cached: CachedModel, file: CachedFile): Promise<void> {
  await removeFile(file, cached.files);
  await removeRefs(cached, file.commit);
}

type Judged = Pick<SweptFile, 'status' | 'why'>;

/** What the vault says of one model's files. */
class Judge {
  readonly #registry: Registry;
  readonly #model: ModelName;
  readonly #revokedFiles: ReadonlySet<string>;
  readonly #manifests = new Map<Commit, Promise<ReadonlyMap<string, Sha256>>>();
  #index: Promise<ModelIndex | undefined> | undefined;

  constructor(registry: Registry, model: ModelName, revokedFiles: ReadonlySet<string>) {
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
    for (const [commit, entry] of Object.entries((await this.#modelIndex())?.revisions ?? {})) {
      const holds = [...(await this.#manifest(commit as Commit)).values()].includes(sha256);
      if (!holds) continue;
      if (entry.revoked) return { status: 'revoked', why: await this.#reason(entry.revoked.statement) };
      return { status: 'admitted', why: 'no snapshot refers to it' };
    }
    return { status: 'unknown', why: 'no snapshot refers to it: a download that did not end, or a leftover' };
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

/** The digest of the file's bytes; computed again whenever the file was written to. */
async function digestOf(file: string, known: KnownDigests): Promise<Sha256> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
  const identity = `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  const before = known.get(identity);
  if (before) return before;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  const digest = parseSha256(hash.digest('hex'));
  if (!digest) throw new Error('a digest is one');
  known.set(identity, digest);
  return digest;
}

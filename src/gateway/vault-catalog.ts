/**
 * VaultCatalog: the catalog of a vault. What it knows follows from the state that is believed: index shards and records
 * are read when they are asked for, believed through their digests, and kept in bounded caches.
 */
import type { SignedRecord } from '../attest/record.ts';
import type { ModelIndex, Receipt, RevisionIndex, Shard, State } from '../attest/state.ts';
import { shardOf } from '../attest/state.ts';
import type { Sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import type { Commit, ModelName } from '../base/name.ts';
import { own } from '../base/own.ts';
import type { Registry } from '../registry/registry.ts';
import type { RevisionId } from '../vault/layout.ts';
import type {
  Catalog,
  CatalogModel,
  RevisionStanding,
  ServedFile,
  ServedRevision,
  Snapshot,
} from './catalog.ts';
import type { DataDoor } from './data.ts';
import type { Freshness } from './freshness.ts';
import { EMPTY_CARD, readCard } from './model-card.ts';
import { WeightedCache } from './weighted-cache.ts';

/** What the caches may hold, in bytes, roughly: shards, served revisions, receipts. */
const SHARDS_BYTES_MAX = 256 << 20;
const REVISIONS_BYTES_MAX = 128 << 20;
const RECEIPTS_BYTES_MAX = 64 << 20;
const REASONS_BYTES_MAX = 8 << 20;
/** About what an entry takes in memory. */
const SHARD_ENTRY_BYTES = 700;
const FILE_BYTES = 400;
/** Objects of a card over its text. */
const CARD_FACTOR = 8;

/** Of a model whose files cannot be read just now. */
const UNREAD_CARD = { ...EMPTY_CARD };

/** Models whose place in the index is remembered for one state: finding it means hashing the name. */
const INDEXES_MAX = 20_000;

/** Over plain HTTP, huggingface_hub refuses a single file that is larger. */
const CLIENT_FILE_BYTES_MAX = 50e9;

export interface VaultCatalogOptions {
  readonly registry: Registry;
  readonly freshness: Freshness;
  /** Reads the card of a model. */
  readonly data: () => DataDoor;
}

/** What the snapshots of one catalog share: all of it is named by digest, and so the same in every state. */
interface Shared extends VaultCatalogOptions {
  readonly shards: WeightedCache<Shard>;
  readonly revisions: WeightedCache<ServedRevision>;
  readonly receipts: WeightedCache<Receipt>;
  /** Why what is not published is not, by the digest of the record or statement that says so. */
  readonly reasons: WeightedCache<string>;
}

export class VaultCatalog implements Catalog {
  readonly #shared: Shared;
  #snapshot: VaultSnapshot | undefined;

  constructor(options: VaultCatalogOptions) {
    this.#shared = {
      ...options,
      shards: new WeightedCache(SHARDS_BYTES_MAX, weighShard),
      revisions: new WeightedCache(
        REVISIONS_BYTES_MAX,
        ({ files, card }) => files.size * FILE_BYTES + CARD_FACTOR * JSON.stringify(card).length,
      ),
      reasons: new WeightedCache(REASONS_BYTES_MAX, (text) => 2 * text.length),
      receipts: new WeightedCache(RECEIPTS_BYTES_MAX, ({ files }) => files.length * FILE_BYTES),
    };
  }

  now(): VaultSnapshot {
    const state = this.#shared.freshness.current();
    if (this.#snapshot?.state !== state) this.#snapshot = new VaultSnapshot(this.#shared, state);
    return this.#snapshot;
  }

  /** The receipt of a revision that is published now. */
  async receipt(id: RevisionId): Promise<Receipt> {
    const { number, receipt } = await this.now().published(id);
    const { receipts, registry } = this.#shared;
    return receipts.get(receipt, () => registry.receipt(id, number, receipt));
  }
}

class VaultSnapshot implements Snapshot {
  readonly state: State;
  readonly #shared: Shared;
  readonly #models = new WeakMap<ModelIndex, CatalogModel>();
  readonly #indexes = new Map<ModelName, ModelIndex>();
  readonly #revokesFiles: boolean;
  #names: Promise<readonly ModelName[]> | undefined;

  constructor(shared: Shared, state: State) {
    this.#shared = shared;
    this.state = state;
    this.#revokesFiles = Object.keys(state.revokedFiles).length > 0;
  }

  get sequence(): number {
    return this.state.sequence;
  }

  async model(name: ModelName): Promise<CatalogModel | undefined> {
    const index = await this.#index(name);
    if (!index) return undefined;
    let known = this.#models.get(index);
    if (known === undefined) {
      known = catalogModel(name, index);
      this.#models.set(index, known);
    }
    return known;
  }

  async revision(id: RevisionId): Promise<ServedRevision> {
    const { number, record, receipt } = await this.published(id);
    const { registry, revisions } = this.#shared;
    const served = await revisions.get(receipt, async () => {
      const whole = await this.#serve(id, await registry.record(id, number, record));
      // Without its card it is served all the same, and asked for its card by whoever comes next.
      if (whole.card === UNREAD_CARD) queueMicrotask(() => revisions.forget(receipt));
      return whole;
    });
    if (!this.#revokesFiles) return served;
    // The index says which revisions were revoked for a file; this holds whatever it says.
    for (const file of served.files.values()) {
      if (this.state.revokedFiles[file.sha256])
        throw new WeighlockError('WL_REVOKED', `${file.path} of ${nameOf(id)} was revoked`);
    }
    return served;
  }

  /** The entry of a published revision. Throws WL_NOT_ADMITTED or WL_REVOKED unless it is one in this state. */
  async published(id: RevisionId): Promise<RevisionIndex & { readonly receipt: Sha256 }> {
    const entry = (await this.#index(id.model))?.revisions[id.commit];
    const { receipt } = entry ?? {};
    if (entry && receipt && standing(entry).is === 'published') return { ...entry, receipt };
    throw new WeighlockError(
      entry?.revoked ? 'WL_REVOKED' : 'WL_NOT_ADMITTED',
      entry ? await this.explain(id) : `${nameOf(id)} is not on record`,
    );
  }

  async explain(id: RevisionId): Promise<string> {
    const entry = (await this.#index(id.model))?.revisions[id.commit];
    if (!entry) return `${nameOf(id)} is not on record here.`;
    const { reasons } = this.#shared;
    const { revoked, removed } = entry;
    if (revoked)
      return reasons.get(`${revoked.statement} ${id.commit}`, () =>
        this.#withdrawn(id, 'revocation', revoked),
      );
    if (removed) return reasons.get(removed.statement, () => this.#withdrawn(id, 'removal', removed));
    if (entry.verdict === 'admitted')
      return entry.receipt ? `${nameOf(id)} is published.` : `${nameOf(id)} is being published.`;
    return reasons.get(entry.record, () => this.#decided(id, entry));
  }

  async #withdrawn(
    id: RevisionId,
    kind: 'revocation' | 'removal',
    { statement }: { readonly statement: Sha256 },
  ): Promise<string> {
    const { body } = await this.#shared.registry.statement(kind, statement);
    return `${nameOf(id)} was ${kind === 'removal' ? 'removed' : 'revoked'} at ${body.madeAt}: ${body.reason}`;
  }

  async #decided(id: RevisionId, { number, record, verdict }: RevisionIndex): Promise<string> {
    const { body } = await this.#shared.registry.record(id, number, record);
    const rules = body.rules.map(({ rule, because }) => `${rule}: ${because}`).join('; ');
    return verdict === 'refused'
      ? `${nameOf(id)} was refused (${rules}).`
      : `${nameOf(id)} is held until a person decides (${rules}).`;
  }

  async *list(after?: ModelName): AsyncIterable<CatalogModel> {
    this.#names ??= this.#publishedNames();
    const names = await this.#names.catch((error: unknown) => {
      this.#names = undefined;
      throw error;
    });
    for (let at = after === undefined ? 0 : placeAfter(names, after); at < names.length; at++) {
      const name = names[at];
      const model = name && (await this.model(name));
      if (model) yield model;
    }
  }

  async #publishedNames(): Promise<readonly ModelName[]> {
    const names: ModelName[] = [];
    for (const digest of Object.values(this.state.index)) {
      const { models } = await this.#shard(digest);
      for (const [name, { revisions }] of Object.entries(models)) {
        if (Object.values(revisions).some((entry) => standing(entry).is === 'published'))
          names.push(name as ModelName);
      }
    }
    return names.sort((a, b) => (a < b ? -1 : 1));
  }

  async #index(name: ModelName): Promise<ModelIndex | undefined> {
    const known = this.#indexes.get(name);
    if (known !== undefined) return known;
    const digest = this.state.index[shardOf(name)];
    if (!digest) return undefined;
    const { models } = await this.#shard(digest);
    const index = own(models, name);
    // Only names that there are: whoever asks for others fills nothing.
    if (index !== undefined) {
      if (this.#indexes.size >= INDEXES_MAX) this.#indexes.clear();
      this.#indexes.set(name, index);
    }
    return index;
  }

  #shard(digest: Sha256): Promise<Shard> {
    const { shards, registry } = this.#shared;
    return shards.get(digest, () => registry.shard(digest));
  }

  async #serve(id: RevisionId, { body }: SignedRecord): Promise<ServedRevision> {
    const { manifest, source } = body;
    const files = new Map(
      manifest.files.map(({ path, sizeBytes, sha256, gitBlobSha1 }): [ServedFile['path'], ServedFile] => [
        path,
        { path, sizeBytes, sha256, gitBlobSha1 },
      ]),
    );
    const data = this.#shared.data();
    const card = await readCard(files, (file) => data.read(id, file)).catch((error: unknown) => {
      // A card that was changed in the store is served to nobody, and says nothing here.
      if (error instanceof WeighlockError && error.code === 'WL_VAULT_CORRUPT') return EMPTY_CARD;
      if (error instanceof WeighlockError) return UNREAD_CARD;
      throw error;
    });
    return {
      id,
      decidedAt: body.decidedAt,
      files,
      repoId: source.repoId,
      license: source.license,
      card,
      warnings: warningsOf(files.values()),
      ...(card === UNREAD_CARD && { passing: true }),
    };
  }
}

function catalogModel(name: ModelName, index: ModelIndex): CatalogModel {
  const decided = Object.entries(index.revisions) as [Commit, RevisionIndex][];
  decided.sort(([, a], [, b]) => (a.decidedAt < b.decidedAt ? 1 : -1));
  return {
    name,
    revisions: new Map(
      decided.map(([commit, entry]) => [commit, { ...standing(entry), decidedAt: entry.decidedAt }]),
    ),
    channels: new Map(Object.entries(index.channels).map(([channel, { commit }]) => [channel, commit])),
    // Of two revisions under one name, upstream's newer one was decided about later.
    tags: new Map(
      decided
        .toReversed()
        .flatMap(([commit, { upstream }]): [string, Commit][] => (upstream ? [[upstream, commit]] : [])),
    ),
  };
}

function standing(entry: RevisionIndex): RevisionStanding {
  if (entry.revoked) return { is: 'revoked' };
  if (entry.removed) return { is: 'removed' };
  if (entry.verdict !== 'admitted') return { is: entry.verdict };
  return { is: entry.receipt ? 'published' : 'unfinished' };
}

function warningsOf(files: Iterable<ServedFile>): string[] {
  return [...files]
    .filter(({ sizeBytes }) => sizeBytes > CLIENT_FILE_BYTES_MAX)
    .map(
      ({ path }) =>
        `${path} is larger than 50 GB: huggingface_hub refuses it over plain HTTP; use weighlock pull`,
    );
}

function weighShard({ models }: Shard): number {
  return Object.values(models).reduce(
    (sum, { revisions }) => sum + SHARD_ENTRY_BYTES * (1 + Object.keys(revisions).length),
    0,
  );
}

/** The place of the first name after `name` in a sorted list. */
function placeAfter(names: readonly ModelName[], name: ModelName): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((names[middle] ?? '') <= name) low = middle + 1;
    else high = middle;
  }
  return low;
}

function nameOf({ model, commit }: RevisionId): string {
  return `${model}@${commit.slice(0, 12)}`;
}

/**
 * The fold: how the state follows from the log. Every entry is taken in once, in order; what a statement says counts
 * only where it holds at its place in the log, so that of two that contradict each other the log alone decides.
 */
import { openEntry, type RecordEntry } from '../attest/entry.ts';
import type { SignedRecord } from '../attest/record.ts';
import {
  encodeShard,
  type ModelIndex,
  type RevisionIndex,
  type Shard,
  type State,
  shardOf,
} from '../attest/state.ts';
import type { BodyOf, ChannelMoveBody, RevocationBody, Signed } from '../attest/statement.ts';
import { gateKeys } from '../attest/trust.ts';
import { type Commit, isCommit, type ModelName } from '../base/name.ts';
import { own } from '../base/own.ts';
import { LogReader, type TreeHead } from '../log/reader.ts';
import { indexKey } from '../vault/layout.ts';
import type { NewReceipt } from './gate.ts';
import type { Registry } from './registry.ts';

/** Places of a channel's history that the index keeps; older ones are in the log. */
export const CHANNEL_HISTORY_MAX = 50;

/** Pieces of evidence of a revision that the index keeps; older ones are in the log. */
export const EVIDENCE_IN_INDEX_MAX = 50;

/** Reviews of a revision that the index keeps: more than any policy asks for. */
export const REVIEWS_IN_INDEX_MAX = 50;

/** Names of upstream's default branch, which are no tags: what they stand for here is a channel's business. */
const DEFAULTS = ['', 'main', 'master', 'HEAD'];

/** What of a state follows from the log. */
export type Folded = Pick<State, 'index' | 'revokedFiles' | 'grants' | 'deployments' | 'follows'>;

/** The entry of a revision or of a file that something was stated about. */
interface Logged {
  readonly statement: Signed['digest'];
  readonly logIndex: number;
}

export class Fold {
  readonly #registry: Registry;
  readonly #head: TreeHead;
  readonly #before: State['index'];
  readonly #shards = new Map<string, Shard>();
  readonly #revokedFiles: State['revokedFiles'];
  readonly #grants: State['grants'];
  readonly #deployments: State['deployments'];
  readonly #follows: State['follows'];

  constructor(registry: Registry, before: State, head: TreeHead) {
    this.#registry = registry;
    this.#head = head;
    this.#before = before.index;
    this.#revokedFiles = { ...before.revokedFiles };
    this.#grants = { ...before.grants };
    this.#deployments = { ...before.deployments };
    this.#follows = { ...before.follows };
  }

  /** Takes in the entries from `size` on. */
  async take(size: number): Promise<void> {
    const reader = new LogReader(this.#registry.logFiles);
    for await (const { index, entry } of reader.provenEntries(size, this.#head)) {
      const logged = openEntry(entry, index);
      const at = { statement: logged.statement, logIndex: index };
      switch (logged.type) {
        case 'record':
          await this.#record(logged, index);
          break;
        case 'removal':
          this.#removal(
            await this.#model(logged.model),
            await this.#registry.loggedStatement(logged, index),
            at,
          );
          break;
        case 'channel': {
          const { body } = await this.#registry.loggedStatement(logged, index);
          moveChannel(await this.#model(body.model), body, index);
          break;
        }
        case 'revocation':
          await this.#revocation((await this.#registry.loggedStatement(logged, index)).body, at);
          break;
        case 'grant':
          this.#grant(await this.#registry.loggedStatement(logged, index), index);
          break;
        case 'grant-end':
          this.#endGrants((await this.#registry.loggedStatement(logged, index)).body.name);
          break;
        case 'evidence':
          await this.#registry.loggedStatement(logged, index);
          addEvidence(await this.#model(logged.model), logged.commit, at);
          break;
        case 'review':
          await this.#registry.loggedStatement(logged, index);
          addReview(await this.#model(logged.model), logged.commit, at);
          break;
        case 'follow':
          this.#follow((await this.#registry.loggedStatement(logged, index)).body, index);
          break;
        case 'deployment':
          this.#deployment(await this.#registry.loggedStatement(logged, index), index);
          break;
        case 'deployment-end':
          await this.#registry.loggedStatement(logged, index);
          delete this.#deployments[logged.deployment];
      }
    }
  }

  /** Names the receipts of revisions whose files stand. */
  async publish(receipts: readonly NewReceipt[]): Promise<void> {
    for (const { id, number, digest } of receipts) {
      const revision = (await this.#model(id.model)).revisions[id.commit];
      if (revision?.number === number) revision.receipt = digest;
    }
  }

  /** Stores the shards that changed. */
  async store(): Promise<Folded> {
    const index = { ...this.#before };
    for (const [name, shard] of this.#shards) {
      const { bytes, digest } = encodeShard(shard);
      await this.#registry.vault.create(indexKey(digest), bytes);
      index[name] = digest;
    }
    return {
      index,
      revokedFiles: this.#revokedFiles,
      grants: this.#grants,
      deployments: this.#deployments,
      follows: this.#follows,
    };
  }

  async #record(entry: RecordEntry, index: number): Promise<void> {
    const record = await this.#loggedRecord(entry, index);
    const model = await this.#model(entry.model);
    takeIn(model, entry, { index, record });
    const revoked = record.body.manifest.files.find(({ sha256 }) => this.#revokedFiles[sha256]);
    const revision = model.revisions[entry.commit];
    if (revoked && revision) revision.revoked ??= this.#revokedFiles[revoked.sha256];
  }

  /** Signed by a key that was in force where it is logged. */
  #loggedRecord(entry: RecordEntry, index: number): Promise<SignedRecord> {
    const { trust } = this.#registry;
    return this.#registry.record(entry, entry.number, entry.statement, gateKeys(trust, index));
  }

  /** A removal counts for the record that it names, and for none that was logged since. */
  #removal(model: ModelIndex, { body }: Signed<BodyOf<'removal'>>, at: Logged): void {
    const revision = model.revisions[body.commit];
    if (revision?.record === body.record) revision.removed = at;
  }

  async #revocation(body: RevocationBody, at: Logged): Promise<void> {
    const { subject } = body;
    if ('sha256' in subject) this.#revokedFiles[subject.sha256] ??= at;
    const meanwhile = 'sha256' in subject ? await this.#loggedMeanwhile(body, at.logIndex) : [];
    for (const { model, commit } of [...body.revisions, ...meanwhile]) {
      const revision = (await this.#model(model)).revisions[commit];
      if (revision) revision.revoked ??= at;
    }
  }

  /** Revisions that hold the file and were logged between the making of the statement and its entry. */
  async #loggedMeanwhile({ subject, logSize }: RevocationBody, index: number) {
    const found: { model: ModelName; commit: Commit }[] = [];
    const reader = new LogReader(this.#registry.logFiles);
    for await (const { index: at, entry } of reader.provenEntries(logSize, this.#head)) {
      if (at >= index) break;
      const logged = openEntry(entry, at);
      if (logged.type !== 'record' || !('sha256' in subject)) continue;
      const record = await this.#loggedRecord(logged, at);
      if (record.body.manifest.files.some(({ sha256 }) => sha256 === subject.sha256)) found.push(logged);
    }
    return found;
  }

  #grant({ body, digest }: Signed<BodyOf<'grant'>>, logIndex: number): void {
    const { name, token, role, models, madeAt: grantedAt, expiresAt } = body;
    // What had ended by then goes: by the time of the log, so that every gate folds the same.
    for (const [before, grant] of Object.entries(this.#grants)) {
      if (grant.expiresAt !== undefined && !(Date.parse(grant.expiresAt) >= Date.parse(grantedAt)))
        delete this.#grants[before as Signed['digest']];
    }
    this.#grants[digest] = {
      name,
      token,
      role,
      models,
      grantedAt,
      ...(expiresAt && { expiresAt }),
      logIndex,
    };
  }

  #endGrants(name: string): void {
    for (const [digest, grant] of Object.entries(this.#grants)) {
      if (grant.name === name) delete this.#grants[digest as Signed['digest']];
    }
  }

  /** A place serves one model at a time: the last one that was put there counts, whatever stands against it. */
  #deployment({ body, digest }: Signed<BodyOf<'deployment'>>, logIndex: number): void {
    const { target, place, model, commit } = body;
    for (const [before, at] of Object.entries(this.#deployments)) {
      if (at.target === target && at.place === place) delete this.#deployments[before as Signed['digest']];
    }
    this.#deployments[digest] = { target, place, model, commit, logIndex };
  }

  #follow({ model, revision, update }: BodyOf<'follow'>, logIndex: number): void {
    if (update === 'off') delete this.#follows[model];
    else this.#follows[model] = { revision, update, logIndex };
  }

  async #model(model: ModelName): Promise<ModelIndex> {
    const name = shardOf(model);
    const shard = this.#shards.get(name) ?? structuredClone(await this.#registry.shard(this.#before[name]));
    this.#shards.set(name, shard);
    return modelOf(shard, model);
  }
}

/** What a logged record changes in its model's index. */
function takeIn(model: ModelIndex, entry: RecordEntry, at: { index: number; record: SignedRecord }): void {
  const { body } = at.record;
  const before = model.revisions[entry.commit];
  // A published revision stays what it is: what a later record may change needs a statement of its own.
  if (before?.receipt && !before.removed) return;
  const { requested, kind } = body.source;
  const upstream =
    kind === 'hub' && !DEFAULTS.includes(requested) && !isCommit(requested) ? requested : undefined;
  const revision: RevisionIndex = {
    number: entry.number,
    record: entry.statement,
    logIndex: at.index,
    verdict: entry.verdict,
    decidedAt: body.decidedAt,
    ...(upstream && { upstream }),
    // A revocation is of the commit, whatever is decided about it later.
    ...(before?.revoked && { revoked: before.revoked }),
    // So is evidence, which names the manifest that it is about.
    ...(before?.evidence && { evidence: before.evidence }),
    ...(before?.reviews && { reviews: before.reviews }),
  };
  model.revisions[entry.commit] = revision;
  if (entry.verdict === 'admitted')
    model.first ??= {
      commit: entry.commit,
      number: entry.number,
      record: entry.statement,
      logIndex: at.index,
    };
  const { channel } = body;
  if (entry.verdict === 'admitted' && channel && !own(model.channels, channel))
    model.channels[channel] = newPlace(entry.commit, at.index, body.decidedAt);
}

/** A channel moves only from where its mover saw it, and only to a revision that is as the mover saw it. */
function moveChannel(model: ModelIndex, body: ChannelMoveBody, index: number): void {
  const now = own(model.channels, body.channel);
  if ((now?.commit ?? null) !== body.before) return;
  const revision = model.revisions[body.commit];
  if (revision?.record !== body.record || revision.removed || revision.revoked) return;
  model.channels[body.channel] = newPlace(body.commit, index, body.madeAt, now?.history);
}

function addEvidence(model: ModelIndex, commit: Commit, at: Logged): void {
  const revision = model.revisions[commit];
  if (revision) revision.evidence = [...(revision.evidence ?? []), at].slice(-EVIDENCE_IN_INDEX_MAX);
}

function addReview(model: ModelIndex, commit: Commit, at: Logged): void {
  const revision = model.revisions[commit];
  if (revision) revision.reviews = [...(revision.reviews ?? []), at].slice(-REVIEWS_IN_INDEX_MAX);
}

function newPlace(
  commit: Commit,
  logIndex: number,
  at: string,
  before: ModelIndex['channels'][string]['history'] = [],
): ModelIndex['channels'][string] {
  const history = [...before, { commit, logIndex, at }].slice(-CHANNEL_HISTORY_MAX);
  return { commit, logIndex, history };
}

function modelOf(shard: Shard, model: ModelName): ModelIndex {
  const there = own(shard.models, model);
  if (there) return there;
  const created: ModelIndex = { revisions: {}, channels: {} };
  shard.models[model] = created;
  return created;
}

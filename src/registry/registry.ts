/**
 * Registry: what a vault holds, read and believed only as far as the trust file goes.
 *
 * Nothing read here is taken on the store's word: the state is signed, fresh and not older than one seen before;
 * index shards and records are believed through digests in the state; the log must extend what was remembered.
 */
import { type StatementEntry, statementEntry } from '../attest/entry.ts';
import type { KnownKey } from '../attest/envelope.ts';
import { openRecord, RECORD_BYTES_MAX, type SignedRecord } from '../attest/record.ts';
import {
  type ModelIndex,
  openReceipt,
  openShard,
  openState,
  RECEIPT_BYTES_MAX,
  type Receipt,
  type RevisionIndex,
  SHARD_BYTES_MAX,
  type Shard,
  STATE_BYTES_MAX,
  type State,
  shardOf,
} from '../attest/state.ts';
import { type BodyOf, openStatement, type Signed, STATEMENT_BYTES_MAX } from '../attest/statement.ts';
import { gateKeys, logKeys, type Trust } from '../attest/trust.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import type { Clock } from '../base/clock.ts';
import { type Sha256, sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import { type Commit, isCommit, type ModelName } from '../base/name.ts';
import { own } from '../base/own.ts';
import { CHECKPOINT_BYTES_MAX, type Checkpoint, openCheckpoint } from '../log/checkpoint.ts';
import { EMPTY_ROOT } from '../log/merkle.ts';
import { LogReader } from '../log/reader.ts';
import type { WritableLogFiles } from '../log/writer.ts';
import {
  indexKey,
  logKey,
  proofKey,
  type RevisionId,
  receiptKey,
  recordKey,
  STATE_KEY,
  statementKey,
  VAULT_KEY,
} from '../vault/layout.ts';
import type { Tag, Vault } from '../vault/vault.ts';
import { openDescriptor } from './descriptor.ts';
import type { Memory, Remembered } from './memory.ts';

export interface RegistryOptions {
  readonly vault: Vault;
  readonly trust: Trust;
  readonly memory: Memory;
  readonly clock: Clock;
}

/** A state as it was read, with what `swap` needs to replace exactly it. */
export interface CurrentState {
  readonly state: State;
  readonly tag: Tag;
}

/** A published revision: the one that a name and an optional revision or channel stand for. */
export interface Published {
  readonly id: RevisionId;
  readonly entry: RevisionIndex;
  readonly receipt: Sha256;
}

/** Longest `registry/vault`. */
const DESCRIPTOR_BYTES_MAX = 16_384;

/** Longest proof: a few dozen hashes and a checkpoint. */
const PROOF_BYTES_MAX = 65_536;

export const DEFAULT_CHANNEL = 'production';

export class Registry {
  readonly vault: Vault;
  readonly trust: Trust;
  readonly memory: Memory;
  readonly clock: Clock;

  protected constructor(options: RegistryOptions) {
    this.vault = options.vault;
    this.trust = options.trust;
    this.memory = options.memory;
    this.clock = options.clock;
  }

  /** Throws WL_VAULT_FOREIGN unless the place is the vault that the trust file names. */
  static async open(options: RegistryOptions): Promise<Registry> {
    await requireSameVault(options.vault, options.trust);
    return new Registry(options);
  }

  get keys(): KnownKey[] {
    return gateKeys(this.trust);
  }

  /** The log's files as the log's own room wants them. */
  get logFiles(): WritableLogFiles {
    const { vault } = this;
    return {
      get: (name, bytesMax) => vault.get(logKey(name), bytesMax),
      create: (name, bytes) => vault.create(logKey(name), bytes),
      swap: (name, bytes, expected) => vault.swap(logKey(name), bytes, expected as Tag | undefined),
    };
  }

  /** The log's signed checkpoint; an empty tree before the first entry. */
  async checkpoint(): Promise<Checkpoint> {
    const { origin } = this.trust;
    const note = await this.logFiles.get('checkpoint', CHECKPOINT_BYTES_MAX);
    return note
      ? openCheckpoint(note.bytes, origin, logKeys(this.trust))
      : { origin, size: 0, root: EMPTY_ROOT };
  }

  /**
   * The state of the vault: signed, not older than any seen before, in accord with the log.
   * Throws WL_STATE_ROLLED_BACK, WL_LOG_CORRUPT, WL_VAULT_CORRUPT; and WL_STATE_EXPIRED unless `expired` is `accept`.
   */
  async state(expired: 'refuse' | 'accept' = 'refuse'): Promise<CurrentState> {
    // Recalled before the vault is read: another process of this machine may see a newer state in between.
    const known = this.memory.recall();
    const stored = await this.vault.get(STATE_KEY, STATE_BYTES_MAX);
    if (!stored) throw new WeighlockError('WL_VAULT_CORRUPT', 'registry/state is missing');
    const state = openState(stored.bytes, this.keys);
    if (state.vault !== this.trust.vault)
      throw new WeighlockError('WL_VAULT_CORRUPT', 'registry/state is of another vault');
    const digest = sha256(stored.bytes);
    const checkpoint = await this.#requireNotOlder(state, digest, known);
    if (known.state?.digest !== digest) this.#requireKeyInForce(stored.bytes, checkpoint.size);
    this.memory.remember({ state: { sequence: state.sequence, digest }, log: checkpoint });
    const past = expired === 'refuse' ? expiry(state, this.clock) : undefined;
    if (past) throw past;
    return { state, tag: stored.tag };
  }

  /**
   * A state counts by a key that is in force for what is logged next. One of a key that is not any more counts where it
   * is the very one that was believed before: until a gate in force has signed the next.
   */
  #requireKeyInForce(bytes: Uint8Array, logSize: number): void {
    const inForce = gateKeys(this.trust, logSize);
    // Mostly every key is, and it was opened by them already.
    if (inForce.length === this.keys.length) return;
    try {
      openState(bytes, inForce);
    } catch (cause) {
      throw new WeighlockError(
        'WL_VAULT_CORRUPT',
        'registry/state is signed by a gate key that is no longer in force',
        {
          hint: 'Run `weighlock state refresh` with a key in force, on a machine that knows the vault.',
          cause,
        },
      );
    }
  }

  async #requireNotOlder(state: State, digest: Sha256, known: Remembered): Promise<Checkpoint> {
    const head = { size: state.log.size, root: Buffer.from(state.log.root, 'base64') };
    if (
      known.state &&
      (state.sequence < known.state.sequence ||
        (state.sequence === known.state.sequence && digest !== known.state.digest))
    ) {
      throw new WeighlockError(
        'WL_STATE_ROLLED_BACK',
        `the vault shows state ${state.sequence}, and state ${known.state.sequence} was already seen${state.sequence === known.state.sequence ? ' with other content' : ''}`,
      );
    }
    const checkpoint = await this.checkpoint();
    if (checkpoint.size === 0 && head.size > 0)
      throw new WeighlockError('WL_LOG_CORRUPT', 'log/checkpoint is missing');
    const reader = new LogReader(this.logFiles);
    if (known.log) await reader.requireExtends(known.log, checkpoint);
    await reader.requireExtends(head, checkpoint);
    return checkpoint;
  }

  /** The index shard with this digest; undefined means an empty one. */
  async shard(digest: Sha256 | undefined): Promise<Shard> {
    if (!digest) return { models: {} };
    const stored = await this.vault.get(indexKey(digest), SHARD_BYTES_MAX);
    if (!stored) throw new WeighlockError('WL_VAULT_CORRUPT', `${indexKey(digest)} is missing`);
    return openShard(stored.bytes, digest);
  }

  async model(model: ModelName, current?: CurrentState): Promise<ModelIndex | undefined> {
    const { state } = current ?? (await this.state());
    const shard = await this.shard(state.index[shardOf(model)]);
    return own(shard.models, model);
  }

  /** Every model on record. */
  async *models(): AsyncIterable<{ model: ModelName; index: ModelIndex }> {
    const { state } = await this.state();
    for (const digest of Object.values(state.index)) {
      const { models } = await this.shard(digest);
      for (const [model, index] of Object.entries(models)) yield { model: model as ModelName, index };
    }
  }

  /**
   * The commit that a name and a revision stand for: a commit on record, a channel, or (without a revision) the
   * `production` channel. Throws WL_NOT_ADMITTED naming what there is.
   */
  async resolve(
    model: ModelName,
    revision: string | undefined,
  ): Promise<{ id: RevisionId; entry: RevisionIndex }> {
    const index = await this.model(model);
    if (!index)
      throw new WeighlockError('WL_NOT_ADMITTED', `${model} is not on record in ${this.vault.location}`);
    const wanted = revision ?? DEFAULT_CHANNEL;
    const commit = isCommit(wanted) ? wanted : own(index.channels, wanted)?.commit;
    const only = revision === undefined ? onlyRevision(index) : undefined;
    const found = commit ?? only;
    const entry = found && index.revisions[found];
    if (found && entry) return { id: { model, commit: found }, entry };
    const there = Object.keys(index.revisions).map((name) => name.slice(0, 12));
    throw new WeighlockError(
      'WL_NOT_ADMITTED',
      isCommit(wanted)
        ? `${model}@${wanted.slice(0, 12)} is not on record in ${this.vault.location}`
        : `${model} has no channel "${wanted}"; on record: ${there.join(', ')}`,
    );
  }

  /** As `resolve`, for a revision that is published. */
  async published(model: ModelName, revision: string | undefined): Promise<Published> {
    const { id, entry } = await this.resolve(model, revision);
    if (entry.revoked) {
      const { body } = await this.statement('revocation', entry.revoked.statement);
      throw new WeighlockError(
        'WL_REVOKED',
        `${model}@${id.commit.slice(0, 12)} was revoked at ${body.madeAt}: ${body.reason}`,
      );
    }
    if (entry.removed) {
      const { body } = await this.statement('removal', entry.removed.statement);
      throw new WeighlockError(
        'WL_NOT_ADMITTED',
        `${model}@${id.commit.slice(0, 12)} was removed at ${body.madeAt}: ${body.reason}`,
        { hint: `\`weighlock admit ${model}@${id.commit}\` brings it in again.` },
      );
    }
    if (entry.verdict === 'admitted' && entry.receipt) return { id, entry, receipt: entry.receipt };
    const state =
      entry.verdict === 'admitted' ? 'admitted, but its publication was interrupted' : entry.verdict;
    throw new WeighlockError('WL_NOT_ADMITTED', `${model}@${id.commit.slice(0, 12)} is ${state}`, {
      hint:
        entry.verdict === 'admitted'
          ? `Run \`weighlock admit ${model}@${id.commit}\`: it finishes what was begun.`
          : `\`weighlock show ${model}@${id.commit}\` says why.`,
    });
  }

  /** The record of a revision by number; with `expected`, exactly that one. */
  async record(
    id: RevisionId,
    number: number,
    expected?: Sha256,
    keys: readonly KnownKey[] = this.keys,
  ): Promise<SignedRecord> {
    const key = recordKey(id, number);
    const found = await this.findRecord(id, number, keys);
    if (!found) throw new WeighlockError('WL_VAULT_CORRUPT', `${key} is missing`);
    if (expected && found.digest !== expected) {
      throw new WeighlockError(
        'WL_VAULT_CORRUPT',
        `${key} is not the record that the log and the state name`,
      );
    }
    return found;
  }

  /** The record of a revision by number, if there is one. */
  async findRecord(
    id: RevisionId,
    number: number,
    keys: readonly KnownKey[] = this.keys,
  ): Promise<SignedRecord | undefined> {
    const key = recordKey(id, number);
    const stored = await this.vault.get(key, RECORD_BYTES_MAX);
    if (!stored) return undefined;
    const record = openRecord(stored.bytes, keys, key);
    const { vault, model, commit } = record.body.manifest;
    if (
      vault !== this.trust.vault ||
      model !== id.model ||
      commit !== id.commit ||
      record.body.number !== number
    ) {
      throw new WeighlockError(
        'WL_VAULT_CORRUPT',
        `${key} is the record of ${model}@${commit.slice(0, 12)}, number ${record.body.number}`,
      );
    }
    return record;
  }

  /** The statement that an entry of the log was made of. */
  async loggedStatement<K extends StatementEntry['type']>(
    entry: Extract<StatementEntry, { type: K }>,
    index: number,
  ): Promise<Signed<BodyOf<K>>> {
    const signed = await this.statement<K>(entry.type as K, entry.statement, gateKeys(this.trust, index));
    if (Buffer.compare(statementEntry(signed), Buffer.from(canonicalJson(entry))) !== 0)
      throw new WeighlockError(
        'WL_VAULT_CORRUPT',
        `${statementKey(entry.statement)} is not what the log names`,
      );
    return signed;
  }

  /** The statement with this digest, which the state or the log names. */
  async statement<K extends StatementEntry['type']>(
    kind: K,
    digest: Sha256,
    keys: readonly KnownKey[] = this.keys,
  ): Promise<Signed<BodyOf<K>>> {
    const key = statementKey(digest);
    const stored = await this.vault.get(key, STATEMENT_BYTES_MAX);
    if (!stored) throw new WeighlockError('WL_VAULT_CORRUPT', `${key} is missing`);
    const signed = openStatement(stored.bytes, kind, { keys, named: key });
    if (signed.body.vault !== this.trust.vault || signed.digest !== digest)
      throw new WeighlockError('WL_VAULT_CORRUPT', `${key} is not the ${kind} that is named by it`);
    return signed;
  }

  /** The proof that the record is in the log, as it was stored with it: `verifyProof` says whether it holds. */
  async proof(id: RevisionId, number: number): Promise<Uint8Array> {
    const key = proofKey(id, number);
    const stored = await this.vault.get(key, PROOF_BYTES_MAX);
    if (!stored) throw new WeighlockError('WL_VAULT_CORRUPT', `${key} is missing`);
    return stored.bytes;
  }

  async receipt(id: RevisionId, number: number, expected?: Sha256): Promise<Receipt> {
    const key = receiptKey(id, number);
    const stored = await this.vault.get(key, RECEIPT_BYTES_MAX);
    if (!stored) throw new WeighlockError('WL_VAULT_CORRUPT', `${key} is missing`);
    if (expected && sha256(stored.bytes) !== expected) {
      throw new WeighlockError('WL_VAULT_CORRUPT', `${key} is not the receipt that the state names`);
    }
    return openReceipt(stored.bytes, this.keys, key);
  }
}

/** The error of a state past its time. */
export function expiry(state: State, clock: Clock): WeighlockError | undefined {
  // Written this way round, a date that is none counts as past.
  if (Date.parse(state.expiresAt) >= clock.now()) return undefined;
  return new WeighlockError(
    'WL_STATE_EXPIRED',
    `the vault's state was to be believed until ${state.expiresAt}`,
  );
}

async function requireSameVault(vault: Vault, trust: Trust): Promise<void> {
  const stored = await vault.get(VAULT_KEY, DESCRIPTOR_BYTES_MAX);
  if (!stored) {
    throw new WeighlockError('WL_VAULT_FOREIGN', `there is no vault at ${vault.location}`, {
      hint: 'Name the vault with --vault; `weighlock admit` makes a new one in an empty directory.',
    });
  }
  const { id, origin } = openDescriptor(stored.bytes);
  if (id !== trust.vault || origin !== trust.origin) {
    throw new WeighlockError(
      'WL_VAULT_FOREIGN',
      `${vault.location} is vault ${id}, and the trust file is of ${trust.vault}`,
    );
  }
}

/** A model with one revision on record needs no channel to be named. */
function onlyRevision(index: ModelIndex): Commit | undefined {
  const commits = Object.keys(index.revisions);
  return commits.length === 1 && Object.keys(index.channels).length === 0
    ? (commits[0] as Commit)
    : undefined;
}

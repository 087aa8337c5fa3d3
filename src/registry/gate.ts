/**
 * Gate: the registry with a signing key. It claims and logs records, and moves the state forward.
 *
 * The state is a fold over the log: whoever moves it first takes in every entry that was logged since, also those
 * of a gate that died in between, so that the log alone decides in which order things happened.
 */

import { openEntry, type RecordEntry, recordEntry, removalEntry } from '../attest/entry.ts';
import type { LogSigner, Signer } from '../attest/key.ts';
import { type RecordBody, type SignedRecord, signRecord } from '../attest/record.ts';
import { type RemovalBody, type SignedRemoval, signRemoval } from '../attest/removal.ts';
import {
  encodeShard,
  type ModelIndex,
  type Receipt,
  type RevisionIndex,
  type Shard,
  STATE_BYTES_MAX,
  type State,
  shardOf,
  signReceipt,
  signState,
} from '../attest/state.ts';
import { gateKeys, logKeys, type Trust } from '../attest/trust.ts';
import { timestamp } from '../base/clock.ts';
import { type Sha256, sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import type { ModelName } from '../base/name.ts';
import { CHECKPOINT_BYTES_MAX, type NoteSigner, openCheckpoint, verifierKey } from '../log/checkpoint.ts';
import { encodeProof } from '../log/proof.ts';
import { LogReader, type TreeHead } from '../log/reader.ts';
import { LogWriter } from '../log/writer.ts';
import {
  indexKey,
  logKey,
  proofKey,
  type RevisionId,
  receiptKey,
  recordKey,
  revisionPrefix,
  STATE_KEY,
  statementKey,
} from '../vault/layout.ts';
import { type CurrentState, expiry, Registry, type RegistryOptions } from './registry.ts';

export interface GateOptions extends RegistryOptions {
  readonly signer: Signer;
  readonly logSigner: LogSigner;
  /** How long a new state may be believed. */
  readonly stateValidityMs: number;
}

/** A receipt that the next state is to name. */
export interface NewReceipt {
  readonly id: RevisionId;
  readonly number: number;
  readonly digest: Sha256;
}

/** Attempts against other gates: each loss means that somebody else moved the state. */
const ATTEMPTS_MAX = 200;

export class Gate extends Registry {
  readonly #signer: Signer;
  readonly #validityMs: number;
  readonly #log: LogWriter;

  private constructor(options: GateOptions) {
    super(options);
    this.#signer = options.signer;
    this.#validityMs = options.stateValidityMs;
    const { memory, trust } = options;
    this.#log = new LogWriter({
      files: this.logFiles,
      origin: trust.origin,
      signer: noteSigner(trust.origin, options.logSigner),
      keys: logKeys(trust),
      memory: { highest: () => memory.recall().signed, signed: (head) => memory.remember({ signed: head }) },
    });
  }

  /** Throws WL_KEY_UNKNOWN if the trust file does not name these keys: an unknown key never writes. */
  static override async open(options: GateOptions): Promise<Gate> {
    requireKnownKeys(options.trust, options);
    const { vault, trust, memory, clock } = options;
    await Registry.open({ vault, trust, memory, clock });
    return new Gate(options);
  }

  get signer(): Signer {
    return this.#signer;
  }

  /**
   * Claims the next number for a decision and stores the record under it. `taken` carries the record of whoever
   * was faster.
   */
  async claim(
    id: RevisionId,
    number: number,
    body: Omit<RecordBody, 'number'>,
  ): Promise<{ outcome: 'claimed' | 'taken'; record: SignedRecord }> {
    const record = await signRecord(
      { ...body, number },
      `${this.vault.location}/${revisionPrefix(id)}`,
      this.#signer,
    );
    if ((await this.vault.create(recordKey(id, number), record.bytes)) === 'created') {
      return { outcome: 'claimed', record };
    }
    return { outcome: 'taken', record: await this.record(id, number) };
  }

  /** Appends the record to the log, once, however often this runs, and returns its index. */
  async log(record: SignedRecord): Promise<number> {
    return (await this.#log.append(recordEntry(record), record.body.logSize)).index;
  }

  /** Signs, stores and logs a removal, and moves the state: from then on the revision is not published. */
  async remove(body: Omit<RemovalBody, 'logSize'>): Promise<number> {
    const removal = await signRemoval({ ...body, logSize: await this.logSize() }, this.#signer);
    await this.vault.create(statementKey(removal.digest), removal.bytes);
    const { index } = await this.#log.append(removalEntry(removal), removal.body.logSize);
    await this.advance();
    return index;
  }

  /** Stores the proof that the record is entry `index` of the log, for those who verify offline. */
  async keepProof(record: SignedRecord, index: number): Promise<void> {
    const { manifest, number } = record.body;
    const key = proofKey(manifest, number);
    if (await this.vault.get(key, CHECKPOINT_BYTES_MAX)) return;
    const note = await this.vault.get(logKey('checkpoint'), CHECKPOINT_BYTES_MAX);
    if (!note) throw new WeighlockError('WL_LOG_CORRUPT', 'log/checkpoint is missing');
    const { size } = openCheckpoint(note.bytes, this.trust.origin, logKeys(this.trust));
    const hashes = await new LogReader(this.logFiles).prove(index, size);
    await this.vault.create(key, encodeProof(index, hashes, note.bytes));
  }

  /** Signs and stores what the store said about a revision's completed files. */
  async storeReceipt(id: RevisionId, number: number, receipt: Receipt): Promise<Sha256> {
    const key = receiptKey(id, number);
    const bytes = await signReceipt(receipt, this.#signer);
    if ((await this.vault.create(key, bytes)) === 'created') return sha256(bytes);
    // A run that died after this step, or a helper in parallel: theirs counts if it says the same.
    const there = await this.vault.get(key, bytes.length + 4096);
    const other = await this.receipt(id, number);
    if (!there || other.record !== receipt.record) {
      throw new WeighlockError('WL_VAULT_CORRUPT', `${key} is the receipt of another record`);
    }
    return sha256(there.bytes);
  }

  /**
   * The first state of a vault that has none yet; one that had a state, or has a log, must not lack it. A state that is
   * past its time is renewed, so that every command of a gate does that.
   */
  async begin(): Promise<void> {
    // The state is looked for last: a gate beside this one writes it before it logs or remembers anything.
    const known = this.memory.recall();
    const { size, root } = await this.checkpoint();
    if (await this.vault.get(STATE_KEY, STATE_BYTES_MAX)) return this.#renew();
    if (size > 0 || known.state) {
      throw new WeighlockError('WL_VAULT_CORRUPT', 'registry/state is missing');
    }
    const first = this.#nextState(undefined, { size, root }, {});
    await this.vault.create(STATE_KEY, await signState(first, this.#signer));
  }

  async #renew(): Promise<void> {
    const { state } = await this.state('accept');
    if (expiry(state, this.clock)) await this.advance();
  }

  /** Moves the state to the end of the log, naming `receipts`, and renews the time until when it may be believed. */
  async advance(receipts: readonly NewReceipt[] = []): Promise<State> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const { head } = await this.#log.repair();
      const current = await this.state('accept');
      const index = await this.#fold(current, head, receipts);
      const next = this.#nextState(current.state, head, index);
      const bytes = await signState(next, this.#signer);
      if ((await this.vault.swap(STATE_KEY, bytes, current.tag)) === 'swapped') {
        this.memory.remember({ state: { sequence: next.sequence, digest: sha256(bytes) }, log: head });
        return next;
      }
    }
    throw new WeighlockError('WL_VAULT_UNAVAILABLE', 'other gates kept the state busy for too long');
  }

  /** Size of the log now, after finishing what a dead writer left. */
  async logSize(): Promise<number> {
    return (await this.#log.repair()).head.size;
  }

  #nextState(before: State | undefined, head: TreeHead, index: State['index']): State {
    return {
      type: 'weighlock.state/v1',
      vault: this.trust.vault,
      sequence: (before?.sequence ?? 0) + 1,
      log: { size: head.size, root: head.root.toString('base64') },
      index,
      issuedAt: timestamp(this.clock),
      expiresAt: timestamp({ now: () => this.clock.now() + this.#validityMs }),
    };
  }

  /** The index after the entries that were logged since `current`, and with the receipts. */
  async #fold(
    current: CurrentState,
    head: TreeHead,
    receipts: readonly NewReceipt[],
  ): Promise<State['index']> {
    const shards = new Map<string, Shard>();
    const open = async (model: ModelName) => {
      const name = shardOf(model);
      const shard = shards.get(name) ?? structuredClone(await this.shard(current.state.index[name]));
      shards.set(name, shard);
      return modelOf(shard, model);
    };
    const reader = new LogReader(this.logFiles);
    for await (const { index, entry } of reader.provenEntries(current.state.log.size, head)) {
      const logged = openEntry(entry, index);
      const model = await open(logged.model);
      switch (logged.type) {
        case 'record': {
          const record = await this.record(logged, logged.number, logged.statement);
          takeIn(model, logged, { index, record });
          break;
        }
        case 'removal':
          takeOut(model, await this.removal(logged), index);
      }
    }
    for (const { id, number, digest } of receipts) {
      const revision = (await open(id.model)).revisions[id.commit];
      if (revision?.number === number) revision.receipt = digest;
    }
    return this.#storeShards(current.state.index, shards);
  }

  async #storeShards(before: State['index'], shards: ReadonlyMap<string, Shard>): Promise<State['index']> {
    const index = { ...before };
    for (const [name, shard] of shards) {
      const { bytes, digest } = encodeShard(shard);
      await this.vault.create(indexKey(digest), bytes);
      index[name] = digest;
    }
    return index;
  }
}

/** What a logged record changes in its model's index. */
function takeIn(model: ModelIndex, entry: RecordEntry, at: { index: number; record: SignedRecord }): void {
  const { body } = at.record;
  const revision: RevisionIndex = {
    number: entry.number,
    record: entry.statement,
    logIndex: at.index,
    verdict: entry.verdict,
    decidedAt: body.decidedAt,
  };
  const before = model.revisions[entry.commit];
  // A published revision stays what it is: what a later record may change needs a statement of its own.
  if (before?.receipt && !before.removed) return;
  model.revisions[entry.commit] = revision;
  const { channel } = body;
  if (entry.verdict === 'admitted' && channel && !model.channels[channel]) {
    model.channels[channel] = { commit: entry.commit, logIndex: at.index };
  }
}

/** A removal counts for the record that it names, and for none that was logged since. */
function takeOut(model: ModelIndex, { body, digest }: SignedRemoval, index: number): void {
  const revision = model.revisions[body.commit];
  if (revision?.record === body.record) revision.removed = { statement: digest, logIndex: index };
}

function modelOf(shard: Shard, model: ModelName): ModelIndex {
  const there = shard.models[model];
  if (there) return there;
  const created: ModelIndex = { revisions: {}, channels: {} };
  shard.models[model] = created;
  return created;
}

function noteSigner(origin: string, signer: LogSigner): NoteSigner {
  return { verifierKey: verifierKey(origin, signer.publicKey), sign: (text) => signer.sign(text) };
}

function requireKnownKeys(
  trust: Trust,
  keys: { readonly signer: Signer; readonly logSigner: LogSigner },
): void {
  const known =
    gateKeys(trust, Number.MAX_SAFE_INTEGER).some((key) => key.keyId === keys.signer.keyId) &&
    logKeys(trust).includes(verifierKey(trust.origin, keys.logSigner.publicKey));
  if (known) return;
  throw new WeighlockError(
    'WL_KEY_UNKNOWN',
    `the key ${keys.signer.keyId.slice(0, 12)}… is not a gate key of vault ${trust.vault}: nothing was written`,
  );
}

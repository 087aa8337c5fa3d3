/**
 * Gate: the registry with a signing key. It claims and logs records, and moves the state forward.
 *
 * The state is a fold over the log: whoever moves it first takes in every entry that was logged since, also those
 * of a gate that died in between, so that the log alone decides in which order things happened.
 */

import { recordEntry, statementEntry } from '../attest/entry.ts';
import type { LogSigner, Signer } from '../attest/key.ts';
import { type RecordBody, type SignedRecord, signRecord } from '../attest/record.ts';
import { type Receipt, STATE_BYTES_MAX, type State, signReceipt, signState } from '../attest/state.ts';
import { type Signed, type StatementBody, signStatement } from '../attest/statement.ts';
import { gateKeys, logKeys, type Trust } from '../attest/trust.ts';
import { CLOCKS_APART_MS, timestamp } from '../base/clock.ts';
import { type Sha256, sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import { CHECKPOINT_BYTES_MAX, type NoteSigner, openCheckpoint, verifierKey } from '../log/checkpoint.ts';
import { encodeProof } from '../log/proof.ts';
import { LogReader, type TreeHead } from '../log/reader.ts';
import { LogWriter } from '../log/writer.ts';
import {
  logKey,
  proofKey,
  type RevisionId,
  receiptKey,
  recordKey,
  revisionPrefix,
  STATE_KEY,
  statementKey,
} from '../vault/layout.ts';
import { Fold, type Folded } from './fold.ts';
import { expiry, Registry, type RegistryOptions } from './registry.ts';

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

/** What a statement can add to a state at most: a grant with all of its patterns. */
const STATEMENT_IN_STATE_BYTES_MAX = 64 << 10;

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

  /** Signs, stores and logs a statement, and moves the state: from then on it counts, if it holds where it is logged. */
  async declare<B extends StatementBody>(
    draft: Omit<B, 'vault' | 'madeAt' | 'logSize'>,
  ): Promise<{ index: number; signed: Signed<B> }> {
    const about = { vault: this.trust.vault, madeAt: timestamp(this.clock), logSize: await this.logSize() };
    const signed = await signStatement({ ...draft, ...about } as B, this.#signer);
    await this.#requireRoom(signed);
    await this.vault.create(statementKey(signed.digest), signed.bytes);
    const { index } = await this.#log.append(statementEntry(signed), signed.body.logSize);
    await this.advance();
    return { index, signed };
  }

  /** A statement that no state could take in would stand in the log for ever, and stop every gate. */
  async #requireRoom({ bytes }: Signed): Promise<void> {
    const now = await this.vault.get(STATE_KEY, STATE_BYTES_MAX);
    const more = 2 * Math.min(bytes.length, STATEMENT_IN_STATE_BYTES_MAX);
    if ((now?.bytes.length ?? 0) + more <= STATE_BYTES_MAX) return;
    throw new WeighlockError(
      'WL_USAGE',
      'nothing was logged: the state has no room for more grants or revoked files',
      {
        hint: 'End grants that nobody needs; revoke revisions instead of single files.',
      },
    );
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
   * past its time is renewed, so that every command of a gate does that. Throws WL_CLOCK_WRONG for one that is yet to come.
   */
  async begin(): Promise<void> {
    // The state is looked for last: a gate beside this one writes it before it logs or remembers anything.
    const known = this.memory.recall();
    const { size, root } = await this.checkpoint();
    if (await this.vault.get(STATE_KEY, STATE_BYTES_MAX)) return this.#renew();
    if (size > 0 || known.state) {
      throw new WeighlockError('WL_VAULT_CORRUPT', 'registry/state is missing');
    }
    const nothing = { index: {}, revokedFiles: {}, grants: {}, deployments: {}, follows: {} };
    const first = this.#nextState(undefined, { size, root }, nothing);
    await this.vault.create(STATE_KEY, await signState(first, this.#signer));
  }

  async #renew(): Promise<void> {
    const { state } = await this.state('accept');
    if (Date.parse(state.issuedAt) > this.clock.now() + CLOCKS_APART_MS)
      throw new WeighlockError(
        'WL_CLOCK_WRONG',
        `the vault's state was signed at ${state.issuedAt}, and here it is ${timestamp(this.clock)}: nothing was written`,
      );
    if (expiry(state, this.clock)) await this.advance();
  }

  /** Moves the state to the end of the log, naming `receipts`, and renews the time until when it may be believed. */
  async advance(receipts: readonly NewReceipt[] = []): Promise<State> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const { head } = await this.#log.repair();
      const current = await this.state('accept');
      const fold = new Fold(this, current.state, head);
      await fold.take(current.state.log.size);
      await fold.publish(receipts);
      const next = this.#nextState(current.state, head, await fold.store());
      const bytes = await signState(next, this.#signer);
      if (bytes.length > STATE_BYTES_MAX)
        throw new WeighlockError(
          'WL_USAGE',
          'the state would be longer than anybody reads: too many grants or revoked files',
        );
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

  #nextState(before: State | undefined, head: TreeHead, folded: Folded): State {
    return {
      type: 'weighlock.state/v1',
      vault: this.trust.vault,
      sequence: (before?.sequence ?? 0) + 1,
      log: { size: head.size, root: head.root.toString('base64') },
      ...folded,
      issuedAt: timestamp(this.clock),
      expiresAt: timestamp({ now: () => this.clock.now() + this.#validityMs }),
    };
  }
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

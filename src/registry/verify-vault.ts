/**
 * Verifying a whole vault: every entry of the log and the record behind it, every published file, and every object
 * that stands in the store, so that whatever was changed, added, removed or swapped is named.
 */
import { type LogEntry, openEntry, type RecordEntry, type StatementEntry } from '../attest/entry.ts';
import { EVIDENCE_BYTES_MAX } from '../attest/evidence.ts';
import { openRecord, RECORD_BYTES_MAX, type SignedRecord } from '../attest/record.ts';
import { openReceipt, type State } from '../attest/state.ts';
import { openAnyStatement, type RemovalBody } from '../attest/statement.ts';
import { logKeys } from '../attest/trust.ts';
import { type Sha256, sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import { SIGNATURE_PATH } from '../base/name.ts';
import { auditLog, type LogProblem } from '../log/audit.ts';
import { LogReader, type TreeHead } from '../log/reader.ts';
import {
  evidenceKey,
  factsKey,
  indexKey,
  LOG_PREFIX,
  MODELS_PREFIX,
  policyKey,
  proofKey,
  REGISTRY_PREFIX,
  type RevisionId,
  receiptKey,
  recordKey,
  revisionPrefix,
  STATE_KEY,
  statementKey,
  VAULT_KEY,
} from '../vault/layout.ts';
import { Findings, type Verification } from './problem.ts';
import { expiry, type Registry } from './registry.ts';
import { checkPublished, checkRecord, checkRevision, type RevisionCheck } from './verify-revision.ts';

export async function verifyVault(registry: Registry, check: RevisionCheck): Promise<Verification> {
  const findings = new Findings();
  const sweep = new Sweep(registry, findings);
  const state = await sweep.state();
  await sweep.log();
  await sweep.revisions(state, check);
  await sweep.objects();
  if (check.depth === 'list') findings.unchecked('the bytes of the files (--quick)');
  findings.unchecked('staging: what is not published yet');
  return findings.conclude();
}

class Sweep {
  readonly #registry: Registry;
  readonly #findings: Findings;
  /** Keys that a logged record accounts for. */
  readonly #known = new Set<string>([VAULT_KEY, STATE_KEY]);
  /** Prefixes of revisions that are published, or that the log says may be. */
  readonly #published = new Set<string>();
  readonly #beingPublished = new Set<string>();
  /** Of revisions that were removed: the digest of the record whose files are gone. */
  readonly #removed = new Map<string, Sha256>();
  /** The last decision about each revision, by the log alone. */
  readonly #logged = new Map<string, LoggedRevision>();
  /** Entries that the log must have at least. */
  #logSize = 0;
  #logRead = false;

  constructor(registry: Registry, findings: Findings) {
    this.#registry = registry;
    this.#findings = findings;
  }

  /** The state, also past its time: what it says is still worth checking. */
  async state(): Promise<State | undefined> {
    const registry = this.#registry;
    this.#logSize = registry.memory.recall().log?.size ?? 0;
    try {
      const { state } = await registry.state('accept');
      const expired = expiry(state, registry.clock);
      if (expired) this.#findings.problem(STATE_KEY, expired.message, expired.code);
      else this.#findings.checked('state');
      this.#logSize = Math.max(this.#logSize, state.log.size);
      return state;
    } catch (error) {
      // The log is at fault then, and its audit names the file.
      const object =
        error instanceof WeighlockError && error.code === 'WL_LOG_CORRUPT' ? LOG_PREFIX : STATE_KEY;
      return this.#findings.attempt(object, () => Promise.reject(error));
    }
  }

  /** The tree against its checkpoint, and each entry against its record. */
  async log(): Promise<void> {
    const registry = this.#registry;
    const head = await this.#findings.attempt('log/checkpoint', () => registry.checkpoint());
    if (!head) return;
    if (head.size === 0 && this.#logSize > 0) {
      this.#findings.problem('log/checkpoint', 'is missing');
      return;
    }
    const problems = await auditVaultLog(registry, head);
    for (const { name, problem } of problems) this.#findings.problem(`${LOG_PREFIX}${name}`, problem);
    if (problems.length === 0)
      this.#findings.checked(`log: ${head.size} ${head.size === 1 ? 'entry' : 'entries'}, all of its files`);
    const reader = new LogReader(registry.logFiles);
    await this.#findings.attempt('log/', async () => {
      for await (const { index, entry } of reader.entries(0, head.size, head.size)) {
        const logged = await this.#findings.attempt(`log/, entry ${index}`, async () =>
          openEntry(entry, index),
        );
        if (logged) await this.#entry(logged, index);
      }
      this.#logRead = true;
    });
  }

  async #entry(logged: LogEntry, index: number): Promise<void> {
    if (logged.type !== 'record') return this.#statement(logged, index);
    const { number, statement } = logged;
    this.#know(recordKey(logged, number), proofKey(logged, number));
    const record = await checkRecord(
      this.#registry,
      logged,
      { number, record: statement, logIndex: index },
      this.#findings,
    );
    if (record) this.#know(...referencesOf(record));
    if (record) this.#approved(logged, record);
    const { model, commit, verdict } = logged;
    this.#logged.set(revisionPrefix(logged), { id: { model, commit }, number, verdict, record });
  }

  /** What people approved was logged before what came of it. */
  #approved(id: RevisionId, { body: { number, approved } }: SignedRecord): void {
    for (const review of approved?.reviews ?? [])
      if (!this.#known.has(statementKey(review)))
        this.#findings.problem(
          recordKey(id, number),
          `names a review that is not in the log before it: ${statementKey(review)}`,
        );
  }

  /** The statement must be the one that the entry was made of. */
  async #statement(logged: StatementEntry, index: number): Promise<void> {
    const key = statementKey(logged.statement);
    this.#know(key);
    const signed = await this.#findings.attempt(key, () => this.#registry.loggedStatement(logged, index));
    if (logged.type === 'evidence') await this.#evidence(logged.raw);
    if (logged.type === 'removal' && signed) await this.#removal(signed.body as RemovalBody);
  }

  /** What a statement of evidence was read from must stand as it was. */
  async #evidence(raw: Sha256): Promise<void> {
    const key = evidenceKey(raw);
    this.#know(key);
    await this.#findings.attempt(key, async () => {
      const stored = await this.#registry.vault.get(key, EVIDENCE_BYTES_MAX);
      if (!stored) this.#findings.problem(key, 'is missing');
      else if (sha256(stored.bytes) !== raw) this.#findings.problem(key, 'was changed');
    });
  }

  /** What was published before the removal has no files any more; its receipt stays. */
  async #removal(removal: RemovalBody): Promise<void> {
    const prefix = revisionPrefix(removal);
    this.#removed.set(prefix, removal.record);
    const before = this.#logged.get(prefix);
    if (before?.record?.digest !== removal.record) return;
    const receiptName = receiptKey(removal, before.number);
    this.#know(receiptName);
    const receipt = await this.#findings.attempt(receiptName, () =>
      this.#registry.receipt(removal, before.number),
    );
    if (receipt && receipt.record !== removal.record)
      this.#findings.problem(receiptName, 'is the receipt of another record');
  }

  /** Each model in the state: its last record, and its files where it is published. */
  async revisions(state: State | undefined, check: RevisionCheck): Promise<void> {
    const registry = this.#registry;
    let complete = state !== undefined;
    for (const digest of Object.values(state?.index ?? {})) {
      const shard = await this.#findings.attempt(indexKey(digest), () => registry.shard(digest));
      if (!shard) complete = false;
      for (const [model, index] of Object.entries(shard?.models ?? {})) {
        for (const [commit, entry] of Object.entries(index.revisions)) {
          const id = { model, commit } as RevisionId;
          if (entry.receipt) this.#know(receiptKey(id, entry.number));
          if (entry.removed) continue;
          if (entry.receipt) this.#publish(id, entry.number);
          if (entry.revoked) {
            await checkRecord(registry, id, entry, this.#findings);
            this.#findings.unchecked(`${revisionPrefix(id)}: revoked, its files are kept from readers`);
            continue;
          }
          await checkRevision(registry, { id, entry }, check, this.#findings);
        }
      }
    }
    if (!complete) await this.#revisionsByLog(check);
  }

  /** Where the state or a part of its index cannot be believed, the log still says what was admitted. */
  async #revisionsByLog(check: RevisionCheck): Promise<void> {
    for (const [prefix, { id, number, verdict, record }] of this.#logged) {
      if (verdict !== 'admitted' || this.#published.has(prefix)) continue;
      if (record && this.#removed.get(prefix) === record.digest) continue;
      if ((await this.#registry.vault.stat(id)).length === 0) continue;
      this.#publish(id, number);
      if (record) await checkPublished(this.#registry, { id, record }, check, this.#findings);
    }
  }

  #publish(id: RevisionId, number: number): void {
    this.#published.add(revisionPrefix(id));
    this.#know(receiptKey(id, number));
  }

  /** Everything that stands in the store must be accounted for. */
  async objects(): Promise<void> {
    const { vault } = this.#registry;
    for await (const { key } of vault.list(REGISTRY_PREFIX)) {
      if (!this.#known.has(key)) await this.#stranger(key);
    }
    if (!this.#logRead) {
      this.#findings.unchecked('what is published: the log, which says it, cannot be read');
      return;
    }
    for await (const { key } of vault.list(MODELS_PREFIX)) {
      const prefix = `${key.split('/').slice(0, 4).join('/')}/`;
      if (this.#published.has(prefix) || this.#isBeingPublished(prefix, key)) continue;
      const removed = this.#removed.has(prefix);
      this.#findings.problem(
        key,
        removed
          ? 'is left of a removed revision: `weighlock remove` takes it away'
          : 'is extra: no published revision is here',
      );
    }
    for (const prefix of this.#beingPublished)
      this.#findings.unchecked(
        `${prefix}: being published, or left half-way: \`weighlock admit\` finishes it`,
      );
  }

  /** Whether a logged admission names the file, which has no receipt yet. */
  #isBeingPublished(prefix: string, key: string): boolean {
    const logged = this.#logged.get(prefix);
    if (logged?.verdict !== 'admitted') return false;
    if (logged.record && this.#removed.get(prefix) === logged.record.digest) return false;
    const path = key.slice(prefix.length);
    const named = logged.record?.body.manifest.files.some((file) => file.path === path);
    if (!named && path !== SIGNATURE_PATH) return false;
    this.#beingPublished.add(prefix);
    return true;
  }

  /** An object that no logged record accounts for: content under its own digest does no harm, the rest is named. */
  async #stranger(key: string): Promise<void> {
    const { vault } = this.#registry;
    const object = await vault.get(key as typeof STATE_KEY, RECORD_BYTES_MAX * 4).catch(() => undefined);
    const [, room, name] = /^registry\/([a-z]+)\/(.+)$/.exec(key) ?? [];
    switch (room) {
      case 'index':
      case 'facts':
      case 'evidence':
      case 'policies':
        if (!object || sha256(object.bytes) !== name)
          this.#findings.problem(
            key,
            'was changed, or put there: its bytes do not have the digest in its name',
          );
        return;
      case 'statements': {
        const signed = object && openAnyStatement(object.bytes, this.#registry.keys);
        if (signed?.digest === name && signed?.body.vault === this.#registry.trust.vault)
          this.#findings.unchecked(`${key}: not logged: a run that died, or one that is under way`);
        else this.#findings.problem(key, 'is extra: nothing in the log accounts for it');
        return;
      }
      case 'records':
      case 'receipts':
        if (object) await this.#pending(key, room, object.bytes);
        else this.#findings.problem(key, 'cannot be read as an object of this vault');
        return;
      default:
        if (this.#logRead) this.#findings.problem(key, 'is extra: nothing in the log accounts for it');
    }
  }

  /** What a run left that died: the next admission of that revision goes on from there. */
  async #pending(key: string, room: 'records' | 'receipts', bytes: Uint8Array): Promise<void> {
    const { keys, trust } = this.#registry;
    const mine = await this.#findings.attempt(key, async () => {
      if (room === 'records') {
        const { manifest, number } = openRecord(bytes, keys, key).body;
        return manifest.vault === trust.vault && recordKey(manifest, number) === key;
      }
      const receipt = openReceipt(bytes, keys, key);
      if (!this.#logRead) return true;
      const record = this.#recordBehind(key);
      return receipt.vault === trust.vault && receipt.record === record?.digest;
    });
    if (mine === false) this.#findings.problem(key, 'belongs to another revision, or to another vault');
    else if (mine)
      this.#findings.unchecked(`${key}: not ${room === 'records' ? 'logged' : 'in the state'} yet`);
  }

  /** The logged record in whose place a receipt stands. */
  #recordBehind(key: string): SignedRecord | undefined {
    const logged = [...this.#logged.values()].find(({ id, number }) => receiptKey(id, number) === key);
    return logged?.record;
  }

  #know(...keys: readonly string[]): void {
    for (const key of keys) this.#known.add(key);
  }
}

interface LoggedRevision {
  readonly id: RevisionId;
  readonly number: number;
  readonly verdict: RecordEntry['verdict'];
  /** Undefined where it cannot be read as the one that was logged. */
  readonly record: SignedRecord | undefined;
}

/** Every file of the vault's log against its signed tree. */
export async function auditVaultLog(registry: Registry, head: TreeHead): Promise<LogProblem[]> {
  const names: string[] = [];
  for await (const { key } of registry.vault.list(LOG_PREFIX)) names.push(key.slice(LOG_PREFIX.length));
  return auditLog({ files: registry.logFiles, names, head, keys: logKeys(registry.trust) });
}

/** What a record refers to by digest. */
function referencesOf({ body }: SignedRecord): string[] {
  return [
    policyKey(body.policy.sha256),
    ...body.coverage.map(({ facts }) => factsKey(facts)),
    ...body.evidence.map(({ sha256 }) => evidenceKey(sha256)),
  ];
}

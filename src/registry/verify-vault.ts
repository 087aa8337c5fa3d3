/**
 * Verifying a whole vault: every entry of the log and the record behind it, every published file, and every object
 * that stands in the store, so that whatever was changed, added, removed or swapped is named.
 */
import {
  openEntry,
  openRecord,
  RECORD_BYTES_MAX,
  type RecordEntry,
  type SignedRecord,
} from '../attest/record.ts';
import { openReceipt } from '../attest/state.ts';
import { logKeys } from '../attest/trust.ts';
import { sha256 } from '../base/digest.ts';
import { auditLog, type LogProblem } from '../log/audit.ts';
import { LogReader, type TreeHead } from '../log/reader.ts';
import {
  evidenceKey,
  factsKey,
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
  VAULT_KEY,
} from '../vault/layout.ts';
import { Findings, type Verification } from './problem.ts';
import type { Registry } from './registry.ts';
import { checkRecord, checkRevision, type RevisionCheck } from './verify-revision.ts';

export async function verifyVault(registry: Registry, check: RevisionCheck): Promise<Verification> {
  const findings = new Findings();
  const sweep = new Sweep(registry, findings);
  const state = await findings.attempt(STATE_KEY, () => registry.state());
  if (state) findings.checked('state');
  await sweep.log();
  if (state) await sweep.revisions(check);
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
  readonly #published = new Set<string>();

  constructor(registry: Registry, findings: Findings) {
    this.#registry = registry;
    this.#findings = findings;
  }

  /** The tree against its checkpoint, and each entry against its record. */
  async log(): Promise<void> {
    const registry = this.#registry;
    const head = await this.#findings.attempt('log/checkpoint', () => registry.checkpoint());
    if (!head) return;
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
    });
  }

  async #entry(logged: RecordEntry, index: number): Promise<void> {
    const { number, statement } = logged;
    this.#know(recordKey(logged, number), proofKey(logged, number));
    const record = await checkRecord(
      this.#registry,
      logged,
      { number, record: statement, logIndex: index },
      this.#findings,
    );
    if (record) this.#know(...referencesOf(record));
  }

  /** Each model in the state: its last record, and its files where it is published. */
  async revisions(check: RevisionCheck): Promise<void> {
    const registry = this.#registry;
    await this.#findings.attempt('registry/index/', async () => {
      for await (const { model, index } of registry.models()) {
        for (const [commit, entry] of Object.entries(index.revisions)) {
          const id = { model, commit } as RevisionId;
          if (entry.receipt) this.#publish(id, entry.number);
          await checkRevision(registry, { id, entry }, check, this.#findings);
        }
      }
    });
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
    for await (const { key } of vault.list(MODELS_PREFIX)) {
      const prefix = `${key.split('/').slice(0, 4).join('/')}/`;
      if (!this.#published.has(prefix))
        this.#findings.problem(key, 'is extra: no published revision is here');
    }
  }

  /** An object that no logged record accounts for: content under its own digest does no harm, the rest is named. */
  async #stranger(key: string): Promise<void> {
    const { vault, keys } = this.#registry;
    const object = await vault.get(key as typeof STATE_KEY, RECORD_BYTES_MAX * 4).catch(() => undefined);
    const [, room, name] = /^registry\/([a-z]+)\/(.+)$/.exec(key) ?? [];
    switch (room) {
      case 'index':
      case 'facts':
      case 'evidence':
      case 'policies':
        if (!object || sha256(object.bytes) !== name) this.#findings.problem(key, 'was changed');
        return;
      case 'records': {
        // Claimed by a run that died before it could log it: the next admission of that revision logs it.
        const ours =
          object && (await this.#findings.attempt(key, async () => openRecord(object.bytes, keys, key)));
        const body = ours?.body;
        if (body && recordKey(body.manifest, body.number) !== key)
          this.#findings.problem(key, 'is the record of another revision');
        else if (body) this.#findings.unchecked(`${key}: not logged yet`);
        return;
      }
      case 'receipts': {
        const ours =
          object && (await this.#findings.attempt(key, async () => openReceipt(object.bytes, keys, key)));
        if (ours) this.#findings.unchecked(`${key}: not in the state yet`);
        return;
      }
      default:
        this.#findings.problem(key, 'is extra: nothing in the log accounts for it');
    }
  }

  #know(...keys: readonly string[]): void {
    for (const key of keys) this.#known.add(key);
  }
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

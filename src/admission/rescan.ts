/**
 * Rescanning: what is on record, judged by the rules of today. Nothing is decided and nothing changes: it says which revisions
 * would not be admitted any more, or would be now, why, and which channels and deployments stand at them.
 */
import type { SignedRecord } from '../attest/record.ts';
import type { RevisionIndex } from '../attest/state.ts';
import { openWaivers, type Waiver } from '../attest/waiver.ts';
import { WeighlockError } from '../base/errors.ts';
import type { Finding } from '../base/finding.ts';
import type { ModelName } from '../base/name.ts';
import { type RuleOutcome, type Verdict, verdictOf } from '../base/verdict.ts';
import { type Facts, PARSERS_VERSION } from '../formats/facts.ts';
import { outcomeDigest } from '../policy/outcome-digest.ts';
import { policyOnRecord } from '../registry/approvals.ts';
import { deployments, type RecordedDeployment } from '../registry/deployments.ts';
import type { Registry } from '../registry/registry.ts';
import { evidenceKey, type RevisionId } from '../vault/layout.ts';
import { judgeAgain, type Rules } from './rejudge.ts';

export interface Rescanned {
  readonly id: RevisionId;
  readonly was: Verdict;
  readonly now: Verdict;
  /** What speaks against it now, and nobody approved. */
  readonly rules: readonly RuleOutcome[];
  /** Findings that the record does not have. */
  readonly fresh: readonly Finding[];
  /** From which facts: as the record names them, of parsers of today or of earlier ones; or read anew from the vault. */
  readonly facts: 'current' | 'earlier' | 'read anew';
  readonly channels: readonly string[];
  readonly deployments: readonly RecordedDeployment[];
}

/** A revision that is to be looked at. */
export interface Recorded {
  readonly id: RevisionId;
  readonly entry: RevisionIndex;
  readonly record: SignedRecord;
}

export interface RescanOptions {
  readonly rules: Rules;
  /** Only this model, or this revision of it. */
  readonly only?: { readonly model: ModelName; readonly commit?: string | undefined } | undefined;
  /**
   * Reads the bytes of a published revision once more, where its facts are of earlier parsers: by path. Undefined where that is
   * not wanted.
   */
  readonly reread?: ((recorded: Recorded) => Promise<ReadonlyMap<string, Facts>>) | undefined;
}

/** Longest waiver that is read back. */
const WAIVER_BYTES_MAX = 1 << 20;

/**
 * One revision after another, one in memory at a time. Removed and revoked ones are left out: nobody is to use them whatever
 * the rules say. Throws WL_VAULT_CORRUPT where a record or its facts do not hold.
 */
export async function* rescan(registry: Registry, options: RescanOptions): AsyncGenerator<Rescanned> {
  const running = await deployments(registry);
  for await (const { model, index } of registry.models()) {
    if (options.only && options.only.model !== model) continue;
    for (const [commit, entry] of Object.entries(index.revisions)) {
      if (options.only?.commit !== undefined && options.only.commit !== commit) continue;
      if (entry.removed || entry.revoked) continue;
      const id = { model, commit } as RevisionId;
      const record = await registry.record(id, entry.number, entry.record);
      const channels = Object.entries(index.channels)
        .filter(([, channel]) => channel.commit === commit)
        .map(([name]) => name)
        .sort();
      const here = running.filter(({ body }) => body.model === model && body.commit === commit);
      const judged = await rescanOne(registry, { id, entry, record }, options);
      yield { id, ...judged, channels, deployments: here };
    }
  }
}

type Judged = Pick<Rescanned, 'was' | 'now' | 'rules' | 'fresh' | 'facts'>;

async function rescanOne(
  registry: Registry,
  recorded: Recorded,
  { rules, reread }: RescanOptions,
): Promise<Judged> {
  const { record, entry } = recorded;
  const current = record.body.parsers === PARSERS_VERSION;
  const anew = current || entry.receipt === undefined ? undefined : await reread?.(recorded);
  const waivers = [...rules.waivers, ...(await waiversOf(registry, record))];
  const judgement = await judgeAgain(registry, record, { ...rules, waivers }, anew);
  const approved = await approvedOf(registry, record);
  const left = judgement.decision.rules.filter(
    (one) =>
      one.outcome === 'refuse' ||
      one.rule.startsWith('floor/') ||
      !approved.has(outcomeDigest(rules.policy, one)),
  );
  const known = new Set(record.body.findings.map(nameOf));
  return {
    was: record.body.verdict,
    now: verdictOf(left),
    rules: left,
    fresh: judgement.findings.filter((one) => one.verdict !== 'clean' && !known.has(nameOf(one))),
    facts: anew ? 'read anew' : current ? 'current' : 'earlier',
  };
}

/** What people approved, as it was written then: a rule that was rewritten since holds again. */
async function approvedOf(registry: Registry, { body }: SignedRecord): Promise<ReadonlySet<string>> {
  if (body.approved === undefined) return new Set();
  const policy = await policyOnRecord(registry, body);
  return new Set(body.approved.rules.map((one) => outcomeDigest(policy, one)));
}

function nameOf({ rule, file, member, offset, subject }: Finding): string {
  return JSON.stringify([rule, file, member, offset, subject]);
}

/** The waivers among the evidence of a record. One whose approver left the trust file lifts nothing any more. */
async function waiversOf(registry: Registry, { body }: SignedRecord): Promise<readonly Waiver[]> {
  const found: Waiver[] = [];
  for (const { type, sha256 } of body.evidence) {
    if (type !== 'waiver') continue;
    const stored = await registry.vault.get(evidenceKey(sha256), WAIVER_BYTES_MAX);
    try {
      if (stored)
        found.push(...openWaivers(`[${Buffer.from(stored.bytes).toString('utf8')}]`, registry.trust));
    } catch (error) {
      if (!(error instanceof WeighlockError) || error.code !== 'WL_WAIVER_INVALID') throw error;
    }
  }
  return found;
}

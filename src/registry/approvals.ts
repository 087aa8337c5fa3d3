/**
 * Which approvals count: whoever asked for a revision approves it under no name that is known of them. The gate is told the name
 * of whoever asks, and so names are compared generously: a comparison that finds too much only asks for somebody else.
 */

import type { Approval } from '../attest/approval.ts';
import type { RecordBody } from '../attest/record.ts';
import { CLOCKS_APART_MS } from '../base/clock.ts';
import { type Sha256, sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import type { RuleOutcome } from '../base/verdict.ts';
import { outcomeDigest } from '../policy/outcome-digest.ts';
import { type Policy, readPolicy } from '../policy/policy.ts';
import { policyKey, type RevisionId } from '../vault/layout.ts';
import type { Registry } from './registry.ts';

/** Who asked for this commit, in any record up to `number`: who asks again does not set free who asked before. */
export async function requestersOf(
  registry: Registry,
  id: RevisionId,
  number: number,
): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (let earlier = 0; earlier <= number; earlier++) {
    const { requester } = (await registry.record(id, earlier)).body;
    if (requester !== undefined) names.add(foldedName(requester));
  }
  return names;
}

/** What an approval must be about, and when. */
export interface Asked {
  readonly id: RevisionId;
  readonly manifest: Sha256;
  readonly requesters: ReadonlySet<string>;
  readonly nowMs: number;
}

/** Why an approval or refusal cannot count; undefined where it can. */
export function mismatch(
  { body, names }: Approval,
  { id, manifest, requesters, nowMs }: Asked,
): string | undefined {
  if (body.model !== id.model || body.commit !== id.commit) return `it is about ${body.model}@${body.commit}`;
  if (body.manifest !== manifest) return 'it is about other content of the same commit';
  // Anybody may refuse: naming a person as the requester takes nobody's refusal away.
  if (body.decision === 'approve' && names.some((name) => requesters.has(foldedName(name))))
    return `${body.approver} asked for the admission`;
  if (!(Date.parse(body.expiresAt) > nowMs)) return `it ended at ${body.expiresAt}`;
  // A clock that was set back, here or there.
  if (Date.parse(body.madeAt) > nowMs + CLOCKS_APART_MS)
    return `it was made at ${body.madeAt}, which is to come`;
  return undefined;
}

/** A rule that holds, and what it lacks. */
export interface Lacking {
  readonly rule: RuleOutcome;
  /** People who must still approve; undefined where no approval lifts it. */
  readonly people: number | undefined;
  /** What an approval names that answers it. */
  readonly sha256: Sha256;
}

/** What of the rules of a policy no sufficient number of different people approved. */
export function lackingOf(
  policy: Policy,
  rules: readonly RuleOutcome[],
  approvals: readonly Approval[],
): readonly Lacking[] {
  return rules.flatMap((rule): Lacking[] => {
    const sha256 = outcomeDigest(policy, rule);
    if (rule.outcome === 'refuse' || rule.rule.startsWith('floor/'))
      return [{ rule, people: undefined, sha256 }];
    const answering = approvals.filter((one) => answers(one, sha256));
    const people = new Set(answering.map(({ body }) => foldedName(body.approver)));
    const written = policy.rules.find(({ name }) => name === rule.rule)?.approvals ?? 1;
    const missing = Math.max(rule.approvals ?? 1, written) - people.size;
    return missing > 0 ? [{ rule, people: missing, sha256 }] : [];
  });
}

/** Whether it approves the rule with this digest. */
export function answers({ body }: Approval, rule: Sha256): boolean {
  return body.decision === 'approve' && body.rules.some(({ sha256 }) => sha256 === rule);
}

/** Longest policy: as long as one can be that is read for an admission. */
const POLICY_BYTES_MAX = 1 << 20;

/** The policy that a record names. Throws WL_VAULT_CORRUPT. */
export async function policyOnRecord(
  registry: Registry,
  { policy: { name, sha256: digest } }: RecordBody,
): Promise<Policy> {
  const key = policyKey(digest);
  const stored = await registry.vault.get(key, POLICY_BYTES_MAX);
  if (!stored || sha256(stored.bytes) !== digest)
    throw new WeighlockError('WL_VAULT_CORRUPT', `${key} is gone or was changed`);
  return readPolicy(Buffer.from(stored.bytes).toString('utf8'), name);
}

/** A name as a person reads it: without case, spaces around or doubled, other forms of the same letters, and what is not seen. */
function foldedName(name: string): string {
  return name
    .normalize('NFKC')
    .replace(/\p{C}/gu, '')
    .toUpperCase()
    .toLowerCase()
    .normalize('NFKC')
    .replace(/\s+/gu, ' ')
    .trim();
}

/**
 * Checking approvals again: a record that says that people lifted its rules must name what they signed themselves. The gate's
 * own signature is not enough: whoever holds its key could say so of anything.
 */
import { type Approval, openApproval } from '../attest/approval.ts';
import type { SignedRecord } from '../attest/record.ts';
import type { Sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import { type RevisionId, recordKey, statementKey } from '../vault/layout.ts';
import { lackingOf, mismatch, policyOnRecord, requestersOf } from './approvals.ts';
import type { Findings } from './problem.ts';
import type { Registry } from './registry.ts';

/** Reviews that one record names: more than any gate keeps of a revision. */
const REVIEWS_MAX = 200;

export interface Logged {
  readonly id: RevisionId;
  readonly record: SignedRecord;
  readonly logIndex: number;
}

/** Every rule that the record calls approved needs as many people as its policy asks for, none of whom asked for it. */
export async function checkApproved(registry: Registry, logged: Logged, findings: Findings): Promise<void> {
  const { id, record } = logged;
  const { approved, number } = record.body;
  if (!approved) return;
  const key = recordKey(id, number);
  await findings.attempt(key, async () => {
    const policy = await policyOnRecord(registry, record.body);
    const approvals = await countedApprovals(registry, logged, findings);
    const lacking = lackingOf(policy, approved.rules, approvals);
    for (const { rule, people } of lacking)
      findings.problem(
        key,
        people === undefined
          ? `calls ${rule.rule} approved, which no approval lifts`
          : `calls ${rule.rule} approved, and ${people} of the people who must approve it did not`,
      );
    if (lacking.length === 0) findings.checked('approvals, by the people who signed them');
  });
}

/** Those of the named approvals that count; the rest are problems. */
async function countedApprovals(
  registry: Registry,
  { id, record, logIndex }: Logged,
  findings: Findings,
): Promise<Approval[]> {
  const { number, decidedAt, approved } = record.body;
  const named = new Set(approved?.reviews);
  const key = recordKey(id, number);
  if (named.size > REVIEWS_MAX)
    throw new WeighlockError('WL_VAULT_CORRUPT', `${key} names more than ${REVIEWS_MAX} reviews`);
  const asked = {
    id,
    manifest: record.manifestDigest,
    requesters: await requestersOf(registry, id, number),
    nowMs: Date.parse(decidedAt),
  };
  const counted: Approval[] = [];
  for (const digest of named) {
    const statement = statementKey(digest);
    const approval = await findings.attempt(statement, () => approvalIn(registry, digest, logIndex));
    const why = approval && mismatch(approval, asked);
    if (why !== undefined) findings.problem(statement, `is no approval of ${key}: ${why}`);
    else if (approval) counted.push(approval);
  }
  return counted;
}

/** The approval that a review carries, by a key that its approver had when the record was logged. */
async function approvalIn(registry: Registry, review: Sha256, logIndex: number): Promise<Approval> {
  const { body } = await registry.statement('review', review);
  try {
    return openApproval(Buffer.from(body.approval, 'base64'), registry.trust, logIndex);
  } catch (error) {
    if (!(error instanceof WeighlockError)) throw error;
    throw new WeighlockError(error.code, `${statementKey(review)} carries no approval: ${error.message}`, {
      hint: 'Pin the trust file of today, if people were added since: `weighlock trust pin <file>`.',
    });
  }
}

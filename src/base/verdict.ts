/** Verdicts: what was decided about a revision, and which rules led to it. */

export type Verdict = 'admitted' | 'held' | 'refused';

/** One rule that spoke: the safety floor's or a policy's. */
export interface RuleOutcome {
  /** `floor/<name>` for the safety floor, otherwise the rule's name in the policy. */
  readonly rule: string;
  readonly outcome: 'refuse' | 'hold';
  /** The policy's `because`, or the floor's reason with the place. */
  readonly because: string;
  /** Of a policy's rule that holds: how many people must approve before it lets pass; one where absent. */
  readonly approvals?: number | undefined;
}

export interface Decision {
  readonly verdict: Verdict;
  /** Every rule that refused or held, in the order in which they were asked; empty when admitted. */
  readonly rules: readonly RuleOutcome[];
}

/** Refuse beats hold beats nothing. */
export function verdictOf(rules: readonly RuleOutcome[]): Verdict {
  if (rules.some((rule) => rule.outcome === 'refuse')) return 'refused';
  return rules.length > 0 ? 'held' : 'admitted';
}

/** What an approval answers: one rule as it is written, and what it said. A rule of the same name that says another thing differs. */
import { canonicalJson } from '../base/canonical-json.ts';
import { type Sha256, sha256 } from '../base/digest.ts';
import type { RuleOutcome } from '../base/verdict.ts';
import type { Policy } from './policy.ts';

/** Rules that no policy wrote are what they say. */
export function outcomeDigest({ rules }: Policy, { rule, because }: RuleOutcome): Sha256 {
  const source = rules.find(({ name }) => name === rule)?.source;
  return sha256(canonicalJson({ rule, because, source }));
}

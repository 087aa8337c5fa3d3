/**
 * Policy: named rules → verdict. A rule is a CEL expression over facts about the revision; where it is true, the
 * rule refuses or holds, and says why in the words of whoever wrote it.
 *
 * A rule whose expression fails, or needs a fact that is not known, holds and names the fact: what cannot be
 * answered is never a yes. No policy lifts the safety floor (floor.ts).
 */
import { type CelInput, celEnv, isCelError, plan } from '@bufbuild/cel';
import { type Sha256, sha256 } from '../base/digest.ts';
import type { RuleOutcome } from '../base/verdict.ts';
import type { PolicyInput } from './input.ts';
import { type ParsedRule, parsePolicy } from './parse.ts';

export interface Policy {
  readonly name: string;
  readonly sha256: Sha256;
  /** The file as it is, for the vault. */
  readonly text: string;
  readonly rules: readonly ParsedRule[];
}

/** Reads a policy file. Throws WL_POLICY_INVALID with the line and what was expected there. */
export function readPolicy(text: string, name: string): Policy {
  return { name, sha256: sha256(text), text, rules: parsePolicy(text, name) };
}

/** What one rule says of one revision. */
export interface RuleResult {
  readonly rule: ParsedRule;
  readonly answer: 'no' | 'yes' | 'unknown';
  /** For `unknown`: which fact is missing, or how the expression failed. */
  readonly detail?: string;
}

/** Every rule's answer, in the order of the file. */
export function askRules(policy: Policy, input: PolicyInput): RuleResult[] {
  const bindings = toCel(input) as Record<string, CelInput>;
  return policy.rules.map((rule) => ask(rule, bindings));
}

/** The rules that refuse or hold. */
export function decide(policy: Policy, input: PolicyInput): RuleOutcome[] {
  return askRules(policy, input).flatMap(({ rule, answer, detail }): RuleOutcome[] => {
    switch (answer) {
      case 'no':
        return [];
      case 'yes':
        return [{ ...named(rule), because: rule.because }];
      case 'unknown':
        return [
          { ...named(rule), outcome: 'hold', because: `${rule.because} (cannot be answered: ${detail})` },
        ];
    }
  });
}

function named({
  name,
  outcome,
  approvals,
}: ParsedRule): Pick<RuleOutcome, 'rule' | 'outcome' | 'approvals'> {
  return { rule: name, outcome, ...(approvals > 1 && { approvals }) };
}

function ask(rule: ParsedRule, bindings: Record<string, CelInput>): RuleResult {
  let value: unknown;
  try {
    value = plan(celEnv(), rule.expression)(bindings);
  } catch (error) {
    return { rule, answer: 'unknown', detail: error instanceof Error ? error.message : String(error) };
  }
  if (value === true) return { rule, answer: 'yes' };
  if (value === false) return { rule, answer: 'no' };
  if (!isCelError(value)) return { rule, answer: 'unknown', detail: 'the expression is not true or false' };
  const field = /^field not found: (.+)$/.exec(value.message)?.[1];
  return { rule, answer: 'unknown', detail: field ? `the fact "${field}" is not known` : value.message };
}

/** Facts as CEL takes them: whole numbers as ints, and what is undefined absent, so that `has()` can ask. */
function toCel(value: unknown): CelInput {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map(toCel);
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return Object.fromEntries(members.map(([key, member]) => [key, toCel(member)])) as unknown as CelInput;
  }
  return null;
}

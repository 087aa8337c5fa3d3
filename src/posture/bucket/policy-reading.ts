/** What a bucket's policy, as it stands there, denies: by effect, not by the names of statements. */
import type { PolicyDocument, Statement } from './policy-document.ts';

/** Statements of a policy that are read at most; a bucket's policy is at most 20 kB. */
const STATEMENTS_MAX = 200;

/** Whether everybody is denied `action` on the object or bucket of that ARN, under a condition that passes `when`. */
export function denies(
  policy: PolicyDocument,
  request: {
    readonly action: string;
    readonly resource: string;
    readonly when: (condition: FlatCondition) => boolean;
  },
): boolean {
  return statementsOf(policy).some(
    (statement) =>
      statement.Effect === 'Deny' &&
      isEverybody(statement.Principal) &&
      listed(statement.Action).some((pattern) =>
        matches(pattern.toLowerCase(), request.action.toLowerCase()),
      ) &&
      covers(statement, request.resource) &&
      request.when(flat(statement)),
  );
}

/** `operator key` → values, keys in lower case as IAM compares them. */
export type FlatCondition = ReadonlyMap<string, readonly string[]>;

function flat({ Condition: condition = {} }: Statement): FlatCondition {
  return new Map(
    Object.entries(condition).flatMap(([operator, keys]) =>
      Object.entries(keys).map(
        ([key, value]) => [`${operator} ${key.toLowerCase()}`, listed(value)] as const,
      ),
    ),
  );
}

/** The condition has exactly these, and no other that could keep the statement from applying. */
export function exactly(expected: Readonly<Record<string, string>>): (condition: FlatCondition) => boolean {
  const wanted = Object.entries(expected);
  return (condition) =>
    condition.size === wanted.length &&
    wanted.every(([key, value]) => condition.get(key)?.length === 1 && condition.get(key)?.[0] === value);
}

function statementsOf(policy: PolicyDocument): Statement[] {
  const { Statement: statements } = policy as { Statement?: unknown };
  const all = Array.isArray(statements) ? statements : [statements];
  return all
    .slice(0, STATEMENTS_MAX)
    .filter((item): item is Statement => typeof item === 'object' && item !== null);
}

function isEverybody(principal: Statement['Principal']): boolean {
  return principal === '*' || (typeof principal === 'object' && listed(principal.AWS).includes('*'));
}

function covers({ Resource: resource, NotResource: notResource }: Statement, arn: string): boolean {
  const hits = (patterns: unknown) => listed(patterns).some((pattern) => matches(bare(pattern), bare(arn)));
  return notResource === undefined ? hits(resource) : !hits(notResource);
}

/** A resource without its partition: China and GovCloud name theirs otherwise. */
function bare(arn: string): string {
  return arn.replace(/^arn:[^:]*:s3:::/, '');
}

/** IAM's patterns: `*` for any characters, slashes too, `?` for one. Compared step by step, without a regex. */
export function matches(pattern: string, text: string): boolean {
  let at = 0;
  let from = 0;
  let star = -1;
  let resume = 0;
  while (at < text.length) {
    if (from < pattern.length && pattern[from] === '*') {
      star = from;
      resume = at;
      from += 1;
    } else if (from < pattern.length && (pattern[from] === '?' || pattern[from] === text[at])) {
      from += 1;
      at += 1;
    } else if (star >= 0) {
      from = star + 1;
      resume += 1;
      at = resume;
    } else return false;
  }
  while (pattern[from] === '*') from += 1;
  return from === pattern.length;
}

function listed(value: unknown): readonly string[] {
  const all: readonly unknown[] = Array.isArray(value) ? value : [value];
  return all.filter((item) => typeof item === 'string');
}

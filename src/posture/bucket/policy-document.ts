/** IAM policy documents, as S3, KMS and IAM take them. */

export type Condition = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;

/** Everybody, AWS principals by ARN, or AWS services by name. */
export type Principal =
  | '*'
  | { readonly AWS?: string | readonly string[]; readonly Service?: string | readonly string[] };

/** Everybody. In the policy of a bucket the same as a bare `*`, and understood by more stores. */
export const EVERYBODY: Principal = { AWS: '*' };

export interface Statement {
  readonly Sid: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal?: Principal;
  readonly Action: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly NotResource?: string | readonly string[];
  readonly Condition?: Condition;
}

export interface PolicyDocument {
  readonly Version: '2012-10-17';
  readonly Statement: readonly Statement[];
}

export function policyDocument(statements: readonly Statement[]): PolicyDocument {
  return { Version: '2012-10-17', Statement: statements };
}

/** Whether two documents say the same: keys in any order, a list of one is its element, `{AWS: *}` is `*`. */
export function sameDocument(a: unknown, b: unknown): boolean {
  return JSON.stringify(normal(a)) === JSON.stringify(normal(b));
}

function normal(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(normal);
    if (items.length === 1) return items[0];
    return items.every((item) => typeof item === 'string') ? items.toSorted() : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  if (entries.length === 1 && entries[0]?.[0] === 'AWS' && normal(entries[0][1]) === '*') return '*';
  return Object.fromEntries(
    entries.map(([key, item]) => [key, normal(item)] as const).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/**
 * Policies as they stand in an account: hostile in form, so read without belief. A *statement* here has every element
 * of IAM's grammar as a list; what is not of that grammar is counted as unread, and whoever judges by the policy must
 * then say that it does not know.
 */

/** Longest document: IAM's limits are 20,480 characters and less, but for percent-encoding. */
const POLICY_CHARS_MAX = 65_536;
/** Statements of one document, and entries of one list in it. */
const STATEMENTS_MAX = 500;
const ENTRIES_MAX = 2_000;

export interface ConditionEntry {
  readonly operator: string;
  /** In lower case, as IAM compares them. */
  readonly key: string;
  readonly values: readonly string[];
}

export interface ReadStatement {
  readonly sid: string;
  readonly effect: 'Allow' | 'Deny';
  readonly actions: readonly string[] | undefined;
  readonly notActions: readonly string[] | undefined;
  readonly resources: readonly string[] | undefined;
  readonly notResources: readonly string[] | undefined;
  /** ARNs, account ids and `*`, of `AWS`; undefined in an identity's own policy. */
  readonly principals: readonly string[] | undefined;
  readonly notPrincipals: readonly string[] | undefined;
  /** Services and identity providers. */
  readonly services: readonly string[];
  readonly federated: readonly string[];
  readonly conditions: readonly ConditionEntry[];
}

export interface ReadPolicy {
  readonly statements: readonly ReadStatement[];
  /** Whether all of the document was understood. */
  readonly whole: boolean;
}

/** A document, plain or percent-encoded as IAM gives it back. Never throws. */
export function readPolicy(text: string): ReadPolicy {
  if (text.length > POLICY_CHARS_MAX) return { statements: [], whole: false };
  try {
    const document: unknown = JSON.parse(decoded(text));
    const found = isRecord(document) ? document.Statement : undefined;
    const list = Array.isArray(found) ? found : found === undefined ? [] : [found];
    const statements = list.slice(0, STATEMENTS_MAX).map(readStatement);
    const whole = list.length <= STATEMENTS_MAX && isRecord(document) && !statements.includes(undefined);
    return { statements: statements.filter((statement) => statement !== undefined), whole };
  } catch {
    return { statements: [], whole: false };
  }
}

/** A document as IAM gives it back is percent-encoded. What is neither that nor plain stays what it is. */
export function decoded(text: string): string {
  if (text.trimStart().startsWith('{')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function readStatement(value: unknown): ReadStatement | undefined {
  if (!isRecord(value)) return undefined;
  const { Effect: effect, Sid: sid } = value;
  if (effect !== 'Allow' && effect !== 'Deny') return undefined;
  const actions = strings(value.Action);
  const notActions = strings(value.NotAction);
  const principal = principalsOf(value.Principal);
  const notPrincipal = principalsOf(value.NotPrincipal);
  const conditions = conditionsOf(value.Condition);
  if ((actions === undefined) === (notActions === undefined) || conditions === undefined) return undefined;
  if (principal === 'unread' || notPrincipal === 'unread') return undefined;
  return {
    sid: typeof sid === 'string' ? sid : '',
    effect,
    actions,
    notActions,
    resources: strings(value.Resource),
    notResources: strings(value.NotResource),
    principals: principal?.aws,
    notPrincipals: notPrincipal?.aws,
    services: principal?.services ?? [],
    federated: principal?.federated ?? [],
    conditions,
  };
}

interface Principals {
  readonly aws: readonly string[];
  readonly services: readonly string[];
  readonly federated: readonly string[];
}

const PRINCIPAL_KEYS = ['AWS', 'Service', 'Federated'];

/** A canonical user is unread: no account here says whose id that is, so it may be anybody. */
function principalsOf(value: unknown): Principals | 'unread' | undefined {
  if (value === undefined) return undefined;
  if (value === '*') return { aws: ['*'], services: [], federated: [] };
  if (!isRecord(value) || !Object.keys(value).every((key) => PRINCIPAL_KEYS.includes(key))) return 'unread';
  return {
    aws: strings(value.AWS) ?? [],
    services: strings(value.Service) ?? [],
    federated: strings(value.Federated) ?? [],
  };
}

function conditionsOf(value: unknown): ConditionEntry[] | undefined {
  if (value === undefined) return [];
  if (!isRecord(value)) return undefined;
  const entries: ConditionEntry[] = [];
  for (const [operator, keys] of Object.entries(value).slice(0, ENTRIES_MAX)) {
    if (!isRecord(keys)) return undefined;
    for (const [key, values] of Object.entries(keys).slice(0, ENTRIES_MAX))
      entries.push({ operator, key: key.toLowerCase(), values: strings(values) ?? [] });
  }
  return entries;
}

function strings(value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const list: readonly unknown[] = Array.isArray(value) ? value.slice(0, ENTRIES_MAX) : [value];
  return list.flatMap((item) =>
    typeof item === 'string'
      ? [item]
      : typeof item === 'boolean' || typeof item === 'number'
        ? [String(item)]
        : [],
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

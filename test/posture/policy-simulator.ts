/**
 * Decides a request by IAM's rules, for the parts of the policy language that the plan uses: an explicit denial in any
 * policy wins, else an allowance must be found. Anything that it does not know is an error, never a pass.
 */
import type { PolicyDocument, Statement } from '../../src/posture/bucket/policy-document.ts';

export interface SimulatedRequest {
  readonly principal: string;
  readonly action: string;
  readonly resource: string;
  /** Condition keys of the request, in lower case. */
  readonly context: Readonly<Record<string, string>>;
}

export type Decision = 'allowed' | 'denied' | 'not allowed';

export function decide(request: SimulatedRequest, policies: readonly PolicyDocument[]): Decision {
  const statements = policies
    .flatMap((policy) => policy.Statement)
    .filter((statement) => applies(statement, request));
  if (statements.some((statement) => statement.Effect === 'Deny')) return 'denied';
  return statements.length > 0 ? 'allowed' : 'not allowed';
}

function applies(statement: Statement, request: SimulatedRequest): boolean {
  return (
    listed(statement.Action).some((pattern) => like(pattern, request.action)) &&
    (statement.NotResource === undefined
      ? listed(statement.Resource).some((pattern) => like(pattern, request.resource))
      : !listed(statement.NotResource).some((pattern) => like(pattern, request.resource))) &&
    Object.entries(statement.Condition ?? {}).every(([operator, keys]) =>
      Object.entries(keys).every(([key, values]) =>
        holds(operator, { key, values: listed(values) }, request),
      ),
    )
  );
}

function holds(
  operator: string,
  { key, values }: { readonly key: string; readonly values: readonly string[] },
  request: SimulatedRequest,
): boolean {
  const actual =
    key.toLowerCase() === 'aws:principalarn' ? request.principal : request.context[key.toLowerCase()];
  switch (operator) {
    case 'Null':
      return values[0] === String(actual === undefined);
    case 'Bool':
    case 'StringEquals':
      return actual !== undefined && values.includes(actual);
    case 'BoolIfExists':
      return actual === undefined || values.includes(actual);
    case 'StringLike':
      return actual !== undefined && values.some((pattern) => like(pattern, actual));
    case 'StringLikeIfExists':
      return actual === undefined || values.some((pattern) => like(pattern, actual));
    case 'ArnNotEquals':
      return actual === undefined || !values.includes(actual);
    default:
      throw new Error(`the simulator does not know ${operator}`);
  }
}

function like(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`).test(text);
}

function listed(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}

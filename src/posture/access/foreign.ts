/** Principals of a statement that are not of the vault's own account. */
import type { OwnedPlace } from '../bucket/place.ts';
import { matches } from '../bucket/policy-reading.ts';
import type { ReadStatement } from './statement.ts';

/** Conditions that bind everybody to somebody: of these, the keys that AWS itself takes for not public. */
const BINDING = [
  'aws:principalaccount',
  'aws:principalarn',
  'aws:principalorgid',
  'aws:principalorgpaths',
  'aws:sourceaccount',
  'aws:sourcearn',
  'aws:sourceowner',
  'aws:sourcevpc',
  'aws:sourcevpce',
  'aws:userid',
  's3:dataaccesspointaccount',
  's3:dataaccesspointarn',
  'kms:calleraccount',
];

export interface Homeland {
  readonly place: Pick<OwnedPlace, 'account'>;
  readonly accepted: readonly string[];
}

/** The first principal that is the world or of another account; undefined where there is none. */
export function isForeign(statement: ReadStatement, { place, accepted }: Homeland): string | undefined {
  if (statement.notPrincipals !== undefined) return 'everybody but those it names';
  return statement.principals?.find((principal) => {
    if (accepted.some((pattern) => matches(pattern, principal))) return false;
    if (principal === '*') return !isBound(statement, place.account);
    return accountOf(principal) !== place.account;
  });
}

/** Whether a statement for everybody is for the world. */
export function isWorld(statement: ReadStatement): boolean {
  const everybody = statement.notPrincipals !== undefined || statement.principals?.includes('*') === true;
  return statement.effect === 'Allow' && everybody && !statement.conditions.some(isBinding);
}

function isBinding({ operator, key, values }: ReadStatement['conditions'][number]): boolean {
  const positive = /^(ForAnyValue:)?(String|Arn)(Equals|EqualsIgnoreCase|Like)$/.test(operator);
  return positive && BINDING.includes(key) && !values.some((value) => /^[*?]*$/.test(value));
}

/** Everybody, but of the own account only. */
function isBound({ conditions }: ReadStatement, account: string): boolean {
  return conditions.some(
    (entry) =>
      isBinding(entry) &&
      ['aws:principalaccount', 'aws:sourceaccount', 'kms:calleraccount'].includes(entry.key) &&
      entry.values.every((value) => value === account),
  );
}

/** The account of an ARN or a bare account id; another principal (a canonical user) is of none that is known. */
function accountOf(principal: string): string | undefined {
  return /^\d{12}$/.test(principal) ? principal : /^arn:[^:]*:(?:iam|sts)::(\d{12}):/.exec(principal)?.[1];
}

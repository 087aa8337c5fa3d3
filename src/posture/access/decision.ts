/**
 * Whether a principal could make a request, by IAM's rules: an explicit denial wins, else an allowance must be found, in
 * the principal's own policies within its boundary, or in the policy of the bucket.
 *
 * What a request would carry is not always known (an address, a tag, a second factor). An allowance under a condition
 * that cannot be decided counts as one, a denial under such a condition does not: the answer is never "no" by guess.
 * Policies of the organisation (SCPs) are not seen from inside an account; they can only take away.
 */
import { randomBytes } from 'node:crypto';
import { matches } from '../bucket/policy-reading.ts';
import type { ConditionEntry, ReadStatement } from './statement.ts';

export interface Caller {
  readonly arn: string;
  readonly account: string;
  readonly type: 'User' | 'AssumedRole';
}

/** Condition keys of a request in lower case; null: known to be absent. A key that is not here is not known. */
export type RequestContext = Readonly<Record<string, string | null>>;

export interface Attempt {
  readonly action: string;
  readonly context: RequestContext;
  /** What the resource's ARN begins with, for example everything below models/. */
  readonly below: string;
}

export interface Policies {
  readonly identity: readonly ReadStatement[];
  /** The permission boundary; undefined where there is none. */
  readonly boundary: readonly ReadStatement[] | undefined;
  readonly bucket: readonly ReadStatement[];
}

export interface Allowance {
  /** The resource pattern that allows it, and a resource that it would be allowed on. */
  readonly pattern: string;
  readonly witness: string;
  readonly sid: string;
  /** Condition keys on which it depends, where they cannot be decided. */
  readonly under: readonly string[];
}

/** Every way in which the caller could do it, at most one for each pattern that allows; empty where it cannot. */
export function allowances(caller: Caller, attempt: Attempt, policies: Policies): Allowance[] {
  const context = { ...attempt.context, ...contextOf(caller) };
  const bucket = policies.bucket.filter((statement) => names(statement, caller));
  const all = [...policies.identity, ...(policies.boundary ?? []), ...bucket];
  const denials = all.filter(({ effect }) => effect === 'Deny');
  const at = { attempt, context, places: placesOf(all, attempt.below) };
  const denied = (place: string) =>
    denials.some(
      (statement) =>
        onAction(statement, attempt.action) &&
        covers(statement, place) === 'yes' &&
        holds(statement.conditions, context).answer === 'yes',
    );
  const within = (place: string) =>
    policies.boundary === undefined ||
    policies.boundary.some(
      (statement) =>
        statement.effect === 'Allow' &&
        onAction(statement, attempt.action) &&
        covers(statement, place) !== 'no' &&
        holds(statement.conditions, context).answer !== 'no',
    );
  const gives = bucket.filter((statement) => givesTo(statement, caller));
  return [
    ...policies.identity.flatMap((statement) =>
      grants(statement, at, (place) => within(place) && !denied(place)),
    ),
    ...gives.flatMap((statement) => grants(statement, at, (place) => !denied(place))),
  ];
}

function contextOf({ arn, account, type }: Caller): RequestContext {
  return {
    'aws:principalarn': arn,
    'aws:principalaccount': account,
    'aws:principaltype': type,
    'aws:securetransport': 'true',
    'aws:principalisawsservice': 'false',
  };
}

interface Search {
  readonly attempt: Attempt;
  readonly context: RequestContext;
  readonly places: readonly string[];
}

function grants(
  statement: ReadStatement,
  { attempt, context, places }: Search,
  open: (place: string) => boolean,
): Allowance[] {
  if (statement.effect !== 'Allow' || !onAction(statement, attempt.action)) return [];
  const held = holds(statement.conditions, context);
  if (held.answer === 'no') return [];
  const { sid } = statement;
  const way = (pattern: string, reaches: (place: string) => boolean): Allowance[] => {
    const witness = places.find((place) => reaches(place) && open(place));
    return witness === undefined ? [] : [{ pattern, witness, sid, under: held.open }];
  };
  if (statement.notResources !== undefined)
    return way('all but what it names', (place) => covers(statement, place) !== 'no');
  return (statement.resources ?? []).flatMap((pattern) =>
    way(pattern, (place) => matches(bare(pattern.replace(VARIABLES, '*')), place)),
  );
}

/**
 * Places that the statements tell apart: one that none of them names, and one for each pattern in any of them. A role
 * that is denied "all but models/a/" may write in models/a/, and nowhere else.
 */
function placesOf(statements: readonly ReadStatement[], below: string): string[] {
  const patterns = statements.flatMap(({ resources = [], notResources = [] }) => [
    ...resources,
    ...notResources,
  ]);
  const found = new Set([`${bare(below)}${FILLER}`]);
  for (const pattern of patterns.slice(0, PATTERNS_MAX)) {
    const place = witnessBelow(pattern, below);
    if (place !== undefined) found.add(place);
  }
  return [...found];
}

function onAction({ actions, notActions }: ReadStatement, action: string): boolean {
  const hits = (patterns: readonly string[]) =>
    patterns.some((pattern) => matches(pattern.toLowerCase(), action.toLowerCase()));
  return notActions === undefined ? hits(actions ?? []) : !hits(notActions);
}

type Answer = 'yes' | 'maybe' | 'no';

/** Variables of policies stand for what is known only when the request is made. */
const VARIABLE = '${';
const VARIABLES = /\$\{[^}]*\}/g;

function covers({ resources, notResources }: ReadStatement, arn: string): Answer {
  const patterns = notResources ?? resources ?? [];
  const sure = patterns.some((pattern) => !pattern.includes(VARIABLE) && matches(bare(pattern), bare(arn)));
  const open = patterns.some((pattern) => pattern.includes(VARIABLE));
  if (notResources === undefined) return sure ? 'yes' : open ? 'maybe' : 'no';
  return sure ? 'no' : open ? 'maybe' : 'yes';
}

/** A resource without its partition: China and GovCloud name theirs otherwise. */
function bare(arn: string): string {
  return arn.replace(/^arn:[^:]*:s3:::/, '');
}

/** Nobody can deny exactly this name, to be passed for one who is denied everything. */
const FILLER = randomBytes(12).toString('hex');

/** Patterns of one principal's statements that are looked at; IAM's limits on their length allow a few hundred. */
const PATTERNS_MAX = 10_000;

/**
 * A resource that the pattern matches and that begins with `below`, if there is one: the pattern is followed through
 * the text as a machine of its positions, and what is left of it is filled in.
 */
export function witnessBelow(given: string, below: string): string | undefined {
  const pattern = bare(given.replace(VARIABLES, '*'));
  const text = bare(below);
  let positions = skipping(new Set([0]), pattern);
  for (const char of text) {
    const next = new Set<number>();
    for (const at of positions) {
      if (pattern[at] === '*') next.add(at);
      else if (pattern[at] === '?' || pattern[at] === char) next.add(at + 1);
    }
    positions = skipping(next, pattern);
    if (positions.size === 0) return undefined;
  }
  // The position with the least left to fill in: the most that the pattern says by itself was read.
  const at = Math.max(...positions);
  const anywhere = text + FILLER;
  if (matches(pattern, anywhere)) return anywhere;
  return text + pattern.slice(at).replaceAll('*', FILLER).replaceAll('?', 'x');
}

/** A star may also stand for nothing. */
function skipping(positions: Set<number>, pattern: string): Set<number> {
  for (const at of positions) if (pattern[at] === '*') positions.add(at + 1);
  return positions;
}

/** Whether a statement of the bucket's policy speaks of this caller at all, as denials do. */
function names({ principals, notPrincipals }: ReadStatement, caller: Caller): boolean {
  if (notPrincipals !== undefined) return !notPrincipals.some((principal) => isCaller(principal, caller));
  return (principals ?? []).some((principal) => principal === '*' || isCaller(principal, caller));
}

/** Whether it gives by itself. Naming the account only lets the account's own policies decide. */
function givesTo({ principals, notPrincipals }: ReadStatement, caller: Caller): boolean {
  if (notPrincipals !== undefined) return !notPrincipals.includes(caller.arn);
  return (principals ?? []).some((principal) => principal === '*' || principal === caller.arn);
}

function isCaller(principal: string, { arn, account }: Caller): boolean {
  return principal === arn || principal === account || principal.endsWith(`:iam::${account}:root`);
}

interface Held {
  readonly answer: Answer;
  /** Keys that could not be decided. */
  readonly open: readonly string[];
}

function holds(conditions: readonly ConditionEntry[], context: RequestContext): Held {
  const answers = conditions.map((entry) => ({ key: entry.key, answer: holdsOne(entry, context) }));
  if (answers.some(({ answer }) => answer === 'no')) return { answer: 'no', open: [] };
  const open = answers.filter(({ answer }) => answer === 'maybe').map(({ key }) => key);
  return { answer: open.length > 0 ? 'maybe' : 'yes', open };
}

/** Operators by what they compare; all others (dates, numbers, addresses) are not decided. */
const EQUAL = /^(String|Arn)(Not)?(Equals|EqualsIgnoreCase|Like)$/;

function holdsOne({ operator, key, values }: ConditionEntry, context: RequestContext): Answer {
  if (!Object.hasOwn(context, key)) return 'maybe';
  const actual = context[key] ?? null;
  if (operator === 'Null') return values[0]?.toLowerCase() === String(actual === null) ? 'yes' : 'no';
  const ifExists = operator.endsWith('IfExists');
  const name = ifExists ? operator.slice(0, -'IfExists'.length) : operator;
  if (actual === null && ifExists) return 'yes';
  if (values.some((value) => value.includes(VARIABLE))) return 'maybe';
  if (name === 'Bool')
    return actual !== null && values.some((value) => value.toLowerCase() === actual) ? 'yes' : 'no';
  const [, kind, not, how] = EQUAL.exec(name) ?? [];
  if (how === undefined) return 'maybe';
  if (actual === null) return not ? 'yes' : 'no';
  const fold = how === 'EqualsIgnoreCase' ? (text: string) => text.toLowerCase() : (text: string) => text;
  const pattern = kind === 'Arn' || how === 'Like';
  const hit = values.some((value) => (pattern ? matches(value, actual) : fold(value) === fold(actual)));
  return hit === (not === undefined) ? 'yes' : 'no';
}

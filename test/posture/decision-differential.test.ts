/**
 * The decision that looks for a way in (src/posture/access/decision.ts) against the simulator that decides one request
 * on one object: what the first finds the second allows, and what the second allows anywhere the first has found.
 */
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { allowances } from '../../src/posture/access/decision.ts';
import { readPolicy } from '../../src/posture/access/statement.ts';
import type { Statement } from '../../src/posture/bucket/policy-document.ts';
import { decide } from './policy-simulator.ts';

const RUNS = 3_000;
const ROLE = 'arn:aws:iam::111122223333:role/app';
const CALLER = { arn: ROLE, account: '111122223333', type: 'AssumedRole' } as const;
const BELOW = 'arn:aws:s3:::acme/models/';
const CONTEXT = {
  's3:if-none-match': '*',
  's3:if-match': null,
  's3:objectcreationoperation': 'true',
} as const;

const resource = fc
  .array(fc.constantFrom('acme', '/', 'models', '*', '?', 'org', 'a', 'config.json'), {
    minLength: 1,
    maxLength: 6,
  })
  .map((parts) => `arn:aws:s3:::${parts.join('')}`);
const some = fc.oneof(
  resource,
  fc.constantFrom('*', 'arn:aws:s3:::acme/*', 'arn:aws:s3:::acme/models/*', 'arn:aws:s3:::acme/models/org/*'),
);
const condition = fc.constantFrom<Statement['Condition']>(
  undefined,
  { Null: { 's3:if-none-match': 'true' } },
  { Null: { 's3:if-none-match': 'false' } },
  { Null: { 's3:if-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } },
  { Bool: { 's3:ObjectCreationOperation': 'false' } },
  { StringEquals: { 's3:if-none-match': ['x', '*'] } },
  { StringLikeIfExists: { 's3:if-match': 'y*' } },
  { ArnNotEquals: { 'aws:PrincipalArn': ROLE } },
  { ArnNotEquals: { 'aws:PrincipalArn': 'arn:aws:iam::111122223333:role/gate' } },
);
const statement = fc
  .record({
    Sid: fc.constant('x'),
    Effect: fc.constantFrom('Allow' as const, 'Allow' as const, 'Deny' as const),
    Action: fc.constantFrom('s3:PutObject', 's3:*', 's3:Put*', '*', 's3:GetObject', [
      's3:GetObject',
      's3:PutObject',
    ]),
    where: fc.record({ not: fc.boolean(), list: fc.array(some, { minLength: 1, maxLength: 2 }) }),
    Condition: condition,
  })
  .map(({ where, Condition, ...rest }): Statement => {
    const { not, list } = where;
    const at = not && rest.Effect === 'Deny' ? { NotResource: list } : { Resource: list };
    return { ...rest, ...at, ...(Condition && { Condition }) };
  });
const statements = fc.array(statement, { maxLength: 4 });
const rest = fc.array(fc.constantFrom('org', '/', 'a', 'x', 'config.json', 'models', 'acme'), {
  maxLength: 5,
});

const found = (identity: readonly Statement[], bucket: readonly Statement[]) =>
  allowances(
    CALLER,
    { action: 's3:PutObject', below: BELOW, context: CONTEXT },
    {
      identity: readPolicy(JSON.stringify({ Statement: identity })).statements,
      boundary: undefined,
      // What the bucket's policy only denies, as ours does.
      bucket: readPolicy(JSON.stringify({ Statement: bucket.map((one) => ({ ...one, Principal: '*' })) }))
        .statements,
    },
  );
const allowed = (where: string, all: readonly Statement[]) =>
  decide(
    {
      principal: ROLE,
      action: 's3:PutObject',
      resource: where,
      context: { 's3:if-none-match': '*', 's3:objectcreationoperation': 'true' },
    },
    [{ Version: '2012-10-17', Statement: all }],
  ) === 'allowed';
const denials = statements.map((list) => list.map((one) => ({ ...one, Effect: 'Deny' as const })));

describe('the decision of who could write', () => {
  it('finds only what the simulator allows', () => {
    fc.assert(
      fc.property(statements, denials, (identity, bucket) =>
        found(identity, bucket).every(({ witness }) =>
          allowed(`arn:aws:s3:::${witness}`, [...identity, ...bucket]),
        ),
      ),
      { numRuns: RUNS },
    );
  });

  it('finds a way wherever the simulator allows one', () => {
    fc.assert(
      fc.property(statements, denials, rest, (identity, bucket, parts) => {
        const there = allowed(BELOW + parts.join(''), [...identity, ...bucket]);
        return !there || found(identity, bucket).length > 0;
      }),
      { numRuns: RUNS },
    );
  });
});

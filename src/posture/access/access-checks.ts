/** Who could write, delete and read below models/, and who may take the vault's roles. */
import { GetBucketPolicyCommand } from '@aws-sdk/client-s3';
import { isCommit } from '../../base/name.ts';
import { MODELS_PREFIX } from '../../vault/layout.ts';
import { bucketArn, ROLE_NAMES, roleArn, rootOf } from '../bucket/place.ts';
import { matches } from '../bucket/policy-reading.ts';
import { ACCESS_CHECKS } from '../checks/catalog.ts';
import {
  type Answers,
  allOf,
  inapplicable,
  judged,
  type Subject,
  undecided,
  unknown,
} from '../checks/check.ts';
import { missingPermission } from '../checks/permission.ts';
import { asked } from '../store/answer.ts';
import type { Surroundings } from '../surroundings.ts';
import { type Account, type AccountPrincipal, readAccount } from './account.ts';
import { type Allowance, type Attempt, allowances, type RequestContext } from './decision.ts';
import { isForeign } from './foreign.ts';
import { type ReadStatement, readPolicy } from './statement.ts';
import { bindsSubject } from './subject.ts';

export async function accessAnswers(around: Surroundings): Promise<Answers> {
  if (around.neighbours === undefined)
    return allOf(ACCESS_CHECKS, inapplicable('this store has no IAM that is known here'));
  const account = await readAccount(around.neighbours.iam, around.place.account);
  if (account.kind !== 'answer')
    return allOf(ACCESS_CHECKS, unknown(missingPermission(['iam:GetAccountAuthorizationDetails'], account)));
  const found = await asked(around.s3.send(new GetBucketPolicyCommand({ Bucket: around.place.bucket })));
  if (found.kind !== 'answer' && found.kind !== 'absent')
    return allOf(ACCESS_CHECKS, unknown(missingPermission(['s3:GetBucketPolicy'], found)));
  const policy = readPolicy(found.kind === 'answer' ? (found.answer.Policy ?? '{}') : '{}');
  if (!policy.whole)
    return allOf(ACCESS_CHECKS, unknown('the policy of the bucket has statements that are not understood'));
  return judge(account.answer, policy.statements, around);
}

/** A question about each principal that it concerns: what is wrong, in words. */
interface Test {
  readonly clean: string;
  readonly concerns: (principal: AccountPrincipal) => boolean;
  readonly wrong: (principal: AccountPrincipal) => string | undefined;
}

function judge(everybody: Account, bucket: readonly ReadStatement[], around: Surroundings): Answers {
  const role = (name: (typeof ROLE_NAMES)[number]) => roleArn(around.place, name);
  const vaultRoles = ROLE_NAMES.map(role);
  const below = `${bucketArn(around.place)}/${rootOf(around.place)}${MODELS_PREFIX}`;
  const looked = `${everybody.count} roles and users`;
  const tests: Readonly<Record<(typeof ACCESS_CHECKS)[number], Test>> = {
    writers: {
      clean: `${looked}: none can`,
      concerns: ({ arn }) => arn !== role('gate'),
      wrong: (principal) => wayOf(principal, bucket, writes(below)),
    },
    deleters: {
      clean: `${looked}: none can`,
      concerns: ({ arn }) => arn !== role('remover'),
      wrong: (principal) => wayOf(principal, bucket, deletes(below)),
    },
    readers: {
      clean: `${looked}: no runtime’s role reads more than one`,
      concerns: ({ arn, trust }) => isRuntime(trust) && !vaultRoles.includes(arn),
      wrong: (principal) => readsBeyond(principal, bucket, below),
    },
    'role-trust': {
      clean: 'only principals of this account, and services',
      concerns: ({ arn }) => vaultRoles.includes(arn),
      wrong: ({ trust }) => openTrust(trust, around),
    },
  };
  const sheets = ACCESS_CHECKS.map((id) => ({
    id,
    test: tests[id],
    guilty: [] as Subject[],
    unread: [] as Subject[],
  }));
  for (const principal of everybody.principals()) {
    if (around.accepted.some((pattern) => matches(pattern, principal.arn))) continue;
    for (const { test, guilty, unread } of sheets) {
      if (!test.concerns(principal)) continue;
      const said = test.wrong(principal);
      if (said !== undefined) guilty.push({ resource: principal.arn, said });
      else if (!principal.whole) unread.push({ resource: principal.arn, said: NOT_WHOLE });
    }
  }
  // Who has a policy that was not understood is undecided, unless what was understood of others is enough to fail.
  return Object.fromEntries(
    sheets.map(({ id, test, guilty, unread }) => [
      id,
      guilty.length === 0 && unread.length > 0 ? undecided(unread) : judged(guilty, test.clean),
    ]),
  );
}

const NOT_WHOLE = 'a policy of it could not be read, or was not understood';

/** The caller chooses its headers: a condition on them keeps nobody out. */
const CREATES: RequestContext = {
  's3:objectcreationoperation': 'true',
  's3:if-none-match': '*',
  's3:if-match': null,
};
const REPLACES: RequestContext = {
  's3:objectcreationoperation': 'true',
  's3:if-none-match': null,
  's3:if-match': '"etag"',
};
const PLAIN: RequestContext = {
  's3:objectcreationoperation': 'true',
  's3:if-none-match': null,
  's3:if-match': null,
};

function writes(below: string): Attempt[] {
  return [
    ...[CREATES, REPLACES, PLAIN].map((context) => ({ action: 's3:PutObject', context, below })),
    // Whoever may be S3's hand in replication writes without any of the headers.
    ...['s3:ReplicateObject', 's3:ReplicateDelete'].map((action) => ({ action, context: {}, below })),
  ];
}

function deletes(below: string): Attempt[] {
  return ['s3:DeleteObject', 's3:DeleteObjectVersion'].map((action) => ({ action, context: {}, below }));
}

function policiesOf({ statements, boundary }: AccountPrincipal, bucket: readonly ReadStatement[]) {
  return { identity: statements, boundary, bucket };
}

function wayOf(
  principal: AccountPrincipal,
  bucket: readonly ReadStatement[],
  attempts: readonly Attempt[],
): string | undefined {
  for (const attempt of attempts) {
    const [way] = allowances(principal, attempt, policiesOf(principal, bucket));
    if (way !== undefined) return inWords(attempt.action, way);
  }
  return undefined;
}

function inWords(action: string, { pattern, sid, under }: Allowance): string {
  const by = sid === '' ? '' : ` by ${sid}`;
  const condition = under.length === 0 ? '' : `, under a condition on ${under.join(', ')}`;
  return `${action} on ${pattern}${by}${condition}`;
}

/** Services and identity providers whose workloads read models. */
const RUNTIMES = /^(sagemaker|bedrock|ec2|ecs-tasks|pods\.eks|eks|lambda|batch|build\.apprunner)\./;

function isRuntime(trust: readonly ReadStatement[]): boolean {
  return trust.some(
    ({ effect, services, federated }) =>
      effect === 'Allow' &&
      (services.some((service) => RUNTIMES.test(service)) ||
        federated.some((by) => by.includes('oidc-provider/'))),
  );
}

function readsBeyond(
  principal: AccountPrincipal,
  bucket: readonly ReadStatement[],
  below: string,
): string | undefined {
  const revisions = new Set<string>();
  for (const action of ['s3:GetObject', 's3:GetObjectVersion']) {
    const attempt: Attempt = { action, context: { 's3:existingobjecttag/weighlock-revoked': null }, below };
    for (const way of allowances(principal, attempt, policiesOf(principal, bucket))) {
      const revision = revisionIn(way.pattern, below);
      if (revision === undefined) return inWords(action, way);
      revisions.add(revision);
    }
  }
  return revisions.size > 1
    ? `it reads ${revisions.size} revisions: ${[...revisions].join(', ')}`
    : undefined;
}

/** The one revision that a pattern cannot leave: all of its folder is written out, before any star. */
function revisionIn(pattern: string, below: string): string | undefined {
  const fixed = pattern.slice(0, pattern.search(/[*?]|\$\{|$/));
  if (!fixed.startsWith(below)) return undefined;
  const [namespace, name, commit = '', rest] = fixed.slice(below.length).split('/');
  return isCommit(commit) && rest !== undefined ? `${namespace}/${name}@${commit.slice(0, 12)}` : undefined;
}

function openTrust(trust: readonly ReadStatement[], around: Surroundings): string | undefined {
  for (const statement of trust) {
    if (statement.effect !== 'Allow') continue;
    const foreign = isForeign(statement, around);
    if (foreign !== undefined) return `${foreign} may take it`;
    const anybody = statement.federated.find((provider) => !bindsSubject(statement, provider));
    if (anybody !== undefined) return `any identity of ${anybody} may take it`;
  }
  return undefined;
}

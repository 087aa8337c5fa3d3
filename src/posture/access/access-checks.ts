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
  type PostureAnswer,
  type Subject,
  undecided,
  unknown,
} from '../checks/check.ts';
import { missingPermission } from '../checks/permission.ts';
import { asked } from '../store/answer.ts';
import type { Surroundings } from '../surroundings.ts';
import { type AccountPrincipal, readAccount } from './account.ts';
import { type Allowance, type Attempt, allowances, type RequestContext } from './decision.ts';
import { isForeign } from './foreign.ts';
import { type ReadStatement, readPolicy } from './statement.ts';

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

function judge(
  everybody: readonly AccountPrincipal[],
  bucket: readonly ReadStatement[],
  around: Surroundings,
): Answers {
  const role = (name: (typeof ROLE_NAMES)[number]) => roleArn(around.place, name);
  const accepted = ({ arn }: AccountPrincipal) => around.accepted.some((pattern) => matches(pattern, arn));
  const strangers = everybody.filter((principal) => !accepted(principal));
  const looked = `${everybody.length} roles and users`;
  const could = (attempts: readonly Attempt[], exempt: readonly string[]) =>
    answer(
      strangers.filter(({ arn }) => !exempt.includes(arn)),
      (principal) => wayOf(principal, bucket, attempts),
      `${looked}: none can`,
    );
  const below = `${bucketArn(around.place)}/${rootOf(around.place)}${MODELS_PREFIX}`;
  const vaultRoles = ROLE_NAMES.map(role);
  return {
    writers: could(writes(below), [role('gate')]),
    deleters: could(deletes(below), [role('remover')]),
    readers: answer(
      strangers.filter(({ arn, trust }) => isRuntime(trust) && !vaultRoles.includes(arn)),
      (principal) => readsBeyond(principal, bucket, below),
      `${looked}: no runtime’s role reads more than one`,
    ),
    'role-trust': answer(
      strangers.filter(({ arn }) => vaultRoles.includes(arn)),
      ({ trust }) => openTrust(trust, around),
      'only principals of this account, and services',
    ),
  };
}

/** Whoever has a policy that was not understood is undecided, unless what was understood is enough to fail. */
function answer(
  principals: readonly AccountPrincipal[],
  test: (principal: AccountPrincipal) => string | undefined,
  clean: string,
): PostureAnswer {
  const guilty: Subject[] = [];
  const unread: Subject[] = [];
  for (const principal of principals) {
    const said = test(principal);
    if (said !== undefined) guilty.push({ resource: principal.arn, said });
    else if (!principal.whole)
      unread.push({
        resource: principal.arn,
        said: 'a policy of it could not be read, or was not understood',
      });
  }
  return guilty.length === 0 && unread.length > 0 ? undecided(unread) : judged(guilty, clean);
}

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

/** Providers of identities serve many customers: which of their identities is meant, only a condition says. */
function bindsSubject({ conditions }: ReadStatement, provider: string): boolean {
  const keys = provider.includes(':saml-provider/')
    ? ['saml:sub', 'saml:namequalifier', 'saml:iss', 'saml:aud']
    : [];
  return conditions.some(
    ({ operator, key, values }) =>
      /^(ForAnyValue:)?String(Equals|EqualsIgnoreCase|Like)$/.test(operator) &&
      (key.endsWith(':sub') || keys.includes(key)) &&
      values.length > 0 &&
      !values.some((value) => /^[*?:]*$/.test(value)),
  );
}

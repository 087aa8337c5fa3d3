/** What a fix does to the policy of the bucket: takes out what gives to strangers, and leaves writes to the gate. */
import {
  DeleteBucketPolicyCommand,
  GetBucketPolicyCommand,
  PutBucketPolicyCommand,
} from '@aws-sdk/client-s3';
import { isForeign, isWorld } from '../access/foreign.ts';
import { readPolicy } from '../access/statement.ts';
import { bucketPolicy, SID } from '../bucket/bucket-policy.ts';
import { LOG, MODELS, mark, objectArns, REGISTRY, roleArn } from '../bucket/place.ts';
import { EVERYBODY, policyDocument, type Statement, sameDocument } from '../bucket/policy-document.ts';
import { type Step, StepRefused } from '../bucket/steps.ts';
import type { CheckId } from '../checks/check.ts';
import { asked } from '../store/answer.ts';
import type { Surroundings } from '../surroundings.ts';

/** Checks that the planned statements of the bucket's policy answer. */
const PLANNED: readonly CheckId[] = [
  'policy-tls',
  'policy-writes',
  'policy-deletes',
  'policy-revoked',
  'policy-tags',
  'deleters',
];
const FOREIGN: readonly CheckId[] = ['not-public', 'policy-foreign'];

/** What the policy is to be, of what it is now. */
export function healed(
  now: readonly Statement[],
  failed: ReadonlySet<CheckId>,
  around: Surroundings,
): Statement[] {
  const planned = [
    ...(PLANNED.some((id) => failed.has(id)) ? bucketPolicy(around.place).Statement : []),
    ...(failed.has('writers') ? [writesByGateOnly(around)] : []),
  ];
  const replaced = new Set(planned.map(({ Sid: sid }) => sid));
  const strangers = FOREIGN.some((id) => failed.has(id));
  return [
    ...now.filter(
      (statement) => !replaced.has(statement.Sid) && !(strangers && givesToStrangers(statement, around)),
    ),
    ...planned,
  ];
}

/** Both checks at once: who gives to the world has no use for a narrower gift to another account. */
function givesToStrangers(statement: Statement, around: Surroundings): boolean {
  const [read] = readPolicy(JSON.stringify(policyDocument([statement]))).statements;
  if (read === undefined || read.effect !== 'Allow') return false;
  return isWorld(read) || isForeign(read, around) !== undefined;
}

/** Parts of pending uploads are the worker's, and are no object until the gate completes them. */
function writesByGateOnly({ place, accepted }: Surroundings): Statement {
  return {
    Sid: `${SID}WritesByGateOnly${mark(place)}`,
    Effect: 'Deny',
    Principal: EVERYBODY,
    Action: ['s3:PutObject', 's3:ReplicateObject', 's3:ReplicateDelete'],
    Resource: objectArns(place, [MODELS, REGISTRY, LOG]),
    Condition: {
      ArnNotLike: {
        'aws:PrincipalArn': [
          roleArn(place, 'gate'),
          roleArn(place, 'worker'),
          ...accepted.filter((arn) => /^arn:[^:]*:iam::/.test(arn)),
        ],
      },
    },
  };
}

export async function currentPolicy({ s3, place }: Pick<Surroundings, 's3' | 'place'>): Promise<Statement[]> {
  const answer = await asked(s3.send(new GetBucketPolicyCommand({ Bucket: place.bucket })));
  if (answer.kind === 'absent') return [];
  if (answer.kind !== 'answer') throw new StepRefused(answer.said);
  const { Statement: found = [] } = JSON.parse(answer.answer.Policy || '{}') as { Statement?: Statement };
  return [found].flat();
}

export function policyStep(failed: ReadonlySet<CheckId>, around: Surroundings): Step | undefined {
  if (![...PLANNED, ...FOREIGN, 'writers' as const].some((id) => failed.has(id))) return undefined;
  const { s3, place } = around;
  const Bucket = place.bucket;
  return {
    id: 'policy',
    what: policyInWords(failed),
    look: async () => {
      const now = await currentPolicy(around);
      return sameDocument(healed(now, failed, around), now) ? 'as planned' : 'otherwise';
    },
    apply: async () => {
      const statements = healed(await currentPolicy(around), failed, around);
      return statements.length === 0
        ? s3.send(new DeleteBucketPolicyCommand({ Bucket }))
        : s3.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify(policyDocument(statements)) }));
    },
  };
}

function policyInWords(failed: ReadonlySet<CheckId>): string {
  const parts = [
    FOREIGN.some((id) => failed.has(id)) && 'what it gives to strangers is taken out',
    PLANNED.some((id) => failed.has(id)) && 'the statements of weighlock vault init',
    failed.has('writers') &&
      'writes below models/, registry/ and log/ by the roles of gate and worker only: admissions run as the gate’s role from then on',
  ];
  return `the bucket’s policy: ${parts.filter(Boolean).join('; ')}`;
}

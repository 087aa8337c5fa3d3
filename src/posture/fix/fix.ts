/**
 * A fix: the steps that make failed checks pass, each of which first looks. What is not a setting of the bucket, its key
 * or its policy (an endpoint, a runtime's role, a key's policy) is left to its owner, with the remedy in words.
 */
import {
  CancelKeyDeletionCommand,
  DescribeKeyCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
} from '@aws-sdk/client-kms';
import {
  DeleteBucketLifecycleCommand,
  GetBucketAclCommand,
  GetBucketLifecycleConfigurationCommand,
  type LifecycleRule,
  PutBucketAclCommand,
  PutBucketLifecycleConfigurationCommand,
} from '@aws-sdk/client-s3';
import { type BucketPlan, planBucket } from '../bucket/bucket-plan.ts';
import { offends } from '../bucket/bucket-settings.ts';
import {
  type BucketSteps,
  encryption,
  events,
  lifecycle,
  ownership,
  publicAccess,
  versioning,
} from '../bucket/bucket-steps.ts';
import { ensureKey } from '../bucket/key-steps.ts';
import { accessLogs } from '../bucket/make-bucket.ts';
import { carryOut, type Step, StepRefused, type StepReport } from '../bucket/steps.ts';
import type { CheckId } from '../checks/check.ts';
import { encryptionKey } from '../checks/key-checks.ts';
import type { PostureRow } from '../posture.ts';
import { asked } from '../store/answer.ts';
import type { Surroundings } from '../surroundings.ts';
import { policyStep } from './policy-fix.ts';

/** Failed checks that a person must see to. */
export const BY_HAND: ReadonlySet<CheckId> = new Set([
  'key-policy',
  'readers',
  'role-trust',
  'endpoint-record',
  'endpoint-hub',
  'endpoint-remote-code',
  'endpoint-isolation',
  'endpoint-vpc',
  'endpoint-count',
  'endpoint-image',
  'vpc-s3-endpoint',
  'directory-owner',
  'directory-path',
]);

export function failedChecks(rows: readonly PostureRow[]): Set<CheckId> {
  return new Set(rows.filter(({ status }) => status === 'failed').map(({ id }) => id));
}

/** The plan of `vault init` for this very place, with the key that it has now. */
export async function planOf(around: Surroundings): Promise<BucketPlan> {
  const key = await encryptionKey(around);
  const arn = key.kind === 'key' ? key.arn : undefined;
  return planBucket({
    ...around.place,
    holdDays: around.holdDays,
    signingKeyArns: around.signingKeyArns,
    principals: { gateway: [], worker: [], gate: [], remover: [] },
    ...(arn !== undefined && { encryptionKeyArn: arn }),
  });
}

/** Carries out what makes the failed checks pass, or says what it would do. A refusal of a service is an outcome. */
export async function fixBucket(
  around: Surroundings,
  failed: ReadonlySet<CheckId>,
  mode: 'apply' | 'dry run',
): Promise<StepReport[]> {
  const plan = await planOf(around);
  const store = around.neighbours === undefined ? 'compatible' : 'aws';
  const { bucket, region } = around.place;
  const at: BucketSteps = { s3: around.s3, bucket, region, store };
  const has = (...ids: CheckId[]) => ids.some((id) => failed.has(id));
  const reports: StepReport[] = [];
  const run = async (step: Step | false | undefined) => {
    if (step) reports.push(await carryOut(step, mode));
  };
  await run(has('acl') && privateAcl(at));
  await run(has('acl', 'ownership') && ownership(at));
  await run(policyStep(failed, around));
  await run(has('public-access') && publicAccess(at));
  await run(has('versioning') && versioning(at));
  if (has('key-state')) for (const step of await keyRepairs(around)) await run(step);
  await run(has('key-rotation') && rotation(around, plan));
  if (has('encryption')) reports.push(...(await encrypted(at, { around, plan, mode })));
  await run(
    has('lifecycle-admitted', 'lifecycle-uploads', 'lifecycle-staging') && withoutOffenders(at, around),
  );
  await run(has('lifecycle-uploads', 'lifecycle-staging') && lifecycle(at, plan.lifecycle));
  await run(has('events') && events(at));
  if (has('access-logs')) reports.push(...(await accessLogs(at, plan, mode)));
  return reports;
}

/** An ACL for others must go before ACLs can be switched off. */
function privateAcl({ s3, bucket }: BucketSteps): Step {
  return {
    id: 'acl',
    what: 'the bucket’s ACL gives to its owner only',
    look: async () => {
      const { Grants: grants = [] } = await s3.send(new GetBucketAclCommand({ Bucket: bucket }));
      return grants.some(({ Grantee: grantee }) => grantee?.URI !== undefined) ? 'otherwise' : 'as planned';
    },
    apply: () => s3.send(new PutBucketAclCommand({ Bucket: bucket, ACL: 'private' })),
  };
}

async function encrypted(
  at: BucketSteps,
  { around, plan, mode }: { around: Surroundings; plan: BucketPlan; mode: 'apply' | 'dry run' },
): Promise<StepReport[]> {
  const key = await ensureKey(around.neighbours?.kms, plan.key, mode);
  const arn = key.arn ?? (mode === 'dry run' ? plan.key.arn : undefined);
  return arn === undefined ? [key.report] : [key.report, await carryOut(encryption(at, arn), mode)];
}

/** Rules of the owner's own that expire what must stay. Ours are replaced by the next step. */
function withoutOffenders({ s3, bucket }: BucketSteps, around: Surroundings): Step {
  const held = { ...around.place, holdDays: around.holdDays };
  const read = async (): Promise<readonly LifecycleRule[]> => {
    const answer = await asked(s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket: bucket })));
    if (answer.kind === 'absent') return [];
    if (answer.kind !== 'answer') throw new StepRefused(answer.said);
    return answer.answer.Rules ?? [];
  };
  const wrong = (rule: LifecycleRule) => rule.Status === 'Enabled' && offends(rule, held);
  return {
    id: 'lifecycle-rules',
    what: 'lifecycle rules that expire what was admitted, or what a hold still needs, are taken away',
    look: async () => ((await read()).some(wrong) ? 'otherwise' : 'as planned'),
    apply: async () => {
      const Rules = (await read()).filter((rule) => !wrong(rule));
      return Rules.length === 0
        ? s3.send(new DeleteBucketLifecycleCommand({ Bucket: bucket }))
        : s3.send(
            new PutBucketLifecycleConfigurationCommand({ Bucket: bucket, LifecycleConfiguration: { Rules } }),
          );
    },
  };
}

async function keyRepairs({ neighbours, signingKeyArns, ...around }: Surroundings): Promise<Step[]> {
  if (neighbours === undefined) return [];
  const { kms } = neighbours;
  const key = await encryptionKey(around);
  const arns = [...(key.kind === 'key' && key.arn ? [key.arn] : []), ...signingKeyArns];
  return arns.map((KeyId) => {
    const state = async () => (await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.KeyState;
    return {
      id: 'key-state',
      what: `${KeyId} is enabled, and not deleted`,
      look: async () => ((await state()) === 'Enabled' ? 'as planned' : 'otherwise'),
      apply: async () => {
        // A key whose deletion was cancelled is disabled.
        if ((await state()) === 'PendingDeletion') await kms.send(new CancelKeyDeletionCommand({ KeyId }));
        return kms.send(new EnableKeyCommand({ KeyId }));
      },
    };
  });
}

function rotation({ neighbours }: Surroundings, { key }: BucketPlan): Step | undefined {
  if (neighbours === undefined) return undefined;
  const { kms } = neighbours;
  return {
    id: 'key-rotation',
    what: `${key.arn} is rotated each year`,
    look: () => Promise.resolve('otherwise'),
    apply: () => kms.send(new EnableKeyRotationCommand({ KeyId: key.arn })),
  };
}

/**
 * Makes a vault's bucket as planned, or completes one that stands: key, bucket, settings, policy, access logs, roles.
 * Each step first looks, so that it can be run again at any time. What a store does not know is reported, and stops
 * nothing but where the bucket itself cannot be had.
 */
import type { IAMClient } from '@aws-sdk/client-iam';
import type { KMSClient } from '@aws-sdk/client-kms';
import type { S3Client } from '@aws-sdk/client-s3';
import { type BucketPlan, type PlanRequest, planBucket } from './bucket-plan.ts';
import {
  type BucketSteps,
  encryption,
  events,
  existence,
  lifecycle,
  logging,
  ownership,
  policy,
  publicAccess,
  versioning,
} from './bucket-steps.ts';
import { ensureKey } from './key-steps.ts';
import { roleStep } from './role-steps.ts';
import { carryOut, type Step, type StepReport } from './steps.ts';

export interface MakeRequest {
  readonly plan: PlanRequest;
  readonly store: 'aws' | 'compatible';
  readonly s3: S3Client;
  /** Absent on stores that have none. */
  readonly kms?: KMSClient;
  readonly iam?: IAMClient;
  readonly mode: 'apply' | 'dry run';
}

export async function makeBucket(request: MakeRequest): Promise<StepReport[]> {
  const { s3, kms, iam, store, mode } = request;
  const first = planBucket(request.plan);
  const { bucket, region, account } = first.place;
  const steps: BucketSteps = { s3, bucket, region, store, ...(store === 'aws' && { owner: account }) };
  const reports: StepReport[] = [];
  const run = async (step: Step) => {
    const report = await carryOut(step, mode);
    reports.push(report);
    return report;
  };
  if ((await run(existence(steps))).outcome.kind === 'cannot') return reports;
  const key = await ensureKey(kms, first.key, mode);
  reports.push(key.report);
  // With the key's ARN known, the policies of the roles can name it.
  const plan = planBucket({ ...request.plan, ...(key.arn !== undefined && { newKeyArn: key.arn }) });
  for (const step of settings(steps, plan, key.arn)) await run(step);
  reports.push(...(await accessLogs(steps, plan, mode)));
  if (iam) for (const role of plan.roles) await run(roleStep(iam, role));
  else reports.push(...plan.roles.map(withoutIam));
  return reports;
}

function settings(steps: BucketSteps, plan: BucketPlan, keyArn: string | undefined): Step[] {
  // Where a key is still to be made (a dry run), its ARN is a placeholder that nothing equals.
  const key = keyArn ?? (plan.key.kind === 'new' && steps.store === 'aws' ? plan.key.arn : undefined);
  return [
    publicAccess(steps),
    ownership(steps),
    versioning(steps),
    ...(key === undefined ? [] : [encryption(steps, key)]),
    ...lifecycleSteps(steps, plan.lifecycle),
    policy(steps, plan.policy),
    ...(steps.store === 'aws' ? [events(steps)] : []),
  ];
}

/**
 * One step on AWS, where a list that was just written may not be read back at once, and reading it for the next rule
 * could lose one. A step a rule elsewhere: stores refuse whole lists for one rule that they do not know.
 */
function lifecycleSteps(steps: BucketSteps, rules: BucketPlan['lifecycle']): Step[] {
  if (steps.store === 'aws') return [lifecycle(steps, rules)];
  return rules.map((rule) => ({
    ...lifecycle(steps, [rule]),
    id: rule.ID.replace(/^weighlock/, 'lifecycle'),
  }));
}

/** The bucket for access logs, where one is to be made, and then the logging. */
export async function accessLogs(
  steps: BucketSteps,
  { logging: planned }: BucketPlan,
  mode: 'apply' | 'dry run',
): Promise<StepReport[]> {
  if (planned.kind === 'given') return [await carryOut(logging(steps, planned), mode)];
  if (steps.store === 'compatible') {
    // Few stores have access logs, and those that have none say so only when a bucket for them was made in vain.
    const { id, what } = logging(steps, planned);
    const reason = 'a bucket for them is made on AWS only; name one with --log-bucket';
    return [{ id, what, outcome: { kind: 'cannot', reason }, essential: false }];
  }
  const logs: BucketSteps = { ...steps, bucket: planned.bucket };
  const reports: StepReport[] = [];
  const renamed = (step: Step): Step => ({
    ...step,
    id: `logs-${step.id}`,
    what: `${planned.bucket}: ${step.what}`,
    essential: false,
  });
  const all = [
    existence(logs),
    publicAccess(logs),
    ownership(logs),
    versioning(logs),
    encryption(logs, undefined),
    lifecycle(logs, planned.lifecycle),
    policy(logs, planned.policy),
  ];
  for (const step of all) {
    const report = await carryOut(renamed(step), mode);
    reports.push(report);
    if (step.id === 'bucket' && report.outcome.kind === 'cannot') return reports;
  }
  reports.push(await carryOut(logging(steps, planned), mode));
  return reports;
}

function withoutIam({ role, name }: BucketPlan['roles'][number]): StepReport {
  return {
    id: `role-${role}`,
    what: `role ${name}`,
    outcome: { kind: 'cannot', reason: 'this store has no IAM that is known here' },
    essential: false,
  };
}

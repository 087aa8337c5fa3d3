/** The steps that make one bucket as planned: the vault's own, and the one that takes its access logs. */
import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  DeleteBucketPolicyCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLoggingCommand,
  GetBucketNotificationConfigurationCommand,
  GetBucketOwnershipControlsCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketLoggingCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketOwnershipControlsCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutPublicAccessBlockCommand,
  type S3Client,
  type LifecycleRule as S3LifecycleRule,
  type ServerSideEncryptionRule,
} from '@aws-sdk/client-s3';
import { STAGING_PREFIX } from '../../vault/layout.ts';
import { asked } from '../store/answer.ts';
import type { LifecycleRule } from './bucket-plan.ts';
import {
  EVERYBODY,
  type PolicyDocument,
  policyDocument,
  type Statement,
  sameDocument,
} from './policy-document.ts';
import { type Step, StepRefused } from './steps.ts';

export interface BucketSteps {
  readonly s3: S3Client;
  readonly bucket: string;
  readonly region: string;
  readonly store: 'aws' | 'compatible';
  /** The account that must own the bucket: one of a stranger, who could read along, is refused. */
  readonly owner?: string;
}

export function existence({ s3, bucket, region, owner }: BucketSteps): Step {
  const elsewhere = region !== 'us-east-1';
  return {
    id: 'bucket',
    what: `bucket ${bucket}`,
    essential: true,
    look: async () => {
      const owned = { Bucket: bucket, ...(owner !== undefined && { ExpectedBucketOwner: owner }) };
      const found = await asked(s3.send(new HeadBucketCommand(owned)));
      if (found.kind === 'answer') return 'as planned';
      if (found.kind === 'absent') return 'absent';
      const why =
        found.kind === 'denied'
          ? `it belongs to somebody else${owner === undefined ? '' : ` than account ${owner}`}, or s3:ListBucket is missing`
          : `it cannot be had in ${region}: another region's buckets are named with --region`;
      throw new StepRefused(`${why} (${found.said})`);
    },
    apply: () =>
      s3.send(
        new CreateBucketCommand({
          Bucket: bucket,
          // The one region that may not be named.
          ...(elsewhere && {
            CreateBucketConfiguration: { LocationConstraint: region as BucketLocationConstraint },
          }),
        }),
      ),
  };
}

const BLOCK_ALL = {
  BlockPublicAcls: true,
  BlockPublicPolicy: true,
  IgnorePublicAcls: true,
  RestrictPublicBuckets: true,
};

export function publicAccess({ s3, bucket }: BucketSteps): Step {
  return {
    id: 'public-access',
    what: 'public access blocked',
    look: async () => {
      const { PublicAccessBlockConfiguration: block } = await s3.send(
        new GetPublicAccessBlockCommand({ Bucket: bucket }),
      );
      return sameDocument(block, BLOCK_ALL) ? 'as planned' : 'otherwise';
    },
    apply: () =>
      s3.send(new PutPublicAccessBlockCommand({ Bucket: bucket, PublicAccessBlockConfiguration: BLOCK_ALL })),
  };
}

export function ownership({ s3, bucket }: BucketSteps): Step {
  const planned = { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' as const }] };
  return {
    id: 'ownership',
    what: 'the owner owns every object, no ACLs',
    look: async () => {
      const { OwnershipControls: controls } = await s3.send(
        new GetBucketOwnershipControlsCommand({ Bucket: bucket }),
      );
      return sameDocument(controls, planned) ? 'as planned' : 'otherwise';
    },
    apply: () =>
      s3.send(new PutBucketOwnershipControlsCommand({ Bucket: bucket, OwnershipControls: planned })),
  };
}

export function versioning({ s3, bucket }: BucketSteps): Step {
  return {
    id: 'versioning',
    what: 'versions are kept',
    essential: true,
    look: async () => {
      const { Status: status } = await s3.send(new GetBucketVersioningCommand({ Bucket: bucket }));
      return status === 'Enabled' ? 'as planned' : status === undefined ? 'absent' : 'otherwise';
    },
    apply: () =>
      s3.send(
        new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }),
      ),
  };
}

/** `by` is a key's ARN; without, S3's own keys. */
export function encryption({ s3, bucket }: BucketSteps, by: string | undefined): Step {
  const planned: ServerSideEncryptionRule =
    by === undefined
      ? { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }
      : {
          ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: by },
          BucketKeyEnabled: true,
        };
  const algorithm = by === undefined ? 'AES256' : 'aws:kms';
  return {
    id: 'encryption',
    what: by === undefined ? 'encrypted by S3' : `encrypted with ${by}, by bucket key`,
    look: async () => {
      const { ServerSideEncryptionConfiguration: found } = await s3.send(
        new GetBucketEncryptionCommand({ Bucket: bucket }),
      );
      const rule = found?.Rules?.[0];
      const now = rule?.ApplyServerSideEncryptionByDefault;
      if (now === undefined) return 'absent';
      const same = now.SSEAlgorithm === algorithm && now.KMSMasterKeyID === by;
      return same && (by === undefined || rule?.BucketKeyEnabled === true) ? 'as planned' : 'otherwise';
    },
    apply: () =>
      s3.send(
        new PutBucketEncryptionCommand({
          Bucket: bucket,
          ServerSideEncryptionConfiguration: { Rules: [planned] },
        }),
      ),
  };
}

/** Rules of other names stay: several vaults, and other things, may live in one bucket. */
export function lifecycle({ s3, bucket }: BucketSteps, rules: readonly LifecycleRule[]): Step {
  const planned = rules.map(lifecycleRule);
  const ours = new Set(planned.map((rule) => rule.ID));
  const read = async (): Promise<S3LifecycleRule[]> => {
    const command = new GetBucketLifecycleConfigurationCommand({ Bucket: bucket });
    return (await orAbsent(s3.send(command)))?.Rules ?? [];
  };
  return {
    id: 'lifecycle',
    what: lifecycleInWords(rules),
    look: async () => {
      const mine = (await read()).filter((rule) => ours.has(rule.ID));
      if (mine.length === 0) return 'absent';
      const same = planned.every((rule) => mine.some((other) => sameRule(rule, other)));
      return same ? 'as planned' : 'otherwise';
    },
    apply: async () => {
      const others = (await read()).filter((rule) => !ours.has(rule.ID));
      return s3.send(
        new PutBucketLifecycleConfigurationCommand({
          Bucket: bucket,
          LifecycleConfiguration: { Rules: [...others, ...planned] },
        }),
      );
    },
  };
}

function lifecycleRule(rule: LifecycleRule): S3LifecycleRule {
  const expiration = {
    ...(rule.expireDays !== undefined && { Days: rule.expireDays }),
    ...(rule.dropLoneMarkers && { ExpiredObjectDeleteMarker: true }),
  };
  return {
    ID: rule.ID,
    Status: rule.Status,
    Filter: { Prefix: rule.Prefix },
    ...(rule.abortUploadsDays !== undefined && {
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: rule.abortUploadsDays },
    }),
    ...(Object.keys(expiration).length > 0 && { Expiration: expiration }),
    ...(rule.expireNoncurrentDays !== undefined && {
      NoncurrentVersionExpiration: { NoncurrentDays: rule.expireNoncurrentDays },
    }),
  };
}

/** Stores spell an empty filter, and what is not set, in several ways. */
function sameRule(planned: S3LifecycleRule, found: S3LifecycleRule): boolean {
  const core = (rule: S3LifecycleRule) => ({
    ID: rule.ID,
    Status: rule.Status,
    prefix: rule.Filter?.Prefix ?? rule.Prefix ?? '',
    abort: rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation,
    days: rule.Expiration?.Days,
    markers: rule.Expiration?.ExpiredObjectDeleteMarker || undefined,
    noncurrent: rule.NoncurrentVersionExpiration?.NoncurrentDays,
  });
  return sameDocument(core(planned), core(found));
}

function lifecycleInWords(rules: readonly LifecycleRule[]): string {
  return rules
    .flatMap((rule) => [
      rule.abortUploadsDays !== undefined &&
        `pending uploads are aborted after ${rule.abortUploadsDays} days`,
      rule.expireDays !== undefined && `${rule.Prefix || 'everything'} expires after ${rule.expireDays}`,
      rule.dropLoneMarkers && `delete markers of ${rule.Prefix} are dropped`,
    ])
    .filter(Boolean)
    .join(', ');
}

export function logging(
  { s3, bucket }: BucketSteps,
  to: { readonly bucket: string; readonly prefix: string },
): Step {
  const LoggingEnabled = { TargetBucket: to.bucket, TargetPrefix: to.prefix };
  return {
    id: 'access-logs',
    what: `accesses logged to ${to.bucket}`,
    look: async () => {
      const { LoggingEnabled: now } = await s3.send(new GetBucketLoggingCommand({ Bucket: bucket }));
      if (now === undefined) return 'absent';
      const same = now.TargetBucket === to.bucket && now.TargetPrefix === to.prefix;
      return same ? 'as planned' : 'otherwise';
    },
    apply: () =>
      s3.send(new PutBucketLoggingCommand({ Bucket: bucket, BucketLoggingStatus: { LoggingEnabled } })),
  };
}

/** To EventBridge, beside whatever is announced elsewhere already. Any listener counts as one. */
export function events({ s3, bucket }: BucketSteps): Step {
  const read = async () => {
    const answer = await s3.send(new GetBucketNotificationConfigurationCommand({ Bucket: bucket }));
    const { $metadata: _, ...configuration } = answer;
    return configuration;
  };
  return {
    id: 'events',
    what: 'creations and removals are announced to EventBridge',
    look: async () => ((await read()).EventBridgeConfiguration === undefined ? 'absent' : 'as planned'),
    apply: async () =>
      s3.send(
        new PutBucketNotificationConfigurationCommand({
          Bucket: bucket,
          NotificationConfiguration: { ...(await read()), EventBridgeConfiguration: {} },
        }),
      ),
  };
}

/** Statements of other names stay, so that the owner's own rules, and those of other vaults in the bucket, do. */
export function policy({ s3, bucket, store }: BucketSteps, planned: PolicyDocument): Step {
  const ours = new Set(planned.Statement.map((statement) => statement.Sid));
  const read = async (): Promise<readonly Statement[]> => {
    const answer = await orAbsent(s3.send(new GetBucketPolicyCommand({ Bucket: bucket })));
    const { Statement: found = [] } = JSON.parse(answer?.Policy || '{}') as Partial<PolicyDocument>;
    // One statement may stand without a list around it.
    return [found].flat();
  };
  const write = (statements: readonly Statement[]) =>
    statements.length === 0
      ? s3.send(new DeleteBucketPolicyCommand({ Bucket: bucket }))
      : s3.send(
          new PutBucketPolicyCommand({ Bucket: bucket, Policy: JSON.stringify(policyDocument(statements)) }),
        );
  return {
    id: 'policy',
    what: 'the bucket’s policy',
    look: async () => {
      const mine = (await read()).filter((statement) => ours.has(statement.Sid));
      if (mine.length === 0) return 'absent';
      const same = planned.Statement.every((statement) =>
        mine.some((other) => sameDocument(statement, other)),
      );
      return same ? 'as planned' : 'otherwise';
    },
    apply: async () => {
      const found = await read();
      if (store === 'compatible') await requireStrictness(found, { bucket, write });
      await write([...found.filter((statement) => !ours.has(statement.Sid)), ...planned.Statement]);
    },
  };
}

/**
 * A store that ignores conditions would take "deny without TLS" for "deny". It is found out by a condition that does
 * not exist, on an object that does not exist: AWS refuses such a policy, and so does every store that reads them.
 */
async function requireStrictness(
  found: readonly Statement[],
  {
    bucket,
    write,
  }: { readonly bucket: string; readonly write: (statements: readonly Statement[]) => Promise<unknown> },
): Promise<void> {
  const nonsense: Statement = {
    Sid: 'WeighlockTrial',
    Effect: 'Deny',
    Principal: EVERYBODY,
    Action: 's3:GetObject',
    Resource: `arn:aws:s3:::${bucket}/${STAGING_PREFIX}no-such-object`,
    Condition: { StringEquals: { 'weighlock:no-such-key': 'no-such-value' } },
  };
  const answer = await asked(write([...found, nonsense]));
  if (answer.kind === 'invalid') return;
  if (answer.kind !== 'answer') throw new StepRefused(answer.said);
  await write(found);
  throw new StepRefused(
    'the store accepts conditions that do not exist, so it does not read them: each denial would hold for everything',
  );
}

/** The answer, or undefined where the setting was never made. */
async function orAbsent<T>(request: Promise<T>): Promise<T | undefined> {
  const result = await asked(request);
  if (result.kind === 'answer') return result.answer;
  if (result.kind === 'absent') return undefined;
  throw new StepRefused(result.said);
}

/** Buckets as `vault init` makes them, each with one weakness, and what of the posture must say so. */

import { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { EC2Client } from '@aws-sdk/client-ec2';
import {
  CreateRoleCommand,
  CreateUserCommand,
  IAMClient,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import {
  DisableKeyRotationCommand,
  KMSClient,
  PutKeyPolicyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import {
  DeleteBucketEncryptionCommand,
  DeleteBucketLifecycleCommand,
  DeleteBucketOwnershipControlsCommand,
  DeletePublicAccessBlockCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  type LifecycleRule,
  PutBucketAclCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketLoggingCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { S3ControlClient } from '@aws-sdk/client-s3-control';
import { SageMakerClient } from '@aws-sdk/client-sagemaker';
import { makeBucket } from '../../src/posture/bucket/make-bucket.ts';
import { type OwnedPlace, type RoleName, roleName } from '../../src/posture/bucket/place.ts';
import type { Statement } from '../../src/posture/bucket/policy-document.ts';
import type { CheckId } from '../../src/posture/checks/check.ts';
import type { Neighbours, Surroundings } from '../../src/posture/surroundings.ts';
import { ACCOUNT, type Moto, REGION } from './moto.ts';

export interface Account extends Omit<Neighbours, 'ec2'> {
  readonly s3: S3Client;
  readonly ec2: EC2Client;
}

export function clientsOf({ config }: Moto): Account {
  const { port } = new URL(config.endpoint);
  // The account goes before the host name, where an address has no room for it.
  const s3control = new S3ControlClient({ ...config, endpoint: `http://localhost:${port}` });
  s3control.middlewareStack.add(
    (next) => (args) => {
      (args.request as { hostname: string }).hostname = '127.0.0.1';
      return next(args);
    },
    { step: 'finalizeRequest', priority: 'low', name: 'toLoopback' },
  );
  return {
    s3: new S3Client({ ...config, forcePathStyle: true }),
    kms: new KMSClient(config),
    iam: new IAMClient(config),
    s3control,
    cloudtrail: new CloudTrailClient(config),
    sagemaker: new SageMakerClient(config),
    ec2: new EC2Client(config),
  };
}

export function placeOf(bucket: string): OwnedPlace {
  return { partition: 'aws', account: ACCOUNT, region: REGION, bucket, prefix: '' };
}

/** A bucket as planned. */
export async function soundBucket({ s3, kms, iam }: Account, bucket: string): Promise<void> {
  const plan = {
    ...placeOf(bucket),
    holdDays: 14,
    signingKeyArns: [],
    principals: { gateway: [], worker: [], gate: [], remover: [] },
  };
  await makeBucket({ plan, mode: 'apply', store: 'aws', s3, kms, iam });
}

export function surroundingsOf({ s3, ec2, ...others }: Account, bucket: string): Surroundings {
  return {
    place: placeOf(bucket),
    holdDays: 14,
    s3,
    neighbours: { ...others, ec2: () => Promise.resolve(ec2) },
    registry: { absent: 'there are no records here' },
    signingKeyArns: [],
    accepted: [],
  };
}

export interface Weakness {
  readonly weaken: (account: Account, bucket: string) => Promise<unknown>;
  /** Every check that must fail, and no other. */
  readonly failed: readonly CheckId[];
  /** Whether `--fix` can heal it by itself. */
  readonly heals: boolean;
}

const heals = true;

export async function keyOf({ s3 }: Account, Bucket: string): Promise<string> {
  const { ServerSideEncryptionConfiguration: found } = await s3.send(
    new GetBucketEncryptionCommand({ Bucket }),
  );
  return found?.Rules?.[0]?.ApplyServerSideEncryptionByDefault?.KMSMasterKeyID ?? '';
}

async function changePolicy(
  { s3 }: Account,
  Bucket: string,
  change: (statements: Statement[]) => unknown[],
): Promise<void> {
  const { Policy: text = '{}' } = await s3.send(new GetBucketPolicyCommand({ Bucket }));
  const { Statement: now } = JSON.parse(text) as { Statement: Statement[] };
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: change(now) });
  await s3.send(new PutBucketPolicyCommand({ Bucket, Policy }));
}

const without = (name: string) => (account: Account, bucket: string) =>
  changePolicy(account, bucket, (now) => now.filter(({ Sid: sid }) => sid !== `Weighlock${name}`));

const giving = (principal: unknown, action: string) => (account: Account, bucket: string) =>
  changePolicy(account, bucket, (now) => [
    ...now,
    {
      Sid: 'Owners',
      Effect: 'Allow',
      Principal: principal,
      Action: action,
      Resource: `arn:aws:s3:::${bucket}/other/*`,
    },
  ]);

const rules =
  (change: (now: LifecycleRule[]) => LifecycleRule[]) =>
  async ({ s3 }: Account, Bucket: string) => {
    const { Rules: now = [] } = await s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
    const LifecycleConfiguration = { Rules: change(now) };
    await s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration }));
  };

/** A role with one policy, for as long as the account lives: its name holds the bucket's. */
async function role(
  { iam }: Account,
  RoleName: string,
  { service, statement }: { readonly service: string; readonly statement: object },
): Promise<void> {
  const trust = { Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' };
  const document = (one: object) => JSON.stringify({ Version: '2012-10-17', Statement: [one] });
  await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: document(trust) }));
  await iam.send(
    new PutRolePolicyCommand({ RoleName, PolicyName: 'own', PolicyDocument: document(statement) }),
  );
}

const trusting =
  (name: RoleName, statement: object) =>
  ({ iam }: Account, bucket: string) =>
    iam.send(
      new UpdateAssumeRolePolicyCommand({
        RoleName: roleName(placeOf(bucket), name),
        PolicyDocument: JSON.stringify({
          Version: '2012-10-17',
          Statement: [{ Effect: 'Allow', ...statement }],
        }),
      }),
    );

export const WEAKNESSES: Readonly<Record<string, Weakness>> = {
  'no public access block': {
    weaken: ({ s3 }, Bucket) => s3.send(new DeletePublicAccessBlockCommand({ Bucket })),
    failed: ['public-access'],
    heals,
  },
  'a statement for the world': {
    weaken: giving('*', 's3:GetObject'),
    failed: ['not-public'],
    heals,
  },
  'a statement for another account': {
    weaken: giving({ AWS: 'arn:aws:iam::999988887777:root' }, 's3:GetObject'),
    failed: ['policy-foreign'],
    heals,
  },
  'an ACL for the world': {
    weaken: async ({ s3 }, Bucket) => {
      await s3.send(new DeletePublicAccessBlockCommand({ Bucket }));
      await s3.send(new DeleteBucketOwnershipControlsCommand({ Bucket }));
      await s3.send(new PutBucketAclCommand({ Bucket, ACL: 'public-read' }));
    },
    failed: ['public-access', 'acl', 'ownership'],
    heals,
  },
  'ACLs that count': {
    weaken: ({ s3 }, Bucket) => s3.send(new DeleteBucketOwnershipControlsCommand({ Bucket })),
    failed: ['ownership'],
    heals,
  },
  'versioning suspended': {
    weaken: ({ s3 }, Bucket) =>
      s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Suspended' } })),
    failed: ['versioning'],
    heals,
  },
  'no key': {
    weaken: ({ s3 }, Bucket) => s3.send(new DeleteBucketEncryptionCommand({ Bucket })),
    failed: ['encryption'],
    heals,
  },
  'no access logs': {
    weaken: ({ s3 }, Bucket) => s3.send(new PutBucketLoggingCommand({ Bucket, BucketLoggingStatus: {} })),
    failed: ['access-logs'],
    heals,
  },
  'no lifecycle': {
    weaken: ({ s3 }, Bucket) => s3.send(new DeleteBucketLifecycleCommand({ Bucket })),
    failed: ['lifecycle-uploads', 'lifecycle-staging'],
    heals,
  },
  'uploads aborted before a hold ends': {
    weaken: rules((now) => [
      ...now,
      {
        ID: 'owners',
        Status: 'Enabled',
        Filter: { Prefix: '' },
        AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
      },
    ]),
    failed: ['lifecycle-uploads'],
    heals,
  },
  'a rule that expires models': {
    weaken: rules((now) => [
      ...now,
      { ID: 'owners', Status: 'Enabled', Filter: { Prefix: 'models/' }, Expiration: { Days: 90 } },
    ]),
    failed: ['lifecycle-admitted'],
    heals,
  },
  'no events': {
    weaken: ({ s3 }, Bucket) =>
      s3.send(new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration: {} })),
    failed: ['events'],
    heals,
  },
  'requests without TLS': { weaken: without('TlsOnly'), failed: ['policy-tls'], heals },
  'writes without a condition': { weaken: without('WritesOnce'), failed: ['policy-writes'], heals },
  'deletes by whoever may': {
    weaken: without('DeletesByRemoverOnly'),
    failed: ['policy-deletes'],
    heals,
  },
  'reads of what was revoked': { weaken: without('NoReadsOfRevoked'), failed: ['policy-revoked'], heals },
  'tags by whoever may': { weaken: without('TagsByGateOnly'), failed: ['policy-tags'], heals },
  'a key that is about to be deleted': {
    weaken: async (account, bucket) =>
      account.kms.send(
        new ScheduleKeyDeletionCommand({ KeyId: await keyOf(account, bucket), PendingWindowInDays: 7 }),
      ),
    failed: ['key-state'],
    heals,
  },
  'a key that is not rotated': {
    weaken: async (account, bucket) =>
      account.kms.send(new DisableKeyRotationCommand({ KeyId: await keyOf(account, bucket) })),
    failed: ['key-rotation'],
    heals,
  },
  'a key for another account': {
    weaken: async (account, bucket) => {
      const statement = (Sid: string, AWS: string) => ({
        Sid,
        Effect: 'Allow',
        Principal: { AWS },
        Action: 'kms:*',
        Resource: '*',
      });
      const Policy = JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          statement('Own', `arn:aws:iam::${ACCOUNT}:root`),
          statement('Partner', 'arn:aws:iam::999988887777:root'),
        ],
      });
      const KeyId = await keyOf(account, bucket);
      await account.kms.send(new PutKeyPolicyCommand({ KeyId, PolicyName: 'default', Policy }));
    },
    failed: ['key-policy'],
    heals: false,
  },
  'a user who may write': {
    weaken: async ({ iam }, bucket) => {
      const UserName = `builder-${bucket}`;
      const statement = {
        Effect: 'Allow',
        Action: 's3:Put*',
        Resource: `arn:aws:s3:::${bucket}/models/acme/*`,
      };
      await iam.send(new CreateUserCommand({ UserName }));
      await iam.send(
        new PutUserPolicyCommand({
          UserName,
          PolicyName: 'own',
          PolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [statement] }),
        }),
      );
    },
    failed: ['writers'],
    heals,
  },
  'a role that may delete, where the policy lets it': {
    weaken: async (account, bucket) => {
      await without('DeletesByRemoverOnly')(account, bucket);
      await role(account, `cleaner-${bucket}`, {
        service: 'events.amazonaws.com',
        statement: { Effect: 'Allow', Action: 's3:DeleteObject', Resource: `arn:aws:s3:::${bucket}/*` },
      });
    },
    failed: ['policy-deletes', 'deleters'],
    heals,
  },
  'a runtime that reads every model': {
    weaken: (account, bucket) =>
      role(account, `endpoint-${bucket}`, {
        service: 'sagemaker.amazonaws.com',
        statement: { Effect: 'Allow', Action: 's3:GetObject', Resource: `arn:aws:s3:::${bucket}/models/*` },
      }),
    failed: ['readers'],
    heals: false,
  },
  'a role that replicates into models/': {
    weaken: (account, bucket) =>
      role(account, `mirror-${bucket}`, {
        service: 's3.amazonaws.com',
        statement: { Effect: 'Allow', Action: 's3:Replicate*', Resource: `arn:aws:s3:::${bucket}/*` },
      }),
    failed: ['writers'],
    heals,
  },
  'a gate that anybody with a pipeline may be': {
    weaken: trusting('gate', {
      Principal: { Federated: `arn:aws:iam::${ACCOUNT}:oidc-provider/token.actions.example` },
      Action: 'sts:AssumeRoleWithWebIdentity',
      Condition: { StringEquals: { 'token.actions.example:aud': 'sts.amazonaws.com' } },
    }),
    failed: ['role-trust'],
    heals: false,
  },
  'a gate that another account may be': {
    weaken: trusting('gate', { Principal: { AWS: '999988887777' }, Action: 'sts:AssumeRole' }),
    failed: ['role-trust'],
    heals: false,
  },
};

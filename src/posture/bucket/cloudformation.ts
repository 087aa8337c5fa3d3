/** The plan as one CloudFormation template: for those who make their buckets by review and change set. */
import { stringify } from 'yaml';
import {
  type BucketPlan,
  expiryDays,
  type LifecycleRule,
  type PlanRequest,
  planBucket,
} from './bucket-plan.ts';
import { roleArn, s3Place } from './place.ts';
import type { PolicyDocument } from './policy-document.ts';

/** What a template does not have to know: CloudFormation fills it in. */
export type TemplateRequest = Omit<PlanRequest, 'partition' | 'account' | 'region' | 'newKeyArn'>;

/** The template, as YAML. It makes roles with names: deploy with `--capabilities CAPABILITY_NAMED_IAM`. */
export function cloudFormation(request: TemplateRequest): string {
  const plan = planBucket({
    ...request,
    partition: variable('AWS::Partition'),
    account: variable('AWS::AccountId'),
    region: variable('AWS::Region'),
    newKeyArn: variable('VaultKey.Arn'),
  });
  const template = {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: `Weighlock vault ${s3Place(plan.place)}: bucket, key, access logs, roles`,
    Resources: substituted(resources(plan)),
    Outputs: substituted(outputs(plan)),
  };
  // YAML 1.1 readers take bare dates for dates, and the version of a policy is a string: that version quotes it.
  return HEAD + stringify(template, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false });
}

const HEAD = `# aws cloudformation deploy --template-file vault.yaml --stack-name weighlock-vault --capabilities CAPABILITY_NAMED_IAM
# Bucket and keys outlive the stack (DeletionPolicy: Retain): nobody loses a vault by deleting a stack.
`;

export const RETAINED = { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' };

function resources(plan: BucketPlan): Record<string, unknown> {
  return {
    ...(plan.key.kind === 'new' && keyResources(plan.key)),
    ...(plan.logging.kind === 'new' && logResources(plan.logging)),
    VaultBucket: {
      Type: 'AWS::S3::Bucket',
      ...RETAINED,
      ...(plan.logging.kind === 'new' && { DependsOn: ['LogBucketPolicy'] }),
      Properties: {
        ...bucketProperties(plan.place.bucket, plan.lifecycle),
        BucketEncryption: encryption({ kmsKeyArn: plan.key.arn }),
        LoggingConfiguration: {
          DestinationBucketName: plan.logging.bucket,
          LogFilePrefix: plan.logging.prefix,
        },
        NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } },
      },
    },
    // Its conditions name the remover and the gate by ARN: the policy needs no role to stand yet.
    VaultBucketPolicy: policyResource('VaultBucket', plan.policy),
    ...Object.fromEntries(
      plan.roles.map(({ role, name, description, trust, policy }) => [
        `${role[0]?.toUpperCase()}${role.slice(1)}Role`,
        {
          Type: 'AWS::IAM::Role',
          Properties: {
            RoleName: name,
            Description: description,
            AssumeRolePolicyDocument: trust,
            Policies: [{ PolicyName: 'weighlock', PolicyDocument: policy }],
          },
        },
      ]),
    ),
  };
}

export function keyResources(key: BucketPlan['key'] & { kind: 'new' }): Record<string, unknown> {
  return {
    VaultKey: {
      Type: 'AWS::KMS::Key',
      ...RETAINED,
      Properties: {
        Description: 'Encrypts the objects of a Weighlock vault',
        EnableKeyRotation: true,
        KeyPolicy: key.policy,
      },
    },
    VaultKeyAlias: {
      Type: 'AWS::KMS::Alias',
      Properties: { AliasName: key.alias, TargetKeyId: { Ref: 'VaultKey' } },
    },
  };
}

export function logResources(logging: BucketPlan['logging'] & { kind: 'new' }): Record<string, unknown> {
  return {
    LogBucket: {
      Type: 'AWS::S3::Bucket',
      ...RETAINED,
      Properties: {
        ...bucketProperties(logging.bucket, logging.lifecycle),
        // S3 delivers access logs only into buckets that do not encrypt with KMS by default.
        BucketEncryption: encryption('s3'),
      },
    },
    LogBucketPolicy: policyResource('LogBucket', logging.policy),
  };
}

export function bucketProperties(name: string, lifecycle: readonly LifecycleRule[]): Record<string, unknown> {
  return {
    BucketName: name,
    PublicAccessBlockConfiguration: {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    },
    OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
    VersioningConfiguration: { Status: 'Enabled' },
    LifecycleConfiguration: { Rules: lifecycle.map(lifecycleProperties) },
  };
}

function lifecycleProperties(rule: LifecycleRule): Record<string, unknown> {
  return {
    Id: rule.ID,
    Status: rule.Status,
    ...(rule.Prefix !== '' && { Prefix: rule.Prefix }),
    ...(rule.abortUploadsDays !== undefined && {
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: rule.abortUploadsDays },
    }),
    ...(rule.expireDays !== undefined && { ExpirationInDays: rule.expireDays }),
    ...(rule.expireNoncurrentDays !== undefined && {
      NoncurrentVersionExpiration: { NoncurrentDays: rule.expireNoncurrentDays },
    }),
    ...(rule.dropLoneMarkers && { ExpiredObjectDeleteMarker: true }),
  };
}

export function encryption(by: 's3' | { readonly kmsKeyArn: string | object }): Record<string, unknown> {
  const rule =
    by === 's3'
      ? { ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }
      : {
          BucketKeyEnabled: true,
          ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: by.kmsKeyArn },
        };
  return { ServerSideEncryptionConfiguration: [rule] };
}

export function policyResource(bucket: string, document: PolicyDocument): Record<string, unknown> {
  return {
    Type: 'AWS::S3::BucketPolicy',
    Properties: { Bucket: { Ref: bucket }, PolicyDocument: document },
  };
}

function outputs(plan: BucketPlan): Record<string, unknown> {
  return {
    Vault: { Description: 'Name it with --vault or in weighlock.yaml', Value: s3Place(plan.place) },
    EncryptionKey: { Value: plan.key.arn },
    UploadsExpireAfterDays: { Value: String(expiryDays(plan.holdDays)) },
    ...Object.fromEntries(
      plan.roles.map(({ role }) => [
        `${role[0]?.toUpperCase()}${role.slice(1)}RoleArn`,
        { Value: roleArn(plan.place, role) },
      ]),
    ),
  };
}

/** A variable of CloudFormation inside a string. */
function variable(name: string): string {
  return `\${${name}}`;
}

/** Strings that name a variable of CloudFormation become `Fn::Sub`; all others stay what they are. */
function substituted(value: unknown): unknown {
  if (typeof value === 'string') return /\$\{[A-Za-z:.]+\}/.test(value) ? { 'Fn::Sub': value } : value;
  if (Array.isArray(value)) return value.map(substituted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, substituted(item)]));
}

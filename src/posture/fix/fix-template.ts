/** A fix as CloudFormation: only the properties that make failed checks pass, to be merged into one's own template. */
import { stringify } from 'yaml';
import { printable } from '../../base/errors.ts';
import type { BucketPlan } from '../bucket/bucket-plan.ts';
import {
  bucketProperties,
  encryption,
  keyResources,
  logResources,
  policyResource,
  RETAINED,
} from '../bucket/cloudformation.ts';
import { policyDocument } from '../bucket/policy-document.ts';
import { CATALOG } from '../checks/catalog.ts';
import type { CheckId } from '../checks/check.ts';
import type { PostureRow } from '../posture.ts';
import type { Surroundings } from '../surroundings.ts';
import { BY_HAND, failedChecks, planOf } from './fix.ts';
import { currentPolicy, healed, policyStep } from './policy-fix.ts';

/** The template, as YAML, and below it as comments what no template of the bucket can do. */
export async function fixTemplate(rows: readonly PostureRow[], around: Surroundings): Promise<string> {
  const failed = failedChecks(rows);
  const plan = await planOf(around);
  const changesPolicy = policyStep(failed, around) !== undefined;
  const statements = changesPolicy ? healed(await currentPolicy(around), failed, around) : [];
  const properties = bucketFix(plan, failed);
  const resources = {
    ...(failed.has('encryption') && plan.key.kind === 'new' && keyResources(plan.key)),
    ...(failed.has('key-rotation') && {
      VaultKey: { Type: 'AWS::KMS::Key', ...RETAINED, Properties: { EnableKeyRotation: true } },
    }),
    ...(failed.has('access-logs') && plan.logging.kind === 'new' && logResources(plan.logging)),
    ...((Object.keys(properties).length > 0 || changesPolicy) && {
      VaultBucket: {
        Type: 'AWS::S3::Bucket',
        ...RETAINED,
        Properties: { BucketName: plan.place.bucket, ...properties },
      },
    }),
    ...(changesPolicy && { VaultBucketPolicy: policyResource('VaultBucket', policyDocument(statements)) }),
  };
  const template = { AWSTemplateFormatVersion: '2010-09-09', Resources: resources };
  const yaml = stringify(template, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false });
  return (Object.keys(resources).length > 0 ? HEAD + yaml : '') + byHand(rows);
}

const HEAD = `# Merge these properties into the template that makes the bucket; a bucket that no stack owns yet is brought into one by
# "aws cloudformation create-change-set --change-set-type IMPORT".
`;

/** The property of the bucket that answers each check. */
const PROPERTIES: Readonly<Partial<Record<CheckId, string>>> = {
  'public-access': 'PublicAccessBlockConfiguration',
  acl: 'OwnershipControls',
  ownership: 'OwnershipControls',
  versioning: 'VersioningConfiguration',
  encryption: 'BucketEncryption',
  'access-logs': 'LoggingConfiguration',
  'lifecycle-uploads': 'LifecycleConfiguration',
  'lifecycle-staging': 'LifecycleConfiguration',
  'lifecycle-admitted': 'LifecycleConfiguration',
  events: 'NotificationConfiguration',
};

function bucketFix(plan: BucketPlan, failed: ReadonlySet<CheckId>): Record<string, unknown> {
  // Where a key is made by the same template, its ARN is known only there.
  const key = plan.key.kind === 'new' ? { 'Fn::GetAtt': ['VaultKey', 'Arn'] } : plan.key.arn;
  const all: Record<string, unknown> = {
    ...bucketProperties(plan.place.bucket, plan.lifecycle),
    BucketEncryption: encryption({ kmsKeyArn: key }),
    LoggingConfiguration: {
      DestinationBucketName: plan.logging.bucket,
      LogFilePrefix: plan.logging.prefix,
    },
    NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } },
  };
  const wanted = new Set([...failed].map((id) => PROPERTIES[id]));
  return Object.fromEntries(Object.entries(all).filter(([name]) => wanted.has(name)));
}

function byHand(rows: readonly PostureRow[]): string {
  const left = rows.filter(
    ({ id, status }) => status === 'failed' && (BY_HAND.has(id) || id === 'key-state'),
  );
  const lines = left.map(({ id, found }) => `#   ${id}: ${printable(found)}\n#     ${CATALOG[id].remedy}\n`);
  return lines.length === 0 ? '' : `# Not for a template:\n${lines.join('')}`;
}

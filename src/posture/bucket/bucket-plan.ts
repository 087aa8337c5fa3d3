/**
 * The plan: one description of a vault's bucket as it should be, with its key, its log bucket and its roles. It is
 * printed as CloudFormation (cloudformation.ts), carried out by calls (make-bucket.ts), and explained in
 * docs/bucket.md.
 */
import { WeighlockError } from '../../base/errors.ts';
import { STAGING_PREFIX } from '../../vault/layout.ts';
import { bucketPolicy, tlsOnly } from './bucket-policy.ts';
import {
  bucketArn,
  keyAlias,
  logBucketName,
  mark,
  type OwnedPlace,
  ROLE_NAMES,
  type RoleName,
  roleName,
  rootOf,
} from './place.ts';
import { type PolicyDocument, type Principal, policyDocument } from './policy-document.ts';
import { ROLE_DESCRIPTIONS, rolePolicy } from './role-policies.ts';

/** How long a held revision may wait for a person, unless told otherwise. */
export const HOLD_DAYS_DEFAULT = 14;
/** Between the end of a hold and the day on which the store may drop its uploads: lifecycle counts from midnight. */
const MARGIN_DAYS = 2;
export const HOLD_DAYS_MAX = 365;
/** How long access logs are kept. */
const ACCESS_LOG_DAYS = 400;

export interface PlanRequest extends OwnedPlace {
  readonly holdDays: number;
  /** The key that objects are encrypted with; undefined: one that is made with the bucket. */
  readonly encryptionKeyArn?: string;
  /** What stands for the made key's ARN where it is not known yet. */
  readonly newKeyArn?: string;
  readonly signingKeyArns: readonly string[];
  /** A bucket that takes access logs already; undefined: one that is made. */
  readonly logBucket?: string;
  /** Who may take each role; an empty list leaves it to the account's own IAM policies. */
  readonly principals: Readonly<Record<RoleName, readonly string[]>>;
}

export interface LifecycleRule {
  readonly ID: string;
  readonly Status: 'Enabled';
  readonly Prefix: string;
  readonly abortUploadsDays?: number;
  readonly expireDays?: number;
  readonly expireNoncurrentDays?: number;
  readonly dropLoneMarkers?: true;
}

export interface RolePlan {
  readonly role: RoleName;
  readonly name: string;
  readonly description: string;
  readonly trust: PolicyDocument;
  readonly policy: PolicyDocument;
}

export interface BucketPlan {
  readonly place: OwnedPlace;
  readonly holdDays: number;
  readonly key:
    | { readonly kind: 'given'; readonly arn: string }
    | { readonly kind: 'new'; readonly alias: string; readonly arn: string; readonly policy: PolicyDocument };
  readonly policy: PolicyDocument;
  readonly lifecycle: readonly LifecycleRule[];
  readonly logging:
    | { readonly kind: 'given'; readonly bucket: string; readonly prefix: string }
    | {
        readonly kind: 'new';
        readonly bucket: string;
        readonly prefix: string;
        readonly policy: PolicyDocument;
        readonly lifecycle: readonly LifecycleRule[];
      };
  readonly roles: readonly RolePlan[];
}

/** What the store does by itself with uploads and staging, in days. */
export function expiryDays(holdDays: number): number {
  return holdDays + MARGIN_DAYS;
}

/** Throws WL_USAGE where the hold time is out of range. */
export function planBucket(request: PlanRequest): BucketPlan {
  const { partition, account, region, bucket, prefix, holdDays } = request;
  if (!Number.isInteger(holdDays) || holdDays < 1 || holdDays > HOLD_DAYS_MAX) {
    throw new WeighlockError('WL_USAGE', `a revision can be held for 1 to ${HOLD_DAYS_MAX} whole days`);
  }
  const place: OwnedPlace = { partition, account, region, bucket, prefix };
  const key = planKey(place, request);
  return {
    place,
    holdDays,
    key,
    policy: bucketPolicy(place),
    lifecycle: lifecycle(place, holdDays),
    logging: planLogging(place, request.logBucket),
    roles: ROLE_NAMES.map((role) => ({
      role,
      name: roleName(place, role),
      description: ROLE_DESCRIPTIONS[role],
      trust: trust(place, request.principals[role]),
      policy: rolePolicy(place, role, {
        encryptionKeyArn: key.arn,
        signingKeyArns: request.signingKeyArns,
      }),
    })),
  };
}

function planKey(place: OwnedPlace, request: PlanRequest): BucketPlan['key'] {
  if (request.encryptionKeyArn !== undefined) return { kind: 'given', arn: request.encryptionKeyArn };
  return {
    kind: 'new',
    alias: keyAlias(place),
    arn:
      request.newKeyArn ??
      `arn:${place.partition}:kms:${place.region}:${place.account}:key/(made with the bucket)`,
    // Without the account in it, a key whose users are gone can be managed by nobody.
    policy: policyDocument([
      {
        Sid: 'AccountDecidesByIam',
        Effect: 'Allow',
        Principal: { AWS: accountRoot(place) },
        Action: 'kms:*',
        Resource: '*',
      },
    ]),
  };
}

/** Uploads of a held revision are pending for as long as it waits; what was admitted is never expired. */
function lifecycle(place: OwnedPlace, holdDays: number): LifecycleRule[] {
  const days = expiryDays(holdDays);
  const id = (name: string) => `weighlock-${name}${mark(place) && `-${mark(place)}`}`;
  const staging = rootOf(place) + STAGING_PREFIX;
  return [
    { ID: id('uploads'), Status: 'Enabled', Prefix: rootOf(place), abortUploadsDays: days },
    { ID: id('staging'), Status: 'Enabled', Prefix: staging, expireDays: days, expireNoncurrentDays: 1 },
    { ID: id('staging-markers'), Status: 'Enabled', Prefix: staging, dropLoneMarkers: true },
  ];
}

function planLogging(place: OwnedPlace, given: string | undefined): BucketPlan['logging'] {
  const prefix = `${place.bucket}/`;
  if (given !== undefined) return { kind: 'given', bucket: given, prefix };
  const bucket = logBucketName(place);
  const logs: OwnedPlace = { ...place, bucket, prefix: '' };
  return {
    kind: 'new',
    bucket,
    prefix,
    policy: policyDocument([
      tlsOnly(logs),
      {
        Sid: 'WeighlockAccessLogs',
        Effect: 'Allow',
        Principal: { Service: 'logging.s3.amazonaws.com' },
        Action: 's3:PutObject',
        Resource: `${bucketArn(logs)}/${prefix}*`,
        Condition: {
          ArnLike: { 'aws:SourceArn': bucketArn(place) },
          StringEquals: { 'aws:SourceAccount': place.account },
        },
      },
    ]),
    lifecycle: [
      {
        ID: 'weighlock-access-logs',
        Status: 'Enabled',
        Prefix: '',
        abortUploadsDays: 7,
        expireDays: ACCESS_LOG_DAYS,
        expireNoncurrentDays: 30,
      },
    ],
  };
}

function trust(place: OwnedPlace, principals: readonly string[]): PolicyDocument {
  const services = principals.filter(isService);
  const arns = principals.filter((principal) => !isService(principal));
  const principal: Principal = {
    ...(principals.length === 0 ? { AWS: accountRoot(place) } : arns.length > 0 && { AWS: arns }),
    ...(services.length > 0 && { Service: services }),
  };
  return policyDocument([
    { Sid: 'MayTakeTheRole', Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole' },
  ]);
}

export function isService(principal: string): boolean {
  return /^[a-z0-9.-]+\.amazonaws\.com(\.cn)?$/.test(principal);
}

function accountRoot({ partition, account }: OwnedPlace): string {
  return `arn:${partition}:iam::${account}:root`;
}

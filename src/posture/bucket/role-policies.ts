/**
 * The three roles of a vault and its remover, each with no more than it needs. docs/bucket.md says what S3 can keep
 * apart by permissions, and what only signatures do.
 */
import { PARTS_ONLY, WITH_IF_MATCH, WITH_IF_NONE_MATCH } from './bucket-policy.ts';
import {
  bucketArn,
  LOG,
  MODELS,
  MOVING,
  type OwnedPlace,
  objectArns,
  REGISTRY,
  type RoleName,
  rootOf,
  STAGING,
} from './place.ts';
import { type PolicyDocument, policyDocument, type Statement } from './policy-document.ts';

/** What the policies of the roles name beside the place. */
export interface RoleResources {
  /** The key that the bucket encrypts with. */
  readonly encryptionKeyArn: string;
  /** The keys by which the gate signs. Without, it signs with keys that IAM knows nothing of. */
  readonly signingKeyArns: readonly string[];
}

/** How statements and the log are signed; no other algorithm of the keys may be used. */
const SIGNING_ALGORITHMS = ['ECDSA_SHA_256', 'ED25519_SHA_512'];

/** Staged files go with all their versions, or a bucket with versions would keep each forever. */
const DELETE = ['s3:DeleteObject', 's3:DeleteObjectVersion'];
const READ = ['s3:GetObject', 's3:GetObjectVersion'];

export function rolePolicy(place: OwnedPlace, role: RoleName, resources: RoleResources): PolicyDocument {
  switch (role) {
    case 'gateway':
      return policyDocument(gateway(place, resources));
    case 'worker':
      return policyDocument(worker(place, resources));
    case 'gate':
      return policyDocument(gate(place, resources));
    case 'remover':
      return policyDocument(remover(place, resources));
  }
}

export const ROLE_DESCRIPTIONS: Readonly<Record<RoleName, string>> = {
  gateway: 'Weighlock gateway: reads the vault, and hands out URLs of what it may read',
  worker: 'Weighlock worker: reads sources, uploads parts, cannot make a model appear and cannot sign',
  gate: 'Weighlock gate: decides, signs, completes uploads, writes registry and log',
  remover: 'Weighlock remover: deletes what a logged statement has removed',
};

/** A presigned URL carries the permission of whoever signed it: reading is all that it takes. */
function gateway(place: OwnedPlace, { encryptionKeyArn }: RoleResources): Statement[] {
  return [
    list(place, [MODELS, REGISTRY, LOG]),
    allow('Read', READ, objectArns(place, [MODELS, REGISTRY, LOG])),
    throughS3(place, encryptionKeyArn, ['kms:Decrypt']),
  ];
}

/**
 * PutObject is the permission for every step of a multipart upload; the condition leaves those that create no object.
 * Reading models is for UploadPartCopy of files that did not change.
 */
function worker(place: OwnedPlace, { encryptionKeyArn }: RoleResources): Statement[] {
  return [
    list(place, [STAGING]),
    allow('Staging', [...READ, 's3:PutObject', ...DELETE], objectArns(place, [STAGING])),
    {
      ...allow('PartsOnly', ['s3:PutObject'], objectArns(place, [MODELS])),
      Condition: PARTS_ONLY,
    },
    allow('Uploads', ['s3:ListMultipartUploadParts', 's3:AbortMultipartUpload'], objectArns(place, [MODELS])),
    allow('CopyUnchanged', READ, objectArns(place, [MODELS])),
    throughS3(place, encryptionKeyArn, ['kms:Decrypt', 'kms:GenerateDataKey']),
  ];
}

function gate(place: OwnedPlace, { encryptionKeyArn, signingKeyArns }: RoleResources): Statement[] {
  const everything = [MODELS, REGISTRY, LOG, STAGING];
  return [
    list(place, ['*']),
    allow('Uploads', ['s3:ListBucketMultipartUploads', 's3:GetBucketVersioning'], [bucketArn(place)]),
    allow('Read', READ, objectArns(place, everything)),
    {
      ...allow('Create', ['s3:PutObject'], objectArns(place, [MODELS, REGISTRY, LOG])),
      Condition: WITH_IF_NONE_MATCH,
    },
    { ...allow('Move', ['s3:PutObject'], objectArns(place, MOVING)), Condition: WITH_IF_MATCH },
    { ...allow('Parts', ['s3:PutObject'], objectArns(place, [MODELS])), Condition: PARTS_ONLY },
    allow(
      'PartsHeld',
      ['s3:ListMultipartUploadParts', 's3:AbortMultipartUpload'],
      objectArns(place, [MODELS]),
    ),
    allow('Staging', ['s3:PutObject', ...DELETE], objectArns(place, [STAGING])),
    allow(
      'MarkRevoked',
      ['s3:GetObjectTagging', 's3:PutObjectTagging', 's3:PutObjectVersionTagging'],
      objectArns(place, [MODELS]),
    ),
    throughS3(place, encryptionKeyArn, ['kms:Decrypt', 'kms:GenerateDataKey']),
    ...(signingKeyArns.length === 0 ? [] : signing(signingKeyArns)),
  ];
}

/** The log, the records and the statements are never deleted, by nobody. */
function remover(place: OwnedPlace, { encryptionKeyArn }: RoleResources): Statement[] {
  const removable = [MODELS, 'registry/facts/*', 'registry/index/*', STAGING];
  return [
    list(place, [MODELS, REGISTRY, LOG, STAGING]),
    allow('Uploads', ['s3:ListBucketMultipartUploads'], [bucketArn(place)]),
    allow('ReadStatements', READ, objectArns(place, [REGISTRY, LOG])),
    allow('Delete', DELETE, objectArns(place, removable)),
    allow(
      'AbortUploads',
      ['s3:ListMultipartUploadParts', 's3:AbortMultipartUpload'],
      objectArns(place, [MODELS]),
    ),
    throughS3(place, encryptionKeyArn, ['kms:Decrypt']),
  ];
}

function signing(signingKeyArns: readonly string[]): Statement[] {
  return [
    {
      ...allow('Sign', ['kms:Sign'], signingKeyArns),
      Condition: { StringEquals: { 'kms:SigningAlgorithm': SIGNING_ALGORITHMS } },
    },
    allow('PublicKeys', ['kms:GetPublicKey', 'kms:DescribeKey'], signingKeyArns),
  ];
}

/**
 * Listing is a permission on the bucket; the condition keeps it to the folders that the role works in. "If exists",
 * because S3 says 404 for an absent object only to whoever may list, and asks that without a prefix: with a plain
 * condition every absent object would be a 403, and a role could not tell "not there" from "not permitted".
 */
function list(place: OwnedPlace, patterns: readonly string[]): Statement {
  return {
    ...allow('List', ['s3:ListBucket', 's3:ListBucketVersions'], [bucketArn(place)]),
    Condition: { StringLikeIfExists: { 's3:prefix': patterns.map((pattern) => rootOf(place) + pattern) } },
  };
}

/** The use of a key for what S3 stores, and for nothing else. */
function throughS3(place: OwnedPlace, keyArn: string, actions: readonly string[]): Statement {
  return {
    ...allow('Encryption', actions, [keyArn]),
    Condition: { StringEquals: { 'kms:ViaService': `s3.${place.region}.amazonaws.com` } },
  };
}

function allow(name: string, actions: readonly string[], resources: readonly string[]): Statement {
  return { Sid: name, Effect: 'Allow', Action: actions, Resource: resources };
}

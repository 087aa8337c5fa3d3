/**
 * The policy of the bucket: what holds for everybody, whatever an identity's own policy allows.
 *
 * Only denials: who may do what is for the roles (role-policies.ts). The condition keys that enforce conditional
 * writes are those of Amazon's user guide, "Enforce conditional writes on Amazon S3 buckets": the steps of a multipart
 * upload that create no object (CreateMultipartUpload, UploadPart, UploadPartCopy) take no conditional header, and
 * `s3:ObjectCreationOperation` is false for them. CopyObject takes none either, so it cannot write into the vault.
 */
import { LOG_PREFIX, REGISTRY_PREFIX, VAULT_KEY } from '../../vault/layout.ts';
import { REVOKED_TAG } from '../../vault/s3-place.ts';
import {
  bucketArn,
  LOG,
  MODELS,
  MOVING,
  mark,
  type OwnedPlace,
  objectArns,
  REGISTRY,
  roleArn,
  STAGING,
} from './place.ts';
import {
  type Condition,
  EVERYBODY,
  type PolicyDocument,
  policyDocument,
  type Statement,
} from './policy-document.ts';

/** Statements of ours begin so; all others in a bucket's policy are left as they are. */
export const SID = 'Weighlock';
export const TLS_SID = `${SID}TlsOnly`;

/** The bucket's own policy, for one vault in it. */
export function bucketPolicy(place: OwnedPlace): PolicyDocument {
  return policyDocument([
    tlsOnly(place),
    ...conditionalWrites(place),
    deny(place, 'DeletesByRemoverOnly', {
      Action: ['s3:DeleteObject', 's3:DeleteObjectVersion'],
      Resource: objectArns(place, [MODELS, REGISTRY, LOG]),
      Condition: unless(roleArn(place, 'remover')),
    }),
    deny(place, 'NoReadsOfRevoked', {
      Action: ['s3:GetObject', 's3:GetObjectVersion'],
      Resource: objectArns(place, [MODELS]),
      Condition: { StringEquals: { [`s3:ExistingObjectTag/${REVOKED_TAG.key}`]: REVOKED_TAG.value } },
    }),
    // A tag that stops reads is worth as much as the right to take it away.
    deny(place, 'TagsByGateOnly', {
      Action: [
        's3:PutObjectTagging',
        's3:PutObjectVersionTagging',
        's3:DeleteObjectTagging',
        's3:DeleteObjectVersionTagging',
      ],
      Resource: objectArns(place, [MODELS]),
      Condition: unless(roleArn(place, 'gate')),
    }),
  ]);
}

export function tlsOnly(place: OwnedPlace): Statement {
  return {
    Sid: TLS_SID,
    Effect: 'Deny',
    Principal: EVERYBODY,
    Action: 's3:*',
    Resource: [bucketArn(place), `${bucketArn(place)}/*`],
    Condition: { Bool: { 'aws:SecureTransport': 'false' } },
  };
}

const CREATES_AN_OBJECT: Condition = { Bool: { 's3:ObjectCreationOperation': 'true' } };

/**
 * Nothing is asked of staging/: what waits there is hashed again before it counts. A vault that has the bucket to
 * itself is stated exactly: only what moves may be written by anything but If-None-Match. Beside other things in the bucket, "all but" would reach those too, and a pattern cannot say "below
 * models/, but not model.sig": there, either header is asked for below models/, and the gate's own policy, which
 * alone may create there, is exact.
 */
function conditionalWrites(place: OwnedPlace): Statement[] {
  const writeOnce =
    place.prefix === ''
      ? { NotResource: objectArns(place, [...MOVING, STAGING]) }
      : { Resource: objectArns(place, WRITTEN_ONCE) };
  const moving = place.prefix === '' ? MOVING : [...MOVING, MODELS];
  return [
    deny(place, 'WritesOnce', {
      Action: 's3:PutObject',
      ...writeOnce,
      Condition: { Null: { 's3:if-none-match': 'true' }, ...CREATES_AN_OBJECT },
    }),
    deny(place, 'MovesByComparison', {
      Action: 's3:PutObject',
      Resource: objectArns(place, moving),
      Condition: { Null: { 's3:if-none-match': 'true', 's3:if-match': 'true' }, ...CREATES_AN_OBJECT },
    }),
  ];
}

/** What lies below registry/ and log/ and never moves, by its folders: what moves lies beside them. */
const WRITTEN_ONCE: readonly string[] = [
  VAULT_KEY,
  ...['records', 'receipts', 'proofs', 'statements', 'facts', 'evidence', 'policies', 'index'].map(
    (folder) => `${REGISTRY_PREFIX}${folder}/*`,
  ),
  ...['tile', 'staging'].map((folder) => `${LOG_PREFIX}${folder}/*`),
];

function deny(
  place: OwnedPlace,
  name: string,
  rest: Omit<Statement, 'Sid' | 'Effect' | 'Principal'>,
): Statement {
  return { Sid: `${SID}${name}${mark(place)}`, Effect: 'Deny', Principal: EVERYBODY, ...rest };
}

/** Holds for everybody but one role: aws:PrincipalArn is the role's ARN in every session of it. */
function unless(role: string): Condition {
  return { ArnNotEquals: { 'aws:PrincipalArn': role } };
}

/** What the roles' policies and the checks share about conditions. */
export const WITH_IF_NONE_MATCH: Condition = { Null: { 's3:if-none-match': 'false' } };
export const WITH_IF_MATCH: Condition = { Null: { 's3:if-match': 'false' } };
export const PARTS_ONLY: Condition = { Bool: { 's3:ObjectCreationOperation': 'false' } };

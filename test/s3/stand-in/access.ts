/** Who may call: the stand-in's own credentials, for how long, and for which actions. */
import { randomBytes } from 'node:crypto';
import type { S3Credentials } from '../server.ts';
import { S3Error } from './error.ts';
import { type ChunkChain, type Claim, readClaim, type SignedRequest, verifyClaim } from './sigv4.ts';

export type Access = 'all' | 'read-only';

export interface Caller {
  readonly name: string;
  readonly access: Access;
  readonly claim: Claim;
  readonly chain: ChunkChain;
}

interface Identity {
  readonly name: string;
  readonly access: Access;
  readonly credentials: S3Credentials;
}

const READ_ACTION = /^s3:(?:Get|List|HeadBucket)/;

/** The action that IAM asks for, where it is not the operation's own name. */
const ACTIONS: Readonly<Record<string, string>> = {
  HeadObject: 'GetObject',
  GetObjectAttributes: 'GetObject',
  HeadBucket: 'ListBucket',
  ListObjects: 'ListBucket',
  ListObjectsV2: 'ListBucket',
  ListObjectVersions: 'ListBucketVersions',
  ListBuckets: 'ListAllMyBuckets',
  ListMultipartUploads: 'ListBucketMultipartUploads',
  ListParts: 'ListMultipartUploadParts',
  CreateMultipartUpload: 'PutObject',
  UploadPart: 'PutObject',
  UploadPartCopy: 'PutObject',
  CompleteMultipartUpload: 'PutObject',
  DeleteObjects: 'DeleteObject',
  GetBucketEncryption: 'GetEncryptionConfiguration',
  PutBucketEncryption: 'PutEncryptionConfiguration',
  GetBucketLifecycleConfiguration: 'GetLifecycleConfiguration',
  PutBucketLifecycleConfiguration: 'PutLifecycleConfiguration',
  GetPublicAccessBlock: 'GetBucketPublicAccessBlock',
  PutPublicAccessBlock: 'PutBucketPublicAccessBlock',
  GetObjectLockConfiguration: 'GetBucketObjectLockConfiguration',
  PutObjectLockConfiguration: 'PutBucketObjectLockConfiguration',
};

const VERSIONED = [
  'GetObject',
  'GetObjectTagging',
  'PutObjectTagging',
  'DeleteObject',
  'DeleteObjectTagging',
];

/** `s3:PutObject` and its like. */
export function actionOf(operation: string, hasVersion: boolean): string {
  const action = ACTIONS[operation] ?? operation;
  if (!hasVersion || !VERSIONED.includes(action)) return `s3:${action}`;
  return `s3:${action.replace('Object', 'ObjectVersion')}`;
}

export class AccessBook {
  readonly credentials: S3Credentials;
  readonly readOnlyCredentials: S3Credentials;
  readonly #identities: readonly Identity[];
  readonly #accountId: string;
  #expireAtMs = Number.POSITIVE_INFINITY;

  constructor(accountId: string, session: 'temporary' | 'permanent') {
    this.#accountId = accountId;
    this.credentials = newCredentials(session);
    this.readOnlyCredentials = newCredentials('permanent');
    this.#identities = [
      { name: 'weighlock', access: 'all', credentials: this.credentials },
      { name: 'reader', access: 'read-only', credentials: this.readOnlyCredentials },
    ];
  }

  /** From this moment the credentials with a session token are refused. */
  expireAt(timeMs: number): void {
    this.#expireAtMs = timeMs;
  }

  /** Whoever signed this request; any doubt is one of AWS's errors. */
  identify(request: SignedRequest): Caller {
    const claim = readClaim(request);
    const identity = this.#identities.find(
      ({ credentials }) => credentials.accessKeyId === claim.accessKeyId,
    );
    if (!identity) throw unknownKey(claim);
    const { sessionToken, secretAccessKey } = identity.credentials;
    if (sessionToken !== undefined && claim.securityToken === undefined) throw unknownKey(claim);
    if (claim.securityToken !== sessionToken) throw new S3Error('InvalidToken');
    const chain = verifyClaim(request, claim, secretAccessKey);
    if (sessionToken !== undefined && request.nowMs >= this.#expireAtMs) throw new S3Error('ExpiredToken');
    return { name: identity.name, access: identity.access, claim, chain };
  }

  /** Refuses an action that the caller's role does not have, in AWS's words. */
  allow(caller: Caller, action: string, resource: string, denied: readonly string[]): void {
    if (!denied.includes(action) && (caller.access === 'all' || READ_ACTION.test(action))) return;
    throw new S3Error('AccessDenied', {
      message: `User: arn:aws:iam::${this.#accountId}:user/${caller.name} is not authorized to perform: ${action} on resource: "arn:aws:s3:::${resource}" because no identity-based policy allows the ${action} action`,
    });
  }
}

function unknownKey({ accessKeyId }: Claim): S3Error {
  return new S3Error('InvalidAccessKeyId', { fields: { AWSAccessKeyId: accessKeyId } });
}

function newCredentials(kind: 'temporary' | 'permanent'): S3Credentials {
  return {
    accessKeyId: `${kind === 'temporary' ? 'ASIA' : 'AKIA'}${randomBytes(8).toString('hex').toUpperCase()}`,
    secretAccessKey: randomBytes(30).toString('base64'),
    ...(kind === 'temporary' ? { sessionToken: randomBytes(96).toString('base64') } : {}),
  };
}

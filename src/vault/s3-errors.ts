/** What a store of the S3 kind answers, as errors that say which setting or permission is missing. */
import { S3ServiceException } from '@aws-sdk/client-s3';
import { printable, WeighlockError } from '../base/errors.ts';
import { type S3Settings, s3Place } from './s3-client.ts';

/** Names and statuses under which stores answer that a condition of the request does not hold. */
export function isPreconditionFailed(error: unknown): boolean {
  return nameOf(error) === 'PreconditionFailed' || statusOf(error) === 412;
}

/** A rival request on the same key was under way: the outcome is open, and the request is to be made again. */
export function isConflict(error: unknown): boolean {
  return statusOf(error) === 409 && /Conflict|OperationAborted/.test(nameOf(error));
}

export function isAbsent(error: unknown): boolean {
  return nameOf(error) === 'NoSuchKey' || nameOf(error) === 'NotFound' || nameOf(error) === 'NoSuchVersion';
}

export function isUploadGone(error: unknown): boolean {
  return nameOf(error) === 'NoSuchUpload';
}

/** A part is not what it was when it was uploaded: somebody put another in its place, or the store lost it. */
export function isPartWrong(error: unknown): boolean {
  return nameOf(error) === 'InvalidPart';
}

export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}

export function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}

/** The permission that each operation needs, where it is not called like the operation. */
const PERMISSIONS: Readonly<Record<string, string>> = {
  HeadObject: 's3:GetObject',
  ListObjectsV2: 's3:ListBucket',
  ListObjectVersions: 's3:ListBucketVersions',
  HeadBucket: 's3:ListBucket',
  CreateMultipartUpload: 's3:PutObject',
  UploadPart: 's3:PutObject',
  UploadPartCopy: 's3:GetObject and s3:PutObject',
  CompleteMultipartUpload: 's3:PutObject',
  ListMultipartUploads: 's3:ListBucketMultipartUploads',
  DeleteObjects: 's3:DeleteObject',
};

/** What was being done when the store answered. */
export interface Doing {
  readonly operation: string;
  readonly key: string;
}

/** The error for people. Errors of ours, and aborts, pass as they are. */
export function storeError(error: unknown, { operation, key }: Doing, settings: S3Settings): unknown {
  if (error instanceof WeighlockError || nameOf(error) === 'AbortError') return error;
  const place = s3Place(settings);
  const name = nameOf(error);
  const said = printable(error instanceof Error ? error.message : String(error));
  const permission = PERMISSIONS[operation] ?? `s3:${operation}`;
  const unavailable = (message: string, hint: string) =>
    new WeighlockError('WL_VAULT_UNAVAILABLE', message, { hint, cause: error });
  const denied = (message: string, hint: string) =>
    new WeighlockError('WL_VAULT_DENIED', message, { hint, cause: error });
  switch (name) {
    case 'CredentialsProviderError':
    case 'TokenProviderError':
      return denied(
        `no AWS credentials for ${place}: ${said}`,
        'Set AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached; `aws sts get-caller-identity` tries them.',
      );
    case 'ExpiredToken':
    case 'ExpiredTokenException':
    case 'TokenRefreshRequired':
      return denied(
        `the AWS credentials for ${place} have expired`,
        'Renew them (`aws sso login`, a new session) and run the command again: finished files are kept.',
      );
    case 'InvalidAccessKeyId':
    case 'SignatureDoesNotMatch':
    case 'InvalidToken':
      return denied(
        `${place} does not know these AWS credentials (${name})`,
        'Check the access key, its secret and the profile; a proxy that changes headers breaks signatures too.',
      );
    case 'RequestTimeTooSkewed':
      return unavailable(
        `the clock of this machine and that of ${place} differ by more than 15 minutes`,
        'Set the clock (NTP), then run the command again.',
      );
    case 'NoSuchBucket':
      return unavailable(
        `there is no bucket ${settings.bucket}${settings.endpoint ? ` at ${settings.endpoint}` : ''}`,
        `Check the name and the endpoint, or make it: weighlock vault init ${place}`,
      );
    case 'PermanentRedirect':
    case 'AuthorizationHeaderMalformed':
    case 'IllegalLocationConstraintException':
      return unavailable(
        `the bucket ${settings.bucket} is in another region${regionIn(error)}${settings.region ? ` than ${settings.region}` : ''}`,
        'Name its region: "region" of the vault in weighlock.yaml, or AWS_REGION.',
      );
    case 'Region is missing':
      return unavailable(
        `no region is known for ${place}`,
        'Set AWS_REGION, or "region" of the vault in weighlock.yaml.',
      );
    case 'NotImplemented':
      return unavailable(
        `${place} cannot do ${operation}: ${said}`,
        'The store lacks what a vault needs: `weighlock vault check` says what, and what it costs.',
      );
  }
  if (/Region is missing/.test(said))
    return unavailable(
      `no region is known for ${place}`,
      'Set AWS_REGION, or "region" of the vault in weighlock.yaml.',
    );
  if (/^kms|KMS\./i.test(name) || /kms:/i.test(said))
    return denied(
      `the KMS key of ${place} cannot be used: ${said}`,
      'Give this role kms:GenerateDataKey and kms:Decrypt on the key, and check that the key is enabled.',
    );
  if (statusOf(error) === 403)
    return denied(
      `${place} refuses ${operation} on ${key || 'the bucket'}: ${said}`,
      `The role needs ${permission} on arn:aws:s3:::${settings.bucket}${key ? `/${key}` : ''}${settings.bucketOwner ? `, and the bucket must belong to account ${settings.bucketOwner}` : ''}; \`weighlock vault init ${place} --cloudformation\` prints the roles.`,
    );
  const status = statusOf(error);
  return unavailable(
    `${place} did not carry out ${operation} on ${key || 'the bucket'}: ${status ? `${status} ` : ''}${name === 'Error' ? '' : `${name} `}${said}`,
    'Check endpoint, network and proxy (`weighlock doctor`), then run the command again: finished files are kept.',
  );
}

/** The region that a redirect names. */
function regionIn(error: unknown): string {
  const headers = (error as { $response?: { headers?: Record<string, string> } }).$response?.headers;
  const region =
    headers?.['x-amz-bucket-region'] ??
    (error as { Region?: string }).Region ??
    /expecting '([a-z0-9-]+)'/.exec(error instanceof Error ? error.message : '')?.[1];
  return region ? ` (${printable(region)})` : '';
}

/** What a store of the S3 kind answers, as errors that say which setting or permission is missing. */
import { S3ServiceException } from '@aws-sdk/client-s3';
import { printable, WeighlockError } from '../base/errors.ts';
import { type S3Settings, s3Place } from './s3-place.ts';

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

/** What is known where an error is put into words. */
interface Answer {
  readonly error: unknown;
  readonly place: string;
  /** The store's own words. */
  readonly said: string;
  readonly doing: Doing;
  readonly settings: S3Settings;
}

type Wording = readonly [code: 'WL_VAULT_DENIED' | 'WL_VAULT_UNAVAILABLE', message: string, hint: string];

const NO_CREDENTIALS = ({ place, said }: Answer): Wording => [
  'WL_VAULT_DENIED',
  `no AWS credentials for ${place}: ${said}`,
  'Set AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached; `aws sts get-caller-identity` tries them.',
];
const EXPIRED = ({ place }: Answer): Wording => [
  'WL_VAULT_DENIED',
  `the AWS credentials for ${place} have expired`,
  'Renew them (`aws sso login`, a new session) and run the command again: finished files are kept.',
];
const UNKNOWN_CREDENTIALS = ({ place, error }: Answer): Wording => [
  'WL_VAULT_DENIED',
  `${place} does not know these AWS credentials (${nameOf(error)})`,
  'Check the access key, its secret and the profile; a proxy that changes headers breaks signatures too.',
];
const SKEWED = ({ place }: Answer): Wording => [
  'WL_VAULT_UNAVAILABLE',
  `the clock of this machine and that of ${place} differ by more than 15 minutes`,
  'Set the clock (NTP), then run the command again.',
];
const NO_BUCKET = ({ place, settings }: Answer): Wording => [
  'WL_VAULT_UNAVAILABLE',
  `there is no bucket ${settings.bucket}${settings.endpoint ? ` at ${settings.endpoint}` : ''}`,
  `Check the name and the endpoint, or make it: weighlock vault init ${place}`,
];
const ELSEWHERE = ({ error, settings }: Answer): Wording => [
  'WL_VAULT_UNAVAILABLE',
  `the bucket ${settings.bucket} is in another region${regionIn(error)}${settings.region ? ` than ${settings.region}` : ''}`,
  'Name its region: "region" of the vault in weighlock.yaml, or AWS_REGION.',
];
const NO_REGION = ({ place }: Answer): Wording => [
  'WL_VAULT_UNAVAILABLE',
  `no region is known for ${place}`,
  'Set AWS_REGION, or "region" of the vault in weighlock.yaml.',
];
const CANNOT = ({ place, said, doing }: Answer): Wording => [
  'WL_VAULT_UNAVAILABLE',
  `${place} cannot do ${doing.operation}: ${said}`,
  'The store lacks what a vault needs: `weighlock vault check` says what, and what it costs.',
];
const KMS = ({ place, said }: Answer): Wording => [
  'WL_VAULT_DENIED',
  `the KMS key of ${place} cannot be used: ${said}`,
  'Give this role kms:GenerateDataKey and kms:Decrypt on the key, and check that the key is enabled.',
];
const DENIED = ({ place, said, doing, settings }: Answer): Wording => {
  const { bucket, bucketOwner } = settings;
  const permission = PERMISSIONS[doing.operation] ?? `s3:${doing.operation}`;
  const on = `arn:aws:s3:::${bucket}${doing.key ? `/${doing.key}` : ''}`;
  const owner = bucketOwner ? `, and the bucket must belong to account ${bucketOwner}` : '';
  return [
    'WL_VAULT_DENIED',
    `${place} refuses ${doing.operation} on ${doing.key || 'the bucket'}: ${said}`,
    `The role needs ${permission} on ${on}${owner}; \`weighlock vault init ${place} --cloudformation\` prints the roles.`,
  ];
};
const FAILED = ({ error, place, said, doing }: Answer): Wording => {
  const status = statusOf(error);
  const name = nameOf(error) === 'Error' ? '' : `${nameOf(error)} `;
  return [
    'WL_VAULT_UNAVAILABLE',
    `${place} did not carry out ${doing.operation} on ${doing.key || 'the bucket'}: ${status ? `${status} ` : ''}${name}${said}`,
    'Check endpoint, network and proxy (`weighlock doctor`), then run the command again: finished files are kept.',
  ];
};

/** By the name of the error, as AWS and the SDK have them. */
const WORDINGS: Readonly<Record<string, (answer: Answer) => Wording>> = {
  CredentialsProviderError: NO_CREDENTIALS,
  TokenProviderError: NO_CREDENTIALS,
  ExpiredToken: EXPIRED,
  ExpiredTokenException: EXPIRED,
  TokenRefreshRequired: EXPIRED,
  InvalidAccessKeyId: UNKNOWN_CREDENTIALS,
  SignatureDoesNotMatch: UNKNOWN_CREDENTIALS,
  InvalidToken: UNKNOWN_CREDENTIALS,
  RequestTimeTooSkewed: SKEWED,
  NoSuchBucket: NO_BUCKET,
  PermanentRedirect: ELSEWHERE,
  AuthorizationHeaderMalformed: ELSEWHERE,
  IllegalLocationConstraintException: ELSEWHERE,
  NotImplemented: CANNOT,
};

/** The error for people. Errors of ours, and aborts, pass as they are. */
export function storeError(error: unknown, doing: Doing, settings: S3Settings): unknown {
  if (error instanceof WeighlockError || nameOf(error) === 'AbortError') return error;
  const said = printable(error instanceof Error ? error.message : String(error));
  const [code, message, hint] = wordingOf(
    error,
    said,
  )({
    error,
    place: s3Place(settings),
    said,
    doing,
    settings,
  });
  return new WeighlockError(code, message, { hint, cause: error });
}

function wordingOf(error: unknown, said: string): (answer: Answer) => Wording {
  const name = nameOf(error);
  const known = Object.hasOwn(WORDINGS, name) ? WORDINGS[name] : undefined;
  if (known) return known;
  if (/Region is missing/.test(said)) return NO_REGION;
  if (/^kms|KMS\./i.test(name) || /kms:/i.test(said)) return KMS;
  return statusOf(error) === 403 ? DENIED : FAILED;
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

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

/** The store does not know the operation at all. */
export function isUnknownToStore(error: unknown): boolean {
  return statusOf(error) === 501 || ['NotImplemented', 'MethodNotAllowed'].includes(nameOf(error));
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
  DeleteObject: 's3:DeleteObject and s3:DeleteObjectVersion',
  DeleteObjects: 's3:DeleteObject and s3:DeleteObjectVersion',
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

type Wording = readonly [
  code: 'WL_VAULT_DENIED' | 'WL_VAULT_UNAVAILABLE' | 'WL_STAGING_LOST',
  message: string,
  hint: string,
];

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
const UPLOAD_GONE = ({ place, doing }: Answer): Wording => [
  'WL_STAGING_LOST',
  `${place} dropped the upload of ${doing.key} while it was under way`,
  'Run the command again: finished files are kept. If it repeats, look for whoever aborts uploads there: a lifecycle rule, a clean-up job.',
];
/** The bucket answers, and not as it must: nothing but S3 speaks so. */
const NOT_S3 = ({ error, settings }: Answer): Wording => [
  'WL_VAULT_UNAVAILABLE',
  `${storeAt(settings)} does not answer as S3 does${statusOf(error) ? ` (status ${statusOf(error)}, a web page)` : ''}`,
  'Check the address (AWS_ENDPOINT_URL_S3, "endpoint" of the vault): a console, another web server, or a proxy that asks for a login may answer there.',
];
const NOT_TRUSTED = ({ said, settings }: Answer): Wording => [
  'WL_VAULT_UNAVAILABLE',
  `the certificate of ${storeAt(settings)} is not trusted: ${said.split(';', 1)[0]}`,
  settings.caFile
    ? `Check that ${settings.caFile} (AWS_CA_BUNDLE, "caFile" of the vault) holds the authority that signed it, and that its names and dates fit.`
    : 'Name the file of the authority that signed it: AWS_CA_BUNDLE, or "caFile" of the vault in weighlock.yaml.',
];
const NO_TLS = ({ settings }: Answer): Wording => [
  'WL_VAULT_UNAVAILABLE',
  `${storeAt(settings)} does not speak TLS`,
  'Check the port; name an http:// endpoint only where nobody else is on the way.',
];
const NO_WAY = ({ said, settings }: Answer): Wording => [
  'WL_VAULT_UNAVAILABLE',
  `cannot reach ${storeAt(settings)}${throughProxy(settings)}: ${said}`,
  'Check endpoint, network and proxy (`weighlock doctor`), then run the command again: finished files are kept.',
];
const PROXY_REFUSES = ({ error, settings }: Answer): Wording => [
  'WL_VAULT_UNAVAILABLE',
  `the proxy lets nobody through to ${storeAt(settings)} (status ${proxyStatusOf(error)})`,
  'Check HTTPS_PROXY and the user and password in it, have the proxy allow the store, or name its host in NO_PROXY.',
];
const DENIED = (answer: Answer): Wording => {
  const { place, said, doing, settings } = answer;
  const owner = settings.bucketOwner ? `, and the bucket must belong to account ${settings.bucketOwner}` : '';
  return [
    'WL_VAULT_DENIED',
    `${place} refuses ${doing.operation} on ${doing.key || 'the bucket'}: ${said}`,
    /explicit deny/.test(said)
      ? `A policy denies ${permissionIn(answer)}, whatever else allows it${owner}: look at the policies that the answer names.`
      : `The role needs ${permissionIn(answer)} on ${resourceOf(answer)}${owner}; \`weighlock vault init ${place} --cloudformation\` prints the roles.`,
  ];
};
const FAILED = ({ error, place, said, doing }: Answer): Wording => {
  const status = statusOf(error);
  const name = /^(?:Error|Unknown|TypeError)$/.test(nameOf(error)) ? '' : `${nameOf(error)} `;
  return [
    'WL_VAULT_UNAVAILABLE',
    `${place} did not carry out ${doing.operation} on ${doing.key || 'the bucket'}: ${status ? `${status} ` : ''}${name}${said}`,
    'Check endpoint, network and proxy (`weighlock doctor`), then run the command again: finished files are kept.',
  ];
};

/** Whom the requests go to. */
function storeAt({ endpoint, region }: S3Settings): string {
  return endpoint ?? `S3${region ? ` in ${region}` : ''}`;
}

function throughProxy({ proxy }: S3Settings): string {
  return proxy ? ` through the proxy ${new URL(proxy).host}` : '';
}

/** The permission that the store itself names, or the one that the operation is known to need. */
function permissionIn({ said, doing }: Answer): string {
  const named = /not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)/.exec(said)?.[1];
  if (named) return named;
  const needed = PERMISSIONS[doing.operation] ?? `s3:${doing.operation}`;
  // AWS hides from whoever may not list whether there is anything to read.
  return /^(?:Get|Head)Object$/.test(doing.operation)
    ? `${needed} (and s3:ListBucket on the bucket)`
    : needed;
}

function resourceOf({ said, doing, settings }: Answer): string {
  const onBucket = doing.key === '' || /perform: s3:List/.test(said);
  return `arn:aws:s3:::${settings.bucket}${onBucket ? '' : `/${doing.key}`}`;
}

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
  NoSuchUpload: UPLOAD_GONE,
  AccessDenied: DENIED,
};

/** By the code of a connection that did not come about. */
const CONNECTIONS: readonly (readonly [RegExp, (answer: Answer) => Wording])[] = [
  [/SELF_SIGNED|UNABLE_TO_(?:GET_ISSUER|VERIFY)|^CERT_|ERR_TLS_CERT|ERR_OSSL_PEM/, NOT_TRUSTED],
  [/ERR_SSL_(?:WRONG_VERSION|PACKET_LENGTH|UNSUPPORTED_PROTOCOL|HTTP_REQUEST)/, NO_TLS],
  [
    /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/,
    NO_WAY,
  ],
];

/** The error for people. Errors of ours, and aborts, pass as they are. */
export function storeError(error: unknown, doing: Doing, settings: S3Settings): unknown {
  if (error instanceof WeighlockError) return error;
  // A proxy that refuses comes as an abort too, which nobody asked for.
  if (nameOf(error) === 'AbortError' && proxyStatusOf(error) === undefined) return error;
  const said = saidBy(error);
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
  if (proxyStatusOf(error) !== undefined) return PROXY_REFUSES;
  if (/^text\/html/.test(headersOf(error)['content-type'] ?? '') || name === 'NotS3') return NOT_S3;
  if (/^kms|KMS\./i.test(name) || /kms:/i.test(said)) return KMS;
  const known = Object.hasOwn(WORDINGS, name) ? WORDINGS[name] : undefined;
  if (known) return known;
  if (/Region is missing/.test(said)) return NO_REGION;
  const code = codeOf(error);
  const connection = CONNECTIONS.find(([pattern]) => pattern.test(code));
  if (connection) return connection[1];
  return statusOf(error) === 403 ? DENIED : FAILED;
}

/** The error of an answer that no store of the S3 kind gives, for `storeError` to put into words. */
export function notS3(): Error {
  return Object.assign(new Error('the answer has no ETag'), { name: 'NotS3' });
}

function saidBy(error: unknown): string {
  const said = printable(error instanceof Error ? error.message : String(error));
  // The SDK's word for an answer without a document, as those to HEAD are.
  return said === 'UnknownError' ? 'it gives no reason' : said;
}

/** What a proxy answered in the place of the store, by undici's words. */
function proxyStatusOf(error: unknown): string | undefined {
  const said = error instanceof Error ? error.message : '';
  return (
    /^Proxy response \((\d{3})\)/.exec(said)?.[1] ??
    /^Proxy Authentication Required \((\d+)\)/.exec(said)?.[1]
  );
}

/** The code of a connection's error, or of what it was made of. */
function codeOf(error: unknown): string {
  const { code, cause } = (error ?? {}) as { readonly code?: unknown; readonly cause?: { code?: unknown } };
  return String(code ?? cause?.code ?? '');
}

function headersOf(error: unknown): Readonly<Record<string, string>> {
  return (
    (error as { $response?: { headers?: Record<string, string> } } | undefined)?.$response?.headers ?? {}
  );
}

/** The region that a redirect names. */
function regionIn(error: unknown): string {
  const region =
    headersOf(error)['x-amz-bucket-region'] ??
    (error as { Region?: string }).Region ??
    /expecting '([a-z0-9-]+)'/.exec(error instanceof Error ? error.message : '')?.[1];
  return region ? ` (${printable(region)})` : '';
}

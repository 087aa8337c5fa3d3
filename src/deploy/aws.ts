/** What targets on AWS share: where and as whom, names, and policies for exactly one revision. */
import { sha256 } from '../base/digest.ts';
import { WeighlockError } from '../base/errors.ts';
import { revisionPrefix } from '../vault/layout.ts';
import type { S3Settings } from '../vault/s3-place.ts';
import type { Flags, Subject } from './deploy.ts';
import { text } from './flags.ts';

/** Where in AWS, and in whose account. */
export interface AwsPlace {
  readonly partition: string;
  readonly region: string;
  readonly account: string;
}

export interface PolicyStatement {
  readonly Sid: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal?: { readonly Service: string };
  readonly Action: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

export interface PolicyDocument {
  readonly Version: '2012-10-17';
  readonly Statement: readonly PolicyStatement[];
}

/** IAM's limit on the name of a role. */
const ROLE_NAME_LENGTH_MAX = 64;

/** Where it is to be: by option, else where the vault is, else as AWS's variables say. Throws WL_USAGE. */
export function regionOf(flags: Flags, subject: Subject, environment: NodeJS.ProcessEnv): string {
  const region =
    text(flags, 'region') ??
    bucketOf(subject)?.region ??
    (environment.AWS_REGION || environment.AWS_DEFAULT_REGION || undefined);
  if (region !== undefined && /^[a-z]{2}(-[a-z]+)+-\d{1,2}$/.test(region)) return region;
  throw new WeighlockError(
    'WL_USAGE',
    region === undefined ? 'no region is known: name it with --region' : `"${region}" is no region of AWS`,
  );
}

export function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}

/** The account: by option, by the role, by the owner of the vault's bucket; undefined where only AWS can say. */
export function accountOf(flags: Flags, subject: Subject): string | undefined {
  const named = text(flags, 'account');
  if (named !== undefined && !/^\d{12}$/.test(named))
    throw new WeighlockError('WL_USAGE', `--account takes 12 digits, not "${named}"`);
  const byRole = /^arn:[a-z-]+:iam::(\d{12}):role\//.exec(text(flags, 'role') ?? '')?.[1];
  return named ?? byRole ?? bucketOf(subject)?.bucketOwner;
}

/** How the vault's bucket is reached; undefined for the Hub and for a vault in a folder. */
export function bucketOf({ origin }: Subject): S3Settings | undefined {
  return origin.route === 'vault' && origin.ticket.kind === 's3' ? origin.ticket.settings : undefined;
}

/** The bucket, for targets that read from S3 themselves. Throws WL_DEPLOY_REFUSED. */
export function requireBucket(subject: Subject, target: string): S3Settings {
  const bucket = bucketOf(subject);
  if (bucket) return bucket;
  throw new WeighlockError(
    'WL_DEPLOY_REFUSED',
    `${target} reads from a bucket, and this vault is a folder of this machine`,
    { hint: 'Bring the revision into a vault in S3 with `weighlock copy`, and deploy from there.' },
  );
}

/** A name of at most `lengthMax` letters, digits and single hyphens, for a model and an optional end. */
export function resourceName(
  model: string,
  { end = '', lengthMax }: { readonly end?: string; readonly lengthMax: number },
): string {
  const [, bare = model] = /^[^/]*\/(.*)$/.exec(model) ?? [];
  const tail = end === '' ? '' : `-${end}`;
  const head = bare.replace(/[^A-Za-z0-9]+/g, '-').slice(0, lengthMax - tail.length);
  return head.replace(/^-+|-+$/g, '') + tail;
}

/** A role is named by what it may do: a second one never takes over, or changes, what the first one needs. */
export function revisionRoleName(model: string, service: string, policy: PolicyDocument): string {
  const digest = sha256(JSON.stringify(policy)).slice(0, 12);
  return resourceName(model, { end: `${service}-${digest}`, lengthMax: ROLE_NAME_LENGTH_MAX });
}

/** Assumed by one service, on behalf of this account alone: no other customer of the service can borrow the role. */
export function trustOf(service: string, { account }: AwsPlace): PolicyDocument {
  return document([
    {
      Sid: 'Assume',
      Effect: 'Allow',
      Principal: { Service: service },
      Action: 'sts:AssumeRole',
      Condition: { StringEquals: { 'aws:SourceAccount': account } },
    },
  ]);
}

/** Reading exactly one revision: its objects, its listing, and the key of the bucket for what S3 stores. */
export function readRevision(
  subject: Subject,
  { bucket, prefix, kmsKey, bucketOwner }: S3Settings,
  { partition, region, account }: AwsPlace,
): PolicyStatement[] {
  const root = prefix === '' ? '' : `${prefix}/`;
  const revision = `${root}${revisionPrefix(subject)}`;
  const bucketArn = `arn:${partition}:s3:::${bucket}`;
  return [
    {
      Sid: 'ReadRevision',
      Effect: 'Allow',
      Action: 's3:GetObject',
      Resource: `${bucketArn}/${revision}*`,
      Condition: { StringEquals: { 'aws:ResourceAccount': bucketOwner ?? account } },
    },
    {
      Sid: 'ListRevision',
      Effect: 'Allow',
      Action: 's3:ListBucket',
      Resource: bucketArn,
      Condition: { StringLike: { 's3:prefix': [revision, `${revision}*`] } },
    },
    ...(kmsKey === undefined
      ? []
      : [
          {
            Sid: 'Decrypt',
            Effect: 'Allow' as const,
            Action: 'kms:Decrypt',
            Resource: kmsKey,
            Condition: { StringEquals: { 'kms:ViaService': `s3.${region}.amazonaws.com` } },
          },
        ]),
  ];
}

export function document(statements: readonly PolicyStatement[]): PolicyDocument {
  return { Version: '2012-10-17', Statement: statements };
}

export function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

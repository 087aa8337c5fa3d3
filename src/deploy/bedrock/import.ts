/** An import as the inputs of the calls that make it. */
import { sha256 } from '../../base/digest.ts';
import { WeighlockError } from '../../base/errors.ts';
import {
  type AwsPlace,
  document,
  type PolicyDocument,
  readRevision,
  requireBucket,
  resourceName,
  revisionRoleName,
  trustOf,
} from '../aws.ts';
import type { Order, PlannedRequest, Subject } from '../deploy.ts';
import { text } from '../flags.ts';

export const BEDROCK_SERVICE = 'bedrock.amazonaws.com';

/** Limit on the names of jobs and of imported models. */
const NAME_LENGTH_MAX = 63;

export interface Import {
  readonly place: AwsPlace;
  readonly roleArn: string;
  readonly role: { readonly name: string; readonly trust: PolicyDocument } | undefined;
  readonly policy: PolicyDocument;
  readonly job: Readonly<Record<string, unknown>> & {
    readonly jobName: string;
    readonly importedModelName: string;
  };
}

export function importOf({ subject, flags }: Order, place: AwsPlace): Import {
  const { origin, model, commit } = subject;
  if (origin.route !== 'vault') throw new Error('an import has a bucket');
  const bucket = requireBucket(subject, 'Bedrock');
  const kmsKey = text(flags, 'bucketKey') ?? bucket.kmsKey;
  const named = text(flags, 'role');
  const policy = document(readRevision(subject, { ...bucket, ...(kmsKey && { kmsKey }) }, place));
  const name = revisionRoleName(model, 'bedrock', policy);
  const modelName = nameOf(text(flags, 'name'), subject);
  const key = text(flags, 'kmsKey');
  const tags = [
    { key: 'weighlock:model', value: model },
    { key: 'weighlock:commit', value: commit },
    { key: 'weighlock:vault', value: origin.vault },
    { key: 'weighlock:manifest', value: origin.manifest },
  ];
  const roleArn = named ?? `arn:${place.partition}:iam::${place.account}:role/${name}`;
  const what = {
    importedModelName: modelName,
    roleArn,
    modelDataSource: { s3DataSource: { s3Uri: origin.uri } },
    jobTags: tags,
    importedModelTags: tags,
    ...(key && { importedModelKmsKeyId: key }),
  };
  const digest = sha256(JSON.stringify(what));
  const job = {
    jobName: `${modelName.slice(0, NAME_LENGTH_MAX - 9).replace(/[-_]+$/, '')}-${digest.slice(0, 8)}`,
    // The same token makes a second run find the first one's job instead of importing again.
    clientRequestToken: digest,
    ...what,
  };
  return {
    place,
    roleArn,
    role: named ? undefined : { name, trust: trustOf(BEDROCK_SERVICE, place) },
    policy,
    job,
  };
}

function nameOf(named: string | undefined, { model, commit }: Subject): string {
  const name = named ?? resourceName(model, { end: commit.slice(0, 8), lengthMax: NAME_LENGTH_MAX });
  if (name.length <= NAME_LENGTH_MAX && /^[0-9a-zA-Z](?:[_-]?[0-9a-zA-Z])*$/.test(name)) return name;
  throw new WeighlockError('WL_USAGE', `"${name}" cannot be the name of an imported model`);
}

export const POLICY_NAME = 'weighlock';

export function requestsOf({ role, policy, job }: Import): PlannedRequest[] {
  return [
    ...(role
      ? [
          {
            service: 'iam',
            operation: 'CreateRole',
            input: { RoleName: role.name, AssumeRolePolicyDocument: JSON.stringify(role.trust) },
          },
          {
            service: 'iam',
            operation: 'PutRolePolicy',
            input: { RoleName: role.name, PolicyName: POLICY_NAME, PolicyDocument: JSON.stringify(policy) },
          },
        ]
      : []),
    { service: 'bedrock', operation: 'CreateModelImportJob', input: job },
  ];
}

/**
 * Every check of `weighlock posture`, in the order of its report. The ids of AWS are those of Security Hub's
 * "AWS Foundational Security Best Practices"; those of CIS are of the AWS Foundations Benchmark v3.0.0, as Security Hub
 * maps them. Where we ask for the effect and a standard for one way to it, docs/posture.md says so.
 */
import type { Check } from './check.ts';

const INIT = 'weighlock posture --fix, or weighlock vault init';

const BUCKET = {
  'public-access': {
    title: 'public access to the bucket is blocked',
    severity: 'critical',
    fsbp: ['S3.1', 'S3.2', 'S3.3', 'S3.8'],
    cis: ['2.1.4'],
    calls: ['s3:GetPublicAccessBlock', 's3control:GetPublicAccessBlock'],
    permissions: ['s3:GetBucketPublicAccessBlock', 's3:GetAccountPublicAccessBlock'],
    attack: 'One wrong policy or ACL away, the world reads the models, or writes them.',
    remedy: `${INIT}: all four settings of the bucket's public access block.`,
  },
  'not-public': {
    title: 'the policy of the bucket gives nothing to the world',
    severity: 'critical',
    fsbp: ['S3.2', 'S3.3'],
    cis: [],
    calls: ['s3:GetBucketPolicyStatus'],
    permissions: ['s3:GetBucketPolicyStatus'],
    attack: 'Anybody on the internet reads the models, or writes them.',
    remedy: 'weighlock posture --fix takes the statement out of the policy.',
  },
  acl: {
    title: 'no ACL gives the bucket to the world',
    severity: 'critical',
    fsbp: ['S3.2', 'S3.3'],
    cis: [],
    calls: ['s3:GetBucketAcl'],
    permissions: ['s3:GetBucketAcl'],
    attack: 'Anybody lists the models or adds files beside them, whatever the policy says.',
    remedy: `${INIT}: BucketOwnerEnforced switches every ACL off.`,
  },
  ownership: {
    title: 'the bucket’s owner owns every object, and ACLs are off',
    severity: 'medium',
    fsbp: ['S3.12'],
    cis: [],
    calls: ['s3:GetBucketOwnershipControls'],
    permissions: ['s3:GetBucketOwnershipControls'],
    attack: 'An ACL on one object gives away what policies keep closed, and no policy shows it.',
    remedy: `${INIT}: BucketOwnerEnforced.`,
  },
  versioning: {
    title: 'versions are kept',
    severity: 'high',
    fsbp: ['S3.14'],
    cis: [],
    calls: ['s3:GetBucketVersioning'],
    permissions: ['s3:GetBucketVersioning'],
    attack:
      'What is overwritten or deleted is gone, and the gateway cannot hand out the very version that was inspected.',
    remedy: `${INIT}: versioning is turned on.`,
  },
  encryption: {
    title: 'objects are encrypted with a KMS key, by bucket key',
    severity: 'medium',
    fsbp: ['S3.17'],
    cis: [],
    calls: ['s3:GetBucketEncryption'],
    permissions: ['s3:GetEncryptionConfiguration'],
    attack:
      'Whoever may read objects needs no key: a leaked permission cannot be stopped at the key, nor seen there.',
    remedy: `${INIT}: aws:kms with a key of the vault's own and a bucket key.`,
  },
  'access-logs': {
    title: 'reads and writes of objects are recorded',
    severity: 'medium',
    fsbp: ['S3.9', 'S3.22', 'S3.23'],
    cis: ['3.8', '3.9'],
    calls: ['s3:GetBucketLogging', 'cloudtrail:DescribeTrails', 'cloudtrail:GetEventSelectors'],
    permissions: ['s3:GetBucketLogging', 'cloudtrail:DescribeTrails', 'cloudtrail:GetEventSelectors'],
    attack: 'Nobody can say afterwards who read which model, or who wrote beside the gate.',
    remedy: `${INIT}: access logs into a bucket of their own; or a trail with S3 data events of this bucket.`,
  },
  'lifecycle-uploads': {
    title: 'pending uploads are aborted, and not before a hold ends',
    severity: 'low',
    fsbp: ['S3.10', 'S3.13'],
    cis: [],
    calls: ['s3:GetBucketLifecycleConfiguration'],
    permissions: ['s3:GetLifecycleConfiguration'],
    attack:
      'Uploads that nobody sees fill the bucket without end; or what waits for a person is gone before the decision.',
    remedy: `${INIT}: a lifecycle rule that aborts incomplete uploads.`,
  },
  'lifecycle-staging': {
    title: 'what is not decided expires, and not before a hold ends',
    severity: 'low',
    fsbp: ['S3.13'],
    cis: [],
    calls: ['s3:GetBucketLifecycleConfiguration'],
    permissions: ['s3:GetLifecycleConfiguration'],
    attack: 'Bytes that were refused, or never judged, stay readable below staging/.',
    remedy: `${INIT}: a lifecycle rule on staging/.`,
  },
  'lifecycle-admitted': {
    title: 'what is admitted, and the log, never expires',
    severity: 'high',
    fsbp: [],
    cis: [],
    calls: ['s3:GetBucketLifecycleConfiguration'],
    permissions: ['s3:GetLifecycleConfiguration'],
    attack: 'One rule deletes models, records or the log without any deletion that a policy could refuse.',
    remedy: 'weighlock posture --fix takes the rule that is named away.',
  },
  events: {
    title: 'creations and removals are announced',
    severity: 'low',
    fsbp: ['S3.11'],
    cis: [],
    calls: ['s3:GetBucketNotificationConfiguration'],
    permissions: ['s3:GetBucketNotification'],
    attack: 'A write beside the gate is noticed at the next verification, not at once.',
    remedy: `${INIT}: events to EventBridge.`,
  },
} as const satisfies Record<string, Check>;

const POLICY_CALLS = { calls: ['s3:GetBucketPolicy'], permissions: ['s3:GetBucketPolicy'] } as const;

const POLICY = {
  'policy-tls': {
    title: 'requests without TLS are refused',
    severity: 'medium',
    fsbp: ['S3.5'],
    cis: ['2.1.1'],
    ...POLICY_CALLS,
    attack: 'Whoever is on the way reads weights and changes answers.',
    remedy: `${INIT}: the policy of the bucket.`,
  },
  'policy-writes': {
    title: 'writes without a condition are refused',
    severity: 'high',
    fsbp: [],
    cis: [],
    ...POLICY_CALLS,
    attack: 'Whoever may write replaces an admitted file by another in one request.',
    remedy: `${INIT}: the policy of the bucket.`,
  },
  'policy-deletes': {
    title: 'only the remover’s role deletes what was admitted, and its versions',
    severity: 'high',
    fsbp: ['S3.15', 'S3.20'],
    cis: ['2.1.2'],
    ...POLICY_CALLS,
    attack: 'Whoever may delete makes models, records or the log disappear, old versions too.',
    remedy: `${INIT}: the policy of the bucket.`,
  },
  'policy-revoked': {
    title: 'what is tagged as revoked is read by nobody',
    severity: 'medium',
    fsbp: [],
    cis: [],
    ...POLICY_CALLS,
    attack: 'A model that turned out bad keeps starting wherever the bucket is read directly.',
    remedy: `${INIT}: the policy of the bucket.`,
  },
  'policy-tags': {
    title: 'only the gate’s role changes tags below models/',
    severity: 'medium',
    fsbp: [],
    cis: [],
    ...POLICY_CALLS,
    attack: 'Whoever may tag takes the mark of a revocation away, and what was revoked is read again.',
    remedy: `${INIT}: the policy of the bucket.`,
  },
  'policy-foreign': {
    title: 'no other account is given anything by the policy of the bucket',
    severity: 'high',
    fsbp: ['S3.6'],
    cis: [],
    ...POLICY_CALLS,
    attack: 'Whoever holds the other account reads or writes here, and no role of yours shows it.',
    remedy: 'weighlock posture --fix takes the statement out; --accept <account or ARN> where it is meant.',
  },
} as const satisfies Record<string, Check>;

const KEYS = {
  'key-state': {
    title: 'the keys are enabled, and none is about to be deleted',
    severity: 'critical',
    fsbp: ['KMS.3'],
    cis: [],
    calls: ['kms:DescribeKey'],
    permissions: ['kms:DescribeKey'],
    attack: 'With the key goes every model that it encrypts, or the power to sign, for good.',
    remedy: 'weighlock posture --fix cancels the deletion and enables the key.',
  },
  'key-rotation': {
    title: 'the encryption key is rotated',
    severity: 'medium',
    fsbp: ['KMS.4'],
    cis: ['3.6'],
    calls: ['kms:GetKeyRotationStatus'],
    permissions: ['kms:GetKeyRotationStatus'],
    attack: 'Key material that leaked once decrypts everything that is ever stored.',
    remedy: 'weighlock posture --fix turns the yearly rotation on.',
  },
  'key-policy': {
    title: 'the policy of the encryption key gives nothing to the world or to other accounts',
    severity: 'critical',
    fsbp: ['KMS.5'],
    cis: [],
    calls: ['kms:GetKeyPolicy'],
    permissions: ['kms:GetKeyPolicy'],
    attack: 'A stranger decrypts with the key, or schedules it for deletion.',
    remedy: 'Take the statement that is named out of the key’s policy (kms:PutKeyPolicy).',
  },
} as const satisfies Record<string, Check>;

const IAM_CALLS = {
  calls: ['iam:GetAccountAuthorizationDetails', 's3:GetBucketPolicy'],
  permissions: ['iam:GetAccountAuthorizationDetails', 's3:GetBucketPolicy'],
} as const;

const ACCESS = {
  writers: {
    title: 'nobody but the gate can write below models/',
    severity: 'high',
    fsbp: [],
    cis: [],
    ...IAM_CALLS,
    attack: 'They put files beside admitted ones, or a model that was never inspected where runtimes read.',
    remedy:
      'weighlock posture --fix adds a statement to the bucket’s policy that leaves writes to gate and worker; or narrow what is named.',
  },
  deleters: {
    title: 'nobody but the remover can delete below models/',
    severity: 'high',
    fsbp: [],
    cis: [],
    ...IAM_CALLS,
    attack: 'They stop every deployment by deleting what it starts from.',
    remedy: `${INIT}: the policy of the bucket leaves deletes to the remover.`,
  },
  readers: {
    title: 'no runtime’s role reads more than one revision',
    severity: 'medium',
    fsbp: [],
    cis: [],
    ...IAM_CALLS,
    attack: 'Whoever breaks into one endpoint takes every model along, the held back and the licensed too.',
    remedy:
      'Give each endpoint a role for its own revision: weighlock deploy writes it. --accept <role> where it is meant.',
  },
  'role-trust': {
    title: 'the roles of the vault are not open to the world or to other accounts',
    severity: 'critical',
    fsbp: [],
    cis: [],
    calls: ['iam:GetAccountAuthorizationDetails'],
    permissions: ['iam:GetAccountAuthorizationDetails'],
    attack: 'Whoever takes the gate’s role writes models; whoever takes the remover’s deletes them.',
    remedy: 'Narrow the role’s trust policy: weighlock vault init --principal <role>=<arn>.',
  },
} as const satisfies Record<string, Check>;

const SAGEMAKER_CALLS = {
  calls: [
    'sagemaker:ListEndpoints',
    'sagemaker:DescribeEndpoint',
    'sagemaker:DescribeEndpointConfig',
    'sagemaker:DescribeModel',
  ],
  permissions: [
    'sagemaker:ListEndpoints',
    'sagemaker:DescribeEndpoint',
    'sagemaker:DescribeEndpointConfig',
    'sagemaker:DescribeModel',
  ],
} as const;

const ENDPOINTS = {
  'endpoint-record': {
    title: 'every running endpoint serves a revision whose record is valid and current',
    severity: 'high',
    fsbp: [],
    cis: [],
    ...SAGEMAKER_CALLS,
    attack: 'What answers there was never inspected, or was revoked since.',
    remedy:
      'weighlock admit the model and deploy it from the vault; --accept <endpoint> where it is none of the vault’s business.',
  },
  'endpoint-hub': {
    title: 'no running endpoint reads from the Hub',
    severity: 'high',
    fsbp: [],
    cis: [],
    ...SAGEMAKER_CALLS,
    attack: 'Whoever takes over the name on the Hub decides what the endpoint runs at its next start.',
    remedy: 'Deploy from the vault: weighlock deploy sagemaker <model>.',
  },
  'endpoint-remote-code': {
    title: 'no running endpoint trusts a model’s own code',
    severity: 'critical',
    fsbp: [],
    cis: [],
    ...SAGEMAKER_CALLS,
    attack: 'Python that comes with a model runs with the endpoint’s role.',
    remedy: 'Take the variable away, and deploy a revision without code (weighlock admit --exclude @code).',
  },
  'endpoint-isolation': {
    title: 'containers of running endpoints have no network',
    severity: 'medium',
    fsbp: ['SageMaker.5'],
    cis: [],
    ...SAGEMAKER_CALLS,
    attack: 'Code in a container sends prompts and weights anywhere, and fetches what it likes.',
    remedy: 'EnableNetworkIsolation: true, as weighlock deploy sagemaker plans it.',
  },
  'endpoint-vpc': {
    title: 'running endpoints stand in a VPC',
    severity: 'medium',
    fsbp: [],
    cis: [],
    ...SAGEMAKER_CALLS,
    attack: 'No security group and no endpoint policy stands between the container and the rest.',
    remedy: 'VpcConfig with subnets and security groups, as weighlock deploy sagemaker plans it.',
  },
  'endpoint-count': {
    title: 'running endpoints have more than one instance',
    severity: 'low',
    fsbp: ['SageMaker.4'],
    cis: [],
    ...SAGEMAKER_CALLS,
    attack: 'One failed instance, or one that is made to fail, is an outage.',
    remedy: 'InitialInstanceCount of 2 or more, in more than one zone.',
  },
  'endpoint-image': {
    title: 'images of running endpoints are pinned by digest',
    severity: 'medium',
    fsbp: [],
    cis: [],
    ...SAGEMAKER_CALLS,
    attack: 'Whoever pushes under the tag decides what runs beside the weights.',
    remedy: 'Name the image as repository@sha256:….',
  },
  'vpc-s3-endpoint': {
    title: 'the VPCs of running endpoints reach S3 by a gateway endpoint',
    severity: 'low',
    fsbp: [],
    cis: [],
    calls: ['ec2:DescribeSubnets', 'ec2:DescribeVpcEndpoints'],
    permissions: ['ec2:DescribeSubnets', 'ec2:DescribeVpcEndpoints'],
    attack: 'Weights leave the VPC on their way, and no endpoint policy keeps them to this bucket.',
    remedy: 'A gateway endpoint for S3 in the VPC’s route tables (it costs nothing).',
  },
} as const satisfies Record<string, Check>;

const DIRECTORY_CALLS = { fsbp: [], cis: [], calls: ['stat'], permissions: [] } as const;

const DIRECTORY = {
  'directory-owner': {
    title: 'one user owns all of the vault',
    severity: 'high',
    ...DIRECTORY_CALLS,
    attack: 'Whoever else owns a part of it replaces models and records.',
    remedy: 'chown -R <the user who admits> the folder.',
  },
  'directory-modes': {
    title: 'nobody but the owner may write in the vault',
    severity: 'high',
    ...DIRECTORY_CALLS,
    attack: 'Another user of this machine replaces models and records.',
    remedy: 'weighlock posture --fix, or chmod -R go-w the folder.',
  },
  'directory-path': {
    title: 'nobody else may rename the folders that the vault lies in',
    severity: 'high',
    ...DIRECTORY_CALLS,
    attack: 'Whoever may write in a folder above puts another vault in this one’s place.',
    remedy: 'chmod go-w the folder that is named, or move the vault.',
  },
} as const satisfies Record<string, Check>;

export const CATALOG = { ...BUCKET, ...POLICY, ...KEYS, ...ACCESS, ...ENDPOINTS, ...DIRECTORY } as const;

export type BucketCheckId = Exclude<keyof typeof CATALOG, keyof typeof DIRECTORY>;
export const DIRECTORY_CHECKS = Object.keys(DIRECTORY) as (keyof typeof DIRECTORY)[];
export const BUCKET_CHECKS = [
  ...Object.keys(BUCKET),
  ...Object.keys(POLICY),
  ...Object.keys(KEYS),
  ...Object.keys(ACCESS),
  ...Object.keys(ENDPOINTS),
] as BucketCheckId[];
export const ENDPOINT_CHECKS = (Object.keys(ENDPOINTS) as (keyof typeof ENDPOINTS)[]).filter(
  (id) => id !== 'vpc-s3-endpoint',
);
export const ACCESS_CHECKS = Object.keys(ACCESS) as (keyof typeof ACCESS)[];
export const KEY_CHECKS = Object.keys(KEYS) as (keyof typeof KEYS)[];

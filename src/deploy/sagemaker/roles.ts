/** Who may do what: the role that the endpoint runs as, and the policy of whoever deploys. */
import { bucketOf, document, type PolicyDocument, type PolicyStatement, readRevision } from '../aws.ts';
import type { Subject } from '../deploy.ts';
import type { Settings } from './settings.ts';

export const SAGEMAKER_SERVICE = 'sagemaker.amazonaws.com';

/** The execution role: this revision, this image, these logs, and nothing else. */
export function executionPolicy(
  subject: Subject,
  { place, name, image, vpc, bucketKey }: Settings,
): PolicyDocument {
  const { partition, region, account } = place;
  const bucket = bucketOf(subject);
  const logs = `arn:${partition}:logs:${region}:${account}:log-group:/aws/sagemaker/Endpoints/${name}`;
  return document([
    ...(bucket ? readRevision(subject, { ...bucket, ...(bucketKey && { kmsKey: bucketKey }) }, place) : []),
    { ...allow('PullToken', ['ecr:GetAuthorizationToken'], '*') },
    allow(
      'PullImage',
      ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
      image.repositoryArn,
    ),
    allow(
      'Logs',
      ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:DescribeLogStreams', 'logs:PutLogEvents'],
      [logs, `${logs}:*`],
    ),
    {
      ...allow('Metrics', ['cloudwatch:PutMetricData'], '*'),
      Condition: { StringEquals: { 'cloudwatch:namespace': ['AWS/SageMaker', '/aws/sagemaker/Endpoints'] } },
    },
    ...(vpc ? vpcStatements(settingsVpc(place, vpc.Subnets, vpc.SecurityGroupIds)) : []),
  ]);
}

/** SageMaker puts network interfaces into the VPC, as the role. They can be described only as a whole. */
function vpcStatements(arns: readonly string[]): PolicyStatement[] {
  return [
    allow(
      'Interfaces',
      [
        'ec2:CreateNetworkInterface',
        'ec2:CreateNetworkInterfacePermission',
        'ec2:DeleteNetworkInterface',
        'ec2:DeleteNetworkInterfacePermission',
      ],
      arns,
    ),
    allow(
      'DescribeNetwork',
      [
        'ec2:DescribeDhcpOptions',
        'ec2:DescribeNetworkInterfaces',
        'ec2:DescribeSecurityGroups',
        'ec2:DescribeSubnets',
        'ec2:DescribeVpcs',
      ],
      '*',
    ),
  ];
}

function settingsVpc(
  { partition, region, account }: Settings['place'],
  subnets: readonly string[],
  groups: readonly string[],
): string[] {
  const arn = (what: string) => `arn:${partition}:ec2:${region}:${account}:${what}`;
  return [
    arn('network-interface/*'),
    ...subnets.map((id) => arn(`subnet/${id}`)),
    ...groups.map((id) => arn(`security-group/${id}`)),
  ];
}

export interface DeployerResources {
  readonly roleArn: string;
  /** Whether the role is made by the deployer. */
  readonly makesRole: boolean;
  /** ARN of the alarm that the deployer makes; undefined where alarms were named. */
  readonly alarmArn: string | undefined;
}

/** What whoever applies the plan must be allowed; and from the vault, what they must never do. */
export function deployerPolicy(
  { origin }: Subject,
  { place, name, volumeKey, tokenSecret }: Settings,
  { roleArn, makesRole, alarmArn }: DeployerResources,
): PolicyDocument {
  const { partition, region, account } = place;
  const arn = (what: string) => `arn:${partition}:sagemaker:${region}:${account}:${what}`;
  const kinds = ['Model', 'EndpointConfig', 'Endpoint'];
  return document([
    allow(
      'Deploy',
      [
        ...kinds.flatMap((kind) => [
          `sagemaker:Create${kind}`,
          `sagemaker:Describe${kind}`,
          `sagemaker:Delete${kind}`,
        ]),
        'sagemaker:UpdateEndpoint',
        'sagemaker:AddTags',
        'sagemaker:ListTags',
      ],
      [arn(`model/${name}-*`), arn(`endpoint-config/${name}-*`), arn(`endpoint/${name}`)],
    ),
    {
      ...allow('PassRole', ['iam:PassRole'], roleArn),
      Condition: { StringEquals: { 'iam:PassedToService': SAGEMAKER_SERVICE } },
    },
    ...(makesRole
      ? [allow('MakeRole', ['iam:CreateRole', 'iam:GetRole', 'iam:PutRolePolicy', 'iam:TagRole'], roleArn)]
      : []),
    ...(alarmArn ? [allow('MakeAlarm', ['cloudwatch:PutMetricAlarm'], alarmArn)] : []),
    ...(tokenSecret ? [allow('ReadToken', ['secretsmanager:GetSecretValue'], tokenSecret)] : []),
    ...(volumeKey ? volumeStatements(volumeKey) : []),
    ...(origin.route === 'vault' ? [isolatedOnly()] : []),
  ]);
}

/** "If exists", so that a call that does not mention isolation is denied too. */
function isolatedOnly(): PolicyStatement {
  return {
    Sid: 'IsolatedOnly',
    Effect: 'Deny',
    Action: 'sagemaker:CreateModel',
    Resource: '*',
    Condition: { BoolIfExists: { 'sagemaker:NetworkIsolation': 'false' } },
  };
}

function volumeStatements(keyArn: string): PolicyStatement[] {
  return [
    {
      ...allow('GrantVolumeKey', ['kms:CreateGrant'], keyArn),
      Condition: { Bool: { 'kms:GrantIsForAWSResource': 'true' } },
    },
    allow('SeeVolumeKey', ['kms:DescribeKey'], keyArn),
  ];
}

function allow(
  name: string,
  actions: readonly string[],
  resources: string | readonly string[],
): PolicyStatement {
  return { Sid: name, Effect: 'Allow', Action: actions, Resource: resources };
}

/** The policies of a planned deployment, evaluated: what the endpoint may read, and what its deployer may do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PolicyDocument } from '../../src/deploy/aws.ts';
import { bedrock } from '../../src/deploy/bedrock/bedrock.ts';
import type { Plan } from '../../src/deploy/deploy.ts';
import { sageMaker } from '../../src/deploy/sagemaker/sagemaker.ts';
import { decide } from '../posture/policy-simulator.ts';
import { ACCOUNT, BUCKET_KEY, COMMIT, orderOf, REGION, SECRET, subjectNamed } from './subjects.ts';

const OTHER = 'f'.repeat(40);
const NAME = 'DeepSeek-R1-Distill-Llama-8B';
const REVISION = `models/deepseek-ai/${NAME}/${COMMIT}/`;
const OBJECTS = 'arn:aws:s3:::acme-models/';
const SAGEMAKER = `arn:aws:sagemaker:${REGION}:${ACCOUNT}`;
const PRINCIPAL = `arn:aws:iam::${ACCOUNT}:role/some`;
const ENDPOINT = NAME.toLowerCase();
const OURS = { 'aws:resourceaccount': ACCOUNT };
const THROUGH_S3 = { 'kms:viaservice': `s3.${REGION}.amazonaws.com` };

function policyIn(plan: Plan, path: string): PolicyDocument {
  const file = plan.files.find((candidate) => candidate.path === path);
  assert(file, `there is no ${path}`);
  return JSON.parse(file.text);
}

type Case = readonly [action: string, resource: string, context: Readonly<Record<string, string>>];

const READ: readonly Case[] = [
  ['s3:GetObject', `${OBJECTS}${REVISION}config.json`, OURS],
  ['s3:GetObject', `${OBJECTS}${REVISION}figures/benchmark.jpg`, OURS],
  ['s3:ListBucket', 'arn:aws:s3:::acme-models', { 's3:prefix': REVISION }],
  ['kms:Decrypt', BUCKET_KEY, THROUGH_S3],
];

const NOT_READ: readonly Case[] = [
  ['s3:GetObject', `${OBJECTS}models/deepseek-ai/${NAME}/${OTHER}/config.json`, OURS],
  ['s3:GetObject', `${OBJECTS}models/deepseek-ai/DeepSeek-R1/${COMMIT}/config.json`, OURS],
  ['s3:GetObject', `${OBJECTS}registry/state`, OURS],
  ['s3:GetObject', `${OBJECTS}${REVISION}config.json`, { 'aws:resourceaccount': '999988887777' }],
  ['s3:PutObject', `${OBJECTS}${REVISION}config.json`, OURS],
  ['s3:DeleteObject', `${OBJECTS}${REVISION}config.json`, OURS],
  ['s3:ListBucket', 'arn:aws:s3:::acme-models', { 's3:prefix': 'models/' }],
  ['s3:ListBucket', 'arn:aws:s3:::acme-models', {}],
  ['s3:ListBucket', 'arn:aws:s3:::other-bucket', { 's3:prefix': REVISION }],
  ['kms:Decrypt', BUCKET_KEY, {}],
  ['kms:Decrypt', `arn:aws:kms:${REGION}:${ACCOUNT}:key/other`, THROUGH_S3],
  ['kms:Encrypt', BUCKET_KEY, THROUGH_S3],
  ['iam:PassRole', PRINCIPAL, {}],
];

function expect(policy: PolicyDocument, cases: readonly Case[], decision: string): void {
  for (const [action, resource, context] of cases) {
    const request = { principal: PRINCIPAL, action, resource, context };
    assert.equal(decide(request, [policy]), decision, `${action} on ${resource} ${JSON.stringify(context)}`);
  }
}

describe('the policies of a deployment', () => {
  it('let a SageMaker endpoint read its revision, its image and its logs, and nothing else', async () => {
    const plan = await sageMaker.plan(orderOf(subjectNamed('Llama-8B')));
    const policy = policyIn(plan, 'execution-role-policy.json');
    const repository = `arn:aws:ecr:${REGION}:${ACCOUNT}:repository`;
    const logs = `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:/aws/sagemaker/Endpoints`;
    expect(policy, READ, 'allowed');
    expect(
      policy,
      [
        ['ecr:BatchGetImage', `${repository}/djl-inference`, {}],
        ['ecr:GetAuthorizationToken', '*', {}],
        ['logs:PutLogEvents', `${logs}/${ENDPOINT}:log-stream:main/i-1`, {}],
        ['cloudwatch:PutMetricData', '*', { 'cloudwatch:namespace': 'AWS/SageMaker' }],
      ],
      'allowed',
    );
    expect(policy, NOT_READ, 'not allowed');
    expect(
      policy,
      [
        ['ecr:BatchGetImage', `${repository}/other`, {}],
        ['ecr:PutImage', `${repository}/djl-inference`, {}],
        ['logs:PutLogEvents', `${logs}/other:log-stream:main`, {}],
        ['cloudwatch:PutMetricData', '*', { 'cloudwatch:namespace': 'Billing' }],
        ['ec2:CreateNetworkInterface', `arn:aws:ec2:${REGION}:${ACCOUNT}:network-interface/x`, {}],
      ],
      'not allowed',
    );
  });

  it('let an endpoint from the Hub read nothing of the vault', async () => {
    const plan = await sageMaker.plan(orderOf(subjectNamed('Llama-8B', 'hub')));
    expect(policyIn(plan, 'execution-role-policy.json'), [...READ, ...NOT_READ], 'not allowed');
  });

  it('let the network interfaces of an endpoint into the named subnets only', async () => {
    const vpc = { subnet: ['subnet-0123456789abcdef0'], securityGroup: ['sg-0123456789abcdef0'] };
    const plan = await sageMaker.plan(orderOf(subjectNamed('Llama-8B'), vpc));
    const policy = policyIn(plan, 'execution-role-policy.json');
    const ec2 = `arn:aws:ec2:${REGION}:${ACCOUNT}`;
    expect(policy, [['ec2:CreateNetworkInterface', `${ec2}:subnet/${vpc.subnet[0]}`, {}]], 'allowed');
    expect(
      policy,
      [['ec2:CreateNetworkInterface', `${ec2}:subnet/subnet-0000000000000000f`, {}]],
      'not allowed',
    );
  });

  it('let a deployer make this endpoint, isolated, with this role, and no other', async () => {
    const plan = await sageMaker.plan(orderOf(subjectNamed('Llama-8B')));
    const policy = policyIn(plan, 'deployer-policy.json');
    const role = plan.deployment.resources.find((arn) => arn.includes(':role/')) ?? '';
    assert.match(role, new RegExp(`^arn:aws:iam::${ACCOUNT}:role/${NAME}-sagemaker-[0-9a-f]{12}$`));
    const model = `${SAGEMAKER}:model/${ENDPOINT}-0123456789abcdef`;
    const toSageMaker = { 'iam:passedtoservice': 'sagemaker.amazonaws.com' };
    expect(
      policy,
      [
        ['sagemaker:CreateModel', model, { 'sagemaker:networkisolation': 'true' }],
        ['sagemaker:CreateEndpoint', `${SAGEMAKER}:endpoint/${ENDPOINT}`, {}],
        ['sagemaker:CreateEndpoint', `${SAGEMAKER}:endpoint-config/${ENDPOINT}-0123456789abcdef`, {}],
        ['sagemaker:UpdateEndpoint', `${SAGEMAKER}:endpoint/${ENDPOINT}`, {}],
        ['iam:PassRole', role, toSageMaker],
        ['iam:CreateRole', role, {}],
        [
          'cloudwatch:PutMetricAlarm',
          `arn:aws:cloudwatch:${REGION}:${ACCOUNT}:alarm:weighlock-${ENDPOINT}-5xx`,
          {},
        ],
      ],
      'allowed',
    );
    expect(
      policy,
      [
        ['sagemaker:CreateModel', model, { 'sagemaker:networkisolation': 'false' }],
        ['sagemaker:CreateModel', model, {}],
      ],
      'denied',
    );
    expect(
      policy,
      [
        ['sagemaker:DeleteEndpoint', `${SAGEMAKER}:endpoint/other`, {}],
        ['iam:PassRole', role, { 'iam:passedtoservice': 'ec2.amazonaws.com' }],
        ['iam:PassRole', `arn:aws:iam::${ACCOUNT}:role/admin`, toSageMaker],
        ['iam:PutRolePolicy', `arn:aws:iam::${ACCOUNT}:role/admin`, {}],
        ['secretsmanager:GetSecretValue', SECRET, {}],
      ],
      'not allowed',
    );
  });

  it('let Bedrock read the revision, and nothing else', async () => {
    const plan = await bedrock.plan(orderOf(subjectNamed('Llama-8B')));
    const policy = policyIn(plan, 'role-policy.json');
    expect(policy, READ, 'allowed');
    expect(policy, NOT_READ, 'not allowed');
  });

  it('let nobody assume the role but the service, for this account', async () => {
    for (const [target, path, service] of [
      [sageMaker, 'execution-role-trust.json', 'sagemaker.amazonaws.com'],
      [bedrock, 'role-trust.json', 'bedrock.amazonaws.com'],
    ] as const) {
      const [statement, ...others] = policyIn(
        await target.plan(orderOf(subjectNamed('Llama-8B'))),
        path,
      ).Statement;
      assert.deepEqual(others, []);
      assert.deepEqual(statement?.Principal, { Service: service });
      assert.deepEqual(statement?.Condition, { StringEquals: { 'aws:SourceAccount': ACCOUNT } });
    }
  });
});

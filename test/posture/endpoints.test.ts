/** The posture of running endpoints, in moto, and what missing permissions leave unknown. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  CreateRouteTableCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  CreateVpcEndpointCommand,
} from '@aws-sdk/client-ec2';
import { CreateAccessKeyCommand, CreateUserCommand, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import {
  type ContainerDefinition,
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  DeleteEndpointCommand,
} from '@aws-sdk/client-sagemaker';
import type { CheckId } from '../../src/posture/checks/check.ts';
import { bucketPosture, type PostureRow } from '../../src/posture/posture.ts';
import type { Surroundings } from '../../src/posture/surroundings.ts';
import { ACCOUNT, MOTO, type Moto, REGION, startMoto } from './moto.ts';
import { type Account, clientsOf, soundBucket, surroundingsOf } from './weaknesses.ts';

const BUCKET = 'endpoint-models';
const COMMIT = 'a'.repeat(40);
const IMAGE = `${ACCOUNT}.dkr.ecr.${REGION}.amazonaws.com/lmi@sha256:${'b'.repeat(64)}`;

interface Wish {
  readonly container?: Partial<ContainerDefinition>;
  readonly isolated?: boolean;
  readonly vpc?: 'none';
  readonly instances?: number;
}

const CASES: Readonly<Record<string, { readonly wish: Wish; readonly failed: readonly CheckId[] }>> = {
  'a Hub id': {
    wish: { container: { Environment: { HF_MODEL_ID: 'someone/llama' } } },
    failed: ['endpoint-hub'],
  },
  'code of the model': {
    wish: { container: { Environment: { OPTION_TRUST_REMOTE_CODE: 'true' } } },
    failed: ['endpoint-remote-code'],
  },
  'no network isolation': { wish: { isolated: false }, failed: ['endpoint-isolation'] },
  'no VPC': { wish: { vpc: 'none' }, failed: ['endpoint-vpc'] },
  'one instance': { wish: { instances: 1 }, failed: ['endpoint-count'] },
  'an image by its tag': {
    wish: { container: { Image: IMAGE.replace(/@.*/, ':latest') } },
    failed: ['endpoint-image'],
  },
  'files from elsewhere': {
    wish: { container: { ModelDataUrl: 's3://other/model.tar.gz', ModelDataSource: undefined } },
    failed: ['endpoint-record'],
  },
};

describe('the posture of running endpoints', { skip: MOTO.skip }, () => {
  let moto: Moto;
  let account: Account;
  let around: Surroundings;
  let subnet: string;
  let vpc: string;
  before(async () => {
    moto = await startMoto();
    account = clientsOf(moto);
    await soundBucket(account, BUCKET);
    around = surroundingsOf(account, BUCKET);
    const { Vpc } = await account.ec2.send(new CreateVpcCommand({ CidrBlock: '10.9.0.0/16' }));
    vpc = Vpc?.VpcId ?? '';
    const made = await account.ec2.send(new CreateSubnetCommand({ VpcId: vpc, CidrBlock: '10.9.1.0/24' }));
    subnet = made.Subnet?.SubnetId ?? '';
  });
  after(() => moto.close());

  async function endpoint(name: string, { container, isolated = true, vpc: where, instances = 2 }: Wish) {
    const { sagemaker } = account;
    await sagemaker.send(
      new CreateModelCommand({
        ModelName: name,
        ExecutionRoleArn: `arn:aws:iam::${ACCOUNT}:role/x`,
        EnableNetworkIsolation: isolated,
        ...(where !== 'none' && { VpcConfig: { Subnets: [subnet], SecurityGroupIds: ['sg-1'] } }),
        PrimaryContainer: {
          Image: IMAGE,
          ModelDataSource: {
            S3DataSource: {
              S3Uri: `s3://${BUCKET}/models/org/name/${COMMIT}/`,
              S3DataType: 'S3Prefix',
              CompressionType: 'None',
            },
          },
          ...container,
        },
      }),
    );
    const ProductionVariants = [
      {
        VariantName: 'all',
        ModelName: name,
        InstanceType: 'ml.p3.2xlarge' as const,
        InitialInstanceCount: instances,
      },
    ];
    await sagemaker.send(new CreateEndpointConfigCommand({ EndpointConfigName: name, ProductionVariants }));
    await sagemaker.send(new CreateEndpointCommand({ EndpointName: name, EndpointConfigName: name }));
  }
  const named = (rows: readonly PostureRow[], status: PostureRow['status']) =>
    rows.filter((row) => row.status === status).map(({ id }) => id);
  const found = (rows: readonly PostureRow[], id: CheckId) => rows.find((row) => row.id === id)?.found ?? '';

  for (const [i, [title, { wish, failed }]] of Object.entries(CASES).entries()) {
    it(`finds ${title}`, async () => {
      const name = `case-${i}`;
      await endpoint(name, wish);
      const rows = await bucketPosture(around);
      const ofVpc: CheckId[] = wish.vpc === 'none' ? [] : ['vpc-s3-endpoint'];
      assert.deepEqual(named(rows, 'failed'), [...failed, ...ofVpc]);
      // Without the vault's records nothing vouches for what it serves.
      assert.deepEqual(named(rows, 'unknown'), failed.includes('endpoint-record') ? [] : ['endpoint-record']);
      assert.match(found(rows, failed[0] ?? 'acl'), new RegExp(`endpoint/${name}: `));
      const accepted = [`arn:aws:sagemaker:*:endpoint/${name}`];
      assert.deepEqual(named(await bucketPosture({ ...around, accepted }), 'failed'), []);
      await account.sagemaker.send(new DeleteEndpointCommand({ EndpointName: name }));
    });
  }

  it('finds a VPC without a gateway endpoint for S3, until it has one', async () => {
    await endpoint('in-a-vpc', {});
    assert.match(
      found(await bucketPosture(around), 'vpc-s3-endpoint'),
      new RegExp(`${vpc}: it has no gateway`),
    );
    const { RouteTable } = await account.ec2.send(new CreateRouteTableCommand({ VpcId: vpc }));
    await account.ec2.send(
      new CreateVpcEndpointCommand({
        VpcId: vpc,
        VpcEndpointType: 'Gateway',
        ServiceName: `com.amazonaws.${REGION}.s3`,
        RouteTableIds: [RouteTable?.RouteTableId ?? ''],
      }),
    );
    assert.deepEqual(named(await bucketPosture(around), 'failed'), []);
    await account.sagemaker.send(new DeleteEndpointCommand({ EndpointName: 'in-a-vpc' }));
  });

  it('never passes what may not be asked, and names the permission and the call', async () => {
    const denied = [
      's3:GetBucketAcl',
      'kms:DescribeKey',
      'iam:GetAccountAuthorizationDetails',
      'sagemaker:ListEndpoints',
    ];
    const UserName = 'auditor';
    await account.iam.send(new CreateUserCommand({ UserName }));
    const statement = (Effect: string, Action: string | string[]) => ({ Effect, Action, Resource: '*' });
    await account.iam.send(
      new PutUserPolicyCommand({
        UserName,
        PolicyName: 'own',
        PolicyDocument: JSON.stringify({
          Version: '2012-10-17',
          Statement: [
            statement('Allow', ['s3:*', 'kms:*', 'iam:*', 'sagemaker:*', 'ec2:*']),
            statement('Deny', denied),
          ],
        }),
      }),
    );
    const { AccessKey } = await account.iam.send(new CreateAccessKeyCommand({ UserName }));
    const credentials = {
      accessKeyId: AccessKey?.AccessKeyId ?? '',
      secretAccessKey: AccessKey?.SecretAccessKey ?? '',
    };
    const auditor = clientsOf({ ...moto, config: { ...moto.config, credentials } });
    // From now on moto decides requests by IAM's policies.
    await fetch(`${moto.endpoint}/moto-api/reset-auth`, { method: 'POST', body: '0' });
    const rows = await bucketPosture(surroundingsOf(auditor, BUCKET));
    const open = new Map(rows.filter(({ status }) => status === 'unknown').map((row) => [row.id, row]));
    assert.match(open.get('acl')?.found ?? '', /lack s3:GetBucketAcl \(AccessDenied/);
    assert.match(open.get('key-state')?.found ?? '', /lack kms:DescribeKey/);
    assert.match(open.get('writers')?.found ?? '', /lack iam:GetAccountAuthorizationDetails/);
    assert.match(open.get('endpoint-record')?.found ?? '', /lack sagemaker:ListEndpoints/);
    assert.deepEqual(open.get('endpoint-record')?.calls[0], 'sagemaker:ListEndpoints');
    assert.deepEqual(named(rows, 'failed'), []);
    assert.ok(named(rows, 'passed').includes('versioning'));
  });
});

/** Applying where moto stands in for all of AWS: what it knows of SageMaker, roles, secrets; and imports into Bedrock. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { CreateRoleCommand, GetRolePolicyCommand, IAMClient } from '@aws-sdk/client-iam';
import { DescribeModelCommand, ListModelsCommand, SageMakerClient } from '@aws-sdk/client-sagemaker';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { WeighlockError } from '../../src/base/errors.ts';
import { bedrock } from '../../src/deploy/bedrock/bedrock.ts';
import type { Applied, Conduct, Order, Plan, Target } from '../../src/deploy/deploy.ts';
import { sageMaker } from '../../src/deploy/sagemaker/sagemaker.ts';
import { MOTO, ACCOUNT as MOTO_ACCOUNT, type Moto, startMoto } from '../posture/moto.ts';
import { BedrockStandIn } from './bedrock-stand-in.ts';
import { SERVICE_MODELS } from './service-model.ts';
import { COMMIT, orderOf, subjectNamed } from './subjects.ts';

const IMAGE = `${MOTO_ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/djl-inference@sha256:${'a'.repeat(64)}`;
/** A type that moto takes; and one whose volume has a key. */
const FLAGS = { account: undefined, image: IMAGE, instance: 'ml.p3.8xlarge' };

let moto: Moto;
const conduct: Conduct = { tell: () => undefined, signal: new AbortController().signal, pollMs: 1 };

describe('applying with moto', { skip: MOTO.skip || SERVICE_MODELS.skip }, () => {
  before(async () => {
    moto = await startMoto();
    Object.assign(process.env, moto.environment);
  });
  after(() => moto.close());

  it('makes role, model, configuration, alarm and endpoint, in the account of the credentials', async () => {
    const { plan, applied } = await deployed(sageMaker, subjectOrder('Qwen-1.5B'));
    assert.match(applied.lines[0]?.text ?? '', /is in service/);
    assert.match(plan.deployment.place, new RegExp(`^arn:aws:sagemaker:eu-west-1:${MOTO_ACCOUNT}:endpoint/`));
    const name = roleIn(plan);
    const iam = new IAMClient(moto.config);
    const { PolicyDocument } = await iam.send(
      new GetRolePolicyCommand({ RoleName: name, PolicyName: 'weighlock' }),
    );
    assert.deepEqual(
      JSON.parse(decodeURIComponent(PolicyDocument ?? '')),
      JSON.parse(plan.files.find(({ path }) => path === 'execution-role-policy.json')?.text ?? ''),
    );
    const { MetricAlarms } = await new CloudWatchClient(moto.config).send(new DescribeAlarmsCommand({}));
    assert.deepEqual(
      MetricAlarms?.map(({ AlarmName }) => AlarmName),
      ['weighlock-deepseek-r1-distill-qwen-1-5b-5xx'],
    );
    const again = await deployed(sageMaker, subjectOrder('Qwen-1.5B'));
    assert.match(again.applied.lines[0]?.text ?? '', /as planned already/);
  });

  it('puts the token of a secret into the call, and nowhere else', async () => {
    const token = `hf_${'T0ken'.repeat(8)}`;
    const secrets = new SecretsManagerClient(moto.config);
    const { ARN } = await secrets.send(new CreateSecretCommand({ Name: 'hub-token', SecretString: token }));
    const order = subjectOrder('Qwen-1.5B', {
      route: 'hub',
      flags: { tokenSecret: ARN, name: 'from-the-hub' },
    });
    const { plan, applied } = await deployed(sageMaker, order);
    assert.ok(!JSON.stringify([plan, applied]).includes(token));
    const client = new SageMakerClient(moto.config);
    const { Models } = await client.send(new ListModelsCommand({}));
    const ModelName = Models?.find((model) => model.ModelName?.startsWith('from-the-hub'))?.ModelName;
    const { PrimaryContainer } = await client.send(new DescribeModelCommand({ ModelName }));
    assert.equal(PrimaryContainer?.Environment?.HF_TOKEN, token);
    assert.equal(PrimaryContainer?.Environment?.OPTION_REVISION, COMMIT);
  });

  it('refuses a secret that holds no token', async () => {
    const secrets = new SecretsManagerClient(moto.config);
    const { ARN } = await secrets.send(
      new CreateSecretCommand({ Name: 'other', SecretString: 'not a token' }),
    );
    const order = subjectOrder('Qwen-1.5B', { route: 'hub', flags: { tokenSecret: ARN, name: 'no-token' } });
    await assert.rejects(deployed(sageMaker, order), /does not hold a token of the Hub/);
  });

  it('takes no role that trusts others than it should', async () => {
    const order = subjectOrder('Llama-8B', { flags: { instance: 'ml.p4d.24xlarge' } });
    const trust = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' }],
    };
    await new IAMClient(moto.config).send(
      new CreateRoleCommand({
        RoleName: roleIn(await sageMaker.plan(order)),
        AssumeRolePolicyDocument: JSON.stringify(trust),
      }),
    );
    await assert.rejects(deployed(sageMaker, order), (error) => {
      assert.ok(error instanceof WeighlockError);
      assert.equal(error.code, 'WL_DEPLOY_EXISTS');
      assert.match(error.message, /trusts others than it should/);
      return true;
    });
  });

  it('imports into Bedrock once, however often it is run, and says why an import failed', async () => {
    const standIn = await BedrockStandIn.start();
    try {
      const aws: Order['aws'] = (service, region) => ({
        region,
        endpoint: service === 'bedrock' ? standIn.endpoint : moto.endpoint,
      });
      const order = { ...orderOf(subjectNamed('Qwen-32B'), { account: undefined }), aws };
      const flags = { ...order.flags, account: MOTO_ACCOUNT };
      for (const _run of [1, 2]) {
        const { applied } = await deployed(bedrock, { ...order, flags });
        assert.match(applied.deployment.place ?? '', /:imported-model\/m{12}$/);
      }
      assert.equal(standIn.jobs.length, 1);
      assert.deepEqual(standIn.jobs[0]?.input.modelDataSource, {
        s3DataSource: {
          s3Uri: `s3://acme-models/models/deepseek-ai/DeepSeek-R1-Distill-Qwen-32B/${COMMIT}/`,
        },
      });
      standIn.failure = 'The architecture is not supported';
      await assert.rejects(
        deployed(bedrock, { ...order, flags: { ...flags, name: 'another' } }),
        /the import failed: The architecture is not supported/,
      );
      standIn.failure = undefined;
      const { applied } = await deployed(bedrock, { ...order, flags: { ...flags, name: 'another' } });
      assert.match(applied.lines[0]?.text ?? '', /imported as/);
    } finally {
      await standIn.close();
    }
  });
});

function roleIn(plan: Plan): string {
  return (
    plan.deployment.resources
      .find((arn) => arn.includes(':role/'))
      ?.split('/')
      .at(-1) ?? ''
  );
}

interface Asked {
  readonly route?: 'vault' | 'hub';
  readonly flags?: Order['flags'];
}

function subjectOrder(name: string, { route = 'vault', flags = {} }: Asked = {}): Order {
  const subject = subjectNamed(name, route);
  const order = orderOf(subject, { ...FLAGS, ...flags, account: MOTO_ACCOUNT });
  return { ...order, aws: (_service, region) => ({ region, endpoint: moto.endpoint }) };
}

async function deployed(
  target: Target,
  order: Order,
): Promise<{ readonly plan: Plan; readonly applied: Applied }> {
  const plan = await target.plan(order);
  assert.deepEqual(plan.missing, []);
  assert(plan.apply);
  return { plan, applied: await plan.apply(conduct) };
}

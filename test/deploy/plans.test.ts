/** Plans for R1 and its distills, by both routes and for every container, against what AWS publishes of its own services. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { bedrock } from '../../src/deploy/bedrock/bedrock.ts';
import type { Order, Plan, PlannedRequest } from '../../src/deploy/deploy.ts';
import { sageMaker } from '../../src/deploy/sagemaker/sagemaker.ts';
import { installed } from '../peers.ts';
import { SERVICE_MODELS, ServiceModel } from './service-model.ts';
import { BUCKET_KEY, orderOf, SECRET, subjectNamed, subjects } from './subjects.ts';

const PYTHON = installed('aws/bin/python', 's3');
const CFN_LINT = installed('aws/bin/cfn-lint', 's3');

const ROUTES = ['vault', 'hub'] as const;
const CONTAINERS = ['lmi', 'vllm', 'tgi'] as const;

/** Beside the plain ones: every option that changes what is sent. */
const VARIATIONS: readonly Order['flags'][] = [
  {
    count: '4',
    update: 'rolling',
    subnet: ['subnet-0123456789abcdef0'],
    securityGroup: ['sg-0123456789abcdef0'],
  },
  { count: '2', update: 'blue-green', alarm: ['latency', 'errors'] },
  { role: 'arn:aws:iam::111122223333:role/models', bucketKey: BUCKET_KEY, tokenSecret: SECRET },
];

/** What the validator must see: else it would prove nothing of the plans. */
const WRONG: readonly (readonly [string, Readonly<Record<string, unknown>>, RegExp])[] = [
  ['CreateModel', { ModelName: 'a_b' }, /does not match/],
  ['CreateModel', { ModelName: 'x'.repeat(64) }, /more than 63/],
  ['CreateModel', { ModelName: 'x', Isolated: true }, /is not known/],
  ['CreateModel', { ModelName: 'x', EnableNetworkIsolation: 'true' }, /neither true nor false/],
  ['CreateEndpoint', { EndpointName: 'x' }, /EndpointConfigName is missing/],
  [
    'CreateEndpointConfig',
    { EndpointConfigName: 'x', ProductionVariants: [{ VariantName: 'x', InstanceType: 'ml.g6.huge' }] },
    /which is no choice/,
  ],
  ['CreateEndpointConfig', { EndpointConfigName: 'x', ProductionVariants: [] }, /less than 1/],
];

async function allPlans(): Promise<{ readonly named: string; readonly plan: Plan }[]> {
  const plans: { named: string; plan: Plan }[] = [];
  for (const route of ROUTES) {
    for (const subject of subjects(route)) {
      for (const container of CONTAINERS) {
        const plan = await sageMaker.plan(orderOf(subject, { container }));
        plans.push({ named: `${subject.model} ${route} ${container}`, plan });
      }
    }
    for (const flags of VARIATIONS) {
      const subject = subjectNamed('Llama-8B', route);
      const named = `${subject.model} ${route} ${JSON.stringify(flags)}`;
      plans.push({ named, plan: await sageMaker.plan(orderOf(subject, flags)) });
    }
  }
  const onVolume = { instance: 'ml.p3.8xlarge', kmsKey: BUCKET_KEY };
  plans.push({ named: 'a volume', plan: await sageMaker.plan(orderOf(subjectNamed('Qwen-1.5B'), onVolume)) });
  for (const subject of subjects('vault').slice(0, 4))
    plans.push({ named: `${subject.model} bedrock`, plan: await bedrock.plan(orderOf(subject)) });
  return plans;
}

function inModel(models: Map<string, ServiceModel>, { service, operation, input }: PlannedRequest): string[] {
  const model = models.get(service) ?? new ServiceModel(service);
  models.set(service, model);
  return model.problems(operation, input);
}

describe('plans of deployments', () => {
  it('make calls that hold to every rule of the service models', { skip: SERVICE_MODELS.skip }, async () => {
    const models = new Map<string, ServiceModel>();
    for (const [operation, input, problem] of WRONG)
      assert.match(inModel(models, { service: 'sagemaker', operation, input }).join(), problem);
    const plans = await allPlans();
    assert.equal(plans.length, 2 * (5 * 3 + 3) + 1 + 4);
    for (const { named, plan } of plans)
      for (const request of plan.requests)
        assert.deepEqual(inModel(models, request), [], `${named}: ${request.operation}`);
  });

  it('make calls that botocore’s own validator takes', { skip: PYTHON.skip }, async () => {
    const requests = (await allPlans()).flatMap(({ plan }) => plan.requests);
    const wrong: PlannedRequest = { service: 'sagemaker', operation: 'CreateModel', input: { Name: 'x' } };
    const script = path.join(import.meta.dirname, 'botocore-validate.py');
    const said = execFileSync(PYTHON.path, [script], {
      input: [...requests, wrong].map((request) => `${JSON.stringify(request)}\n`).join(''),
      encoding: 'utf8',
    });
    const reports = said
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as string);
    assert.equal(reports.length, requests.length + 1);
    assert.match(reports.pop() ?? '', /Missing required parameter/);
    assert.deepEqual(
      reports.filter((report) => report !== ''),
      [],
    );
  });

  it('are templates that cfn-lint takes without a warning', { skip: CFN_LINT.skip }, async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'weighlock-templates-'));
    try {
      const files: string[] = [];
      for (const { plan } of await allPlans()) {
        const template = plan.files.find((file) => file.path === 'template.json');
        if (!template) continue;
        const file = path.join(folder, `${files.length}.json`);
        writeFileSync(file, template.text);
        files.push(file);
      }
      const [first = ''] = files;
      const wrong = path.join(folder, 'wrong.json');
      writeFileSync(wrong, readFileSync(first, 'utf8').replace('EnableNetworkIsolation', 'NetworkIsolation'));
      assert.match(
        spawnSync(CFN_LINT.path, ['--', wrong], { encoding: 'utf8' }).stdout,
        /E3002.*NetworkIsolation/,
      );
      const { status, stdout } = spawnSync(CFN_LINT.path, ['--region', 'eu-west-1', '--', ...files], {
        encoding: 'utf8',
      });
      assert.equal(stdout, '');
      assert.equal(status, 0);
      assert.equal(files.length, 2 * (5 * 3 + 3) + 1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('hold no token, wherever one is used', async () => {
    const plan = await sageMaker.plan(orderOf(subjectNamed('Llama-8B', 'hub'), { tokenSecret: SECRET }));
    const text = JSON.stringify({ ...plan, apply: undefined });
    assert.match(text, /\{\{resolve:secretsmanager:arn:aws:secretsmanager:[^}]*:SecretString\}\}/);
    assert.doesNotMatch(text, /hf_[A-Za-z0-9]{10}/);
  });
});

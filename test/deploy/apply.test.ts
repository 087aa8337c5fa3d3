/** Applying deployments to SageMaker: to a strict stand-in of its API, with moto for IAM, STS and CloudWatch. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { WeighlockError } from '../../src/base/errors.ts';
import type { PolicyDocument } from '../../src/deploy/aws.ts';
import type { Applied, Conduct, Order, Subject } from '../../src/deploy/deploy.ts';
import { sageMaker } from '../../src/deploy/sagemaker/sagemaker.ts';
import { MOTO, type Moto, startMoto } from '../posture/moto.ts';
import { decide, type SimulatedRequest } from '../posture/policy-simulator.ts';
import { SageMakerStandIn } from './sagemaker-stand-in.ts';
import { SERVICE_MODELS } from './service-model.ts';
import { ACCOUNT, orderOf, subjectNamed, subjects } from './subjects.ts';

const NAME = 'deepseek-r1-distill-llama-8b';

let moto: Moto;
const told: string[] = [];

/** The order's credentials are of the account of the plan: moto answers every caller with its own. */
const AS_MOTO = {
  account: '123456789012',
  image: `123456789012.dkr.ecr.eu-west-1.amazonaws.com/x@sha256:${'a'.repeat(64)}`,
};

describe('applying a deployment to SageMaker', { skip: MOTO.skip || SERVICE_MODELS.skip }, () => {
  before(async () => {
    moto = await startMoto();
    Object.assign(process.env, moto.environment);
    delete process.env.AWS_ENDPOINT_URL;
  });
  after(() => moto.close());

  it('creates the endpoint of every model from the vault, isolated, and from the Hub, not', async () => {
    await using on = await stage();
    const { standIn, apply } = on;
    for (const route of ['vault', 'hub'] as const) {
      for (const subject of subjects(route)) {
        const applied = await apply(subject, {
          name: `${route}-${subject.model
            .slice(-6)
            .toLowerCase()
            .replaceAll(/[^a-z0-9]/g, '')}`,
        });
        assert.match(applied.lines[0]?.text ?? '', /is in service/);
        assert.match(applied.by ?? '', /^arn:aws:/);
      }
    }
    assert.equal(standIn.endpoints.size, 10);
    const isolated = [...standIn.models.values()].map((model) => model.EnableNetworkIsolation);
    assert.deepEqual(isolated, [...Array(5).fill(true), ...Array(5).fill(false)]);
  });

  it('waits for a slow start, and tells how far it is', async () => {
    await using on = await stage();
    const { standIn, apply } = on;
    standIn.behaviour.steps = 30;
    await apply();
    assert.equal(standIn.calls.filter((call) => call === 'DescribeEndpoint').length, 31);
    assert.match(told.join('\n'), /is Creating, after \d+ s/);
  });

  it('waits until AWS knows a role that was just made', async () => {
    await using on = await stage();
    const { standIn, apply } = on;
    standIn.behaviour.unknownRole = 3;
    await apply();
    assert.equal(standIn.calls.filter((call) => call === 'CreateModel').length, 4);
  });

  it('changes nothing when it is run again', async () => {
    await using on = await stage();
    const { standIn, apply } = on;
    await apply();
    standIn.calls.length = 0;
    const again = await apply();
    assert.match(again.lines[0]?.text ?? '', /as planned already/);
    assert.deepEqual([...new Set(standIn.calls)], ['DescribeEndpoint', 'ListTags']);
  });

  it('updates by blue/green or rolling, and the revision before makes way', async () => {
    for (const flags of [{}, { count: '4', update: 'rolling' }, { count: '2', update: 'blue-green' }]) {
      await using on = await stage();
      const { standIn, apply } = on;
      await apply(subjectNamed('Llama-8B'), flags);
      const [before] = [...standIn.configs.keys()];
      await apply({ ...subjectNamed('Llama-8B'), commit: NEXT }, flags);
      assert.ok(standIn.calls.includes('UpdateEndpoint'));
      assert.notEqual(standIn.endpoints.get(NAME)?.configName, before);
    }
  });

  for (const [fault, code, said] of [
    ['image', 'WL_DEPLOY_FAILED', /image could not be pulled/],
    ['health', 'WL_DEPLOY_FAILED', /failed its health check/],
    ['capacity', 'WL_DEPLOY_UNAVAILABLE', /no instances to be had/],
    ['data', 'WL_DEPLOY_FAILED', /files could not be downloaded/],
  ] as const) {
    it(`takes away what it made where a first deployment fails: ${fault}`, async () => {
      await using on = await stage();
      const { standIn, apply } = on;
      standIn.behaviour.creation = fault;
      const error = await refusal(apply());
      assert.equal(error.code, code);
      assert.match(error.message, said);
      assert.match(error.message, /endpoint, configuration, model of this run deleted again/);
      assert.match(error.hint, /CloudWatch, \/aws\/sagemaker\/Endpoints/);
      assert.deepEqual([standIn.endpoints.size, standIn.configs.size, standIn.models.size], [0, 0, 0]);
    });
  }

  for (const fault of ['image', 'health', 'alarm'] as const) {
    it(`says what was rolled back where an update fails: ${fault}`, async () => {
      await using on = await stage();
      const { standIn, apply } = on;
      await apply();
      const [before = ''] = [...standIn.configs.keys()];
      standIn.behaviour.update = fault;
      const error = await refusal(apply({ ...subjectNamed('Llama-8B'), commit: NEXT }));
      assert.equal(error.code, 'WL_DEPLOY_FAILED');
      assert.match(error.message, new RegExp(`it was rolled back, and ${before} answers as before`));
      assert.equal(standIn.endpoints.get(NAME)?.configName, before);
      assert.deepEqual([...standIn.configs.keys()], [before]);
      assert.equal(standIn.models.size, 1);
    });
  }

  it('says so where going back fails too', async () => {
    await using on = await stage();
    const { standIn, apply } = on;
    await apply();
    Object.assign(standIn.behaviour, { update: 'health', stuck: true });
    const error = await refusal(apply({ ...subjectNamed('Llama-8B'), commit: NEXT }));
    assert.match(error.message, /is UpdateRollbackFailed: going back failed too/);
  });

  it('names the permission that is missing, and the call that wanted it', async () => {
    for (const [operation, missing] of [
      ['DescribeEndpoint', 'sagemaker:DescribeEndpoint'],
      ['CreateModel', 'iam:PassRole'],
      ['CreateEndpointConfig', 'sagemaker:CreateEndpointConfig'],
      ['CreateEndpoint', 'sagemaker:CreateEndpoint'],
    ] as const) {
      await using on = await stage();
      const { standIn, apply } = on;
      standIn.behaviour.denied.set(operation, missing);
      const error = await refusal(apply());
      assert.equal(error.code, 'WL_DEPLOY_DENIED');
      assert.match(
        error.message,
        new RegExp(`sagemaker:${operation} was refused, for lack of the permission ${missing}`),
      );
      assert.deepEqual([standIn.endpoints.size, standIn.configs.size, standIn.models.size], [0, 0, 0]);
    }
  });

  it('says which quota is exceeded, and which region lacks the instance', async () => {
    for (const [spoil, said] of [
      [
        (standIn: SageMakerStandIn) => standIn.behaviour.quotas.set('ml.g6.2xlarge', 0),
        /quota .*ml\.g6\.2xlarge for endpoint usage' is 0/,
      ],
      [
        (standIn: SageMakerStandIn) => standIn.behaviour.absent.add('ml.g6.2xlarge'),
        /region does not have this instance.*ml\.g6\.2xlarge/,
      ],
    ] as const) {
      await using on = await stage();
      const { standIn, apply } = on;
      spoil(standIn);
      const error = await refusal(apply());
      assert.equal(error.code, 'WL_DEPLOY_UNAVAILABLE');
      assert.match(error.message, said);
      assert.match(error.message, /configuration, model of this run deleted again/);
      assert.equal(standIn.models.size, 0);
    }
  });

  it('touches no endpoint that it did not make, nor one that is busy', async () => {
    await using on = await stage();
    const { standIn, apply } = on;
    standIn.addStranger(NAME);
    assert.equal((await refusal(apply())).code, 'WL_DEPLOY_EXISTS');
    assert.equal(standIn.models.size, 0);
    const other = { ...subjectNamed('Llama-8B') };
    standIn.endpoints.clear();
    await apply(other);
    const origin = { ...other.origin, vault: 'vault-2' } as Subject['origin'];
    assert.match((await refusal(apply({ ...other, origin }))).message, /this vault did not deploy/);
    const endpoint = standIn.endpoints.get(NAME);
    assert(endpoint);
    endpoint.status = 'Updating';
    assert.match(
      (await refusal(apply({ ...other, commit: NEXT }))).message,
      /is Updating, and cannot be updated now/,
    );
  });

  it('takes no model for its own that only has the name', async () => {
    await using on = await stage();
    const { standIn, apply } = on;
    await apply();
    const [[name, model] = ['', {}]] = [...standIn.models];
    standIn.endpoints.clear();
    standIn.models.set(name, { ...model, EnableNetworkIsolation: false });
    const error = await refusal(apply());
    assert.equal(error.code, 'WL_DEPLOY_EXISTS');
    assert.match(error.message, /is not what it is named after/);
  });

  it('leaves a deployment to itself when it is stopped', async () => {
    await using on = await stage();
    const { standIn, plan, conduct } = on;
    standIn.behaviour.steps = 1000;
    const stop = new AbortController();
    const running = (await plan()).apply?.({ ...conduct, signal: stop.signal });
    assert(running);
    while (!standIn.endpoints.has(NAME)) await new Promise(setImmediate);
    stop.abort();
    const error = await refusal(running);
    assert.match(error.message, /is still Creating: watching was stopped; it goes on by itself/);
    assert.equal(standIn.endpoints.get(NAME)?.status, 'Creating');
  });

  it('calls nothing that the planned policy of the deployer does not allow', async () => {
    await using on = await stage();
    const { standIn, plan, apply } = on;
    await apply();
    standIn.behaviour.update = 'health';
    const next = { ...subjectNamed('Llama-8B'), commit: NEXT };
    await refusal(apply(next));
    const file = (await plan(next)).files.find(({ path }) => path === 'deployer-policy.json');
    const policy = JSON.parse(file?.text ?? '') as PolicyDocument;
    const asked = standIn.inputs.flatMap(permissionsFor);
    const operations = new Set(standIn.inputs.map(({ operation }) => operation));
    assert.equal(operations.size, 8, [...operations].join());
    for (const request of asked)
      assert.equal(decide(request, [policy]), 'allowed', `${request.action} on ${request.resource}`);
  });

  it('leaves a deployment to itself when it may not look at it any more', async () => {
    await using on = await stage();
    const { standIn, plan, conduct } = on;
    standIn.behaviour.steps = 1000;
    const running = (await plan()).apply?.({
      ...conduct,
      tell: (sentence) => {
        if (/is Creating/.test(sentence))
          standIn.behaviour.denied.set('DescribeEndpoint', 'sagemaker:DescribeEndpoint');
      },
    });
    assert(running);
    const error = await refusal(running);
    assert.equal(error.code, 'WL_DEPLOY_DENIED');
    assert.match(error.message, /goes on by itself, unwatched: .*sagemaker:DescribeEndpoint/);
    assert.equal(standIn.endpoints.get(NAME)?.status, 'Creating');
  });

  it('refuses credentials of another account', async () => {
    await using on = await stage();
    const { apply } = on;
    const error = await refusal(apply(subjectNamed('Llama-8B'), { account: ACCOUNT, image: AS_MOTO.image }));
    assert.match(
      error.message,
      /the plan is for account 111122223333, and the credentials are of 123456789012/,
    );
  });
});

/** What IAM asks for an operation, by the service authorization reference. */
function permissionsFor({ operation, input }: SageMakerStandIn['inputs'][number]): SimulatedRequest[] {
  const arn = (what: string) => `arn:aws:sagemaker:eu-west-1:${AS_MOTO.account}:${what.toLowerCase()}`;
  const resources = [
    ...(input.ModelName ? [arn(`model/${input.ModelName}`)] : []),
    ...(input.EndpointName ? [arn(`endpoint/${input.EndpointName}`)] : []),
    ...(input.EndpointConfigName ? [arn(`endpoint-config/${input.EndpointConfigName}`)] : []),
    // The stand-in's own ARNs name another account.
    ...(input.ResourceArn ? [String(input.ResourceArn).replace(ACCOUNT, AS_MOTO.account)] : []),
  ];
  const isolated = input.EnableNetworkIsolation;
  const context = isolated === undefined ? {} : { 'sagemaker:networkisolation': String(isolated) };
  const principal = 'arn:aws:iam::123456789012:user/deployer';
  const actions = [`sagemaker:${operation}`, ...(input.Tags ? ['sagemaker:AddTags'] : [])];
  return actions.flatMap((action) => resources.map((resource) => ({ principal, action, resource, context })));
}

const NEXT = 'f'.repeat(40) as Subject['commit'];

async function stage() {
  const standIn = await SageMakerStandIn.start();
  told.length = 0;
  const conduct: Conduct = {
    tell: (sentence) => told.push(sentence),
    signal: new AbortController().signal,
    pollMs: 1,
  };
  const aws: Order['aws'] = (service, region) => ({
    region,
    endpoint: service === 'sagemaker' ? standIn.endpoint : moto.endpoint,
  });
  const plan = (subject = subjectNamed('Llama-8B'), flags: Order['flags'] = {}) =>
    sageMaker.plan({ ...orderOf(subject, { ...AS_MOTO, ...flags }), aws });
  const apply = async (subject?: Subject, flags?: Order['flags']): Promise<Applied> => {
    const made = await plan(subject, flags);
    assert(made.apply);
    return made.apply(conduct);
  };
  return { standIn, plan, apply, conduct, [Symbol.asyncDispose]: () => standIn.close() };
}

async function refusal(work: Promise<unknown>): Promise<WeighlockError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof WeighlockError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

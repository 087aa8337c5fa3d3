/** What cannot be meant, what SageMaker would refuse after minutes, and what each container is told. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ErrorCode, WeighlockError } from '../../src/base/errors.ts';
import type { RepoPath } from '../../src/base/name.ts';
import { bedrock } from '../../src/deploy/bedrock/bedrock.ts';
import type { Order, Plan, Subject } from '../../src/deploy/deploy.ts';
import { rolloutOf, timesOf } from '../../src/deploy/sagemaker/rollout.ts';
import { sageMaker } from '../../src/deploy/sagemaker/sagemaker.ts';
import { ACCOUNT, BUCKET_KEY, COMMIT, IMAGE, orderOf, subjectNamed } from './subjects.ts';

const LLAMA = subjectNamed('Llama-8B');

async function refused(work: Promise<unknown>, code: ErrorCode, said: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof WeighlockError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, said);
    return true;
  });
}

const inputOf = (plan: Plan, operation: string): Record<string, never> => {
  const found = plan.requests.find((request) => request.operation === operation);
  assert(found);
  return found.input as Record<string, never>;
};

const environmentIn = async (
  subject: Subject,
  more: Partial<Order> & { readonly flags?: Order['flags'] } = {},
) => {
  const order = { ...orderOf(subject, more.flags), ...(more.remoteCode && { remoteCode: more.remoteCode }) };
  return (await sageMaker.plan(order)).deployment.environment;
};

describe('options for SageMaker', () => {
  const wrong: readonly (readonly [Order['flags'], RegExp])[] = [
    [{ container: 'triton' }, /lmi, vllm or tgi/],
    [{ name: 'Upper' }, /cannot be the name/],
    [{ name: '-x' }, /cannot be the name/],
    [{ name: 'x'.repeat(46) }, /cannot be the name/],
    [{ count: '0' }, /--count/],
    [{ count: '1e3' }, /--count/],
    [{ region: 'Ireland' }, /no region/],
    [{ account: '12' }, /12 digits/],
    [{ image: 'docker.io/vllm/vllm-openai:latest' }, /no image in ECR/],
    [{ image: IMAGE.replace('eu-west-1', 'us-east-1') }, /pulls only from eu-west-1/],
    [{ role: 'admin' }, /--role takes an ARN/],
    [{ kmsKey: 'alias/x' }, /--kms-key takes an ARN/],
    [{ tokenSecret: 'hf_secret' }, /--token-secret takes an ARN/],
    [{ subnet: ['subnet-0123456789abcdef0'] }, /1 to 5 --security-group/],
    [{ subnet: ['x'], securityGroup: ['sg-0123456789abcdef0'] }, /a VPC is named by/],
    [{ update: 'rolling' }, /needs --count 2/],
    [{ update: 'sometimes' }, /rolling or blue-green/],
    [{ alarm: Array(11).fill('x') }, /at most 10 alarms/],
    [{ instance: 'g6.xlarge' }, /nothing is known/],
  ];
  for (const [flags, said] of wrong) {
    it(`are refused where they cannot be meant: ${JSON.stringify(flags).slice(0, 60)}`, async () => {
      await refused(sageMaker.plan(orderOf(LLAMA, flags)), 'WL_USAGE', said);
    });
  }

  it('name no key for a local disk, and a key for a volume', async () => {
    const local = await sageMaker.plan(orderOf(LLAMA, { kmsKey: BUCKET_KEY }));
    assert.equal(inputOf(local, 'CreateEndpointConfig').KmsKeyId, undefined);
    assert.match(local.lines.map(({ text }) => text).join('\n'), /local NVMe.*--kms-key is left out/);
    const volume = await sageMaker.plan(
      orderOf(subjectNamed('Qwen-1.5B'), { kmsKey: BUCKET_KEY, instance: 'ml.p3.2xlarge' }),
    );
    assert.equal(inputOf(volume, 'CreateEndpointConfig').KmsKeyId, BUCKET_KEY);
  });

  it('ask for a token where the model is gated', async () => {
    const subject = subjectNamed('Llama-8B', 'hub');
    assert(subject.origin.route === 'hub');
    const gated = { ...subject, origin: { ...subject.origin, gated: true } };
    assert.match((await sageMaker.plan(orderOf(gated))).missing.join(), /--token-secret/);
  });
});

describe('files that SageMaker would refuse', () => {
  const withPath = (...paths: string[]): Subject => ({
    ...LLAMA,
    files: paths.map((path) => ({
      path: path as RepoPath,
      sizeBytes: path.endsWith('/') ? 0 : 1,
      sha256: undefined,
    })),
  });
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['folder/'], /folder as an object of no bytes/],
    [['a//b'], /empty or dotted part/],
    [['a/../b'], /empty or dotted part/],
    [['./a'], /empty or dotted part/],
    [['a\0b'], /NUL/],
    [[`${'é'.repeat(128)}`], /more than 255 bytes/],
    [['a', 'a/b'], /is a file, and a folder for/],
  ];
  for (const [paths, said] of cases) {
    it(`are refused before anything is made: ${JSON.stringify(paths).slice(0, 40)}`, async () => {
      await refused(sageMaker.plan(orderOf(withPath(...paths))), 'WL_DEPLOY_REFUSED', said);
    });
  }

  it('are refused where the container cannot load them', async () => {
    for (const format of ['gguf', 'other'] as const) {
      const subject = { ...LLAMA, weights: { ...LLAMA.weights, format } };
      await refused(sageMaker.plan(orderOf(subject)), 'WL_DEPLOY_REFUSED', /GGUF|run code/);
    }
  });

  it('are refused in a store that is not Amazon’s', async () => {
    assert(LLAMA.origin.route === 'vault' && LLAMA.origin.ticket.kind === 's3');
    const settings = { ...LLAMA.origin.ticket.settings, endpoint: 'https://minio.example' };
    const subject = { ...LLAMA, origin: { ...LLAMA.origin, ticket: { kind: 's3', settings } } } as const;
    const order = { ...orderOf(subject), aws: (_service: string, region: string) => ({ region }) };
    await refused(sageMaker.plan(order), 'WL_DEPLOY_REFUSED', /Amazon S3 alone/);
  });
});

describe('what a container is told', () => {
  const ID = 'deepseek-ai/DeepSeek-R1-Distill-Llama-8B';

  it('names no model of the Hub, and is offline, from the vault', async () => {
    for (const container of ['lmi', 'vllm', 'tgi']) {
      const told = await environmentIn(LLAMA, { flags: { container } });
      assert.equal(told.HF_HUB_OFFLINE, '1');
      assert.equal(told.TRANSFORMERS_OFFLINE, '1');
      assert.equal(told.VLLM_NO_USAGE_STATS, '1');
      const places = [told.HF_MODEL_ID, told.SM_VLLM_MODEL].filter((place) => place !== undefined);
      assert.deepEqual(places, container === 'lmi' ? [] : ['/opt/ml/model']);
      assert.ok(!Object.keys(told).some((name) => /REVISION|TOKEN$/.test(name)), container);
    }
  });

  it('pins the commit everywhere, from the Hub', async () => {
    const hub = subjectNamed('Llama-8B', 'hub');
    for (const [container, model, revisions] of [
      ['lmi', 'HF_MODEL_ID', ['OPTION_REVISION']],
      ['vllm', 'SM_VLLM_MODEL', ['SM_VLLM_REVISION', 'SM_VLLM_TOKENIZER_REVISION']],
      ['tgi', 'HF_MODEL_ID', ['HF_MODEL_REVISION']],
    ] as const) {
      const told = await environmentIn(hub, { flags: { container } });
      assert.equal(told[model], ID);
      for (const name of revisions) assert.equal(told[name], COMMIT);
      assert.equal(told.HF_HUB_OFFLINE, undefined);
    }
  });

  it('lets no code of the repo run unless it was asked for', async () => {
    for (const route of ['vault', 'hub'] as const) {
      const subject = subjectNamed('DeepSeek-R1', route);
      for (const container of ['lmi', 'vllm', 'tgi']) {
        const refusing = await environmentIn(subject, { flags: { container } });
        const values = Object.entries(refusing).filter(([name]) => /TRUST_REMOTE_CODE/.test(name));
        assert.deepEqual(values, container === 'lmi' ? [['OPTION_TRUST_REMOTE_CODE', 'false']] : []);
        const asked = await environmentIn(subject, { flags: { container }, remoteCode: 'asked for' });
        assert.ok(
          Object.entries(asked).some(([name, value]) => /TRUST_REMOTE_CODE/.test(name) && value !== 'false'),
        );
      }
    }
  });
});

describe('waiting and updating', () => {
  it('waits longer for larger models, and says where SageMaker does not wait long enough', () => {
    assert.deepEqual(timesOf(subjectNamed('Qwen-1.5B')), {
      downloadSeconds: 300,
      startupSeconds: 609,
      beyondSeconds: undefined,
    });
    const r1 = timesOf(subjectNamed('DeepSeek-R1', 'hub'));
    assert.deepEqual([r1.downloadSeconds, r1.startupSeconds], [undefined, 3600]);
    assert.ok((r1.beyondSeconds ?? 0) > 3600);
  });

  it('never takes more than half of a fleet at a time', () => {
    const times = timesOf(LLAMA);
    for (let count = 1; count <= 100; count++) {
      for (const weightsBytes of [1e9, 200e9]) {
        const { config } = rolloutOf({ weightsBytes, count, asked: undefined, alarms: ['a'], times });
        const { RollingUpdatePolicy: rolling } = config as {
          RollingUpdatePolicy?: { MaximumBatchSize: { Value: number } };
        };
        assert.equal(rolling !== undefined, weightsBytes > 100e9 && count >= 2);
        if (!rolling) continue;
        const { Value } = rolling.MaximumBatchSize;
        assert.ok(Value / count >= 0.05 && Value / count <= 0.5, `${Value} of ${count}`);
      }
    }
  });
});

describe('options for Bedrock', () => {
  it('are refused for what Bedrock does not import', async () => {
    await refused(
      bedrock.plan(orderOf(subjectNamed('DeepSeek-R1'))),
      'WL_DEPLOY_REFUSED',
      /DeepseekV3ForCausalLM/,
    );
    await refused(
      bedrock.plan(orderOf(subjectNamed('Llama-8B', 'hub'))),
      'WL_DEPLOY_REFUSED',
      /never from the Hub/,
    );
    await refused(
      bedrock.plan(orderOf({ ...LLAMA, remoteCode: true })),
      'WL_DEPLOY_REFUSED',
      /Python of its own/,
    );
    const huge = { ...LLAMA, weights: { ...LLAMA.weights, bytes: 200e9 } };
    await refused(bedrock.plan(orderOf(huge)), 'WL_DEPLOY_TOO_LARGE', /less than 200\.00 GB/);
    await refused(bedrock.plan(orderOf(LLAMA, { name: 'a b' })), 'WL_USAGE', /imported model/);
    assert.equal((await bedrock.plan(orderOf(LLAMA))).deployment.place.split(':')[4], ACCOUNT);
  });
});

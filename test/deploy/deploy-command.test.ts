/** `weighlock deploy sagemaker` as a user types it: from a vault in a bucket and from the Hub, recorded, held, ended. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { MOTO, ACCOUNT as MOTO_ACCOUNT, type Moto, startMoto } from '../posture/moto.ts';
import type { S3Server } from '../s3/server.ts';
import { startS3StandIn } from '../s3/stand-in/stand-in.ts';
import { DISTILLS, distill } from '../story/deepseek-shapes.ts';
import { openS3Stage, type S3Stage } from '../story/s3-stage.ts';
import { openStage } from '../story/stage.ts';

const MODEL = 'deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B';
const IMAGE = `${MOTO_ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/djl-inference@sha256:${'a'.repeat(64)}`;
const TO_APPLY = [
  '--region',
  'eu-west-1',
  '--account',
  MOTO_ACCOUNT,
  '--image',
  IMAGE,
  '--instance',
  'ml.p3.2xlarge',
];

const shape = DISTILLS.find(({ name }) => name === 'Qwen-1.5B');
assert(shape);
const model = distill(shape);

interface Planned {
  readonly commit: string;
  readonly origin: Readonly<Record<string, unknown>>;
  readonly requests: readonly {
    readonly operation: string;
    readonly input: Readonly<Record<string, unknown>>;
  }[];
  readonly missing: readonly string[];
  readonly notGuaranteed: readonly string[];
  readonly weights: { readonly tensors: number; readonly exact: boolean };
  readonly shape: { readonly kind: string; readonly layers?: number };
  readonly written: readonly { readonly path: string; readonly change: string }[];
  readonly recorded?: { readonly logIndex: number };
  readonly deployment: { readonly place: string };
}

interface Listed {
  readonly target: string;
  readonly place: string;
  readonly model: string;
  readonly commit: string;
  readonly origin: { readonly route: string; readonly uri?: string; readonly scan?: string };
  readonly by: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly notGuaranteed: readonly string[];
}

describe('weighlock deploy sagemaker', { skip: MOTO.skip }, () => {
  let moto: Moto;
  let server: S3Server;
  let stage: S3Stage;

  before(async () => {
    moto = await startMoto();
    server = await startS3StandIn();
    const services = ['SAGEMAKER', 'STS', 'IAM', 'CLOUDWATCH'];
    const reach = Object.fromEntries(services.map((name) => [`AWS_ENDPOINT_URL_${name}`, moto.endpoint]));
    stage = await openS3Stage(server, { models: [model], environment: reach });
    const admitted = await stage.here(['admit', MODEL]);
    assert.equal(admitted.exit, 0, admitted.stderr);
  });
  after(async () => {
    await stage?.[Symbol.asyncDispose]();
    await server?.close();
    await moto?.close();
  });

  const deploy = (...args: string[]) => stage.ask<Planned>(['deploy', 'sagemaker', MODEL, ...args]);
  const listed = async () => (await stage.ask<Listed[]>(['deploy', 'list'])).json;

  it('plans from the vault, changes nothing, and says what is missing', async () => {
    const size = await stage.logSize();
    const { exit, json } = await deploy('--region', 'eu-west-1', '--account', MOTO_ACCOUNT);
    assert.equal(exit, 0);
    assert.match(json.missing.join(), /name it by digest/);
    assert.deepEqual(json.weights, { ...json.weights, tensors: 339, exact: true });
    assert.equal(json.shape.layers, 28);
    const create = json.requests.find(({ operation }) => operation === 'CreateModel');
    assert.equal(create?.input.EnableNetworkIsolation, true);
    assert.ok(
      JSON.stringify(create).includes(
        `"S3Uri":"s3://${stage.bucket}/${stage.prefix}/models/${MODEL}/${json.commit}/"`,
      ),
    );
    assert.equal(await stage.logSize(), size);
    const { stdout } = await stage.here(['deploy', 'sagemaker', MODEL, ...TO_APPLY]);
    assert.match(stdout, /deploy +deepseek-ai\/DeepSeek-R1-Distill-Qwen-1\.5B@[0-9a-f]{12} from the vault/);
    assert.match(stdout, /KV cache +28 layers × 2 × 12 heads × 128 × 2 bytes/);
    assert.match(stdout, /nothing was changed/);
  });

  it('refuses to apply what is incomplete, or named by a tag', async () => {
    for (const args of [[], ['--image', IMAGE.replace(/@.*/, ':latest')]]) {
      const { exit, stderr } = await stage.here([
        ...['deploy', 'sagemaker', MODEL, '--apply', '--region', 'eu-west-1', '--account', MOTO_ACCOUNT],
        ...args,
      ]);
      assert.equal(exit, 64);
      assert.match(stderr, /cannot be applied yet: the (image|digest of the image)/);
    }
    assert.deepEqual(await listed(), []);
  });

  it('writes files to review, and says what changed since', async () => {
    const folder = path.join(stage.folder, 'review');
    const first = await deploy('--out', folder, ...TO_APPLY);
    assert.deepEqual([...new Set(first.json.written.map(({ change }) => change))], ['new']);
    for (const name of [
      'template.json',
      'requests.json',
      'execution-role-policy.json',
      'deployer-policy.json',
    ])
      assert.ok(existsSync(path.join(folder, name)), name);
    const again = await deploy('--out', folder, ...TO_APPLY);
    assert.deepEqual([...new Set(again.json.written.map(({ change }) => change))], ['unchanged']);
    const larger = await deploy('--out', folder, ...TO_APPLY, '--context', '16384');
    const changed = larger.json.written.filter(({ change }) => change === 'changed');
    assert.deepEqual(
      changed.map((file) => path.basename(file.path)),
      ['template.json', 'requests.json'],
    );
    assert.match(readFileSync(path.join(folder, 'template.json'), 'utf8'), /"OPTION_MAX_MODEL_LEN": "16384"/);
  });

  it('makes the endpoint, and records who put what where', async () => {
    const { exit, json, stderr } = await deploy('--apply', ...TO_APPLY);
    assert.equal(exit, 0, stderr);
    const [one, ...others] = await listed();
    assert.deepEqual(others, []);
    assert.equal(one?.target, 'sagemaker');
    assert.match(
      one?.place ?? '',
      /^arn:aws:sagemaker:eu-west-1:123456789012:endpoint\/deepseek-r1-distill-qwen-1-5b$/,
    );
    assert.equal(one?.commit, json.commit);
    assert.match(one?.by ?? '', /^arn:aws:/);
    assert.equal(one?.environment.HF_HUB_OFFLINE, '1');
    const { stdout } = await stage.here(['log', 'show']);
    assert.match(stdout, /deployment +deepseek-ai\/DeepSeek-R1-Distill-Qwen-1\.5B/);
    const verified = await stage.here(['verify']);
    assert.equal(verified.exit, 0, verified.stdout);
  });

  it('pins the commit from the Hub, says what it cannot promise, and records that', async () => {
    const { json, exit, stderr } = await deploy(
      '--from',
      'hub',
      '--record',
      ...TO_APPLY,
      '--name',
      'by-the-hub',
    );
    assert.equal(exit, 0, stderr);
    assert.match(json.commit, /^[0-9a-f]{40}$/);
    const create = json.requests.find(({ operation }) => operation === 'CreateModel');
    assert.equal(create?.input.EnableNetworkIsolation, false);
    const text = JSON.stringify(create);
    assert.ok(text.includes(`"OPTION_REVISION":"${json.commit}"`));
    assert.ok(text.includes('"OPTION_TRUST_REMOTE_CODE":"false"'));
    assert.ok(!text.includes('ModelDataSource'));
    assert.ok(json.notGuaranteed.some((sentence) => /nobody here has read the bytes/.test(sentence)));
    const recorded = (await listed()).find(({ place }) => place.endsWith('by-the-hub'));
    assert.equal(recorded?.origin.route, 'hub');
    assert.deepEqual(recorded?.notGuaranteed, json.notGuaranteed);
  });

  it('replaces the record of a place, and ends it', async () => {
    await deploy('--record', ...TO_APPLY, '--name', 'by-the-hub');
    const there = (await listed()).filter(({ place }) => place.endsWith('by-the-hub'));
    assert.deepEqual(
      there.map(({ origin }) => origin.route),
      ['vault'],
    );
    const place = there[0]?.place ?? '';
    const ended = await stage.here(['deploy', 'end', 'sagemaker', place, '--reason', 'done']);
    assert.equal(ended.exit, 0, ended.stderr);
    assert.ok(!(await listed()).some((one) => one.place === place));
    const again = await stage.here(['deploy', 'end', 'sagemaker', place]);
    assert.equal(again.exit, 64);
    assert.match(again.stderr, /no deployment is on record/);
  });

  it('says that a model is too large, with the arithmetic', async () => {
    const { exit, stderr } = await stage.here([
      ...['deploy', 'sagemaker', MODEL, '--region', 'eu-west-1', '--account', MOTO_ACCOUNT],
      ...['--instance', 'ml.g6.xlarge', '--context', '131072', '--concurrency', '64'],
    ]);
    assert.equal(exit, 1);
    assert.match(stderr, /WL_DEPLOY_TOO_LARGE/);
    assert.match(stderr, /ml\.g6\.xlarge would need [\d.]+ GB on its L4, which has 21\.60 GB for it/);
  });

  it('refuses what was revoked, and keeps its files while it is deployed', async () => {
    const { json } = await deploy(...TO_APPLY);
    const revoked = await stage.here(['revoke', `${MODEL}@${json.commit}`, '--reason', 'a test']);
    assert.equal(revoked.exit, 0, revoked.stderr);
    const { exit, stderr } = await stage.here(['deploy', 'sagemaker', MODEL, ...TO_APPLY]);
    assert.equal(exit, 1);
    assert.match(stderr, /was revoked at .*: a test/);
    const removed = await stage.here(['remove', `${MODEL}@${json.commit}`, '--reason', 'a test']);
    assert.equal(removed.exit, 77);
    assert.match(removed.stderr, /is deployed: sagemaker at arn:aws:sagemaker/);
  });
});

describe('weighlock deploy without a bucket', () => {
  it('says that SageMaker and Bedrock read from none of this machine’s folders', async () => {
    await using stage = await openStage({ models: [model] });
    assert.equal((await stage.here(['admit', MODEL])).exit, 0);
    for (const target of ['sagemaker', 'bedrock']) {
      const { exit, stderr } = await stage.here([
        'deploy',
        target,
        MODEL,
        '--region',
        'eu-west-1',
        '--account',
        MOTO_ACCOUNT,
      ]);
      assert.equal(exit, 1);
      assert.match(stderr, /WL_DEPLOY_REFUSED/);
      assert.match(stderr, /weighlock copy/);
    }
  });

  it('asks for an account, or for credentials, and says which of both a plan needs', async () => {
    await using stage = await openStage({ models: [model] });
    const nobody = { AWS_EC2_METADATA_DISABLED: 'true', AWS_CONFIG_FILE: '/dev/null', HOME: stage.folder };
    const args = ['deploy', 'sagemaker', MODEL, '--from', 'hub', '--region', 'eu-west-1'];
    const { exit, stderr } = await stage.run(args, nobody);
    assert.equal(exit, 77, stderr);
    assert.match(stderr, /no credentials for sts:GetCallerIdentity/);
    assert.match(stderr, /--account/);
    assert.equal((await stage.run([...args, '--account', MOTO_ACCOUNT], nobody)).exit, 0);
  });

  it('makes no vault to record in', async () => {
    await using stage = await openStage({ models: [model] });
    const { exit, stderr } = await stage.here([
      'deploy',
      'sagemaker',
      MODEL,
      '--from',
      'hub',
      '--record',
      ...TO_APPLY,
    ]);
    assert.equal(exit, 78, stderr);
    assert.match(stderr, /there is no vault/);
    assert.ok(!existsSync(stage.vault));
  });
});

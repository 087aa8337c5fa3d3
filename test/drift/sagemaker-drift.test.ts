/** `weighlock drift` on SageMaker: a deployment from the vault, and each thing in which it can come to differ. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  type CreateModelCommandInput,
  DeleteEndpointCommand,
  DeleteEndpointConfigCommand,
  DeleteModelCommand,
  DescribeEndpointCommand,
  DescribeEndpointConfigCommand,
  DescribeModelCommand,
  SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import { Wire } from '../../src/cli/wire.ts';
import type { DriftReport, DriftRow } from '../../src/drift/drift.ts';
import { accessAnswers } from '../../src/posture/access/access-checks.ts';
import type { PostureAnswer } from '../../src/posture/checks/check.ts';
import { endpointAnswers } from '../../src/posture/endpoints/endpoint-checks.ts';
import { ACCOUNT, MOTO, type Moto, startMoto } from '../posture/moto.ts';
import { clientsOf, surroundingsOf } from '../posture/weaknesses.ts';
import type { S3Server } from '../s3/server.ts';
import { startS3StandIn } from '../s3/stand-in/stand-in.ts';
import { DISTILLS, distill } from '../story/deepseek-shapes.ts';
import { openS3Stage, type S3Stage } from '../story/s3-stage.ts';

const MODEL = 'deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B';
const IMAGE = `${ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/djl-inference@sha256:${'a'.repeat(64)}`;
const shape = DISTILLS.find(({ name }) => name === 'Qwen-1.5B');
assert(shape);
const model = distill(shape);

type Report = DriftReport & { readonly standing: string };

describe('weighlock drift on SageMaker', { skip: MOTO.skip }, () => {
  let moto: Moto;
  let server: S3Server;
  let stage: S3Stage;
  let client: SageMakerClient;
  let original: CreateModelCommandInput;
  let name: string;

  before(async () => {
    moto = await startMoto();
    server = await startS3StandIn();
    const services = ['SAGEMAKER', 'STS', 'IAM', 'CLOUDWATCH'];
    const reach = Object.fromEntries(services.map((one) => [`AWS_ENDPOINT_URL_${one}`, moto.endpoint]));
    stage = await openS3Stage(server, { models: [model], environment: reach });
    client = new SageMakerClient(moto.config);
    const admitted = await stage.here(['admit', MODEL]);
    assert.equal(admitted.exit, 0, admitted.stderr);
    const made = await stage.ask<{ deployment: { place: string } }>([
      ...['deploy', 'sagemaker', MODEL, '--apply', '--region', 'eu-west-1', '--account', ACCOUNT],
      ...['--image', IMAGE, '--instance', 'ml.p3.2xlarge', '--name', 'chat'],
    ]);
    assert.equal(made.exit, 0, made.stderr);
    name = 'chat';
    original = await modelOf(name);
  });
  after(async () => {
    await stage?.[Symbol.asyncDispose]();
    await server?.close();
    await moto?.close();
  });

  async function modelOf(EndpointName: string): Promise<CreateModelCommandInput> {
    const { EndpointConfigName } = await client.send(new DescribeEndpointCommand({ EndpointName }));
    const { ProductionVariants } = await client.send(
      new DescribeEndpointConfigCommand({ EndpointConfigName }),
    );
    const { ModelName } = ProductionVariants?.[0] ?? {};
    const { ExecutionRoleArn, PrimaryContainer, VpcConfig, EnableNetworkIsolation } = await client.send(
      new DescribeModelCommand({ ModelName }),
    );
    return { ModelName, ExecutionRoleArn, PrimaryContainer, VpcConfig, EnableNetworkIsolation };
  }

  /** As somebody with the console does: the endpoint of the same name, with another model behind it. */
  async function remake(change: Partial<CreateModelCommandInput>, EndpointName = name): Promise<void> {
    await forget(EndpointName);
    const { $metadata: _, ...input } = {
      $metadata: 0,
      ...original,
      ...change,
      ModelName: `${EndpointName}-model`,
    };
    await client.send(new CreateModelCommand(input));
    await client.send(
      new CreateEndpointConfigCommand({
        EndpointConfigName: `${EndpointName}-config`,
        ProductionVariants: [
          {
            VariantName: 'all',
            ModelName: `${EndpointName}-model`,
            InstanceType: 'ml.p3.2xlarge',
            InitialInstanceCount: 1,
          },
        ],
      }),
    );
    await client.send(
      new CreateEndpointCommand({ EndpointName, EndpointConfigName: `${EndpointName}-config` }),
    );
  }

  async function forget(EndpointName: string): Promise<void> {
    const gone = () => undefined;
    await client.send(new DeleteEndpointCommand({ EndpointName })).catch(gone);
    await client
      .send(new DeleteEndpointConfigCommand({ EndpointConfigName: `${EndpointName}-config` }))
      .catch(gone);
    await client.send(new DeleteModelCommand({ ModelName: `${EndpointName}-model` })).catch(gone);
  }

  const look = () => stage.ask<Report>(['drift', '--region', 'eu-west-1']);
  const said = (row: DriftRow | undefined) =>
    row?.differences.map(({ kind, said }) => `${kind}: ${said}`) ?? [];
  const environment = (more: Record<string, string>) => ({
    PrimaryContainer: {
      ...original.PrimaryContainer,
      Environment: { ...original.PrimaryContainer?.Environment, ...more },
    },
  });
  afterEach(() => forget('stranger'));

  it('agrees right after a deployment, and asks nothing that changes anything', async () => {
    const { exit, json, stderr } = await look();
    assert.equal(exit, 0, JSON.stringify(json) + stderr);
    assert.deepEqual(
      json.rows.map(({ standing, differences }) => ({ standing, differences })),
      [{ standing: 'as recorded', differences: [] }],
    );
  });

  it('is sound to the posture too, by the record of what it serves', async () => {
    assert.equal((await recordAnswer()).status, 'passed');
  });

  it('runs with a role that reads its own revision only, which the posture confirms', async () => {
    const account = clientsOf(moto);
    const around = surroundingsOf(account, stage.bucket);
    const answers = await accessAnswers({ ...around, place: { ...around.place, prefix: stage.prefix } });
    assert.equal(answers.readers?.status, 'passed', JSON.stringify(answers.readers));
    assert.match(answers.readers.found, /1 roles and users/);
  });

  async function recordAnswer(): Promise<PostureAnswer> {
    const terminal = { colour: false, live: false, columns: 80, out: () => undefined, err: () => undefined };
    const wire = new Wire({ directory: stage.folder, environment: stage.environment, terminal }, {});
    const account = clientsOf(moto);
    const around = { ...surroundingsOf(account, stage.bucket), registry: await wire.registry() };
    const place = { ...around.place, prefix: stage.prefix };
    const answers = await endpointAnswers({ ...around, place });
    assert.ok(answers['endpoint-record']);
    return answers['endpoint-record'];
  }

  it('names a changed variable, one that lets code run, and one that names the Hub', async () => {
    await remake(
      environment({ HF_HUB_OFFLINE: '0', OPTION_TRUST_REMOTE_CODE: 'true', HF_MODEL_ID: 'someone/else' }),
    );
    const { exit, json } = await look();
    assert.equal(exit, 1);
    const text = said(json.rows[0]).join('\n');
    assert.match(text, /environment: HF_HUB_OFFLINE=0 instead of 1/);
    assert.match(text, /remote-code: OPTION_TRUST_REMOTE_CODE=true/);
    assert.match(text, /revision: it serves someone\/else@main, not deepseek-ai/);
    assert.match(text, /hub: it reads someone\/else from the Hub/);
  });

  it('names a prefix that was swapped, and isolation that is gone', async () => {
    const source = original.PrimaryContainer?.ModelDataSource?.S3DataSource;
    const S3Uri = `${source?.S3Uri?.replace(/[0-9a-f]{40}\/$/, `${'b'.repeat(40)}/`)}`;
    await remake({
      EnableNetworkIsolation: false,
      PrimaryContainer: {
        ...original.PrimaryContainer,
        ModelDataSource: {
          S3DataSource: { S3DataType: 'S3Prefix', CompressionType: 'None', ...source, S3Uri },
        },
      },
    });
    const { json } = await look();
    const text = said(json.rows[0]).join('\n');
    assert.match(text, new RegExp(`revision: it serves ${MODEL}@bbbbbbbbbbbb`));
    assert.match(text, /isolation: nothing keeps it from networks any more/);
  });

  it('names an image that is another', async () => {
    await remake({
      PrimaryContainer: { ...original.PrimaryContainer, Image: IMAGE.replace(/@.*/, ':latest') },
    });
    assert.match(said((await look()).json.rows[0]).join('\n'), /image: .*:latest instead of .*@sha256:a/);
    await remake({});
  });

  it('shows a stranger that reads from the Hub, and leaves the rest as recorded', async () => {
    await remake(
      {
        PrimaryContainer: {
          Image: 'tgi:latest',
          Environment: {
            HF_MODEL_ID: 'someone/llama',
            NOTE: 'x',
            TRUST_REMOTE_CODE: 'yes\u001b[2J\n  same  all is well',
          },
        },
        EnableNetworkIsolation: false,
      },
      'stranger',
    );
    const { exit, json } = await look();
    assert.equal(exit, 1);
    assert.deepEqual(
      json.rows.map(({ standing }) => standing),
      ['as recorded', 'stranger'],
      JSON.stringify(json.rows),
    );
    assert.match(
      said(json.rows[1]).join('\n'),
      /hub: it reads someone\/llama from the Hub, whatever main is/,
    );
  });

  it('names an object that was overwritten in the vault, until it is as it was', async () => {
    const key = (await stage.keys(`models/${MODEL}/`)).find((one) => one.endsWith('/config.json'));
    assert.ok(key);
    const bytes = await stage.get(key);
    const version = await stage.put(key, bytes);
    const { exit, json } = await look();
    assert.equal(exit, 1);
    assert.match(said(json.rows[0]).join('\n'), /bytes: models\/.*\/config\.json was overwritten: version /);
    await stage.remove(key, version);
    assert.equal((await look()).exit, 0);
  });

  it('tells who is affected, by revision and by the digest of a file, and who pulled it', async () => {
    const [{ commit }] = (await look()).json.rows as [DriftRow];
    const log = path.join(stage.folder, 'access.log');
    const line = (more: object) =>
      `${JSON.stringify({ level: 'info', time: '2026-01-02T03:04:05.000Z', reader: 'nodes', from: '10.0.0.7', method: 'GET', route: 'file', model: MODEL, commit, path: 'config.json', status: 200, bytes: 600, ...more })}\n`;
    writeFileSync(
      log,
      line({}) +
        line({ from: '10.0.0.8', time: '2026-01-03T03:04:05.000Z' }) +
        line({ status: 404 }) +
        line({ method: 'HEAD' }) +
        line({ model: 'other/model' }) +
        `${'x'.repeat(100_000)}\n` +
        'not json\n',
    );
    const { exit, json, stderr } = await stage.ask<{
      channels: { channel: string }[];
      deployments: { place: string }[];
      pulls: { pulls: object[]; unread: number };
    }>(['affected', `${MODEL}@${commit}`, '--access-log', log]);
    assert.equal(exit, 1, stderr);
    assert.deepEqual(
      json.channels.map(({ channel }) => channel),
      ['production'],
    );
    assert.match(json.deployments[0]?.place ?? '', /endpoint\/chat$/);
    assert.deepEqual(json.pulls.pulls, [
      {
        reader: 'nodes',
        model: MODEL,
        commit,
        requests: 2,
        bytes: 1200,
        first: '2026-01-02T03:04:05.000Z',
        last: '2026-01-03T03:04:05.000Z',
        addresses: ['10.0.0.7', '10.0.0.8'],
      },
    ]);
    assert.equal(json.pulls.unread, 2);
    const shown = await stage.ask<{ manifest: { files: { path: string; sha256: string }[] } }>([
      'show',
      `${MODEL}@${commit}`,
    ]);
    const file = shown.json.manifest.files.find(({ path: one }) => one === 'config.json');
    assert.ok(file);
    const byDigest = await stage.ask<{ revisions: { files: string[] }[] }>([
      'affected',
      '--sha256',
      file.sha256,
    ]);
    assert.deepEqual(
      byDigest.json.revisions.map(({ files }) => files),
      [['config.json']],
    );
    const nobody = await stage.here(['affected', '--sha256', 'f'.repeat(64)]);
    assert.equal(nobody.exit, 0);
    assert.match(nobody.stdout, /no revision on record has it/);
  });

  it('names a revocation, and an endpoint that is gone', async () => {
    const [{ commit }] = (await look()).json.rows as [DriftRow];
    const revoked = await stage.here(['revoke', `${MODEL}@${commit}`, '--reason', 'it turned out bad']);
    assert.equal(revoked.exit, 0, revoked.stderr);
    const { exit, json } = await look();
    assert.equal(exit, 1);
    const answer = await recordAnswer();
    assert.equal(answer.status, 'failed');
    assert.match(answer.found, /endpoint\/chat: .* was revoked at .*: it turned out bad/);
    assert.match(said(json.rows[0]).join('\n'), /verdict: .* was revoked at .*: it turned out bad/);
    await forget(name);
    assert.match(said((await look()).json.rows[0]).join('\n'), /gone: nothing runs there any more/);
    const text = await stage.here(['drift']);
    assert.match(text.stdout, /drifted +sagemaker arn:aws:sagemaker:eu-west-1/);
  });

  it('refuses what cannot be meant', async () => {
    assert.equal((await stage.here(['drift', '--region', 'moon'])).exit, 64);
    assert.equal((await stage.here(['affected'])).exit, 64);
    assert.equal((await stage.here(['affected', '--sha256', 'short'])).exit, 64);
    assert.equal((await stage.here(['affected', MODEL, '--access-log', 'nowhere'])).exit, 69);
  });
});

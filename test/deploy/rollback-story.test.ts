/** The story of an update that fails, and of one that does not, as a user types it: what runs is what the vault says runs. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MOTO, ACCOUNT as MOTO_ACCOUNT, type Moto, startMoto } from '../posture/moto.ts';
import type { S3Server } from '../s3/server.ts';
import { startS3StandIn } from '../s3/stand-in/stand-in.ts';
import { DISTILLS, distill } from '../story/deepseek-shapes.ts';
import { textFile } from '../story/models.ts';
import { openS3Stage, type S3Stage } from '../story/s3-stage.ts';
import { SageMakerStandIn } from './sagemaker-stand-in.ts';
import { SERVICE_MODELS } from './service-model.ts';

const MODEL = 'deepseek-ai/DeepSeek-R1-Distill-Llama-8B';
const IMAGE = `${MOTO_ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/djl-inference@sha256:${'a'.repeat(64)}`;

const shape = DISTILLS.find(({ name }) => name === 'Llama-8B');
assert(shape);
const [first] = distill(shape).commits;
assert(first);
const second = { files: [...first.files, textFile('NOTES.md', '# second\n')] };
const model = { ...distill(shape), commits: [{ ...first, refs: ['refs/tags/v1'] }, second] };

describe('an update of an endpoint', { skip: MOTO.skip || SERVICE_MODELS.skip }, () => {
  let moto: Moto;
  let server: S3Server;
  let sagemaker: SageMakerStandIn;
  let stage: S3Stage;
  const commits: string[] = [];

  before(async () => {
    [moto, server, sagemaker] = await Promise.all([startMoto(), startS3StandIn(), SageMakerStandIn.start()]);
    sagemaker.behaviour.steps = 1;
    const reach = {
      AWS_ENDPOINT_URL_SAGEMAKER: sagemaker.endpoint,
      ...Object.fromEntries(
        ['STS', 'IAM', 'CLOUDWATCH'].map((name) => [`AWS_ENDPOINT_URL_${name}`, moto.endpoint]),
      ),
    };
    stage = await openS3Stage(server, { models: [model], environment: reach });
    for (const tag of ['v1', 'main']) {
      const { json, exit, stderr } = await stage.ask<{ commit: string }>(['admit', `${MODEL}@${tag}`]);
      assert.equal(exit, 0, stderr);
      commits.push(json.commit);
    }
  });
  after(async () => {
    await stage?.[Symbol.asyncDispose]();
    await Promise.all([server?.close(), sagemaker?.close(), moto?.close()]);
  });

  const apply = (commit: string | undefined) =>
    stage.here([
      ...['deploy', 'sagemaker', `${MODEL}@${commit}`, '--apply', '--region', 'eu-west-1'],
      ...['--account', MOTO_ACCOUNT, '--image', IMAGE, '--count', '2'],
    ]);
  const running = async () =>
    (await stage.ask<{ commit: string }[]>(['deploy', 'list'])).json.map(({ commit }) => commit);

  it('that never came up leaves nothing behind, and no record', async () => {
    sagemaker.behaviour.creation = 'image';
    const { exit, stderr } = await apply(commits[0]);
    assert.equal(exit, 69);
    assert.match(stderr, /WL_DEPLOY_FAILED/);
    assert.match(stderr, /the image could not be pulled: The image is not found/);
    assert.match(stderr, /endpoint, configuration, model of this run deleted again/);
    assert.deepEqual(await running(), []);
    delete sagemaker.behaviour.creation;
    assert.equal((await apply(commits[0])).exit, 0);
    assert.deepEqual(await running(), [commits[0]]);
  });

  it('that is rolled back is not recorded: the revision before runs, and the vault says so', async () => {
    sagemaker.behaviour.update = 'alarm';
    const { exit, stderr } = await apply(commits[1]);
    assert.equal(exit, 69);
    assert.match(stderr, /an alarm went off: .*; it was rolled back, and .* answers as before/);
    assert.deepEqual(await running(), [commits[0]]);
  });

  it('that holds takes over in the record too', async () => {
    delete sagemaker.behaviour.update;
    const { exit, stdout, stderr } = await apply(commits[1]);
    assert.equal(exit, 0, stderr);
    assert.match(stderr, /update of .* begun: blue\/green, 1 of 2 instances first/);
    assert.match(stdout, /is\s+in\s+service,\s+before\s/);
    assert.deepEqual(await running(), [commits[1]]);
  });

  it('is refused for a revision that was revoked, and what runs stays on record', async () => {
    await stage.here(['revoke', `${MODEL}@${commits[0]}`, '--reason', 'a test']);
    const { exit, stderr } = await apply(commits[0]);
    assert.equal(exit, 1);
    assert.match(stderr, /was revoked/);
    assert.deepEqual(await running(), [commits[1]]);
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { withBucketKey } from '../../src/deploy/bucket-key.ts';
import type { Order, Subject } from '../../src/deploy/deploy.ts';
import { sageMaker } from '../../src/deploy/sagemaker/sagemaker.ts';
import { connect, type S3Server } from '../s3/server.ts';
import { startS3StandIn } from '../s3/stand-in/stand-in.ts';
import { BUCKET_KEY, COMMIT, orderOf, subjectNamed } from './subjects.ts';

const LLAMA = subjectNamed('Llama-8B');

describe('the key of the bucket', () => {
  let server: S3Server;

  before(async () => {
    server = await startS3StandIn();
    Object.assign(process.env, server.environment);
    for (const [bucket, encryption] of [
      ['with-key', { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: BUCKET_KEY }],
      ['without', {}],
    ] as const) {
      await server.makeBucket(bucket);
      const Key = `team/models/${LLAMA.model}/${COMMIT}/${LLAMA.files[0]?.path}`;
      await connect(server).send(new PutObjectCommand({ Bucket: bucket, Key, Body: '{}', ...encryption }));
    }
  });
  after(() => server.close());

  function order(bucket: string, kmsKey?: string): Order {
    const { endpoint, region } = server;
    const settings = { bucket, prefix: 'team', endpoint, region, pathStyle: true, ...(kmsKey && { kmsKey }) };
    const origin = { ...LLAMA.origin, ticket: { kind: 's3', settings } } as Subject['origin'];
    return orderOf({ ...LLAMA, origin });
  }

  it('is the one that S3 names of the files, and the role may use it', async () => {
    const plan = await sageMaker.plan(order('with-key'));
    const policy = plan.files.find(({ path }) => path === 'execution-role-policy.json')?.text ?? '';
    assert.match(policy, new RegExp(`"kms:Decrypt",\\s*"Resource": "${BUCKET_KEY}"`));
  });

  it('is that of the configuration, where it is an ARN; an alias means nothing to IAM', async () => {
    assert.equal((await withBucketKey(order('nowhere', BUCKET_KEY))).flags.bucketKey, BUCKET_KEY);
    assert.equal((await withBucketKey(order('with-key', 'alias/models'))).flags.bucketKey, BUCKET_KEY);
  });

  it('is none where the files are encrypted with none', async () => {
    const plan = await sageMaker.plan(order('without'));
    assert.ok(!JSON.stringify(plan.files).includes('kms:Decrypt'));
  });

  it('is named by its call where it cannot be asked for', async () => {
    await assert.rejects(withBucketKey(order('nowhere')), /s3:GetObject/);
  });
});

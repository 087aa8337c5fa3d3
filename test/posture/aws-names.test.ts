/**
 * `vault init` where AWS itself answers, as far as that can be had offline: its host names, TLS by a private certificate
 * authority, an HTTP proxy, and moto behind it for S3, KMS, IAM and STS.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { storeOf } from '../../src/posture/store/address.ts';
import { verdictOf } from '../../src/posture/store/check-row.ts';
import { type InitReport, initBucket } from '../../src/posture/store/open-store.ts';
import { s3Client } from '../../src/vault/s3-client.ts';
import type { S3Settings } from '../../src/vault/s3-place.ts';
import { MOTO_PROXY, type MotoProxy, REGION, startMotoProxy } from './moto.ts';

const REQUEST = {
  bucket: 'acme-models',
  prefix: '',
  holdDays: 14,
  signingKeyArns: [],
  principals: { gateway: ['ecs-tasks.amazonaws.com'], worker: [], gate: [], remover: [] },
};

describe('vault init at the names of AWS, through a proxy', { skip: MOTO_PROXY.skip }, () => {
  let moto: MotoProxy;
  let settings: S3Settings;
  before(async () => {
    process.env.AWS_ACCESS_KEY_ID = 'AKIAIOSFODNN7EXAMPLE';
    process.env.AWS_SECRET_ACCESS_KEY = 'secret';
    process.env.AWS_CONFIG_FILE = '/dev/null';
    process.env.AWS_SHARED_CREDENTIALS_FILE = '/dev/null';
    moto = await startMotoProxy();
    const { proxy, caFile } = moto;
    settings = { bucket: 'acme-models', prefix: '', region: REGION, proxy, caFile };
  });
  after(() => moto.close());
  const kinds = ({ steps }: InitReport) => [...new Set(steps.map(({ outcome }) => outcome.kind))];

  it('knows AWS by its names', async () => {
    const client = s3Client(settings);
    assert.deepEqual(await storeOf(client, 'acme-models'), { store: 'aws' });
    client.destroy();
  });

  it('shows, makes, and finds all of it standing: key, bucket, logs and roles of the caller’s account', async () => {
    const dry = await initBucket(settings, REQUEST, 'dry run');
    assert.deepEqual([kinds(dry), dry.conditions], [['made'], []], JSON.stringify(dry.steps));
    const made = await initBucket(settings, REQUEST, 'apply');
    assert.deepEqual(kinds(made), ['made'], JSON.stringify(made.steps));
    const again = await initBucket(settings, REQUEST, 'apply');
    assert.deepEqual(kinds(again), ['stands'], JSON.stringify(again.steps));
    // moto takes "deny without TLS" for "deny": what could not be tried is unknown, and the report is not lost.
    assert.equal(made.conditions.length, 5);
    assert.ok(
      made.conditions.every(({ status }) => status === 'unknown'),
      JSON.stringify(made.conditions),
    );
    assert.equal(verdictOf(made.conditions), 'costs safety');
  });
});

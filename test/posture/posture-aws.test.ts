/** `weighlock posture` at the names of AWS, through a proxy: as made, weakened, shown, healed. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PutBucketVersioningCommand, PutPublicAccessBlockCommand, type S3Client } from '@aws-sdk/client-s3';
import type { PostureRow } from '../../src/posture/posture.ts';
import { s3Client } from '../../src/vault/s3-client.ts';
import { openStage, type Stage } from '../story/stage.ts';
import { ACCOUNT, MOTO_PROXY, type MotoProxy, REGION, startMotoProxy } from './moto.ts';

const Bucket = 'acme-models';

interface Document {
  readonly rows: readonly PostureRow[];
  readonly steps?: readonly { readonly id: string }[];
  readonly template?: string;
}

describe('weighlock posture at the names of AWS', { skip: MOTO_PROXY.skip }, () => {
  let moto: MotoProxy;
  let stage: Stage;
  let s3: S3Client;
  before(async () => {
    moto = await startMotoProxy();
    const credentials = {
      AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_REGION: REGION,
    };
    for (const name of Object.keys(process.env)) if (/^AWS_/.test(name)) delete process.env[name];
    Object.assign(process.env, credentials);
    const environment = { ...credentials, HTTPS_PROXY: moto.proxy, AWS_CA_BUNDLE: moto.caFile };
    stage = await openStage({ models: [] }, { place: `s3://${Bucket}`, environment });
    s3 = s3Client({ bucket: Bucket, prefix: '', region: REGION, proxy: moto.proxy, caFile: moto.caFile });
    await stage.here(['vault', 'init', `s3://${Bucket}`]);
  });
  after(async () => {
    s3?.destroy();
    await stage?.[Symbol.asyncDispose]();
    await moto?.close();
  });
  const failed = ({ rows }: Document) => rows.filter(({ status }) => status === 'failed').map(({ id }) => id);

  it('passes what vault init made, in everything', async () => {
    const { exit, stdout, stderr } = await stage.here(['posture']);
    assert.equal(exit, 0, stdout + stderr);
    assert.match(stdout, /everything that applies passed \(\d\d checks\)/);
    assert.doesNotMatch(stdout, /n\/a|unknown/);
  });

  it('names two weaknesses, with what an attacker gains and the controls of the standards', async () => {
    await s3.send(
      new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Suspended' } }),
    );
    await s3.send(
      new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: { BlockPublicAcls: true } }),
    );
    const { exit, json } = await stage.ask<Document>(['posture']);
    assert.equal(exit, 1);
    assert.deepEqual(failed(json), ['public-access', 'versioning']);
    const { stdout } = await stage.here(['posture']);
    assert.match(
      stdout,
      /failed +public access to the bucket is blocked: off[\s\S]*\[S3\.1, S3\.2, S3\.3, S3\.8, CIS 2\.1\.4\]/,
    );
    assert.match(stdout, /critical: One wrong policy or ACL away/);
  });

  it('shows the fix and changes nothing without a yes, in words and as a document', async () => {
    const { exit, stdout } = await stage.here(['posture', '--fix']);
    assert.equal(exit, 1);
    assert.match(stdout, /VersioningConfiguration:\n +Status: Enabled/);
    assert.match(stdout, /to do +versions are kept/);
    const { json } = await stage.ask<Document>(['posture', '--fix']);
    assert.match(json.template ?? '', /PublicAccessBlockConfiguration/);
    assert.deepEqual(failed(json), ['public-access', 'versioning']);
  });

  it('prints findings of this account for Security Hub', async () => {
    const { stdout, exit } = await stage.here(['posture', '--asff']);
    assert.equal(exit, 1);
    const findings = JSON.parse(stdout) as { AwsAccountId: string; Compliance: { Status: string } }[];
    assert.ok(findings.every(({ AwsAccountId: account }) => account === ACCOUNT));
    assert.equal(findings.filter(({ Compliance: { Status: status } }) => status === 'FAILED').length, 2);
  });

  it('heals it after a yes, and says so', async () => {
    const { exit, stdout } = await stage.here(['posture', '--fix', '--yes']);
    assert.equal(exit, 0, stdout);
    assert.match(stdout, /fix +versions are kept/);
    assert.equal((await stage.here(['posture'])).exit, 0);
  });
});

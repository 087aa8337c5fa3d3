/** Keys in AWS KMS from the first admission on, as a user has them: by ARN in variables, and nothing on the machine. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { plainModel } from '../story/models.ts';
import { openStage, type Stage } from '../story/stage.ts';
import type { StandInKey } from './keys.ts';
import { CREDENTIALS, type KmsStandIn, startKmsStandIn } from './stand-in.ts';

const REGION = 'eu-west-1';

describe('keys in AWS KMS, by the command line', () => {
  let kms: KmsStandIn;
  let stage: Stage;
  let gate: StandInKey;
  let log: StandInKey;
  let environment: NodeJS.ProcessEnv;
  before(async () => {
    kms = await startKmsStandIn(REGION);
    stage = await openStage({ models: ['acme/one', 'acme/two', 'acme/three'].map((id) => plainModel(id)) });
    gate = kms.keys.create('ECC_NIST_P256');
    log = kms.keys.create('ECC_NIST_EDWARDS25519');
    environment = {
      AWS_ENDPOINT_URL_KMS: kms.endpoint,
      // The region of the ARN counts, whatever is said here.
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      WEIGHLOCK_KEY: kms.keys.alias('weighlock/gate', gate),
      WEIGHLOCK_LOG_KEY: log.arn,
    };
  });
  after(async () => {
    await stage?.[Symbol.asyncDispose]();
    await kms?.[Symbol.asyncDispose]();
  });

  it('founds a vault, admits into it, and keeps no private key', async () => {
    const ran = await stage.run(['admit', 'acme/one'], environment);
    assert.equal(ran.exit, 0, ran.stderr);
    assert.match(ran.stderr, /keys in AWS KMS: arn:aws:kms:eu-west-1:\d+:alias\/weighlock\/gate/);
    for (const file of ['gate.key.pem', 'log.key.pem'])
      assert.ok(!existsSync(path.join(stage.folder, 'home', file)), file);
    const asked = new Set(kms.calls.map((call) => `${call.action} ${call.keyId}`));
    assert.equal(asked.size, 4, 'both keys are opened and sign');
  });

  it('verifies without AWS, by the pinned trust file', async () => {
    const ran = await stage.run(['verify']);
    assert.equal(ran.exit, 0, ran.stdout + ran.stderr);
  });

  it('has them asked by the doctor, unless it is to stay offline', async () => {
    const asked = await stage.run(['doctor'], environment);
    assert.match(asked.stdout, /ok +key: arn:aws:kms:eu-west-1:\d+:alias\/weighlock\/gate/, asked.stdout);
    const offline = await stage.run(['doctor', '--offline'], environment);
    assert.match(offline.stdout, /note +key: arn:aws:kms.*, not asked/, offline.stdout);
    const lost = { ...environment, WEIGHLOCK_LOG_KEY: log.arn.replace(/.{4}$/, '0000') };
    const failed = await stage.run(['doctor'], lost);
    assert.match(failed.stdout, /failed +key: /, failed.stdout);
  });

  it('shows the public keys', async () => {
    const ran = await stage.run(['key'], environment);
    assert.equal(ran.exit, 0, ran.stderr);
    assert.match(ran.stdout, /alias\/weighlock\/gate/);
    assert.ok(ran.stdout.includes(log.arn));
  });

  it('publishes nothing where a permission is missing, names it, and finishes once it is there', async () => {
    for (const key of [gate, log]) {
      key.denied.add('Sign');
      const ran = await stage.run(['admit', 'acme/two'], environment);
      assert.equal(ran.exit, 77, ran.stderr);
      assert.match(ran.stderr, /WL_KEY_REFUSED/);
      assert.match(ran.stderr, /kms:Sign/);
      assert.ok(!existsSync(path.join(stage.vault, 'models/acme/two')));
      key.denied.delete('Sign');
    }
    const ran = await stage.run(['admit', 'acme/two'], environment);
    assert.equal(ran.exit, 0, ran.stderr);
    assert.equal((await stage.run(['verify'])).exit, 0);
  });

  it('puts no bad signature of KMS into the vault', async () => {
    const before = readFileSync(path.join(stage.vault, 'log/checkpoint'));
    kms.fault('Sign', { kind: 'wrong-signature' });
    const ran = await stage.run(['admit', 'acme/three'], environment);
    assert.equal(ran.exit, 1, ran.stderr);
    assert.match(ran.stderr, /WL_SIGNATURE_WRONG/);
    assert.deepEqual(readFileSync(path.join(stage.vault, 'log/checkpoint')), before);
    assert.equal((await stage.run(['admit', 'acme/three'], environment)).exit, 0);
    assert.equal((await stage.run(['verify'])).exit, 0);
  });

  it('refuses a name that is no key’s before anything else', async () => {
    const ran = await stage.run(['list'], { ...environment, WEIGHLOCK_KEY: 'arn:aws:kms:eu-west-1:1:key/x' });
    assert.equal(ran.exit, 78);
    assert.match(ran.stderr, /WL_CONFIG_INVALID/);
  });
});

import assert from 'node:assert/strict';
import { generateKeyPairSync, verify } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { KMSClient } from '@aws-sdk/client-kms';
import type { Action } from '../../test/kms/keys.ts';
import { CREDENTIALS, type Fault, type KmsStandIn, startKmsStandIn } from '../../test/kms/stand-in.ts';
import { WeighlockError } from '../base/errors.ts';
import { isGateKey, keyIdOf } from './key.ts';
import { KmsLogSigner, KmsSigner } from './kms.ts';
import { isArn, parseKmsArn } from './kms-arn.ts';

const REGION = 'eu-central-1';
const ATTEMPTS = 3;
const MESSAGE = Buffer.from('DSSEv1 28 application/vnd.in-toto+json 2 {}');

let kms: KmsStandIn;
let client: KMSClient;
const clientWith = (options: ConstructorParameters<typeof KMSClient>[0]) =>
  new KMSClient({
    region: REGION,
    endpoint: kms.endpoint,
    credentials: CREDENTIALS,
    maxAttempts: ATTEMPTS,
    ...options,
  });
before(async () => {
  kms = await startKmsStandIn(REGION);
  client = clientWith({});
});
after(async () => {
  client.destroy();
  await kms[Symbol.asyncDispose]();
});

const openGate = (keyArn: string) => KmsSigner.open({ client, keyArn });
const openLog = (keyArn: string) => KmsLogSigner.open({ client, keyArn });

/** What a step fails with. */
async function failure(step: Promise<unknown>): Promise<WeighlockError> {
  const error = await step.then(
    () => assert.fail('nothing was refused'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof WeighlockError, String(error));
  return error;
}

describe('keys in AWS KMS', () => {
  it('signs statements by P-256, whatever their length', async () => {
    const signer = await openGate(kms.keys.create('ECC_NIST_P256').arn);
    assert.ok(isGateKey(signer.publicKey));
    assert.equal(signer.keyId, keyIdOf(signer.publicKey));
    for (const message of [Buffer.alloc(0), MESSAGE, Buffer.alloc(1_000_000, 7)])
      assert.ok(verify('sha256', message, signer.publicKey, await signer.sign(message)));
  });

  it('signs checkpoints by Ed25519, up to the longest text that KMS signs', async () => {
    const signer = await openLog(kms.keys.create('ECC_NIST_EDWARDS25519').arn);
    for (const text of [MESSAGE, Buffer.alloc(4096, 'x')])
      assert.ok(verify(null, text, signer.publicKey, await signer.sign(text)));
  });

  it('refuses a longer text than that before asking', async () => {
    const signer = await openLog(kms.keys.create('ECC_NIST_EDWARDS25519').arn);
    const calls = kms.calls.length;
    const error = await failure(signer.sign(Buffer.alloc(4097)));
    assert.equal(error.code, 'WL_LIMIT');
    assert.match(error.message, /at most 4096 bytes.* 4097/);
    assert.equal(kms.calls.length, calls);
  });

  it('opens a key by its alias, asks by it, and notices when it points elsewhere', async () => {
    const alias = kms.keys.alias('weighlock/gate', kms.keys.create('ECC_NIST_P256'));
    const signer = await openGate(alias);
    assert.ok(verify('sha256', MESSAGE, signer.publicKey, await signer.sign(MESSAGE)));
    assert.deepEqual(kms.calls.at(-1), { action: 'Sign', keyId: alias });
    const other = kms.keys.create('ECC_NIST_P256');
    kms.keys.alias('weighlock/gate', other);
    const error = await failure(signer.sign(MESSAGE));
    assert.equal(error.code, 'WL_SIGNATURE_WRONG');
    assert.ok(error.message.includes(other.arn));
    assert.match(error.hint, /alias/);
  });

  const wrongKinds = [
    ['a log key for the gate', openGate, 'ECC_NIST_EDWARDS25519', 'SIGN_VERIFY'],
    ['a gate key for the log', openLog, 'ECC_NIST_P256', 'SIGN_VERIFY'],
    ['a key on another curve', openGate, 'ECC_NIST_P384', 'SIGN_VERIFY'],
    ['a key for key agreement', openGate, 'ECC_NIST_P256', 'KEY_AGREEMENT'],
    ['a symmetric key', openGate, 'SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT'],
  ] as const;
  for (const [what, open, spec, usage] of wrongKinds) {
    it(`refuses ${what}, and says which kind is wanted`, async () => {
      const error = await failure(open(kms.keys.create(spec, usage).arn));
      assert.equal(error.code, 'WL_CONFIG_INVALID');
      assert.match(error.message + error.hint, /ECC_NIST_(P256|EDWARDS25519).*SIGN_VERIFY/);
    });
  }

  for (const permission of ['GetPublicKey', 'Sign'] as const) {
    it(`names kms:${permission} where it is missing`, async () => {
      const key = kms.keys.create('ECC_NIST_P256');
      key.denied.add(permission);
      const error = await failure(openGate(key.arn).then((signer) => signer.sign(MESSAGE)));
      assert.equal(error.code, 'WL_KEY_REFUSED');
      assert.match(error.message, new RegExp(`does not permit kms:${permission} on ${key.arn}`));
      assert.match(error.hint, new RegExp(`Allow kms:${permission} `));
    });
  }

  for (const [state, message, hint] of [
    ['Disabled', /is disabled/, /enable-key/],
    ['PendingDeletion', /pending deletion/, /cancel-key-deletion/],
  ] as const) {
    for (const moment of ['opened', 'used'] as const) {
      it(`says that a key is ${state} when it is ${moment}`, async () => {
        const key = kms.keys.create('ECC_NIST_EDWARDS25519');
        if (moment === 'opened') key.state = state;
        const signing = openLog(key.arn).then((signer) => {
          key.state = state;
          return signer.sign(MESSAGE);
        });
        const error = await failure(signing);
        assert.equal(error.code, 'WL_KEY_REFUSED');
        assert.match(error.message, message);
        assert.match(error.hint, hint);
      });
    }
  }

  it('says that there is no such key', async () => {
    const error = await failure(openGate(`arn:aws:kms:${REGION}:111122223333:alias/nobody`));
    assert.equal(error.code, 'WL_KEY_REFUSED');
    assert.match(error.message, /knows no key .*alias\/nobody/);
  });

  it('refuses a client for another region than the key’s: a mistake of ours', async () => {
    const keyArn = 'arn:aws:kms:us-east-1:111122223333:alias/gate';
    await assert.rejects(openGate(keyArn), { name: 'Error', message: 'the client is not for us-east-1' });
  });

  const passing: readonly (readonly [string, Action, Fault])[] = [
    ['throttling', 'Sign', { kind: 'error', name: 'ThrottlingException', message: 'Rate exceeded' }],
    ['an internal error', 'Sign', { kind: 'error', name: 'KMSInternalException', status: 500 }],
    ['a broken connection', 'Sign', { kind: 'reset' }],
    ['an unavailable key', 'GetPublicKey', { kind: 'error', name: 'KeyUnavailableException', status: 500 }],
  ];
  for (const [what, action, fault] of passing) {
    it(`tries again after ${what}, and says so when it does not pass`, async () => {
      const { arn } = kms.keys.create('ECC_NIST_P256');
      kms.fault(action, fault);
      const signer = await openGate(arn);
      assert.ok(verify('sha256', MESSAGE, signer.publicKey, await signer.sign(MESSAGE)));
      kms.fault(action, fault, ATTEMPTS);
      const error = await failure(openGate(arn).then((again) => again.sign(MESSAGE)));
      assert.equal(error.code, 'WL_KEY_UNAVAILABLE');
      assert.match(error.message, new RegExp(`kms:${action} .*${ATTEMPTS} (times|attempts)`));
    });
  }

  for (const fault of [{ kind: 'wrong-signature' }, { kind: 'no-signature' }] as const) {
    for (const [key, open] of [
      ['ECC_NIST_P256', openGate],
      ['ECC_NIST_EDWARDS25519', openLog],
    ] as const) {
      it(`uses no signature of ${key} that its public key does not verify (${fault.kind})`, async () => {
        const signer = await open(kms.keys.create(key).arn);
        kms.fault('Sign', fault);
        const error = await failure(signer.sign(MESSAGE));
        assert.equal(error.code, 'WL_SIGNATURE_WRONG');
        assert.match(error.message, /was not used/);
        assert.ok(await signer.sign(MESSAGE), 'the next one is honest');
      });
    }
  }

  const ed25519 = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' });
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  for (const [what, open, key, der] of [
    ['another curve', openGate, 'ECC_NIST_P256', ed25519],
    ['another curve', openLog, 'ECC_NIST_EDWARDS25519', p256.export({ type: 'spki', format: 'der' })],
    ['no key', openGate, 'ECC_NIST_P256', Buffer.from('nonsense')],
    ['nothing', openLog, 'ECC_NIST_EDWARDS25519', Buffer.alloc(0)],
  ] as const) {
    it(`does not take ${what} for the public key of ${key}`, async () => {
      kms.fault('GetPublicKey', { kind: 'foreign-public-key', der });
      assert.equal((await failure(open(kms.keys.create(key).arn))).code, 'WL_SIGNATURE_WRONG');
    });
  }

  it('does not use the signature of another P-256 key than the one that it was given', async () => {
    const der = p256.export({ type: 'spki', format: 'der' });
    kms.fault('GetPublicKey', { kind: 'foreign-public-key', der });
    const signer = await openGate(kms.keys.create('ECC_NIST_P256').arn);
    assert.equal((await failure(signer.sign(MESSAGE))).code, 'WL_SIGNATURE_WRONG');
  });

  const nobody = { accessKeyId: 'AKIDNOBODY', secretAccessKey: 'x' };
  const badCredentials: readonly (readonly [string, ConstructorParameters<typeof KMSClient>[0], RegExp])[] = [
    ['unknown', { credentials: nobody }, /did not accept the credentials/],
    ['wrong', { credentials: { ...CREDENTIALS, secretAccessKey: 'x' } }, /refused the request’s signature/],
    [
      'missing',
      {
        credentials: () =>
          Promise.reject(Object.assign(new Error('Could not load'), { name: 'CredentialsProviderError' })),
      },
      /there are no AWS credentials/,
    ],
  ];
  for (const [what, options, message] of badCredentials) {
    it(`says that credentials are ${what}`, async () => {
      const stranger = clientWith(options);
      const { arn } = kms.keys.create('ECC_NIST_P256');
      const error = await failure(KmsSigner.open({ client: stranger, keyArn: arn }));
      stranger.destroy();
      assert.equal(error.code, 'WL_KEY_REFUSED');
      assert.match(error.message, message);
    });
  }

  it('says that nobody answers', async () => {
    const nowhere = clientWith({ endpoint: 'http://127.0.0.1:1', maxAttempts: 1 });
    const { arn } = kms.keys.create('ECC_NIST_P256');
    const error = await failure(KmsSigner.open({ client: nowhere, keyArn: arn }));
    assert.equal(error.code, 'WL_KEY_UNAVAILABLE');
    assert.match(error.message, /kms:GetPublicKey .*ECONNREFUSED/);
  });
});

describe('names of KMS keys', () => {
  const id = '1234abcd-12ab-34cd-56ef-1234567890ab';
  for (const [arn, region] of [
    [`arn:aws:kms:eu-central-1:111122223333:key/${id}`, 'eu-central-1'],
    ['arn:aws:kms:ap-southeast-10:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab', 'ap-southeast-10'],
    ['arn:aws:kms:us-east-1:111122223333:alias/weighlock/gate_1-a', 'us-east-1'],
    [`arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/${id}`, 'us-gov-west-1'],
    [`arn:aws-cn:kms:cn-north-1:111122223333:key/${id}`, 'cn-north-1'],
  ] as const) {
    it(`reads ${arn}`, () => assert.deepEqual(parseKmsArn(arn), { arn, region }));
  }

  for (const arn of [
    id,
    'alias/gate',
    `arn:aws:kms:eu-central-1:111122223333:${id}`,
    `arn:aws:kms::111122223333:key/${id}`,
    `arn:aws:kms:eu-central-1:1111:key/${id}`,
    `arn:aws:s3:eu-central-1:111122223333:key/${id}`,
    `arn:aws:kms:evil.example.org:111122223333:key/${id}`,
    `arn:aws:kms:eu-central-1:111122223333:key/${id}\n`,
    'arn:aws:kms:eu-central-1:111122223333:alias/',
    'arn:aws:kms:eu-central-1:111122223333:key/../../x',
  ]) {
    it(`refuses ${JSON.stringify(arn)}`, () => {
      assert.throws(() => parseKmsArn(arn), { code: 'WL_CONFIG_INVALID' });
    });
  }

  it('takes a file for a file', () => {
    assert.ok(!isArn('/etc/weighlock/gate.key.pem'));
    assert.ok(isArn('arn:aws:kms:…'));
  });
});

/**
 * KMS keys against moto, a KMS that somebody else wrote. It knows no Ed25519, does not tell the spec of a key,
 * lets disabled keys sign, and hashes digests again: for those see the stand-in.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { verify } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import {
  CreateAliasCommand,
  CreateKeyCommand,
  type KeySpec,
  KMSClient,
  SignCommand,
} from '@aws-sdk/client-kms';
import { isGateKey } from '../../src/attest/key.ts';
import { KmsSigner } from '../../src/attest/kms.ts';
import { peer } from '../story/stage.ts';

const moto = peer('aws/bin/moto_server', 's3');
const REGION = 'eu-central-1';
const MESSAGE = Buffer.from('to be signed');
const START_LINES_MAX = 100;

describe('KMS keys, by moto', { skip: moto.skip }, () => {
  let client: KMSClient;
  let stop: () => Promise<void>;
  before(async () => {
    const port = await freePort();
    const server = spawn(moto.path, ['-H', '127.0.0.1', '-p', String(port)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    stop = async () => {
      server.kill();
      await once(server, 'exit');
    };
    await listening(server.stderr);
    client = new KMSClient({
      region: REGION,
      endpoint: `http://127.0.0.1:${port}`,
      credentials: { accessKeyId: 'moto', secretAccessKey: 'moto' },
    });
  });
  after(async () => {
    client?.destroy();
    await stop?.();
  });

  const create = async (spec: KeySpec) => {
    const made = await client.send(new CreateKeyCommand({ KeySpec: spec, KeyUsage: 'SIGN_VERIFY' }));
    return String(made.KeyMetadata?.Arn);
  };

  it('opens a key by its own ARN and by an alias’s, and verifies what it signs', async () => {
    const arn = await create('ECC_NIST_P256');
    await client.send(new CreateAliasCommand({ AliasName: 'alias/gate', TargetKeyId: arn }));
    const byKey = await KmsSigner.open({ client, keyArn: arn });
    const byAlias = await KmsSigner.open({ client, keyArn: arn.replace(/key\/.*/, 'alias/gate') });
    assert.ok(isGateKey(byKey.publicKey));
    assert.equal(byAlias.keyId, byKey.keyId);
    const { Signature } = await client.send(
      new SignCommand({ KeyId: arn, Message: MESSAGE, SigningAlgorithm: 'ECDSA_SHA_256' }),
    );
    assert.ok(Signature && verify('sha256', MESSAGE, byKey.publicKey, Signature));
  });

  // moto takes MessageType for a remark, and hashes the digest once more: a broken KMS, and not of our making.
  it('uses no signature over something else than the message', async () => {
    const signer = await KmsSigner.open({ client, keyArn: await create('ECC_NIST_P256') });
    await assert.rejects(signer.sign(MESSAGE), { code: 'WL_SIGNATURE_WRONG', message: /does not verify/ });
  });

  it('refuses keys of another kind, and keys that are not there', async () => {
    const rsa = await create('RSA_2048');
    await assert.rejects(KmsSigner.open({ client, keyArn: rsa }), { code: 'WL_SIGNATURE_WRONG' });
    const gone = rsa.replace(/.{12}$/, '000000000000');
    await assert.rejects(KmsSigner.open({ client, keyArn: gone }), { code: 'WL_KEY_REFUSED' });
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

/** Until the server says where it listens. */
async function listening(lines: AsyncIterable<Buffer>): Promise<void> {
  let seen = 0;
  for await (const line of lines) {
    if (line.includes('Running on')) return;
    if (++seen > START_LINES_MAX) break;
  }
  throw new Error('moto did not start');
}

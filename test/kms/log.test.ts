/** A log whose key is in AWS KMS, as long as logs become: what a writer stages is longer than what KMS signs. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { KMSClient } from '@aws-sdk/client-kms';
import { KmsLogSigner } from '../../src/attest/kms.ts';
import { openCheckpoint, verifierKey } from '../../src/log/checkpoint.ts';
import type { TreeHead } from '../../src/log/reader.ts';
import { LogWriter } from '../../src/log/writer.ts';
import { CREDENTIALS, startKmsStandIn } from './stand-in.ts';

const ORIGIN = 'weighlock/test';
const ENTRIES = 20;
const ENTRY_BYTES = 600;

it('grows by a key in AWS KMS beyond what KMS signs at once', async () => {
  await using kms = await startKmsStandIn();
  const client = new KMSClient({ region: kms.region, endpoint: kms.endpoint, credentials: CREDENTIALS });
  const signer = await KmsLogSigner.open({ client, keyArn: kms.keys.create('ECC_NIST_EDWARDS25519').arn });
  const key = verifierKey(ORIGIN, signer.publicKey);
  const files = new Map<string, Uint8Array>();
  let signed: TreeHead | undefined;
  const log = new LogWriter({
    files: {
      get: async (name) => {
        const bytes = files.get(name);
        return bytes && { bytes, tag: Buffer.from(bytes).toString('base64') };
      },
      create: async (name, bytes) => {
        files.set(name, bytes);
        return 'created';
      },
      swap: async (name, bytes) => {
        files.set(name, bytes);
        return 'swapped';
      },
    },
    origin: ORIGIN,
    signer: { verifierKey: key, sign: (text) => signer.sign(text) },
    keys: [],
    memory: {
      highest: () => signed,
      signed: (head) => {
        signed = head;
      },
    },
  });
  for (let at = 0; at < ENTRIES; at++) await log.append(Buffer.alloc(ENTRY_BYTES, `entry ${at} `), 0);
  const note = files.get('checkpoint');
  assert.equal(note && openCheckpoint(note, ORIGIN, [key]).size, ENTRIES);
  client.destroy();
});

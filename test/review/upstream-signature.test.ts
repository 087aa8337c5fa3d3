/** A publisher's own signature: made by the official tool, held against a configured key, and what a policy then says. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { keyIdOf } from '../../src/attest/key.ts';
import { verifyUpstream } from '../../src/attest/upstream-signature.ts';
import { sha256 } from '../../src/base/digest.ts';
import { bytesFile, safetensors, textFile } from '../story/models.ts';
import { openStage, peer, type Stage } from '../story/stage.ts';

const execute = promisify(execFile);
const tool = peer('model-signing/bin/model_signing', 'model-signing');

const MODEL = 'org/model';

interface Signed {
  readonly files: Readonly<Record<string, Buffer>>;
  readonly bundle: Buffer;
  readonly publicKey: string;
}

/** A folder, signed by the official tool with a key of its own. */
async function signed(t: TestContext): Promise<Signed> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'weighlock-signed-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const model = path.join(folder, 'model');
  mkdirSync(model);
  const files = {
    'config.json': Buffer.from('{"model_type": "llama"}'),
    'model.safetensors': safetensors('weights', 2000),
    'README.md': Buffer.from('---\nlicense: mit\n---\n'),
  };
  for (const [name, bytes] of Object.entries(files)) writeFileSync(path.join(model, name), bytes);
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = path.join(folder, 'key.pem');
  writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const signature = path.join(folder, 'model.sig');
  await execute(tool.path, ['sign', 'key', '--private_key', key, '--signature', signature, model]);
  return {
    files,
    bundle: readFileSync(signature),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

async function stageOf(
  t: TestContext,
  { files, bundle, publicKey }: Signed,
  changed = files,
): Promise<Stage> {
  const stage = await openStage({
    models: [
      {
        id: MODEL,
        commits: [
          {
            files: [
              ...Object.entries(changed).map(([name, bytes]) => bytesFile(name, bytes)),
              bytesFile('model.sig', bundle),
              textFile('.gitattributes', ''),
            ],
          },
        ],
      },
    ],
  });
  t.after(() => stage[Symbol.asyncDispose]());
  const at = (name: string) => path.join(stage.folder, name);
  writeFileSync(at('org.pem'), publicKey);
  writeFileSync(
    at('policy.yaml'),
    `version: 1
rules:
  - name: mismatch
    refuse: signature.status == "mismatch"
    because: it was signed otherwise
  - name: unsigned
    hold: signature.status != "verified"
    because: its publisher did not sign it
`,
  );
  writeFileSync(
    at('weighlock.yaml'),
    `policy: ${at('policy.yaml')}\nupstreamKeys:\n  - models: org/*\n    key: ${at('org.pem')}\n`,
  );
  return stage;
}

describe('a signature that a publisher ships', { skip: tool.skip }, () => {
  it('is verified with the configured key, and again by a rescan', async (t) => {
    const stage = await stageOf(t, await signed(t));
    const admitted = await stage.here(['admit', MODEL]);
    assert.equal(admitted.exit, 0, admitted.stdout + admitted.stderr);
    assert.equal((await stage.here(['rescan', '--all'])).exit, 0);
  });

  it('refuses files that were changed after it was made', async (t) => {
    const made = await signed(t);
    const changed = { ...made.files, 'model.safetensors': safetensors('others', 2000) };
    const stage = await stageOf(t, made, changed);
    const refused = await stage.here(['admit', MODEL]);
    assert.equal(refused.exit, 1, refused.stdout);
    assert.match(refused.stdout, /rule mismatch/);
  });

  it('by another key than the configured one is none that counts', async (t) => {
    const made = await signed(t);
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const other = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const stage = await stageOf(t, { ...made, publicKey: other });
    const held = await stage.here(['admit', MODEL]);
    assert.equal(held.exit, 2, held.stdout);
    assert.match(held.stdout, /rule unsigned/);
  });

  it('is read strictly: whatever is not as the tool writes it does not count', async (t) => {
    const { files, bundle, publicKey } = await signed(t);
    const keys = [{ name: 'org', publicKey, keyId: keyIdOf(publicKey) }];
    const known = Object.entries(files).map(([name, bytes]) => ({ path: name, sha256: sha256(bytes) }));
    const status = (bytes: Buffer | undefined, some = known, excluded: typeof known = []) =>
      verifyUpstream(bytes, { files: some, excluded }, keys).status;
    assert.equal(status(bundle), 'verified');
    const [left, ...rest] = known;
    assert.equal(status(bundle, rest, left && [left]), 'verified', 'what was left out may be signed');
    assert.equal(status(bundle, rest), 'mismatch', 'what was signed and is gone is missed');
    assert.equal(status(undefined), 'none');
    assert.equal(status(bundle, [...known, { path: 'more.bin', sha256: sha256('x') }]), 'mismatch');
    const json = JSON.parse(bundle.toString());
    const payload = JSON.parse(Buffer.from(json.dsseEnvelope.payload, 'base64').toString());
    payload.predicate.resources[0].digest = 'a'.repeat(64);
    const edited = {
      ...json,
      dsseEnvelope: {
        ...json.dsseEnvelope,
        payload: Buffer.from(JSON.stringify(payload)).toString('base64'),
      },
    };
    for (const wrong of [
      Buffer.from(JSON.stringify(edited)),
      Buffer.from('{}'),
      Buffer.from('no json'),
      bundle.subarray(0, -20),
      Buffer.from(JSON.stringify({ ...json, mediaType: 'application/json' })),
      Buffer.from(JSON.stringify({ ...json, verificationMaterial: { certificate: {} } })),
    ])
      assert.equal(status(wrong), 'unverified');
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { canonicalJson } from '../base/canonical-json.ts';
import { sha256 } from '../base/digest.ts';
import { parseCommit, parseModelName, parseRepoPath } from '../base/name.ts';
import { openEntry, recordEntry } from './entry.ts';
import { encodeEnvelope, IN_TOTO, type KnownKey, openEnvelope, seal, unseal } from './envelope.ts';
import { generateKeys, isGateKey, LocalLogSigner, LocalSigner } from './key.ts';
import { isIgnored, signModel, verifyModelSignature } from './model-signing.ts';
import { openRecord, type RecordBody, signRecord } from './record.ts';
import { openReceipt, openState, type State, signState } from './state.ts';
import { gateKeys, openTrust, signTrust, type Trust } from './trust.ts';

const keys = generateKeys();
const signer = new LocalSigner(keys.gate);
const stranger = new LocalSigner(generateKeys().gate);
const known: KnownKey[] = [{ keyId: signer.keyId, publicKey: signer.publicKey }];

/** Every single bit of the bytes flipped, one at a time, would take minutes; this takes a spread of them. */
function* spread(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += Math.max(1, Math.floor(bytes.length / 97))) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    yield changed;
  }
}

describe('envelopes', () => {
  it('open for the type and a key that fit, and for nothing else', async () => {
    const bytes = encodeEnvelope(await seal(IN_TOTO, Buffer.from('payload'), signer));
    assert.equal(openEnvelope(bytes, IN_TOTO, known)?.payload.toString(), 'payload');
    assert.equal(openEnvelope(bytes, 'another/type', known), undefined);
    assert.equal(openEnvelope(bytes, IN_TOTO, []), undefined);
    const other = [{ keyId: stranger.keyId, publicKey: stranger.publicKey }];
    assert.equal(openEnvelope(bytes, IN_TOTO, other), undefined);
  });

  it('notice every changed byte, also where no signature reaches', async () => {
    const bytes = encodeEnvelope(await seal(IN_TOTO, Buffer.from('a payload of some length'), signer));
    for (const changed of spread(bytes)) assert.equal(openEnvelope(changed, IN_TOTO, known), undefined);
    for (const more of [' ', '\n', '{}'])
      assert.equal(openEnvelope(Buffer.concat([bytes, Buffer.from(more)]), IN_TOTO, known), undefined);
  });

  it('never throw at anything that JSON can say', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => unseal(value, IN_TOTO, known) === undefined));
  });
});

describe('model.sig', () => {
  const files = ['b.txt', 'a/b', 'a.txt', 'a/é', 'a-b/c'].map((path) => ({ path, sha256: sha256(path) }));

  it('lists files by path component, as the official tool sorts them', async () => {
    const signed = verifyModelSignature(await signModel('org/a@1', files, signer), known);
    assert.deepEqual(
      signed?.resources.map(({ path }) => path),
      ['a/b', 'a/é', 'a-b/c', 'a.txt', 'b.txt'],
    );
    assert.equal(signed?.name, 'org/a@1');
  });

  it('leaves out what the official tool ignores at the top of a folder, and only there', () => {
    assert.deepEqual(
      ['.git/x', '.gitattributes', '.github/x', 'model.sig', 'sub/.gitattributes', '.gitx', 'a.git'].filter(
        isIgnored,
      ),
      ['.git/x', '.gitattributes', '.github/x', 'model.sig'],
    );
  });

  it('is worth nothing with any byte changed, or under another key', async () => {
    const bytes = await signModel('org/a@1', files, signer);
    for (const changed of spread(bytes)) assert.equal(verifyModelSignature(changed, known), undefined);
    assert.equal(verifyModelSignature(await signModel('org/a@1', files, stranger), known), undefined);
  });
});

const trust: Trust = {
  type: 'weighlock.trust/v1',
  vault: 'a'.repeat(32),
  version: 1,
  origin: 'weighlock/test',
  gates: [{ publicKey: signer.publicKey, from: 0 }],
  logs: [{ key: 'log', from: 0 }],
  approvers: [],
  policies: 'any',
};

describe('the trust file', () => {
  const refused = (text: string, says: RegExp, before?: Trust) =>
    assert.throws(() => openTrust(text, before), { code: 'WL_TRUST_INVALID', message: says });

  it('is believed as its gate signed it, whatever its white space is', async () => {
    const text = await signTrust(trust, signer);
    assert.deepEqual(openTrust(text), trust);
    assert.deepEqual(openTrust(canonicalJson(JSON.parse(text))), trust);
  });

  it('is not believed unsigned, signed by a stranger, or changed, in its first version or a later one', async () => {
    for (const version of [1, 2]) {
      refused(await signTrust({ ...trust, version }, stranger), /is not signed by a gate key/);
      const text = await signTrust({ ...trust, version }, signer);
      refused(text.replace('"any"', '[]'), /is not signed by a gate key/);
    }
    refused('{', /is not JSON/);
    refused('{}', /is malformed at trust/);
  });

  it('moves on only to a version that the one before signed', async () => {
    const next = { ...trust, version: 2, policies: [] };
    assert.equal(openTrust(await signTrust(next, signer), trust).version, 2);
    const taken = { ...next, gates: [{ publicKey: stranger.publicKey, from: 0 }] };
    refused(
      await signTrust(taken, stranger),
      /is not signed by a gate key of the version that is pinned/,
      trust,
    );
    refused(await signTrust(trust, signer), /is older than the one that is pinned/, next);
    refused(
      await signTrust({ ...next, policies: 'any' }, signer),
      /differs from the one that is pinned/,
      next,
    );
    refused(await signTrust({ ...next, vault: 'b'.repeat(32) }, signer), /is of another vault/, trust);
  });

  it('takes only public keys of the right kind, so that no private one gets into it', async () => {
    const log = new LocalLogSigner(keys.log).publicKey.export({ type: 'spki', format: 'pem' }).toString();
    assert.ok(isGateKey(signer.publicKey));
    for (const publicKey of ['', 'no key', keys.gate, log, `${signer.publicKey}\n`]) {
      assert.ok(!isGateKey(publicKey));
      refused(
        await signTrust({ ...trust, gates: [{ publicKey, from: 0 }] }, signer),
        /malformed at trust\.gates/,
      );
    }
  });

  it('says from and until which log entry a key counts', () => {
    const rotated = {
      ...trust,
      gates: [
        { publicKey: signer.publicKey, from: 0, until: 5 },
        { publicKey: stranger.publicKey, from: 5 },
      ],
    };
    const at = (index?: number) => gateKeys(rotated, index).map(({ keyId }) => keyId);
    assert.deepEqual(
      [at(4), at(5), at()],
      [[signer.keyId], [stranger.keyId], [signer.keyId, stranger.keyId]],
    );
  });
});

const body: RecordBody = {
  type: 'weighlock.record/v1',
  number: 0,
  decidedAt: '2026-01-01T00:00:00Z',
  verdict: 'admitted',
  rules: [],
  policy: { name: 'default', sha256: sha256('policy') },
  manifest: {
    vault: trust.vault,
    model: parseModelName('org/a'),
    commit: parseCommit('0'.repeat(40)),
    files: [{ path: parseRepoPath('a.txt'), sizeBytes: 1, sha256: sha256('a') }],
    excluded: [],
  },
  source: { kind: 'hub', endpoint: 'https://hub.example', requested: 'main', contacted: [] },
  coverage: [],
  findings: [],
  evidence: [],
  logSize: 0,
  tool: { name: 'weighlock', version: '0' },
};

describe('records and states', () => {
  it('read back as they were signed, and not with any byte changed', async () => {
    const record = await signRecord(body, 'somewhere', signer);
    assert.deepEqual(openRecord(record.bytes, known, 'it').body, body);
    const entry = openEntry(recordEntry(record), 0);
    assert.ok(entry.type === 'record');
    assert.deepEqual([entry.statement, entry.manifest], [record.digest, record.manifestDigest]);
    for (const changed of spread(record.bytes))
      assert.throws(() => openRecord(changed, known, 'it'), { code: 'WL_VAULT_CORRUPT', message: /^it / });
  });

  it('are not taken for each other', async () => {
    const state: State = {
      type: 'weighlock.state/v1',
      vault: trust.vault,
      sequence: 1,
      log: { size: 0, root: '' },
      index: {},
      revokedFiles: {},
      grants: {},
      deployments: {},
      follows: {},
      issuedAt: '2026-01-01T00:00:00Z',
      expiresAt: '2026-02-01T00:00:00Z',
    };
    const bytes = await signState(state, signer);
    assert.deepEqual(openState(bytes, known), state);
    assert.throws(() => openReceipt(bytes, known, 'it'), { code: 'WL_VAULT_CORRUPT' });
    assert.throws(() => openRecord(bytes, known, 'it'), { code: 'WL_VAULT_CORRUPT' });
    const malformed = await signState({ ...state, sequence: 0 }, signer);
    assert.throws(() => openState(malformed, known), {
      code: 'WL_VAULT_CORRUPT',
      message: /signed but malformed/,
    });
  });
});

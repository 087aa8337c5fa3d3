/** Somebody who can write to the vault, against a gate that is at work there. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { recordEntry } from '../../src/attest/entry.ts';
import type { RecordBody } from '../../src/attest/record.ts';
import { sha256 } from '../../src/base/digest.ts';
import { parseCommit, parseModelName, parseRepoPath } from '../../src/base/name.ts';
import { leafHash } from '../../src/log/merkle.ts';
import { bundlePath, decodeBundle, encodeBundle, tilePath } from '../../src/log/tile.ts';
import type { Gate } from '../../src/registry/gate.ts';
import type { RevisionId } from '../../src/vault/layout.ts';
import type { ExpectedFile } from '../../src/vault/vault.ts';
import { newVault } from '../new-vault.ts';

const id: RevisionId = { model: parseModelName('demo/evil'), commit: parseCommit('a'.repeat(40)) };
const other: RevisionId = { model: parseModelName('demo/good'), commit: parseCommit('b'.repeat(40)) };

let root: string;
let gate: Gate;

beforeEach(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'weighlock-attack-'));
  gate = await (await newVault(root))();
  await gate.begin();
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function body(of: RevisionId, verdict: RecordBody['verdict']): Omit<RecordBody, 'number'> {
  const digest = sha256('x');
  return {
    type: 'weighlock.record/v1',
    decidedAt: '2026-01-01T00:00:00Z',
    verdict,
    rules: [],
    policy: { name: 'test', sha256: digest },
    manifest: {
      vault: gate.trust.vault,
      ...of,
      files: [{ path: parseRepoPath('a.txt'), sizeBytes: 1, sha256: digest }],
      excluded: [],
    },
    source: { kind: 'hub', endpoint: 'https://hub.example', requested: 'main', contacted: [] },
    coverage: [],
    findings: [],
    evidence: [],
    channel: 'production',
    logSize: 0,
    tool: { name: 'weighlock', version: '0' },
  };
}

async function logged(of: RevisionId, verdict: RecordBody['verdict']): Promise<number> {
  const { record } = await gate.claim(of, 0, body(of, verdict));
  return gate.log(record);
}

/** Rewrites an entry of the log and its leaf hash, so that the two agree; gives back what puts them right again. */
function forge(size: number, index: number, change: (entry: string) => string): () => void {
  const bundle = path.join(root, 'vault/log', bundlePath(0, size));
  const tile = path.join(root, 'vault/log', tilePath(0, 0, size));
  const before = [readFileSync(bundle), readFileSync(tile)] as const;
  const entries = decodeBundle(before[0], size, 'bundle').map((entry, i) =>
    i === index ? Buffer.from(change(Buffer.from(entry).toString())) : entry,
  );
  writeFileSync(bundle, encodeBundle(entries));
  writeFileSync(tile, Buffer.concat(entries.map((entry) => leafHash(entry))));
  return () => {
    writeFileSync(bundle, before[0]);
    writeFileSync(tile, before[1]);
  };
}

describe('a writer of the vault beside a gate', () => {
  it('cannot turn a logged refusal into an admission before the state takes it in', async () => {
    await logged(id, 'refused');
    forge(1, 0, (entry) => entry.replace('"refused"', '"admitted"'));
    await assert.rejects(gate.advance(), { code: 'WL_LOG_CORRUPT' });
  });

  it('cannot make the state pass over a decision by showing another entry in its place for a moment', async () => {
    await logged(other, 'admitted');
    await gate.advance();
    await logged(id, 'refused');
    let first = '';
    forge(2, 0, (entry) => {
      first = entry;
      return entry;
    });
    const restore = forge(2, 1, () => first);
    await assert.rejects(gate.advance(), { code: 'WL_LOG_CORRUPT' });
    restore();
    await gate.advance();
    const index = await gate.model(id.model);
    assert.equal(index?.revisions[id.commit]?.verdict, 'refused');
  });

  it('cannot make a gate believe that a record is logged already', async () => {
    await logged(other, 'admitted');
    const { record } = await gate.claim(id, 0, body(id, 'refused'));
    forge(1, 0, () => Buffer.from(recordEntry(record)).toString());
    await assert.rejects(gate.log(record), { code: 'WL_LOG_CORRUPT' });
  });

  it('cannot put a signed record of one revision in the place of another’s', async () => {
    await logged(other, 'admitted');
    const records = path.join(root, 'vault/registry/records');
    const target = path.join(records, id.model, id.commit);
    mkdirSync(target, { recursive: true });
    writeFileSync(path.join(target, '0'), readFileSync(path.join(records, other.model, other.commit, '0')));
    await assert.rejects(gate.findRecord(id, 0), { code: 'WL_VAULT_CORRUPT' });
  });

  const ours: ExpectedFile = { path: parseRepoPath('a.txt'), sizeBytes: 4, sha256: sha256('ours') };

  it('cannot have its own files vouched for by putting them there just before ours are published', async () => {
    const staging = await gate.vault.stage(id);
    await staging.put(parseRepoPath('a.txt'), Buffer.from('ours'));
    const target = path.join(root, 'vault/models', id.model, id.commit);
    mkdirSync(target, { recursive: true });
    writeFileSync(path.join(target, 'a.txt'), 'not ours');
    await assert.rejects(staging.publish([[ours]]), { code: 'WL_STAGING_LOST' });
  });

  it('cannot keep a revision from being published by an empty folder', async () => {
    const staging = await gate.vault.stage(id);
    await staging.put(parseRepoPath('a.txt'), Buffer.from('ours'));
    mkdirSync(path.join(root, 'vault/models', id.model, id.commit), { recursive: true });
    assert.equal((await staging.publish([[ours]])).length, 1);
  });

  it('cannot have a revision read through a link that leads out of the vault', async () => {
    const outside = path.join(root, 'outside');
    mkdirSync(outside);
    writeFileSync(path.join(outside, 'a.txt'), 'x');
    const folder = path.join(root, 'vault/models', id.model);
    mkdirSync(folder, { recursive: true });
    symlinkSync(outside, path.join(folder, id.commit));
    await assert.rejects(gate.vault.stat(id), { code: 'WL_VAULT_CORRUPT' });
  });
});

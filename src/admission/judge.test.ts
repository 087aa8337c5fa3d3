/** What is carried from an earlier judgement: people may take it upon themselves, for as long as they said. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Waiver } from '../attest/waiver.ts';
import { sha256 } from '../base/digest.ts';
import type { Finding } from '../base/finding.ts';
import { parseCommit, parseModelName, parseRepoPath } from '../base/name.ts';
import { completeFacts } from '../formats/complete.ts';
import { parseBuffer } from '../formats/drive.ts';
import { smallSafetensors } from '../formats/samples.ts';
import { readPolicy } from '../policy/policy.ts';
import { judge } from './judge.ts';

const FILE = Buffer.from(smallSafetensors());
const PATH = parseRepoPath('model.safetensors');
const NOW = Date.parse('2026-06-01T00:00:00Z');

const FOUND: Finding = {
  rule: 'malware/clamav',
  severity: 'critical',
  verdict: 'blocked',
  file: PATH,
  message: 'Test.Signature',
  why: 'a signature of the engine matches',
  fix: 'look at it',
  references: [],
};

function waiver(expiresAt: string): Waiver {
  const body = {
    type: 'weighlock.waiver/v1',
    sha256: sha256(FILE),
    lifts: { rule: FOUND.rule },
    reason: 'a false alarm',
    approver: 'Ada',
    madeAt: '2026-01-01T00:00:00Z',
    expiresAt,
  } as unknown as Waiver['body'];
  return { body, bytes: new Uint8Array(), digest: sha256('') };
}

for (const [what, waivers, verdict] of [
  ['stops where nobody lifts it', [], 'refused'],
  ['is lifted by a waiver', [waiver('2027-01-01T00:00:00Z')], 'admitted'],
  ['is not lifted by a waiver that is over', [waiver('2026-02-01T00:00:00Z')], 'refused'],
] as const)
  test(`what an engine found before ${what}`, async () => {
    const model = parseModelName('org/model');
    const commit = parseCommit('a'.repeat(40));
    const file = { path: PATH, sizeBytes: FILE.length };
    const digest = sha256(FILE);
    const judgement = judge(
      {
        manifest: {
          vault: 'v',
          model,
          commit,
          files: [{ ...file, sha256: digest }],
          excluded: [],
        },
        revision: {
          kind: 'hub',
          endpoint: 'https://hub.example',
          model,
          requested: 'main',
          commit,
          files: [file],
          tags: [],
        },
        brought: [{ file, sha256: digest, facts: await completeFacts(parseBuffer(FILE)) }],
        waived: { waivers, nowMs: NOW },
        carried: [FOUND],
      } as unknown as Parameters<typeof judge>[0],
      readPolicy('version: 1\nrules: []\n', 'p.yaml'),
    );
    assert.equal(judgement.decision.verdict, verdict, JSON.stringify(judgement.decision));
  });

/** Verification of approvals: a gate that says that people approved shows what they signed, or is found out. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { conclude } from '../../src/admission/publication.ts';
import { type Held, requireHeld } from '../../src/admission/review.ts';
import { type ApprovalBody, signApproval } from '../../src/attest/approval.ts';
import { LocalSigner } from '../../src/attest/key.ts';
import type { ReviewBody } from '../../src/attest/statement.ts';
import { parseModelName } from '../../src/base/name.ts';
import { TOOL } from '../../src/cli/wire.ts';
import type { Gate } from '../../src/registry/gate.ts';
import { gateOf, MODEL, type Office, office, TWO } from './office.ts';

const held = (gate: Gate): Promise<Held> => requireHeld(gate, parseModelName(MODEL), undefined);

/** A gate that asks nobody: what it calls approved is published. */
async function publishAnyway(here: Office, approvals: readonly Uint8Array[]): Promise<void> {
  const gate = await gateOf(here);
  const reviews = [];
  for (const envelope of approvals) {
    const { id, record } = await held(gate);
    const { signed } = await gate.declare<ReviewBody>({
      type: 'weighlock.review/v1',
      ...id,
      manifest: record.manifestDigest,
      decision: 'approve',
      approver: 'ada',
      approval: Buffer.from(envelope).toString('base64'),
      tool: TOOL,
    });
    reviews.push(signed.digest);
  }
  const { id, entry, record } = await held(gate);
  const { rules } = record.body;
  const body = { ...record.body, verdict: 'admitted' as const, rules: [], approved: { rules, reviews } };
  const decidedAt = new Date().toISOString();
  const claim = await gate.claim(id, entry.number + 1, { ...body, decidedAt, logSize: await gate.logSize() });
  await conclude({ gate, record: claim.record, rebring: async () => {} });
}

/** An approval as somebody signed it. */
async function signed(here: Office, who: string, change: Partial<ApprovalBody> = {}): Promise<Uint8Array> {
  assert.equal((await here.approve('ada', '--out', here.at('ada.approval'))).exit, 0);
  const { payload } = JSON.parse(readFileSync(here.at('ada.approval'), 'utf8')) as { payload: string };
  const body = JSON.parse(Buffer.from(payload, 'base64').toString()) as ApprovalBody;
  const signer = new LocalSigner(readFileSync(here.at(`${who}.pem`), 'utf8'));
  return signApproval({ ...body, ...change }, signer);
}

const CHEATS: readonly (readonly [string, RegExp, (here: Office) => Promise<readonly Uint8Array[]>])[] = [
  ['by nobody', /calls remote-code approved, and 2 of the people who must/, async () => []],
  [
    'by one person twice',
    /calls remote-code approved, and 1 of the people who must/,
    async (here) => [await signed(here, 'ada'), await signed(here, 'ada', { reason: 'again' })],
  ],
  [
    'by whoever asked',
    /is no approval of registry\/records\/.*: rex asked for the admission/,
    async (here) => [await signed(here, 'ada'), await signed(here, 'rex', { approver: 'rex' })],
  ],
  [
    'by a stranger',
    /carries no approval: .*not signed by an approver/,
    async (here) => [await signed(here, 'ada'), await signed(here, 'eve')],
  ],
  [
    'of a rule that took the name of another',
    /calls remote-code approved, and 1 of the people who must/,
    async (here) => [
      await signed(here, 'ada'),
      await signed(here, 'bob', {
        approver: 'bob',
        rules: [{ rule: 'remote-code', sha256: 'a'.repeat(64) as ApprovalBody['manifest'] }],
      }),
    ],
  ],
  [
    'of other content',
    /is no approval of registry\/records\/.*: it is about other content/,
    async (here) => [
      await signed(here, 'ada'),
      await signed(here, 'bob', { approver: 'bob', manifest: 'a'.repeat(64) as ApprovalBody['manifest'] }),
    ],
  ],
];

describe('a gate that publishes what was approved', () => {
  for (const [what, problem, approvals] of CHEATS) {
    it(`${what} is found out, in the vault, of the model, and by whoever pulls it`, async (t) => {
      const here = await office(t, 'directory', TWO);
      await publishAnyway(here, await approvals(here));
      for (const args of [['verify'], ['verify', MODEL], ['pull', MODEL, here.at('copy')]]) {
        const ran = await here.run(...args);
        assert.notEqual(ran.exit, 0, `${args.join(' ')}: ${ran.stdout}`);
        if (args[0] === 'verify') assert.match(ran.stdout, problem);
      }
    });
  }

  it('by the people it names is in order, also when they have other keys by now', async (t) => {
    const here = await office(t, 'directory', TWO);
    assert.equal((await here.approve('ada')).exit, 2);
    assert.equal((await here.approve('bob')).exit, 0);
    writeFileSync(here.at('new.pub'), (await here.run('key', '--new', here.at('new.pem'))).stdout);
    const named = await here.run('trust', 'add-approver', 'ada', here.at('new.pub'));
    assert.equal(named.exit, 0, named.stderr);
    for (const args of [['verify'], ['verify', MODEL]]) {
      const ran = await here.run(...args);
      assert.equal(ran.exit, 0, ran.stdout);
      assert.match(ran.stdout, /approvals, by the people who signed them/);
    }
  });

  it('by a key that was replaced before is found out', async (t) => {
    const here = await office(t);
    const envelope = await signed(here, 'ada');
    writeFileSync(here.at('new.pub'), (await here.run('key', '--new', here.at('new.pem'))).stdout);
    assert.equal((await here.run('trust', 'add-approver', 'ada', here.at('new.pub'))).exit, 0);
    await publishAnyway(here, [envelope]);
    const ran = await here.run('verify', MODEL);
    assert.equal(ran.exit, 1, ran.stdout);
    assert.match(ran.stdout, /carries no approval: .*not signed by an approver/);
  });
});

/** Decisions against each other: what a refusal ends, whose approval counts beside it, and who is told what really happened. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { requireHeld } from '../../src/admission/review.ts';
import { type ApprovalBody, signApproval } from '../../src/attest/approval.ts';
import { LocalSigner } from '../../src/attest/key.ts';
import type { RecordBody } from '../../src/attest/record.ts';
import type { ReviewBody } from '../../src/attest/statement.ts';
import { parseModelName } from '../../src/base/name.ts';
import { gateOf, MODEL, type Office, office, TWO, waits } from './office.ts';

/** Somebody asks for it once more. */
async function askAgain(here: Office, requester = 'rex'): Promise<void> {
  const held = await here.run('admit', MODEL, '--requester', requester);
  assert.equal(held.exit, 2, held.stdout + held.stderr);
}

describe('a refusal outlives another admit:', () => {
  it('what was approved before it counts no more, and the record names only what lifted a rule', async (t) => {
    const here = await office(t, 'directory', TWO);
    assert.equal((await here.approve('ada')).exit, 2);
    assert.equal((await here.refuse('bob')).exit, 0);
    await askAgain(here);
    const third = await here.approve('cy');
    assert.equal(third.exit, 2, third.stdout);
    assert.match(
      (await here.run('review', 'show', MODEL)).stdout,
      /does not count: it was made before bob refused/,
    );
    const again = await here.approve('ada');
    assert.equal(again.exit, 0, again.stdout + again.stderr);
    const { json } = await here.ask<{ approved: { reviews: readonly string[] } }>('show', MODEL);
    assert.equal(json.approved.reviews.length, 2, 'the approvals of cy and ada, and no refusal');
  });

  it('also where it is the same refusal, given again', async (t) => {
    const here = await office(t, 'directory', TWO);
    assert.equal((await here.refuse('bob', '--out', here.at('no'))).exit, 0);
    assert.equal((await here.run('review', 'submit', here.at('no'))).exit, 0);
    await askAgain(here);
    assert.equal((await here.approve('ada')).exit, 2);
    assert.equal((await here.run('review', 'submit', here.at('no'))).exit, 0);
    await askAgain(here);
    assert.equal((await here.approve('cy')).exit, 2);
    assert.equal(await waits(here), true);
  });

  it('an approval that was signed before it, and brought after it, is turned away', async (t) => {
    const here = await office(t);
    assert.equal((await here.approve('ada', '--out', here.at('early'))).exit, 0);
    assert.equal((await here.refuse('bob', '--days', '1')).exit, 0);
    await askAgain(here);
    const ran = await here.run('review', 'submit', here.at('early'));
    assert.equal(ran.exit, 77, ran.stdout);
    assert.match(ran.stderr, /it was made before bob refused/);
    assert.equal(await waits(here), true);
  });
});

describe('a refusal that was logged, and not concluded,', () => {
  it('lets nothing be approved until it is, or somebody asks again', async (t) => {
    const here = await office(t);
    const gate = await gateOf(here);
    const { id, record } = await requireHeld(gate, parseModelName(MODEL), undefined);
    assert.equal((await here.refuse('bob', '--out', here.at('refusal'))).exit, 0);
    await gate.declare<ReviewBody>({
      type: 'weighlock.review/v1',
      ...id,
      manifest: record.manifestDigest,
      decision: 'refuse',
      approver: 'bob',
      approval: readFileSync(here.at('refusal')).toString('base64'),
      tool: record.body.tool,
    });
    // By a clock that is ahead, so that it is not merely older.
    assert.equal((await here.approve('ada', '--out', here.at('approval'))).exit, 0);
    const { payload } = JSON.parse(readFileSync(here.at('approval'), 'utf8')) as { payload: string };
    const body = JSON.parse(Buffer.from(payload, 'base64').toString()) as ApprovalBody;
    const madeAt = new Date(Date.now() + 300_000).toISOString();
    const signer = new LocalSigner(readFileSync(here.at('ada.pem'), 'utf8'));
    writeFileSync(here.at('approval'), await signApproval({ ...body, madeAt }, signer));
    const ran = await here.run('review', 'submit', here.at('approval'));
    assert.equal(ran.exit, 77, ran.stdout);
    assert.match(ran.stderr, /bob refused what waits/);
    assert.equal((await here.run('review', 'submit', here.at('refusal'))).exit, 0);
    assert.equal(await waits(here), false);
  });
});

/** A rival claims the record that comes next, and has not logged it yet. */
async function claimFirst(here: Office, change: Partial<RecordBody>): Promise<void> {
  const gate = await gateOf(here);
  const { id, entry, record } = await requireHeld(gate, parseModelName(MODEL), undefined);
  const logSize = await gate.logSize();
  const claim = await gate.claim(id, entry.number + 1, { ...record.body, logSize, ...change });
  assert.equal(claim.outcome, 'claimed');
}

describe('of two decisions at once', () => {
  const NO = [{ rule: 'review/refused', outcome: 'refuse' as const, because: 'bob refused it: no' }];
  const told = async (here: Office) => (await here.ask<{ verdict: string }>('show', MODEL)).json;

  it('a refusal that was faster is what the approver is told', async (t) => {
    const here = await office(t);
    await claimFirst(here, { verdict: 'refused', rules: NO });
    const ran = await here.approve('ada');
    assert.equal(ran.exit, 1, ran.stdout + ran.stderr);
    assert.match(ran.stdout, /refused +at the same moment by others\n.*bob refused it: no/);
    assert.equal((await told(here)).verdict, 'refused');
    assert.equal((await here.run('verify', MODEL)).exit, 1, 'nothing is published');
  });

  it('an approval that was faster is what the refuser is told, and nothing staged is dropped', async (t) => {
    const here = await office(t);
    await claimFirst(here, { verdict: 'admitted', rules: [] });
    const ran = await here.refuse('bob');
    assert.equal(ran.exit, 1, ran.stdout + ran.stderr);
    assert.match(ran.stdout, /published +at the same moment: others approved it/);
    assert.match(ran.stdout, /weighlock revoke org\/coded@/);
    assert.equal((await told(here)).verdict, 'admitted');
  });

  for (const [decision, verdict] of [
    ['approve', 'admitted'],
    ['refuse', 'refused'],
  ] as const) {
    it(`with another admit that was faster, ${decision} is about what waits then`, async (t) => {
      const here = await office(t);
      await claimFirst(here, {});
      const ran = await here[decision]('ada');
      assert.equal(ran.exit, 0, ran.stdout + ran.stderr);
      assert.equal((await told(here)).verdict, verdict);
    });
  }

  it('both are told what is on record', async (t) => {
    const here = await office(t);
    const [approved, refused] = await Promise.all([
      here.approve('ada', '--json'),
      here.refuse('bob', '--json'),
    ]);
    const { verdict } = await told(here);
    assert.notEqual(verdict, 'held');
    assert.equal(approved.exit === 0, verdict === 'admitted', approved.stdout + approved.stderr);
    assert.equal(refused.exit === 0, verdict === 'refused', refused.stdout + refused.stderr);
    for (const { stdout } of [approved, refused]) {
      const { outcome } = JSON.parse(stdout) as { readonly outcome?: string };
      if (outcome !== undefined) assert.equal(outcome, verdict === 'admitted' ? 'published' : 'refused');
    }
  });
});

describe('whoever asked approves nothing of it,', () => {
  it('whether the name is written in another way, or somebody else asks again', async (t) => {
    const here = await office(t, 'directory', TWO);
    await askAgain(here, ' ADA\u200b ');
    await askAgain(here, 'somebody else');
    const ran = await here.approve('ada');
    assert.equal(ran.exit, 77, ran.stdout);
    assert.match(ran.stderr, /ada asked for the admission/);
    assert.equal((await here.approve('bob')).exit, 2);
    await askAgain(here, 'bob');
    assert.match((await here.run('review', 'show', MODEL)).stdout, /does not count: bob asked/);
    assert.equal((await here.refuse('ada')).exit, 0, 'naming somebody takes no refusal away');
  });

  it('also under an account that the trust file names', async (t) => {
    const here = await office(t);
    await askAgain(here, 'svc-cy');
    const named = await here.run('trust', 'add-approver', 'cy', here.at('cy.pub'), '--account', 'SVC-cy');
    assert.equal(named.exit, 0, named.stderr);
    const ran = await here.approve('cy');
    assert.equal(ran.exit, 77, ran.stdout);
    assert.match(ran.stderr, /cy asked for the admission/);
  });

  for (const [what, name] of [
    ['empty', ''],
    ['of nothing that is seen', ' \u200b'],
    ['too long for a record', 'x'.repeat(201)],
  ] as const) {
    it(`and a requester’s name that is ${what} admits nothing`, async (t) => {
      const here = await office(t);
      const ran = await here.run('admit', MODEL, '--requester', name);
      assert.equal(ran.exit, 64, ran.stdout + ran.stderr);
      assert.match(ran.stderr, /--requester takes the name of a person or an account/);
    });
  }
});

describe('what is signed', () => {
  for (const decision of ['approve', 'refuse'] as const) {
    it(`by ${decision} is named by its commit`, async (t) => {
      const here = await office(t);
      for (const target of [MODEL, `${MODEL}@candidate`]) {
        const ran = await here.run('review', decision, target, '--reason', 'x', '--key', here.at('ada.pem'));
        assert.equal(ran.exit, 64, ran.stdout);
        assert.ok(ran.stderr.includes(`weighlock review ${decision} ${MODEL}@<commit>`), ran.stderr);
      }
      assert.equal(await waits(here), true);
    });
  }

  it('is shown first, and is not signed where it is not what was looked at', async (t) => {
    const here = await office(t);
    const { json } = await here.ask<{ manifest: string }>('review', 'show', MODEL);
    assert.ok((await here.run('review', 'show', MODEL)).stdout.includes(`--manifest ${json.manifest}`));
    await here.run('admit', MODEL, '--exclude', 'README.md', '--requester', 'rex');
    const ran = await here.approve('ada', '--manifest', json.manifest);
    assert.equal(ran.exit, 77, ran.stdout);
    assert.match(ran.stderr, /nothing was signed: .* other content waits now/);
    const now = (await here.ask<{ manifest: string }>('review', 'show', MODEL)).json.manifest;
    assert.notEqual(now, json.manifest);
    const approved = await here.approve('ada', '--manifest', now);
    assert.equal(approved.exit, 0, approved.stderr);
    assert.match(
      approved.stderr,
      new RegExp(`signing +approve ${here.target}\n +manifest ${now}\n +remote-code: `),
    );
  });

  it('answers a rule as it was written, and not one that took its name', async (t) => {
    const here = await office(t, 'directory', TWO);
    assert.equal((await here.approve('ada')).exit, 2);
    const other = TWO.replace('hold: repo.remoteCode', 'hold: size(files) > 0');
    writeFileSync(here.at('policy.yaml'), other);
    const ran = await here.approve('bob');
    assert.equal(ran.exit, 2, ran.stdout + ran.stderr);
    assert.match(ran.stdout, /for 2 more approvals/);
    assert.match(
      ran.stdout,
      /next +weighlock admit org\/coded@[0-9a-f]{40}, which records what the rules say now/,
    );
    await askAgain(here);
    assert.equal((await here.approve('ada')).exit, 2);
    assert.equal((await here.approve('bob')).exit, 0);
  });

  it('stays approved in a rescan while the rule is written as it was, and no longer', async (t) => {
    const here = await office(t, 'directory', TWO);
    await here.approve('ada');
    assert.equal((await here.approve('bob')).exit, 0);
    assert.equal((await here.run('rescan', MODEL)).exit, 0);
    writeFileSync(here.at('policy.yaml'), TWO.replace('hold: repo.remoteCode', 'hold: size(files) > 0'));
    const ran = await here.run('rescan', MODEL);
    assert.equal(ran.exit, 2, ran.stdout);
    assert.match(ran.stdout, /remote-code/);
  });
});

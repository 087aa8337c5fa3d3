/**
 * Reviews through the command line: who may decide, how many must, what is shown to them, and that what is published then are
 * the bytes that were staged, without another look at the source.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type ApprovalBody, signApproval } from '../../src/attest/approval.ts';
import { LocalSigner } from '../../src/attest/key.ts';
import { MODEL, office, TWO, waits } from './office.ts';

for (const kind of ['directory', 'S3'] as const) {
  describe(`a review in a vault that is a ${kind === 'S3' ? 'bucket' : 'directory'}`, () => {
    it('shows what waits: the rule, the code by line, who asked', async (t) => {
      const here = await office(t, kind);
      const shown = await here.run('review', 'show', MODEL);
      assert.equal(shown.exit, 0, shown.stderr);
      assert.match(shown.stdout, /remote-code: the model brings Python/);
      assert.match(shown.stdout, / 5 {6}return torch\.relu\(x\) {2}# see here/);
      assert.match(shown.stdout, /asked by +rex/);
      assert.match(shown.stdout, /lacks +1 approval \(remote-code\)/);
    });

    it('publishes the staged bytes with the first approval, and asks the source for nothing', async (t) => {
      const here = await office(t, kind);
      const before = here.stage.hub.requests.length;
      const approved = await here.approve('ada');
      assert.equal(approved.exit, 0, approved.stdout + approved.stderr);
      assert.match(approved.stdout, /published/);
      assert.equal(here.stage.hub.requests.length, before);
      assert.equal((await here.run('verify', MODEL)).exit, 0);
      assert.equal(await waits(here), false);
      const { json } = await here.ask<{ approved?: { rules: readonly { rule: string }[] } }>('show', MODEL);
      assert.deepEqual(
        json.approved?.rules.map(({ rule }) => rule),
        ['remote-code'],
      );
      assert.equal((await here.approve('bob')).exit, 1, 'what is published waits for nobody');
    });
  });
}

describe('an approval', () => {
  it('of one person is not that of two, however often it is given', async (t) => {
    const here = await office(t, 'directory', TWO);
    assert.equal((await here.approve('ada')).exit, 2);
    const again = await here.approve('ada', '--days', '3');
    assert.equal(again.exit, 2);
    assert.match(again.stdout, /for 1 more approval/);
    assert.equal(await waits(here), true);
    assert.equal((await here.approve('bob')).exit, 0);
    assert.equal((await here.run('verify', MODEL)).exit, 0);
  });

  it('does not count from whoever asked, or from a stranger', async (t) => {
    const here = await office(t);
    for (const [who, why] of [
      ['rex', /rex asked for the admission/],
      ['eve', /the trust file names nobody with the key/],
    ] as const) {
      const refused = await here.approve(who);
      assert.equal(refused.exit, 77, refused.stdout);
      assert.match(refused.stderr, why);
    }
    assert.equal(await waits(here), true);
  });

  it('can be signed elsewhere, and taken by the gate', async (t) => {
    const here = await office(t);
    assert.equal((await here.approve('ada', '--out', here.at('ada.approval'))).exit, 0);
    assert.equal(await waits(here), true);
    assert.equal((await here.run('review', 'submit', here.at('ada.approval'))).exit, 0);
    assert.equal(await waits(here), false);
  });

  const FORGERIES: readonly (readonly [string, RegExp, (body: ApprovalBody) => Partial<ApprovalBody>])[] = [
    ['of another vault', /made for the vault/, () => ({ vault: 'f'.repeat(32) })],
    ['of other content', /other content/, () => ({ manifest: 'a'.repeat(64) as ApprovalBody['manifest'] })],
    ['by another name', /says that bob signed/, () => ({ approver: 'bob' })],
    [
      'that has ended',
      /it ended at/,
      () => ({ madeAt: '2020-01-01T00:00:00Z', expiresAt: '2020-01-02T00:00:00Z' }),
    ],
    [
      'from a clock that is ahead',
      /is to come/,
      () => ({ madeAt: '2099-01-01T00:00:00Z', expiresAt: '2099-01-02T00:00:00Z' }),
    ],
    ['that holds for ever', /does not end within/, () => ({ expiresAt: '2099-01-01T00:00:00Z' })],
  ];
  for (const [what, why, change] of FORGERIES) {
    it(`${what} is refused, and nothing changes`, async (t) => {
      const here = await office(t);
      assert.equal((await here.approve('ada', '--out', here.at('good'))).exit, 0);
      const envelope = JSON.parse(readFileSync(here.at('good'), 'utf8'));
      const body = JSON.parse(Buffer.from(envelope.payload, 'base64').toString()) as ApprovalBody;
      const signer = new LocalSigner(readFileSync(here.at('ada.pem'), 'utf8'));
      writeFileSync(here.at('forged'), await signApproval({ ...body, ...change(body) }, signer));
      const ran = await here.run('review', 'submit', here.at('forged'));
      assert.equal(ran.exit, 77, ran.stdout + ran.stderr);
      assert.match(ran.stderr, why);
      assert.equal(await waits(here), true);
    });
  }

  it('whose text was changed after it was signed is refused', async (t) => {
    const here = await office(t);
    await here.approve('ada', '--out', here.at('good'));
    const envelope = JSON.parse(readFileSync(here.at('good'), 'utf8'));
    const payload = Buffer.from(envelope.payload, 'base64').toString().replace('I read it', 'I did not');
    writeFileSync(
      here.at('edited'),
      JSON.stringify({ ...envelope, payload: Buffer.from(payload).toString('base64') }),
    );
    const ran = await here.run('review', 'submit', here.at('edited'));
    assert.equal(ran.exit, 77);
    assert.match(ran.stderr, /not signed by an approver/);
  });

  it('answers the rules that were seen: one that was added since holds on', async (t) => {
    const here = await office(t, 'directory', TWO);
    assert.equal((await here.approve('ada')).exit, 2);
    const added =
      '  - name: licence\n    hold: repo.license != "apache-2.0"\n    because: legal has not cleared it\n';
    writeFileSync(here.at('policy.yaml'), TWO + added);
    const ran = await here.approve('bob');
    assert.equal(ran.exit, 2, ran.stderr);
    assert.match(ran.stdout, /licence: legal has not cleared it/);
    assert.equal(await waits(here), true);
  });

  it('does not lift what the rules of today refuse', async (t) => {
    const here = await office(t, 'directory', TWO);
    await here.approve('ada');
    writeFileSync(here.at('policy.yaml'), TWO.replace('hold:', 'refuse:').replace('    approvals: 2\n', ''));
    const ran = await here.approve('bob');
    assert.equal(ran.exit, 2);
    assert.match(ran.stdout, /the rules of today refuse it/);
    assert.equal((await here.run('verify', MODEL)).exit, 1);
  });

  it('under a policy with an error changes nothing, and the line is named', async (t) => {
    const here = await office(t, 'directory', TWO);
    writeFileSync(here.at('policy.yaml'), TWO.replace('repo.remoteCode', 'repo.remotCode'));
    const ran = await here.approve('ada');
    assert.equal(ran.exit, 78);
    assert.match(ran.stderr, /policy\.yaml, line 4/);
    assert.equal(await waits(here), true);
  });
});

describe('a refusal', () => {
  it('is on record with its reason, drops what is staged, and ends the waiting', async (t) => {
    const here = await office(t);
    const ran = await here.refuse('bob');
    assert.equal(ran.exit, 0, ran.stderr);
    assert.equal(await waits(here), false);
    const { json } = await here.ask<{ verdict: string; rules: readonly { because: string }[] }>(
      'show',
      MODEL,
    );
    assert.equal(json.verdict, 'refused');
    assert.equal(json.rules[0]?.because, 'bob refused it: I do not trust it');
    assert.equal((await here.approve('ada')).exit, 1);
  });
});

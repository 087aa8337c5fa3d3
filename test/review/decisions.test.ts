/** Decisions against each other: what a refusal ends, whose approval counts beside it, and who is told what really happened. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MODEL, type Office, office, TWO, waits } from './office.ts';

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

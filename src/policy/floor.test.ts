import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Finding } from '../base/finding.ts';
import { safetyFloor } from './floor.ts';

const finding = (verdict: Finding['verdict'], file = 'a.bin'): Finding => ({
  rule: 'x/y',
  severity: 'high',
  verdict,
  file,
  message: 'something was found',
  why: 'it matters',
  fix: 'do this',
});
const whole = { path: 'a.bin', gaps: [] };
const cut = { path: 'b.bin', gaps: [{ offset: 0, length: 1, reason: 'no parser knows it' }] };

describe('the safety floor', () => {
  for (const [what, files, findings, outcomes] of [
    ['nothing', [whole], [], []],
    ['a note', [whole], [finding('clean')], []],
    ['code that runs on load', [whole], [finding('blocked')], ['refuse']],
    ['a gap', [whole, cut], [], ['hold']],
    ['an open finding', [whole], [finding('inconclusive')], ['hold']],
    ['an open finding about the repo as a whole', [whole], [finding('inconclusive', '')], ['hold']],
    ['everything at once', [cut], [finding('blocked'), finding('inconclusive')], ['refuse', 'hold']],
  ] as const) {
    it(`says ${outcomes.join(' and ') || 'nothing'} to ${what}`, () => {
      const rules = safetyFloor(files, findings);
      assert.deepEqual(
        rules.map((rule) => rule.outcome),
        outcomes,
      );
    });
  }

  it('names the place and counts the rest', () => {
    const [rule] = safetyFloor([whole, cut], [finding('inconclusive')]);
    assert.equal(rule?.because, 'b.bin: no parser knows it (and 1 more reason)');
  });
});

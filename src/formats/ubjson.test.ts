import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseBuffer } from './drive.ts';

const model = readFileSync(new URL('../../test/corpus/graphs/xgboost.ubj', import.meta.url));
/** `{"a": …`, with what follows as given. */
const inObject = (rest: string): Buffer => Buffer.from(`{i\x01a${rest}`, 'latin1');

describe('a model of XGBoost in UBJSON', () => {
  it('is read to its end', () => {
    const facts = parseBuffer(model);
    assert.ok(facts.format === 'ubjson');
    assert.deepEqual([facts.gaps, facts.problems], [[], []]);
    assert.deepEqual(facts.keys, ['learner', 'version']);
    assert.ok(facts.values > 40);
  });

  it('cut anywhere is never complete', () => {
    for (let length = 20; length < model.length; length += 1)
      assert.ok(parseBuffer(model.subarray(0, length)).gaps.length > 0, `cut to ${length} bytes`);
  });

  const hostile: readonly (readonly [what: string, bytes: Buffer, code: string])[] = [
    ['a marker that nobody knows', inObject('Q}'), 'bad-marker'],
    ['a list longer than the file', inObject('[$d#l\x7f\xff\xff\xff'), 'truncated'],
    ['a list of a negative length', inObject('[$d#l\xff\xff\xff\xff'), 'bad-length'],
    ['a typed list without a length', inObject('[$dabc'), 'bad-container'],
    ['text longer than the file', inObject('SI\x7f\xff'), 'truncated'],
    ['lists nested deeply', inObject('['.repeat(300)), 'too-deep'],
    ['something behind it', inObject('T}hidden'), 'trailing-data'],
  ];
  for (const [what, bytes, code] of hostile) {
    it(`with ${what} has the problem ${code}, and a gap`, () => {
      const facts = parseBuffer(bytes);
      assert.equal(facts.format, 'ubjson');
      assert.ok(
        facts.problems.some((problem) => problem.code === code),
        JSON.stringify(facts.problems),
      );
      assert.ok(facts.gaps.length > 0);
    });
  }
});

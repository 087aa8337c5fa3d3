import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseBuffer } from './drive.ts';

const model = readFileSync(new URL('../../test/corpus/graphs/catboost.cbm', import.meta.url));

const patched = (at: number, value: number): Buffer => {
  const bytes = Buffer.from(model);
  bytes.writeUInt32LE(value, at);
  return bytes;
};

describe('a model of CatBoost', () => {
  it('is read into trees and features, with every byte accounted for', () => {
    const facts = parseBuffer(model);
    assert.ok(facts.format === 'catboost');
    assert.deepEqual([facts.gaps, facts.problems, facts.trees, facts.features], [[], [], 2, 4]);
  });

  const hostile: readonly (readonly [what: string, bytes: Buffer, code: string])[] = [
    ['something behind it', Buffer.concat([model, Buffer.from('hidden')]), 'trailing-data'],
    ['a core that is longer than the file', patched(4, 0x7fffffff), 'trailing-data'],
    ['a root outside', patched(8, 0x7fffffff), 'beyond-end'],
    ['a root that is no table', patched(8, 1), 'bad-vtable'],
  ];
  for (const [what, bytes, code] of hostile) {
    it(`with ${what} has the problem ${code}, and a gap`, () => {
      const facts = parseBuffer(bytes);
      assert.equal(facts.format, 'catboost');
      assert.ok(facts.gaps.length > 0);
      assert.ok(
        facts.problems.some((problem) => problem.code === code),
        JSON.stringify(facts.problems),
      );
    });
  }

  it('cut anywhere is never complete', () => {
    for (let length = 8; length < model.length; length += 13)
      assert.ok(parseBuffer(model.subarray(0, length)).gaps.length > 0, `cut to ${length} bytes`);
  });
});

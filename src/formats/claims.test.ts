import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Claims } from './claims.ts';

describe('claims', () => {
  it('are found again by where they begin, and come out in order', () => {
    const claims = new Claims();
    const begins = Array.from({ length: 5000 }, (_, at) => ((at * 7919) % 5000) * 8 + (at % 3) * 2 ** 40);
    for (const begin of new Set(begins)) claims.add(begin, begin + 4);
    const sorted = [...claims.sorted()];
    assert.equal(sorted.length, new Set(begins).size);
    assert.deepEqual(
      sorted.map(({ begin }) => begin),
      [...new Set(begins)].sort((a, b) => a - b),
    );
    assert.ok(sorted.every(({ begin, end }) => end === begin + 4 && claims.has(begin)));
    assert.ok(!claims.has(4) && !claims.has(2 ** 41 + 4));
  });
});

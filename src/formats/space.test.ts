import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Account, Malformed } from './malformed.ts';
import type { Parse } from './parse.ts';
import { Space } from './space.ts';

/** Runs a parse over zeros. */
function run<T>(parse: Parse<T>): T {
  let step = parse.next();
  while (!step.done) step = parse.next(new Uint8Array(step.value.length));
  return step.value;
}

const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof Malformed) return thrown.code;
    throw thrown;
  }
  return '';
};

describe('the space of a file', () => {
  it('gives a structure to one owner only, and nothing beyond the end', () => {
    const space = new Space(100);
    space.claim(10, 20, 'one');
    assert.equal(
      codeOf(() => space.claim(10, 4, 'another')),
      'shared-structure',
    );
    assert.equal(
      codeOf(() => space.claim(90, 11, 'another')),
      'beyond-end',
    );
    assert.equal(
      codeOf(() => run(space.read(95, 6))),
      'beyond-end',
    );
  });

  it('counts what is free, and reports overlaps and long free pieces', () => {
    const space = new Space(1000);
    for (const [begin, length] of [
      [0, 10],
      [5, 10],
      [20, 10],
      [900, 100],
    ] as const)
      space.claim(begin, length, 'one');
    const account = new Account();
    assert.equal(space.account(account, 100), 5 + 870);
    assert.deepEqual(
      account.problems.map(({ code, offset }) => [code, offset]),
      [
        ['overlap', 5],
        ['hole', 30],
      ],
    );
    assert.deepEqual(
      account.gaps.map(({ offset, length }) => [offset, length]),
      [[30, 870]],
    );
  });

  it('ends the reading of one place again and again', () => {
    const space = new Space(1_000_000);
    assert.equal(
      codeOf(() => {
        for (let round = 0; round < 1000; round += 1) run(space.read(0, 1_000_000));
      }),
      'too-much',
    );
  });
});

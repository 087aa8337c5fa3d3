import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HUB_LIMITS } from './hub-limits.ts';
import { hintOf, PassingFailure, Patience, type WaitingClock, withPatience } from './patience.ts';

const NOW = Date.UTC(2026, 0, 1, 12, 0, 0);

describe('hintOf', () => {
  const cases: readonly {
    title: string;
    headers: Record<string, string | string[]>;
    expected: number | undefined;
  }[] = [
    { title: 'nothing said', headers: {}, expected: undefined },
    { title: 'seconds', headers: { 'retry-after': '7' }, expected: 7000 },
    { title: 'a date', headers: { 'retry-after': 'Thu, 01 Jan 2026 12:00:30 GMT' }, expected: 30_000 },
    {
      title: 'a date that is over',
      headers: { 'retry-after': 'Thu, 01 Jan 2026 11:00:00 GMT' },
      expected: 100,
    },
    { title: 'zero seconds', headers: { 'retry-after': '0' }, expected: 100 },
    { title: 'nonsense', headers: { 'retry-after': 'soon' }, expected: undefined },
    { title: 'a used-up quota', headers: { ratelimit: '"api";r=0;t=55' }, expected: 55_000 },
    { title: 'a quota with something left', headers: { ratelimit: '"api";r=12;t=55' }, expected: undefined },
    {
      title: 'the longer of both',
      headers: { ratelimit: '"api";r=0;t=55', 'retry-after': '60' },
      expected: 60_000,
    },
    { title: 'a header sent twice', headers: { 'retry-after': ['1', '2'] }, expected: undefined },
  ];
  for (const { title, headers, expected } of cases) {
    test(`reads ${title}`, () => assert.equal(hintOf(headers, NOW), expected));
  }
});

describe('Patience', () => {
  test('waits longer after each failure in a row, and gives up at the named number', async () => {
    const clock = fakeClock();
    const patience = new Patience(HUB_LIMITS, clock);
    const failing = withPatience(patience, undefined, async () => {
      throw new PassingFailure('the server is failing');
    });
    await assert.rejects(failing, { code: 'WL_SOURCE_UNAVAILABLE', message: /given up after 6 attempts/ });
    assert.deepEqual(clock.slept, [500, 1000, 2000, 4000, 8000]);
  });

  test('spreads waits between half and all of a step', async () => {
    const clock = fakeClock(0);
    const patience = new Patience(HUB_LIMITS, clock);
    await patience.wait(new PassingFailure('failed'));
    assert.deepEqual(clock.slept, [250]);
  });

  test('starts over after progress, but not for ever', async () => {
    const clock = fakeClock();
    const patience = new Patience({ ...HUB_LIMITS, failuresMax: 20 }, clock);
    const dripping = async () => {
      for (;;) {
        patience.progressed();
        await patience.wait(new PassingFailure('broken'));
      }
    };
    await assert.rejects(dripping(), {
      code: 'WL_SOURCE_UNAVAILABLE',
      message: /after 20 broken connections/,
    });
    assert.equal(Math.max(...clock.slept), 500);
  });

  test('takes the server’s hint where it is longer', async () => {
    const clock = fakeClock();
    await new Patience(HUB_LIMITS, clock).wait(new PassingFailure('busy', { waitMs: 55_000 }));
    assert.deepEqual(clock.slept, [55_000]);
  });

  test('does not wait where none is needed', async () => {
    const clock = fakeClock();
    await new Patience(HUB_LIMITS, clock).wait(new PassingFailure('expired', { waitMs: 0 }));
    assert.deepEqual(clock.slept, []);
  });

  test('gives up at once where the server asks for more than the limit', async () => {
    const clock = fakeClock();
    const waiting = new Patience(HUB_LIMITS, clock).wait(new PassingFailure('busy', { waitMs: 3_600_000 }));
    await assert.rejects(waiting, { code: 'WL_SOURCE_UNAVAILABLE', message: /asks to wait 3600 seconds/ });
    assert.deepEqual(clock.slept, []);
  });

  test('bounds the waiting in all', async () => {
    const clock = fakeClock();
    const patience = new Patience(HUB_LIMITS, clock);
    const waiting = async () => {
      for (;;) {
        patience.progressed();
        await patience.wait(new PassingFailure('busy', { waitMs: 300_000 }));
      }
    };
    await assert.rejects(waiting(), {
      code: 'WL_SOURCE_UNAVAILABLE',
      message: /after waiting 900 seconds in all/,
    });
  });

  test('lets other errors through at once', async () => {
    const clock = fakeClock();
    const failing = withPatience(new Patience(HUB_LIMITS, clock), undefined, async () => {
      throw new TypeError('a mistake');
    });
    await assert.rejects(failing, TypeError);
    assert.deepEqual(clock.slept, []);
  });
});

function fakeClock(random = 1): WaitingClock & { readonly slept: number[] } {
  const slept: number[] = [];
  return {
    slept,
    now: () => NOW,
    random: () => random,
    sleep: async (milliseconds) => {
      slept.push(milliseconds);
    },
  };
}

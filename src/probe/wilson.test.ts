import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { wilson } from './wilson.ts';

describe('the Wilson interval', () => {
  // Values of R: prop.test(x, n, correct = FALSE)$conf.int.
  for (const [failures, n, low, high] of [
    [0, 10, 0, 0.27753],
    [10, 10, 0.72247, 1],
    [1, 10, 0.01788, 0.40415],
    [5, 10, 0.23659, 0.76341],
    [50, 50, 0.92865, 1],
  ] as const)
    it(`of ${failures} out of ${n} is ${low} to ${high}`, () => {
      const [from, to] = wilson(failures, n);
      assert.ok(Math.abs(from - low) < 1e-5, String(from));
      assert.ok(Math.abs(to - high) < 1e-5, String(to));
    });

  it('has the ends that the test of a rate just does not reject', () => {
    for (const [failures, n] of [
      [188, 500],
      [3, 33],
      [1, 1],
      [999, 5000],
    ] as const)
      for (const end of wilson(failures, n)) {
        const away = Math.abs(failures / n - end);
        assert.ok(Math.abs(away - 1.959964 * Math.sqrt((end * (1 - end)) / n)) < 1e-6, `${failures}/${n}`);
      }
  });

  it('says nothing where nothing was seen', () => {
    assert.deepEqual(wilson(0, 0), [0, 1]);
  });
});

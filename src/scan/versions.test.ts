import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compareVersions, inRange, parseVersion, rangeInWords } from './versions.ts';

describe('versions', () => {
  it('are ordered as PEP 440 says', () => {
    const ordered = [
      '0.9',
      '0.10.1',
      '0.10.1.1',
      '0.14.0',
      '1.0.dev3',
      '1.0a1',
      '1.0b2',
      '1.0rc1',
      'v1.0.0',
      '1.0.post1',
      '1.0.1',
      '5.0.0rc2',
      '5.0.0rc3',
      '5.0.0',
      '5.10.0',
    ];
    for (const [at, text] of ordered.entries())
      for (const [after, later] of ordered.entries()) {
        const [a, b] = [parseVersion(text), parseVersion(later)];
        assert.ok(a && b, `${text} or ${later} is not read`);
        assert.equal(Math.sign(compareVersions(a, b)), Math.sign(at - after), `${text} and ${later}`);
      }
  });

  it('are the same whatever zeros, letters and local parts are written', () => {
    for (const [a, b] of [
      ['1', '1.0.0'],
      ['v2.6', '2.6.0+cu124'],
      ['1.0RC1', '1.0-rc.1'],
    ] as const) {
      const [left, right] = [parseVersion(a), parseVersion(b)];
      assert.ok(left && right);
      assert.equal(compareVersions(left, right), 0, `${a} and ${b}`);
    }
  });

  it('are not what is written otherwise', () => {
    for (const text of ['', 'latest', '1.x', '1..2', '1.2.3.4.5.6.7', '9'.repeat(70), '26a48ad'])
      assert.equal(parseVersion(text), undefined, text);
  });

  const RANGE = { introduced: '0.10.1', fixed: '0.14.0' };
  for (const [version, range, expected] of [
    ['0.9.2', RANGE, false],
    ['0.10.1', RANGE, true],
    ['0.13.9', RANGE, true],
    ['0.14.0rc1', RANGE, true],
    ['0.14.0', RANGE, false],
    ['0.10', RANGE, true],
    ['0.9', RANGE, false],
    ['0', RANGE, true],
    ['nightly', RANGE, true],
    ['1.15.0', { lastAffected: '1.15.0' }, true],
    ['1.15.1', { lastAffected: '1.15.0' }, false],
    ['b5854', {}, true],
    ['b5854', { fixed: 'b5000' }, false],
  ] as const) {
    it(`${version} is ${expected ? '' : 'not '}among ${rangeInWords(range)}`, () =>
      assert.equal(inRange(version, range), expected));
  }
});

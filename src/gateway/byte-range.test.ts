import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readRange } from './byte-range.ts';

const ETAG = '"abc"';

function told(range: string | undefined, sizeBytes: number, ifRange?: string): string {
  const asked = readRange({ range, ifRange }, { sizeBytes, etag: ETAG });
  return asked.is === 'span' ? `${asked.span.first}-${asked.span.last}` : asked.is;
}

const CASES: readonly (readonly [string | undefined, number, string, string?])[] = [
  [undefined, 10, 'whole'],
  ['bytes=0-0', 10, '0-0'],
  ['bytes=0-', 10, '0-9'],
  ['bytes=4-', 10, '4-9'],
  ['bytes=4-5', 10, '4-5'],
  ['bytes=4-99', 10, '4-9'],
  ['bytes=9-9', 10, '9-9'],
  ['bytes=10-', 10, 'outside'],
  ['bytes=10-20', 10, 'outside'],
  [`bytes=${'9'.repeat(400)}-`, 10, 'outside'],
  [`bytes=1-${'9'.repeat(400)}`, 10, '1-9'],
  ['bytes=-3', 10, '7-9'],
  ['bytes=-99', 10, '0-9'],
  ['bytes=-0', 10, 'outside'],
  ['bytes=0-0', 0, 'outside'],
  ['bytes=-1', 0, 'outside'],
  ['BYTES=1-2', 10, '1-2'],
  // What the RFC lets a server ignore: no range that is understood.
  ['bytes=5-4', 10, 'whole'],
  ['bytes=-', 10, 'whole'],
  ['bytes=', 10, 'whole'],
  ['bytes=a-b', 10, 'whole'],
  ['bytes=0x1-2', 10, 'whole'],
  ['bytes=1.5-2', 10, 'whole'],
  ['bytes=0-1,3-4', 10, 'whole'],
  ['items=0-1', 10, 'whole'],
  ['0-1', 10, 'whole'],
  // If-Range
  ['bytes=1-2', 10, '1-2', ETAG],
  ['bytes=1-2', 10, 'whole', '"other"'],
  ['bytes=1-2', 10, 'whole', `W/${ETAG}`],
  ['bytes=1-2', 10, 'whole', 'Wed, 21 Oct 2015 07:28:00 GMT'],
];

describe('a range', () => {
  for (const [range, sizeBytes, expected, ifRange] of CASES) {
    it(`of ${range?.slice(0, 30)} of ${sizeBytes} bytes${ifRange ? ` if ${ifRange}` : ''} is ${expected}`, () =>
      assert.equal(told(range, sizeBytes, ifRange), expected));
  }

  it('never leaves the file', () => {
    const number = fc.oneof(fc.nat(20), fc.bigInt(0n, 10n ** 30n), fc.constant(''));
    fc.assert(
      fc.property(number, number, fc.nat(15), (first, last, sizeBytes) => {
        const asked = readRange(
          { range: `bytes=${first}-${last}`, ifRange: undefined },
          { sizeBytes, etag: ETAG },
        );
        if (asked.is !== 'span') return;
        const { span } = asked;
        assert.ok(0 <= span.first && span.first <= span.last && span.last < sizeBytes);
      }),
    );
  });
});

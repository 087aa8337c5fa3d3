import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseBuffer } from '../formats/drive.ts';
import { scanFile } from './scan.ts';

const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const file = (...values: readonly (number | Buffer)[]): Buffer =>
  Buffer.concat([
    Buffer.from('X\n'),
    ...[2, 0x20300, 0x20300, ...values].map((value) => (typeof value === 'number' ? int(value) : value)),
  ]);
const NIL = 254;
const symbol = (name: string): Buffer => Buffer.concat([int(1), int(9), int(name.length), Buffer.from(name)]);

/** Values of R by hand, what they give, and the problem where they contradict themselves. */
const CASES: readonly (readonly [what: string, bytes: Buffer, verdict: string, tells: string])[] = [
  ['two numbers', file(13, 2, 7, 8), 'clean', ''],
  ['a list with names', file(0x213, 1, NIL, 0x402, symbol('names'), 16, 1, 9, -1, NIL), 'clean', ''],
  ['a promise', file(5, 253, NIL, 6, symbol('id'), NIL), 'blocked', 'r/promise'],
  ['a promise deep in a list', file(19, 1, 19, 1, 5, 253, NIL, NIL), 'blocked', 'r/promise'],
  ['a function', file(3, 253, NIL, NIL), 'inconclusive', 'r/code'],
  ['an expression', file(20, 1, 6, symbol('id'), NIL), 'inconclusive', 'r/code'],
  ['bytecode', file(21, 1, 21), 'inconclusive', 'r/code'],
  ['a pointer', file(22, NIL, NIL), 'inconclusive', 'r/code'],
  ['something behind the value', file(NIL, Buffer.from('hidden')), 'inconclusive', 'trailing-data'],
  ['a vector longer than the file', file(14, 0x7fffffff), 'inconclusive', 'truncated'],
  ['a list longer than the file', file(19, 0x7fffffff), 'inconclusive', 'too-many'],
  ['a negative length', file(13, -5), 'inconclusive', 'bad-length'],
  [
    'a text encoding',
    Buffer.from('A\n3\n262402\n197888\n5\nUTF-8\n254\n'),
    'inconclusive',
    'unread-encoding',
  ],
];

describe('a value of R', () => {
  for (const [what, bytes, verdict, tells] of CASES) {
    it(`is ${verdict}: ${what}`, () => {
      const facts = parseBuffer(bytes);
      assert.equal(facts.format, 'rds');
      const scanned = scanFile({ path: '', facts });
      assert.equal(scanned.verdict, verdict, JSON.stringify([scanned.findings, facts.gaps]));
      const told = [...scanned.findings.map(({ rule }) => rule), ...facts.problems.map(({ code }) => code)];
      assert.ok(tells === '' || told.includes(tells), told.join());
    });
  }

  it('cut anywhere is never clean', () => {
    const bytes = file(0x213, 1, NIL, 0x402, symbol('names'), 16, 1, 9, -1, NIL);
    for (let length = 6; length < bytes.length; length += 1)
      assert.notEqual(scanFile({ path: '', facts: parseBuffer(bytes.subarray(0, length)) }).verdict, 'clean');
  });
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseBuffer } from './drive.ts';

const flax = readFileSync(new URL('../../test/corpus/graphs/flax.msgpack', import.meta.url));
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
/** `{"a": …}`. */
const inMap = (value: string): Buffer => hex(`81 a1 61 ${value}`);

describe('a checkpoint of Flax', () => {
  it('is read down to its arrays', () => {
    const facts = parseBuffer(flax);
    assert.ok(facts.format === 'msgpack');
    assert.deepEqual([facts.gaps, facts.problems], [[], []]);
    assert.deepEqual(facts.keys, ['params', 'step', 'scale', 'opt']);
    assert.deepEqual([facts.arrays, facts.dataBytes], [3, 32 + 8 + 8 + 4]);
  });

  it('cut anywhere is never complete', () => {
    for (let length = 9; length < flax.length; length += 1)
      assert.ok(parseBuffer(flax.subarray(0, length)).gaps.length > 0, `cut to ${length} bytes`);
  });

  it('may have the word O anywhere else', () => {
    const { problems, gaps } = parseBuffer(inMap('81 a4 74 79 70 65 a1 4f'));
    assert.deepEqual([problems, gaps], [[], []]);
  });

  const hostile: readonly (readonly [what: string, bytes: Buffer, code: string])[] = [
    ['an extension of a kind of its own', inMap('d4 2a 00'), 'unknown-extension'],
    ['an extension that is longer than its content', inMap('c7 03 01 90 c0 c0'), 'bad-extension'],
    ['an array of objects', inMap('c7 06 01 93 90 a1 4f c4 00'), 'object-array'],
    [
      'an array of the kind of objects',
      inMap('82 c4 02 6e 64 c3 c4 04 6b 69 6e 64 c4 01 4f'),
      'object-array',
    ],
    ['the same in text', inMap('82 a2 6e 64 c3 a4 6b 69 6e 64 a1 4f'), 'object-array'],
    ['a pickle in bytes', inMap('c4 05 80 04 5d 94 2e'), 'pickle-inside'],
    ['a marker that nobody knows', inMap('c1'), 'bad-marker'],
    ['bytes longer than the file', inMap('c6 ff ff ff ff'), 'truncated'],
    ['a list longer than the file', inMap('dd ff ff ff ff'), 'truncated'],
    ['lists nested deeply', Buffer.concat([inMap('91'), Buffer.alloc(300, 0x91)]), 'too-deep'],
    ['something behind it', inMap('c0 c0'), 'trailing-data'],
  ];
  for (const [what, bytes, code] of hostile) {
    it(`with ${what} has the problem ${code}`, () => {
      const facts = parseBuffer(bytes);
      assert.equal(facts.format, 'msgpack');
      assert.ok(
        facts.problems.some((problem) => problem.code === code),
        JSON.stringify(facts.problems),
      );
    });
  }
});

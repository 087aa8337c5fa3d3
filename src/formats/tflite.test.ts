import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseBuffer } from './drive.ts';

const CORPUS = new URL('../../test/corpus/graphs/', import.meta.url);
const conv = readFileSync(new URL('conv.tflite', CORPUS));

describe('a TensorFlow Lite model', () => {
  it('is read into operators, tensors and data, with every byte accounted for', () => {
    const facts = parseBuffer(conv);
    assert.ok(facts.format === 'tflite');
    assert.deepEqual([facts.gaps, facts.problems, facts.customs, facts.version], [[], [], [], 3]);
    // Add, convolution, pooling, reshape, softmax, transpose, matrix product, and the handle and value of variables.
    assert.deepEqual(facts.builtins, [0, 3, 17, 22, 25, 39, 126, 142, 143]);
    assert.ok(facts.dataBytes > 100 && facts.otherBytes < 600, `${facts.dataBytes} ${facts.otherBytes}`);
  });

  it('names the operators that it does not bring', () => {
    const facts = parseBuffer(readFileSync(new URL('custom.tflite', CORPUS)));
    assert.ok(facts.format === 'tflite');
    assert.deepEqual(facts.customs, ['Cross']);
  });

  const patched = (at: number, value: number): Buffer => {
    const bytes = Buffer.from(conv);
    bytes.writeUInt32LE(value, at);
    return bytes;
  };
  const root = conv.readUInt32LE(0);
  const hostile: readonly (readonly [what: string, bytes: Buffer, code: string])[] = [
    ['a root outside', patched(0, 1 << 30), 'beyond-end'],
    ['a root that describes itself', patched(root, 0), 'bad-vtable'],
    ['something behind it', Buffer.concat([conv, Buffer.alloc(2000, 0x41)]), 'hole'],
    ['half of it missing', conv.subarray(0, 2000), 'beyond-end'],
  ];
  for (const [what, bytes, code] of hostile) {
    it(`with ${what} has the problem ${code}, and a gap`, () => {
      const facts = parseBuffer(bytes);
      assert.equal(facts.format, 'tflite');
      assert.ok(
        facts.problems.some((problem) => problem.code === code),
        JSON.stringify(facts.problems),
      );
      assert.ok(facts.gaps.length > 0);
    });
  }
});

describe('an ExecuTorch program', () => {
  it('is never complete, whatever it holds', () => {
    const bytes = Buffer.from(conv);
    bytes.write('ET12', 4, 'latin1');
    const facts = parseBuffer(bytes);
    assert.equal(facts.format, 'executorch');
    assert.ok(facts.gaps.length > 0);
  });
});

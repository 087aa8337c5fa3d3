import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseBuffer } from './drive.ts';
import { protobufField, smallOnnx, smallSentencePiece } from './samples.ts';

describe('an ONNX model', () => {
  it('is read into operators, opsets and external files without its data', () => {
    const facts = parseBuffer(
      smallOnnx({ domain: 'com.evil', operator: 'Run', external: '../../etc/passwd' }),
    );
    assert.ok(facts.format === 'onnx');
    assert.deepEqual(facts.operators, [{ domain: 'com.evil', name: 'Run', count: 1 }]);
    assert.deepEqual(facts.opsets, [{ domain: 'com.evil', version: 17 }]);
    assert.deepEqual(facts.externalFiles, ['../../etc/passwd']);
    assert.deepEqual([facts.irVersion, facts.producer, facts.nodes, facts.initializers], [8, 'sample', 1, 1]);
    assert.deepEqual([facts.gaps, facts.problems], [[], []]);
  });

  it('shows operators inside subgraphs and functions', () => {
    const inner = protobufField(1, Buffer.concat([protobufField(4, 'Hidden'), protobufField(7, 'com.evil')]));
    const attribute = Buffer.concat([protobufField(1, 'then_branch'), protobufField(6, inner)]);
    const node = Buffer.concat([protobufField(4, 'If'), protobufField(5, attribute)]);
    const fn = Buffer.concat([protobufField(1, 'F'), protobufField(7, node), protobufField(10, 'local')]);
    const facts = parseBuffer(smallOnnx({ more: protobufField(25, fn) }));
    assert.ok(facts.format === 'onnx');
    assert.deepEqual(facts.functions, ['local.F']);
    assert.ok(facts.operators.some(({ domain, name }) => domain === 'com.evil' && name === 'Hidden'));
    assert.deepEqual(facts.gaps, []);
  });

  it('that holds graphs for training says so', () => {
    const training = protobufField(20, protobufField(1, protobufField(2, 'initialization')));
    const facts = parseBuffer(smallOnnx({ more: training }));
    assert.ok(facts.format === 'onnx');
    assert.deepEqual([facts.trainings, facts.gaps], [1, []]);
  });

  const nested = (depth: number): Buffer =>
    depth === 0
      ? protobufField(2, 'g')
      : protobufField(
          1,
          protobufField(5, Buffer.concat([protobufField(1, 'a'), protobufField(6, nested(depth - 1))])),
        );

  const hostile: readonly (readonly [what: string, bytes: Buffer, code: string])[] = [
    ['a field nobody knows', smallOnnx({ more: protobufField(99, 'hidden payload') }), 'unknown-field'],
    ['no graph', Buffer.concat([protobufField(1, 8), protobufField(2, 'producer')]), 'graph-count'],
    ['two graphs', smallOnnx({ more: protobufField(7, protobufField(2, 'second')) }), 'graph-count'],
    ['a message cut short', smallOnnx().subarray(0, 40), 'truncated'],
    [
      'a number without end',
      smallOnnx({ more: Buffer.concat([Buffer.from([0x28]), Buffer.alloc(12, 0xff)]) }),
      'bad-varint',
    ],
    ['groups, which nobody writes', smallOnnx({ more: Buffer.from([0x0b]) }), 'bad-wire-type'],
    ['graphs nested deeply', smallOnnx({ more: protobufField(7, nested(60)) }), 'too-deep'],
    ['text that is not UTF-8', smallOnnx({ more: protobufField(3, Buffer.from([0xff, 0xfe])) }), 'not-utf8'],
  ];
  for (const [what, bytes, code] of hostile) {
    it(`with ${what} has the problem ${code}, and a gap`, () => {
      const facts = parseBuffer(bytes);
      assert.equal(facts.format, 'onnx');
      assert.ok(
        facts.problems.some((problem) => problem.code === code),
        JSON.stringify(facts.problems),
      );
      assert.ok(facts.gaps.length > 0);
    });
  }

  it('is not what a TensorFlow SavedModel is taken for', () => {
    const savedModel = Buffer.concat([protobufField(1, 1), protobufField(2, Buffer.alloc(70_000, 0x41))]);
    const facts = parseBuffer(savedModel);
    assert.ok(facts.gaps.length > 0);
  });
});

describe('a SentencePiece model', () => {
  it('is read by its pieces', () => {
    const facts = parseBuffer(smallSentencePiece());
    assert.ok(facts.format === 'sentencepiece');
    assert.equal(facts.pieces, 3);
  });

  it('with a field nobody knows has a gap', () => {
    const facts = parseBuffer(Buffer.concat([smallSentencePiece(), protobufField(200, 'payload')]));
    assert.equal(facts.format, 'sentencepiece');
    assert.equal(facts.gaps.length, 1);
  });
});

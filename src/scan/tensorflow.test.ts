import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseBuffer } from '../formats/drive.ts';
import { protobufField } from '../formats/samples.ts';
import { scanFile } from './scan.ts';

const node = (name: string, op: string): Buffer =>
  protobufField(1, Buffer.concat([protobufField(1, name), protobufField(2, op)]));

describe('a graph of TensorFlow', () => {
  const hostile: readonly (readonly [what: string, bytes: Buffer])[] = [
    ['an operation that nobody knows', node('a', 'MyOwnOp')],
    ['one that reads after one that computes', Buffer.concat([node('a', 'Add'), node('b', 'ReadFile')])],
    [
      'a function with the name of one that writes',
      Buffer.concat([
        node('a', 'WriteFile'),
        protobufField(2, protobufField(1, protobufField(1, protobufField(1, 'WriteFile')))),
      ]),
    ],
    ['a field that nobody knows', Buffer.concat([node('a', 'Add'), protobufField(77, 'hidden')])],
  ];
  for (const [what, bytes] of hostile) {
    it(`with ${what} is not clean`, () => {
      const facts = parseBuffer(bytes);
      assert.equal(facts.format, 'tensorflow');
      assert.notEqual(scanFile({ path: '', facts }).verdict, 'clean');
    });
  }

  it('of one operation that computes is clean', () => {
    assert.equal(scanFile({ path: '', facts: parseBuffer(node('a', 'Add')) }).verdict, 'clean');
  });

  it('of Keras has the configurations of its layers judged', () => {
    const layer = { class_name: 'Mine', config: {} };
    const object = Buffer.concat([
      protobufField(3, 'root'),
      protobufField(4, '_tf_keras_layer'),
      protobufField(5, JSON.stringify(layer)),
    ]);
    const facts = parseBuffer(protobufField(1, object));
    assert.ok(facts.format === 'tensorflow' && facts.kind === 'keras-metadata');
    const rules = scanFile({ path: '', facts }).findings.map(({ rule }) => rule);
    assert.deepEqual(rules, ['keras/custom-object']);
  });
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseBuffer } from '../drive.ts';

const CORPUS = new URL('../../../test/corpus/graphs/', import.meta.url);
const file = (name: string): Buffer => readFileSync(new URL(name, CORPUS));

describe('a graph of TensorFlow', () => {
  it('is read into its operations, also those of its functions', () => {
    const facts = parseBuffer(file('linear.pb'));
    assert.ok(facts.format === 'tensorflow');
    assert.deepEqual([facts.kind, facts.gaps, facts.problems], ['saved-model', [], []]);
    assert.ok(facts.operations.some(({ name }) => name === 'MatMul'));
    assert.ok(facts.functions.length > 0);
  });

  it('that is frozen, and a meta graph, are told apart', () => {
    const kinds = ['frozen.pb', 'checkpoint.meta', 'fingerprint.pb'].map((name) => {
      const facts = parseBuffer(file(name));
      return facts.format === 'tensorflow' ? facts.kind : facts.format;
    });
    assert.deepEqual(kinds, ['graph', 'meta-graph', 'fingerprint']);
  });
});

describe('the index of a checkpoint', () => {
  it('says where tensors lie', () => {
    const facts = parseBuffer(file('variables.index'));
    assert.ok(facts.format === 'tensor-bundle');
    assert.deepEqual([facts.gaps, facts.problems, facts.shards], [[], [], 1]);
    assert.equal(Math.max(...facts.tensors.map(({ end }) => end)), file('variables.data').length);
  });

  it('whose two handles lead to one block is not complete', () => {
    const bytes = Buffer.from(file('variables.index'));
    const footer = bytes.length - 48;
    // Both handles stand as two small numbers: the second becomes the first.
    const first = bytes.subarray(footer, footer + 3);
    const meta = (first[0] ?? 0) >= 0x80 ? 3 : 2;
    bytes.copy(bytes, footer + meta, footer, footer + meta);
    const facts = parseBuffer(bytes);
    assert.ok(
      facts.problems.some(({ code }) => code === 'shared-structure'),
      JSON.stringify(facts.problems),
    );
  });

  it('cut anywhere, or longer than it is, is never complete', () => {
    const bytes = file('variables.index');
    for (let length = 8; length < bytes.length; length += 1)
      assert.ok(parseBuffer(bytes.subarray(0, length)).gaps.length > 0, `cut to ${length} bytes`);
    assert.ok(parseBuffer(Buffer.concat([bytes, Buffer.from('x')])).gaps.length > 0);
  });
});

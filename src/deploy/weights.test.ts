import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseRepoPath } from '../base/name.ts';
import { parseBuffer } from '../formats/drive.ts';
import { safetensorsFile } from '../formats/samples.ts';
import { describeFile, weightsOf } from './weights.ts';

function tensors(floats: number): Uint8Array {
  const header = { t: { dtype: 'F32', shape: [floats], data_offsets: [0, floats * 4] } };
  return safetensorsFile(header, Buffer.alloc(floats * 4));
}

function file(path: string, bytes: Uint8Array) {
  return describeFile(parseRepoPath(path), bytes.length, parseBuffer(bytes));
}

const index = (...names: string[]) =>
  Buffer.from(JSON.stringify({ weight_map: Object.fromEntries(names.map((name, at) => [`t${at}`, name])) }));

describe('the weights of a revision', () => {
  it('are the bytes of the tensors, and not those of the files', () => {
    const {
      bytes,
      tensors: count,
      dtypes,
      exact,
      format,
    } = weightsOf([file('model.safetensors', tensors(8))]);
    assert.deepEqual(
      { bytes, count, dtypes, exact, format },
      {
        bytes: 32,
        count: 1,
        dtypes: [{ dtype: 'F32', bytes: 32 }],
        exact: true,
        format: 'safetensors',
      },
    );
  });

  it('are those that the index names: what lies beside them is another copy', () => {
    const weights = weightsOf([
      file('a.safetensors', tensors(8)),
      file('b.safetensors', tensors(8)),
      file('consolidated.safetensors', tensors(16)),
      file('model.safetensors.index.json', index('a.safetensors', 'b.safetensors')),
    ]);
    assert.equal(weights.bytes, 64);
    assert.deepEqual(
      weights.files.map(({ path }) => path),
      ['a.safetensors', 'b.safetensors'],
    );
  });

  it('are those at the root, safetensors before pickles', () => {
    const weights = weightsOf([
      file('model.safetensors', tensors(8)),
      file('original/model.safetensors', tensors(99)),
      file('pytorch_model.bin', Buffer.alloc(64)),
    ]);
    assert.equal(weights.bytes, 32);
  });

  it('are counted by the size of files where no parser lists tensors, and said to be so', () => {
    const weights = weightsOf([file('pytorch_model.bin', Buffer.alloc(64))]);
    assert.deepEqual([weights.format, weights.bytes, weights.exact], ['other', 64, false]);
    assert.equal(weightsOf([]).exact, false);
  });

  it('are never more than the files, whatever a header says', () => {
    const lying = safetensorsFile(
      { t: { dtype: 'F32', shape: [1e9], data_offsets: [0, 4e9] } },
      Buffer.alloc(4),
    );
    const weights = weightsOf([file('model.safetensors', lying)]);
    assert.ok(weights.bytes <= lying.length);
    assert.equal(weights.exact, false);
  });

  it('tell apart no more dtypes than there are', () => {
    const header = Object.fromEntries(
      Array.from({ length: 500 }, (_, at) => [
        `t${at}`,
        { dtype: `X${at}`, shape: [1], data_offsets: [at, at + 1] },
      ]),
    );
    const { dtypes } = weightsOf([file('model.safetensors', safetensorsFile(header, Buffer.alloc(500)))]);
    assert.ok(dtypes.length <= 65);
    assert.equal(
      dtypes.reduce((sum, { bytes }) => sum + bytes, 0),
      500,
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseBuffer } from './drive.ts';
import { safetensorsFile, smallSafetensors } from './samples.ts';

function codes(bytes: Uint8Array): readonly string[] {
  return parseBuffer(bytes).problems.map(({ code }) => code);
}

const f32 = (begin: number, end: number, shape = [(end - begin) / 4]) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

describe('a safetensors file', () => {
  it('is read into tensors placed in the file, and metadata', () => {
    const facts = parseBuffer(smallSafetensors());
    assert.ok(facts.format === 'safetensors');
    const begin = 8 + facts.headerBytes;
    assert.deepEqual(facts.tensors, [
      { name: 'a.weight', dtype: 'F32', shape: [2, 2], begin, end: begin + 16 },
      { name: 'a.bias', dtype: 'F32', shape: [2], begin: begin + 16, end: begin + 24 },
    ]);
    assert.deepEqual(facts.metadata, { format: 'pt' });
  });

  const harmless: readonly (readonly [what: string, header: object, dataBytes: number])[] = [
    ['no tensor', {}, 0],
    ['an empty tensor', { a: { dtype: 'F32', shape: [0, 4], data_offsets: [0, 0] }, b: f32(0, 8) }, 8],
    ['a scalar', { a: { dtype: 'I64', shape: [], data_offsets: [0, 8] } }, 8],
    ['packed four-bit elements', { a: { dtype: 'F4', shape: [4], data_offsets: [0, 2] } }, 2],
    ['float8 of several kinds', { a: { dtype: 'F8_E4M3', shape: [3], data_offsets: [0, 3] } }, 3],
    ['tensors that are not listed in order', { b: f32(8, 16), a: f32(0, 8) }, 16],
  ];
  for (const [what, header, dataBytes] of harmless) {
    it(`may hold ${what}`, () => {
      const facts = parseBuffer(safetensorsFile(header, Buffer.alloc(dataBytes)));
      assert.deepEqual([facts.format, facts.gaps, facts.problems], ['safetensors', [], []]);
    });
  }

  const hostile: readonly (readonly [
    what: string,
    header: object | string,
    dataBytes: number,
    code: string,
  ])[] = [
    ['tensors that overlap', { a: f32(0, 8), b: f32(4, 12) }, 12, 'tensors-overlap'],
    ['the same bytes under two names', { a: f32(0, 8), b: f32(0, 8) }, 8, 'tensors-overlap'],
    ['a hole before the first tensor', { a: f32(4, 8) }, 8, 'hole'],
    ['a hole between tensors', { a: f32(0, 4), b: f32(8, 12) }, 12, 'hole'],
    ['data behind the last tensor', { a: f32(0, 4) }, 9, 'trailing-data'],
    ['data without a tensor', {}, 5, 'trailing-data'],
    ['a tensor beyond the end', { a: f32(0, 400) }, 40, 'tensor-beyond-end'],
    ['a shape that does not fit', { a: f32(0, 8, [3]) }, 8, 'size-mismatch'],
    ['a shape that overflows', { a: f32(0, 8, [2 ** 40, 2 ** 40]) }, 8, 'size-mismatch'],
    ['a dtype nobody knows', { a: { dtype: 'F99', shape: [1], data_offsets: [0, 4] } }, 4, 'unknown-dtype'],
    ['offsets in reverse', { a: f32(8, 0, [2]) }, 8, 'header-malformed'],
    ['negative offsets', { a: { dtype: 'U8', shape: [1], data_offsets: [-1, 0] } }, 1, 'header-malformed'],
    ['fractional shapes', { a: { dtype: 'U8', shape: [0.5], data_offsets: [0, 1] } }, 1, 'header-malformed'],
    ['three offsets', { a: { dtype: 'U8', shape: [1], data_offsets: [0, 1, 2] } }, 1, 'header-malformed'],
    ['no offsets', { a: { dtype: 'U8', shape: [1] } }, 1, 'header-malformed'],
    ['unknown fields', { a: { ...f32(0, 4), code: 'x' } }, 4, 'header-malformed'],
    ['metadata that is no text', { __metadata__: { a: 1 } }, 0, 'header-malformed'],
    ['nested metadata', { __metadata__: { a: { b: 'c' } } }, 0, 'header-malformed'],
    [
      'the same name twice',
      '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
      1,
      'duplicate-key',
    ],
    [
      'the same field twice',
      '{"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}',
      1,
      'duplicate-key',
    ],
    ['a header that is no JSON', '{"a":', 0, 'header-truncated'],
    ['something behind the header', '{} {}', 0, 'header-trailing-data'],
    ['two headers', '{}\n{}', 0, 'header-malformed'],
    ['a number where a tensor should be', { a: 1 }, 0, 'header-malformed'],
  ];
  for (const [what, header, dataBytes, code] of hostile) {
    it(`with ${what} has the problem ${code}`, () => {
      const bytes = safetensorsFile(header, Buffer.alloc(dataBytes));
      assert.ok(codes(bytes).includes(code), codes(bytes).join());
    });
  }

  it('that claims a longer header than it has, or than the limit, is not read', () => {
    const bytes = smallSafetensors();
    for (const [claim, code] of [
      [BigInt(bytes.length), 'truncated'],
      [100_000_001n, 'header-too-long'],
      [0xff_ffff_ffffn, 'header-too-long'],
    ] as const) {
      const lying = Buffer.from(bytes);
      lying.writeBigUInt64LE(claim);
      assert.deepEqual(codes(lying), [code]);
      assert.equal(parseBuffer(lying).gaps[0]?.length, bytes.length);
    }
  });
});

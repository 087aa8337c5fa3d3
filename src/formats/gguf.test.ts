import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseBuffer } from './drive.ts';
import { type GgufSample, ggufFile, ggufText, smallGguf } from './samples.ts';

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

const tensor = { name: 'a', shape: [16], type: 0, offset: 0 };

describe('a GGUF file', () => {
  it('is read into architecture, metadata, templates and tensors', () => {
    const bytes = smallGguf();
    const facts = parseBuffer(bytes);
    assert.ok(facts.format === 'gguf');
    assert.equal(facts.version, 3);
    assert.equal(facts.architecture, 'llama');
    assert.deepEqual(facts.metadata[1], {
      key: 'tokenizer.ggml.tokens',
      value: { array: 'string', length: 3 },
    });
    assert.deepEqual(facts.metadata[3], { key: 'llama.block_count', value: 1 });
    assert.deepEqual(
      facts.templates.map(({ where, parsed, names }) => ({ where, parsed, names })),
      [{ where: 'tokenizer.chat_template', parsed: true, names: ['messages'] }],
    );
    const end = bytes.length;
    assert.deepEqual(facts.tensors, [
      { name: 'token_embd.weight', dtype: 'F32', shape: [16], begin: end - 64, end },
    ]);
  });

  it('measures quantised tensors by their blocks', () => {
    const facts = parseBuffer(
      ggufFile({ tensors: [{ name: 'q', shape: [256, 2], type: 12, offset: 0 }], data: Buffer.alloc(288) }),
    );
    assert.deepEqual([facts.gaps, facts.problems], [[], []]);
  });

  const hostile: readonly (readonly [what: string, sample: GgufSample, code: string])[] = [
    ['an unknown version', { version: 4 }, 'unknown-version'],
    ['more tensors than there can be', { claims: { tensors: 2n ** 63n } }, 'too-many'],
    ['more metadata than there can be', { claims: { metadata: 2n ** 40n } }, 'too-many'],
    ['tensors that are not there', { claims: { tensors: 5n } }, 'truncated'],
    ['a type nobody knows', { metadata: [['a', 99, u32(1)]] }, 'unknown-type'],
    [
      'an array of a type nobody knows',
      { metadata: [['a', 9, Buffer.concat([u32(77), u64(1n)])]] },
      'unknown-type',
    ],
    [
      'an array longer than the file',
      { metadata: [['a', 9, Buffer.concat([u32(4), u64(9_000_000n)])]] },
      'truncated',
    ],
    [
      'an array of impossible length',
      { metadata: [['a', 9, Buffer.concat([u32(8), u64(2n ** 62n)])]] },
      'too-many',
    ],
    ['text longer than the file', { metadata: [['a', 8, u64(1_000_000n)]] }, 'truncated'],
    ['text of impossible length', { metadata: [['a', 8, u64(2n ** 64n - 1n)]] }, 'too-many'],
    ['a truth value of two', { metadata: [['a', 7, Buffer.from([2])]] }, 'bad-bool'],
    [
      'text that is not UTF-8',
      { metadata: [['a', 8, Buffer.concat([u64(1n), Buffer.from([0xff])])]] },
      'not-utf8',
    ],
    [
      'the same key twice',
      {
        metadata: [
          ['a', 4, u32(1)],
          ['a', 4, u32(2)],
        ],
      },
      'duplicate-key',
    ],
    [
      'arrays nested deeply',
      { metadata: [['a', 9, Buffer.concat(Array(9).fill(Buffer.concat([u32(9), u64(1n)])))]] },
      'too-deep',
    ],
    ['an alignment of zero', { metadata: [['general.alignment', 4, u32(0)]] }, 'bad-alignment'],
    ['an alignment as a signed number', { metadata: [['general.alignment', 5, u32(32)]] }, 'bad-alignment'],
    ['an alignment of three', { metadata: [['general.alignment', 4, u32(3)]] }, 'bad-alignment'],
    [
      'the same tensor twice',
      { tensors: [tensor, { ...tensor, offset: 64 }], data: Buffer.alloc(128) },
      'duplicate-tensor',
    ],
    [
      'tensors that overlap',
      { tensors: [tensor, { ...tensor, name: 'b', offset: 32 }], data: Buffer.alloc(96) },
      'tensors-overlap',
    ],
    ['a hole', { tensors: [tensor, { ...tensor, name: 'b', offset: 128 }], data: Buffer.alloc(192) }, 'hole'],
    ['a tensor beyond the end', { tensors: [tensor], data: Buffer.alloc(32) }, 'tensor-beyond-end'],
    ['data behind the last tensor', { tensors: [tensor], data: Buffer.alloc(640) }, 'trailing-data'],
    [
      'an unaligned tensor',
      { tensors: [{ ...tensor, offset: 4 }], data: Buffer.alloc(68) },
      'unaligned-tensor',
    ],
    [
      'a row that fills no blocks',
      { tensors: [{ ...tensor, shape: [100], type: 12 }], data: Buffer.alloc(144) },
      'size-mismatch',
    ],
    ['a tensor type nobody knows', { tensors: [{ ...tensor, type: 200 }] }, 'bad-tensor'],
    ['a shape that overflows', { tensors: [{ ...tensor, shape: [2 ** 40, 2 ** 40] }] }, 'bad-tensor'],
    ['five dimensions', { tensors: [{ ...tensor, shape: [1, 1, 1, 1, 1] }] }, 'too-many-dimensions'],
  ];
  for (const [what, sample, code] of hostile) {
    it(`with ${what} has the problem ${code}`, () => {
      const facts = parseBuffer(ggufFile(sample));
      assert.equal(facts.format, 'gguf');
      assert.ok(
        facts.problems.some((problem) => problem.code === code),
        JSON.stringify(facts.problems),
      );
    });
  }

  it('of a big-endian writer is not taken for an empty one', () => {
    const facts = parseBuffer(
      Buffer.concat([Buffer.from('GGUF'), Buffer.from([0, 0, 0, 3]), Buffer.alloc(16)]),
    );
    assert.equal(facts.problems[0]?.code, 'unknown-version');
  });

  it('keeps long text by its length only', () => {
    const facts = parseBuffer(
      ggufFile({ metadata: [['general.description', 8, ggufText('x'.repeat(5000))]] }),
    );
    assert.ok(facts.format === 'gguf');
    assert.deepEqual(facts.metadata[0]?.value, { textBytes: 5000 });
  });
});

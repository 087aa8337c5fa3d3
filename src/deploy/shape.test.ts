import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { GgufFacts } from '../formats/gguf.ts';
import { shapeOfConfig, shapeOfGguf } from './shape.ts';

const LLAMA = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  num_hidden_layers: 32,
  hidden_size: 4096,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  max_position_embeddings: 131_072,
};

function attentionOf(config: unknown) {
  const shape = shapeOfConfig(JSON.stringify(config));
  assert(shape.kind === 'known');
  return shape.attention;
}

describe('the shape of a configuration', () => {
  it('is read with grouped heads, with a head dimension of its own, and with a latent', () => {
    assert.deepEqual(attentionOf(LLAMA), { kind: 'heads', kvHeads: 8, headDim: 128 });
    assert.deepEqual(attentionOf({ ...LLAMA, head_dim: 256 }), { kind: 'heads', kvHeads: 8, headDim: 256 });
    assert.deepEqual(attentionOf({ ...LLAMA, num_key_value_heads: undefined }), {
      kind: 'heads',
      kvHeads: 32,
      headDim: 128,
    });
    assert.deepEqual(attentionOf({ ...LLAMA, kv_lora_rank: 512, qk_rope_head_dim: 64 }), {
      kind: 'latent',
      kvLoraRank: 512,
      ropeHeadDim: 64,
    });
  });

  it('is that of the language part of a model of several', () => {
    const shape = shapeOfConfig(
      JSON.stringify({ architectures: ['Seeing'], model_type: 'seeing', text_config: LLAMA }),
    );
    assert(shape.kind === 'known');
    assert.equal(shape.layers, 32);
    assert.deepEqual(shape.architectures, ['Seeing']);
  });

  const hostile: readonly (readonly [string, string])[] = [
    ['no JSON', '{'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a text', '"x"'],
    ['nested a hundred thousand deep', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['layers without end', JSON.stringify({ ...LLAMA, num_hidden_layers: 1e15 })],
    ['a negative number of heads', JSON.stringify({ ...LLAMA, num_attention_heads: -1 })],
    ['a fraction', JSON.stringify({ ...LLAMA, max_position_embeddings: 1.5 })],
    ['a text for a number', JSON.stringify({ ...LLAMA, num_hidden_layers: '32' })],
    ['infinity', JSON.stringify(LLAMA).replace('32,', '1e999,')],
    ['a prototype', '{"__proto__": {"num_hidden_layers": 32}}'],
  ];
  for (const [what, text] of hostile) {
    it(`is not known where the configuration is ${what}`, () => {
      assert.equal(shapeOfConfig(text).kind, 'unknown');
    });
  }

  it('says what is missing', () => {
    const shape = shapeOfConfig('{}');
    assert(shape.kind === 'unknown');
    assert.match(
      shape.why,
      /num_hidden_layers, num_attention_heads, head_dim or hidden_size, max_position_embeddings/,
    );
  });
});

describe('the shape of a GGUF file', () => {
  const facts = (values: Readonly<Record<string, number>>): GgufFacts => ({
    format: 'gguf',
    parser: 'gguf/1',
    sizeBytes: 0,
    gaps: [],
    problems: [],
    version: 3,
    architecture: 'gemma3',
    metadata: Object.entries(values).map(([key, value]) => ({ key: `gemma3.${key}`, value })),
    templates: [],
    tensors: [],
  });
  const whole = {
    block_count: 18,
    context_length: 32_768,
    embedding_length: 640,
    'attention.head_count': 4,
    'attention.head_count_kv': 1,
    'attention.key_length': 256,
  };

  it('is read by the names of llama.cpp', () => {
    const shape = shapeOfGguf(facts(whole));
    assert(shape.kind === 'known');
    assert.deepEqual(shape.attention, { kind: 'heads', kvHeads: 1, headDim: 256 });
    assert.equal(shape.contextTokensMax, 32_768);
  });

  it('is not known where a number is missing or out of bounds', () => {
    for (const key of ['block_count', 'context_length', 'attention.head_count'])
      for (const value of [-1, 0, 1e18])
        assert.equal(shapeOfGguf(facts({ ...whole, [key]: value })).kind, 'unknown', `${key} ${value}`);
  });
});

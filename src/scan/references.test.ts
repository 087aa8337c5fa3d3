import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseBuffer } from '../formats/drive.ts';
import { ggufFile, ggufText } from '../formats/samples.ts';
import { scanRepo } from './scan.ts';

function referencesOf(path: string, content: string | Uint8Array) {
  const facts = parseBuffer(typeof content === 'string' ? Buffer.from(content) : content);
  return scanRepo([{ path, facts }]).references.map(
    ({ repo, role, key, revision }) =>
      `${role} ${repo}${revision === undefined ? '' : `@${revision}`} by ${key}`,
  );
}

/** GGUF_METADATA_VALUE_TYPE_STRING. */
const STRING = 8;

const json = (value: unknown) => JSON.stringify(value);

const CASES: readonly (readonly [
  what: string,
  path: string,
  content: string,
  expected: readonly string[],
])[] = [
  [
    'a module of another repo, at any depth',
    'config.json',
    json({ vision_config: { auto_map: { AutoConfig: 'a/code--configuration_x.C' } } }),
    ['code a/code by vision_config.auto_map.AutoConfig'],
  ],
  ['a module of its own', 'config.json', json({ auto_map: { AutoModel: 'modeling_x.M' } }), []],
  [
    'kernels, with a revision and a function',
    'config.json',
    json({
      _attn_implementation: 'a/kernel@v1.2:flash',
      text_config: { _attn_implementation_internal: 'a/other' },
      attn_implementation: 'sdpa',
    }),
    [
      'code a/kernel@v1.2 by _attn_implementation',
      'code a/other by text_config._attn_implementation_internal',
    ],
  ],
  ['a pipeline', 'model_index.json', json({ custom_pipeline: 'a/pipe' }), ['code a/pipe by custom_pipeline']],
  [
    'the model below an adapter',
    'adapter_config.json',
    json({ peft_type: 'LORA', base_model_name_or_path: 'a/base', auto_mapping: null }),
    ['content a/base by base_model_name_or_path'],
  ],
  [
    'towers and tokenizers',
    'config.json',
    json({
      mm_vision_tower: 'openai/clip',
      tokenizer_name_or_path: 'a/tok',
      audio: { encoder_name_or_path: 'a/enc' },
    }),
    [
      'content openai/clip by mm_vision_tower',
      'content a/tok by tokenizer_name_or_path',
      'content a/enc by audio.encoder_name_or_path',
    ],
  ],
  ['the name under which it was saved', 'config.json', json({ _name_or_path: 'output/checkpoint-500' }), []],
  [
    'paths that are no repos',
    'config.json',
    json({
      mm_vision_tower: '/data/clip',
      tokenizer_name_or_path: './tok',
      a_name_or_path: 'weights/a.safetensors',
    }),
    [],
  ],
  [
    'a module of sentence-transformers',
    'modules.json',
    json([{ idx: 0, type: 'a/code--custom_st.Transformer', path: '' }]),
    ['code a/code by 0.type'],
  ],
  [
    'a card',
    'README.md',
    '---\nlicense: mit\nbase_model:\n- a/base\n- b/base\n---\n# Model\n\n- one\n',
    ['mention a/base by base_model', 'mention b/base by base_model'],
  ],
  [
    'a configuration of Hydra',
    'conf/model.yaml',
    'model:\n  _target_: transformers.AutoModel.from_pretrained\n  pretrained_model_name_or_path: a/enc\n',
    ['content a/enc by pretrained_model_name_or_path'],
  ],
  [
    'Python',
    'modeling_x.py',
    'from transformers import AutoModel\n\n\ndef build():\n    return AutoModel.from_pretrained("a/tower")\n',
    ['content a/tower by line 5'],
  ],
  [
    'Python by keywords, kernels and embedders',
    'modeling_x.py',
    'from kernels import get_kernel\nfrom sentence_transformers import SentenceTransformer\n\nK = get_kernel("a/kernel")\nE = SentenceTransformer(model_name_or_path="a/embedder")\nN = open_model("a/not")\n',
    ['content a/kernel by line 4', 'content a/embedder by line 5'],
  ],
];

describe('references to other repos', () => {
  for (const [what, path, content, expected] of CASES)
    it(`of ${what}: ${expected.length === 0 ? 'none' : expected.join(', ')}`, () =>
      assert.deepEqual(referencesOf(path, content), expected));

  it('of a GGUF file are mentions, but for an adapter', () => {
    const text = (key: string, value: string) => [key, STRING, ggufText(value)] as const;
    const base = text('general.base_model.0.repo_url', 'https://huggingface.co/a/base');
    assert.deepEqual(referencesOf('m.gguf', ggufFile({ metadata: [base] })), [
      'mention a/base by general.base_model.0.repo_url',
    ]);
    assert.deepEqual(
      referencesOf('m.gguf', ggufFile({ metadata: [text('general.type', 'adapter'), base] })),
      ['content a/base by general.base_model.0.repo_url'],
    );
  });

  it('are bounded, however many a file names', () => {
    const many = Object.fromEntries(
      Array.from({ length: 1500 }, (_, number) => [`k${number}_name_or_path`, `a/r${number}`]),
    );
    assert.equal(referencesOf('config.json', json(many)).length, 1000);
  });
});

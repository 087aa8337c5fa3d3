import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseLoader, readingOf } from './loaders.ts';

const REPO = [
  '.gitattributes',
  'LICENSE',
  'README.md',
  'config.json',
  'consolidated.00.pth',
  'figures/logo.png',
  'generation_config.json',
  'model-00001-of-00002.safetensors',
  'model-00002-of-00002.safetensors',
  'model.safetensors.index.json',
  'modeling_x.py',
  'onnx/model.onnx',
  'optimizer.pt',
  'pytorch_model.bin',
  'quantised/model-Q4_K_M.gguf',
  'tf_model.h5',
  'tokenizer.json',
  'tokenizer_config.json',
  'training_args.bin',
];

const SETTINGS = [
  'config.json',
  'generation_config.json',
  'model.safetensors.index.json',
  'tokenizer.json',
  'tokenizer_config.json',
];
const SHARDS = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];

function read(loader: string, paths: readonly string[]) {
  const reading = readingOf(parseLoader(loader), paths);
  assert.ok(reading, loader);
  return { reads: reading.reads, withhold: new Map(reading.withhold.map(({ path, why }) => [path, why])) };
}

describe('what loaders read', () => {
  for (const loader of ['vllm@0.9', 'tgi', 'transformers@5'])
    it(`${loader}: the settings and the safetensors of the root`, () => {
      const { reads, withhold } = read(loader, REPO);
      assert.deepEqual(reads, [...SETTINGS, ...SHARDS].sort());
      assert.deepEqual(
        [...withhold.keys()],
        [
          'consolidated.00.pth',
          'modeling_x.py',
          'onnx/model.onnx',
          'optimizer.pt',
          'pytorch_model.bin',
          'quantised/model-Q4_K_M.gguf',
          'tf_model.h5',
          'training_args.bin',
        ],
      );
      assert.match(withhold.get('pytorch_model.bin') ?? '', /a second time/);
      assert.match(withhold.get('optimizer.pt') ?? '', /state of a training/);
      assert.match(withhold.get('modeling_x.py') ?? '', /remote code is trusted/);
      assert.match(withhold.get('onnx/model.onnx') ?? '', /does not read/);
    });

  const PICKLED = ['config.json', 'optimizer.bin', 'pytorch_model.bin', 'sub/model.safetensors'];
  for (const [loader, paths, reads] of [
    ['vllm', PICKLED, ['config.json', 'pytorch_model.bin']],
    ['transformers', ['config.json', 'tf_model.h5'], ['config.json', 'tf_model.h5']],
    ['tgi', ['config.json', 'tf_model.h5'], ['config.json']],
    ['llama.cpp', REPO, ['quantised/model-Q4_K_M.gguf']],
    [
      'sentence-transformers',
      [
        '1_Pooling/config.json',
        '2_Dense/model.safetensors',
        'modules.json',
        'onnx/model.onnx',
        'x/config.json',
      ],
      ['1_Pooling/config.json', '2_Dense/model.safetensors', 'modules.json'],
    ],
    [
      'diffusers',
      [
        'flux.safetensors',
        'model_index.json',
        'unet/diffusion_pytorch_model.bin',
        'unet/diffusion_pytorch_model.safetensors',
        'vae/diffusion_pytorch_model.bin',
      ],
      ['model_index.json', 'unet/diffusion_pytorch_model.safetensors', 'vae/diffusion_pytorch_model.bin'],
    ],
  ] as const)
    it(`${loader} reads ${reads.join(', ')}`, () => assert.deepEqual(read(loader, paths).reads, reads));

  it('does not take the settings of a noise scheduler for the state of a training', () => {
    const { withhold } = read('vllm', ['config.json', 'scheduler.pt', 'scheduler/scheduler_config.json']);
    assert.deepEqual([...withhold.keys()], ['scheduler.pt']);
  });

  it('withholds nothing where the loader can read nothing', () => {
    assert.equal(read('llama.cpp', ['config.json', 'model.safetensors']).withhold.size, 0);
  });

  it('is not known of every program that advisories know', () => {
    assert.equal(readingOf(parseLoader('keras@3', ['keras']), []), undefined);
  });
});

describe('the name of a loader', () => {
  it('may be one that people use, with a version', () => {
    assert.deepEqual(parseLoader('text-generation-inference@v3.1'), { name: 'tgi', version: '3.1' });
    assert.deepEqual(parseLoader('vLLM'), { name: 'vllm' });
  });

  for (const text of ['', 'vllm@', 'vllm 0.9', 'someone', `vllm@${'9'.repeat(100)}`])
    it(`is not ${JSON.stringify(text.slice(0, 20))}`, () => assert.throws(() => parseLoader(text)));
});

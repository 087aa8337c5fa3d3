/**
 * The file trees of DeepSeek-R1 and its distills: the names, the shapes of the configurations and the tensor names
 * are those of the real repos; the tensors are tiny and made up, and so is all text.
 */
import { safetensorsFile, smallJpeg } from '../../src/formats/samples.ts';
import { filesOf, type StandInModel } from '../../src/hub-stand-in/model.ts';
import { CONFIGURATION_PY, MODELING_PY } from './deepseek-code.ts';
import { CHAT_TEMPLATE, tokenizerJson } from './deepseek-text.ts';

interface Tensor {
  readonly name: string;
  readonly dtype: 'BF16' | 'F8_E4M3' | 'F32';
}

interface Shape {
  readonly id: string;
  readonly shards: number;
  readonly tensors: readonly Tensor[];
  readonly config: Readonly<Record<string, unknown>>;
  readonly vocabulary: number;
  readonly code?: Readonly<Record<string, string>>;
}

const ITEM_BYTES: Readonly<Record<Tensor['dtype'], number>> = { BF16: 2, F8_E4M3: 1, F32: 4 };

/** 163 shards and 91,991 tensors, as the real index has. */
export function deepseekR1(): StandInModel {
  return model({
    id: 'deepseek-ai/DeepSeek-R1',
    shards: 163,
    tensors: r1Tensors(),
    config: R1_CONFIG,
    vocabulary: 128_000,
    code: { 'configuration_deepseek.py': CONFIGURATION_PY, 'modeling_deepseek.py': MODELING_PY },
  });
}

interface Distill {
  readonly name: string;
  readonly family: 'qwen2' | 'llama';
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly shards: number;
}

export const DISTILLS: readonly Distill[] = [
  { name: 'Qwen-1.5B', family: 'qwen2', layers: 28, hidden: 1536, heads: 12, shards: 1 },
  { name: 'Qwen-7B', family: 'qwen2', layers: 28, hidden: 3584, heads: 28, shards: 2 },
  { name: 'Llama-8B', family: 'llama', layers: 32, hidden: 4096, heads: 32, shards: 2 },
  { name: 'Qwen-14B', family: 'qwen2', layers: 48, hidden: 5120, heads: 40, shards: 4 },
  { name: 'Qwen-32B', family: 'qwen2', layers: 64, hidden: 5120, heads: 40, shards: 8 },
  { name: 'Llama-70B', family: 'llama', layers: 80, hidden: 8192, heads: 64, shards: 17 },
];

export function distill(shape: Distill): StandInModel {
  return model({
    id: `deepseek-ai/DeepSeek-R1-Distill-${shape.name}`,
    shards: shape.shards,
    tensors: denseTensors(shape),
    config: shape.family === 'qwen2' ? qwenConfig(shape) : llamaConfig(shape),
    vocabulary: shape.family === 'qwen2' ? 151_643 : 128_000,
  });
}

function model({ id, shards, tensors, config, vocabulary, code = {} }: Shape): StandInModel {
  const files: Record<string, Uint8Array | string> = {
    '.gitattributes':
      '*.safetensors filter=lfs diff=lfs merge=lfs -text\n*.jpg filter=lfs diff=lfs merge=lfs -text\n',
    LICENSE: 'MIT License\n\nPermission is granted, free of charge, to whoever obtains a copy.\n',
    'README.md': `---\nlicense: mit\nlibrary_name: transformers\n---\n# ${id}\n\n![Benchmark](figures/benchmark.jpg)\n`,
    'config.json': JSON.stringify(config, null, 2),
    'generation_config.json': JSON.stringify({
      _from_model_config: true,
      bos_token_id: 0,
      eos_token_id: 1,
      do_sample: true,
      temperature: 0.6,
      top_p: 0.95,
      transformers_version: '4.39.3',
    }),
    'tokenizer.json': tokenizerJson(vocabulary),
    'tokenizer_config.json': JSON.stringify(TOKENIZER_CONFIG, null, 2),
    ...code,
    ...weights(shards, tensors),
  };
  const jpeg = {
    path: 'figures/benchmark.jpg',
    lfs: true,
    content: { kind: 'bytes', bytes: smallJpeg() },
  } as const;
  return {
    id,
    cardData: { license: 'mit', library_name: 'transformers' },
    tags: ['transformers', 'safetensors', 'license:mit'],
    commits: [{ files: [...filesOf(files), jpeg] }],
  };
}

/** Tensors dealt to shards in order, and the index that says where each is. */
function weights(shards: number, tensors: readonly Tensor[]): Record<string, Uint8Array | string> {
  if (shards === 1) return { 'model.safetensors': shard(tensors) };
  const files: Record<string, Uint8Array | string> = {};
  const weightMap: Record<string, string> = {};
  let bytes = 0;
  for (let number = 0; number < shards; number++) {
    const path = `model-${String(number + 1).padStart(5, '0')}-of-${String(shards).padStart(6, '0')}.safetensors`;
    const from = Math.floor((number * tensors.length) / shards);
    const own = tensors.slice(from, Math.floor(((number + 1) * tensors.length) / shards));
    files[path] = shard(own);
    for (const { name, dtype } of own) {
      weightMap[name] = path;
      bytes += ITEM_BYTES[dtype];
    }
  }
  files['model.safetensors.index.json'] = JSON.stringify(
    { metadata: { total_size: bytes }, weight_map: weightMap },
    null,
    2,
  );
  return files;
}

function shard(tensors: readonly Tensor[]): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let end = 0;
  for (const { name, dtype } of tensors) {
    const begin = end;
    end += ITEM_BYTES[dtype];
    header[name] = { dtype, shape: [1, 1], data_offsets: [begin, end] };
  }
  return safetensorsFile(header, Buffer.alloc(end, 0x3c));
}

/** 61 layers and one more that predicts the token after the next; the first three dense, the others of 256 experts. */
function r1Tensors(): Tensor[] {
  const tensors: Tensor[] = [];
  const plain = (name: string) => tensors.push({ name: `${name}.weight`, dtype: 'BF16' });
  const scaled = (name: string) =>
    tensors.push(
      { name: `${name}.weight`, dtype: 'F8_E4M3' },
      { name: `${name}.weight_scale_inv`, dtype: 'F32' },
    );
  const feedForward = (name: string) =>
    ['gate_proj', 'up_proj', 'down_proj'].forEach((at) => scaled(`${name}.${at}`));
  plain('model.embed_tokens');
  for (let layer = 0; layer < 62; layer++) {
    const at = `model.layers.${layer}`;
    for (const name of ['q_a_proj', 'q_b_proj', 'kv_a_proj_with_mqa', 'kv_b_proj', 'o_proj'])
      scaled(`${at}.self_attn.${name}`);
    for (const name of ['q_a_layernorm', 'kv_a_layernorm']) plain(`${at}.self_attn.${name}`);
    for (const name of ['input_layernorm', 'post_attention_layernorm']) plain(`${at}.${name}`);
    if (layer < 3) {
      feedForward(`${at}.mlp`);
      continue;
    }
    plain(`${at}.mlp.gate`);
    tensors.push({ name: `${at}.mlp.gate.e_score_correction_bias`, dtype: 'F32' });
    feedForward(`${at}.mlp.shared_experts`);
    for (let expert = 0; expert < 256; expert++) feedForward(`${at}.mlp.experts.${expert}`);
  }
  for (const name of ['eh_proj', 'enorm', 'hnorm', 'embed_tokens', 'shared_head.norm', 'shared_head.head'])
    plain(`model.layers.61.${name}`);
  plain('model.norm');
  plain('lm_head');
  return tensors;
}

function denseTensors({ family, layers }: Distill): Tensor[] {
  const bias =
    family === 'qwen2' ? ['q_proj', 'k_proj', 'v_proj'].map((name) => `self_attn.${name}.bias`) : [];
  const inLayer = [
    'input_layernorm.weight',
    'post_attention_layernorm.weight',
    ...['gate_proj', 'up_proj', 'down_proj'].map((name) => `mlp.${name}.weight`),
    ...['q_proj', 'k_proj', 'v_proj', 'o_proj'].map((name) => `self_attn.${name}.weight`),
    ...bias,
  ];
  const names = [
    'model.embed_tokens.weight',
    ...Array.from({ length: layers }, (_, layer) =>
      inLayer.map((name) => `model.layers.${layer}.${name}`),
    ).flat(),
    'model.norm.weight',
    'lm_head.weight',
  ];
  return names.map((name) => ({ name, dtype: 'BF16' }));
}

const R1_CONFIG = {
  architectures: ['DeepseekV3ForCausalLM'],
  attention_bias: false,
  attention_dropout: 0.0,
  auto_map: {
    AutoConfig: 'configuration_deepseek.DeepseekV3Config',
    AutoModel: 'modeling_deepseek.DeepseekV3Model',
    AutoModelForCausalLM: 'modeling_deepseek.DeepseekV3ForCausalLM',
  },
  bos_token_id: 0,
  eos_token_id: 1,
  ep_size: 1,
  first_k_dense_replace: 3,
  hidden_act: 'silu',
  hidden_size: 7168,
  kv_lora_rank: 512,
  max_position_embeddings: 163_840,
  model_type: 'deepseek_v3',
  moe_intermediate_size: 2048,
  n_routed_experts: 256,
  num_experts_per_tok: 8,
  num_hidden_layers: 61,
  num_nextn_predict_layers: 1,
  q_lora_rank: 1536,
  quantization_config: {
    activation_scheme: 'dynamic',
    fmt: 'e4m3',
    quant_method: 'fp8',
    weight_block_size: [128, 128],
  },
  rope_scaling: { beta_fast: 32, beta_slow: 1, factor: 40, mscale: 1.0, mscale_all_dim: 1.0, type: 'yarn' },
  rope_theta: 10_000,
  topk_method: 'noaux_tc',
  torch_dtype: 'bfloat16',
  transformers_version: '4.33.1',
  use_cache: true,
  vocab_size: 129_280,
};

function qwenConfig({ layers, hidden, heads }: Distill) {
  return {
    architectures: ['Qwen2ForCausalLM'],
    bos_token_id: 151_643,
    eos_token_id: 151_643,
    hidden_act: 'silu',
    hidden_size: hidden,
    max_position_embeddings: 131_072,
    model_type: 'qwen2',
    num_attention_heads: heads,
    num_hidden_layers: layers,
    rms_norm_eps: 1e-6,
    rope_theta: 10_000,
    tie_word_embeddings: false,
    torch_dtype: 'bfloat16',
    use_mrope: false,
    use_sliding_window: false,
    vocab_size: 151_936,
  };
}

function llamaConfig({ layers, hidden, heads }: Distill) {
  return {
    architectures: ['LlamaForCausalLM'],
    attention_bias: false,
    bos_token_id: 128_000,
    eos_token_id: 128_001,
    hidden_act: 'silu',
    hidden_size: hidden,
    max_position_embeddings: 131_072,
    model_type: 'llama',
    num_attention_heads: heads,
    num_hidden_layers: layers,
    num_key_value_heads: 8,
    rope_scaling: {
      factor: 8.0,
      high_freq_factor: 4.0,
      low_freq_factor: 1.0,
      original_max_position_embeddings: 8192,
      rope_type: 'llama3',
    },
    tie_word_embeddings: false,
    torch_dtype: 'bfloat16',
    vocab_size: 128_256,
  };
}

const addedToken = (content: string) => ({
  __type: 'AddedToken',
  content,
  lstrip: false,
  normalized: true,
  rstrip: false,
  single_word: false,
});

const TOKENIZER_CONFIG = {
  add_bos_token: true,
  add_eos_token: false,
  bos_token: addedToken('<｜begin▁of▁sentence｜>'),
  clean_up_tokenization_spaces: false,
  eos_token: addedToken('<｜end▁of▁sentence｜>'),
  legacy: true,
  model_max_length: 16_384,
  pad_token: addedToken('<｜end▁of▁sentence｜>'),
  sp_model_kwargs: {},
  tokenizer_class: 'LlamaTokenizerFast',
  unk_token: null,
  chat_template: CHAT_TEMPLATE,
};

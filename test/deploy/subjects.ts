/**
 * R1 and its distills as subjects of deployments: the numbers of their real configurations, and tensors of their real shapes,
 * so that sizes are the real ones without a byte of weights.
 */
import { sha256 } from '../../src/base/digest.ts';
import { parseCommit, parseModelName, parseRepoPath } from '../../src/base/name.ts';
import type { HubOrigin, Order, Subject, VaultOrigin } from '../../src/deploy/deploy.ts';
import { shapeOfConfig } from '../../src/deploy/shape.ts';
import { describeFile, weightsOf } from '../../src/deploy/weights.ts';
import type { SafetensorsFacts } from '../../src/formats/safetensors.ts';
import type { StandInFile } from '../../src/hub-stand-in/model.ts';
import { s3Place } from '../../src/vault/s3-place.ts';

export const COMMIT = parseCommit('0123456789abcdef0123456789abcdef01234567');
export const ACCOUNT = '111122223333';
export const REGION = 'eu-west-1';
export const BUCKET_KEY = `arn:aws:kms:${REGION}:${ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;
export const SECRET = `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:hub-token-AbCdEf`;

interface Dense {
  readonly name: string;
  readonly family: 'qwen2' | 'llama';
  readonly layers: number;
  readonly hidden: number;
  readonly intermediate: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly vocabulary: number;
  readonly shards: number;
}

const DENSE: readonly Dense[] = [
  {
    name: 'Qwen-1.5B',
    family: 'qwen2',
    layers: 28,
    hidden: 1536,
    intermediate: 8960,
    heads: 12,
    kvHeads: 2,
    vocabulary: 151_936,
    shards: 1,
  },
  {
    name: 'Llama-8B',
    family: 'llama',
    layers: 32,
    hidden: 4096,
    intermediate: 14_336,
    heads: 32,
    kvHeads: 8,
    vocabulary: 128_256,
    shards: 2,
  },
  {
    name: 'Qwen-32B',
    family: 'qwen2',
    layers: 64,
    hidden: 5120,
    intermediate: 27_648,
    heads: 40,
    kvHeads: 8,
    vocabulary: 152_064,
    shards: 8,
  },
  {
    name: 'Llama-70B',
    family: 'llama',
    layers: 80,
    hidden: 8192,
    intermediate: 28_672,
    heads: 64,
    kvHeads: 8,
    vocabulary: 128_256,
    shards: 17,
  },
];

interface Shaped {
  readonly dtype: 'BF16' | 'F8_E4M3' | 'F32';
  readonly shape: readonly number[];
}

const ITEM_BYTES: Readonly<Record<Shaped['dtype'], number>> = { BF16: 2, F8_E4M3: 1, F32: 4 };

/** The five models of the issue. */
export function subjects(route: 'vault' | 'hub'): readonly Subject[] {
  return [...DENSE.map((dense) => distill(dense, route)), deepseekR1(route)];
}

export function subjectNamed(name: string, route: 'vault' | 'hub' = 'vault'): Subject {
  const found = subjects(route).find(({ model }) => model.endsWith(name));
  if (!found) throw new Error(`there is no ${name}`);
  return found;
}

function distill(dense: Dense, route: 'vault' | 'hub'): Subject {
  const { family, layers, hidden, heads, kvHeads } = dense;
  const config = {
    architectures: [family === 'qwen2' ? 'Qwen2ForCausalLM' : 'LlamaForCausalLM'],
    model_type: family,
    num_hidden_layers: layers,
    hidden_size: hidden,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    max_position_embeddings: 131_072,
    torch_dtype: 'bfloat16',
  };
  const model = `deepseek-ai/DeepSeek-R1-Distill-${dense.name}`;
  return subject({ model, config, tensors: denseTensors(dense), shards: dense.shards, route, code: false });
}

function denseTensors({ family, layers, hidden, intermediate, heads, kvHeads, vocabulary }: Dense): Shaped[] {
  const kv = (hidden / heads) * kvHeads;
  const bf16 = (...shape: number[]): Shaped => ({ dtype: 'BF16', shape });
  const layer = [
    bf16(hidden, hidden),
    bf16(kv, hidden),
    bf16(kv, hidden),
    bf16(hidden, hidden),
    bf16(intermediate, hidden),
    bf16(intermediate, hidden),
    bf16(hidden, intermediate),
    bf16(hidden),
    bf16(hidden),
    ...(family === 'qwen2' ? [bf16(hidden), bf16(kv), bf16(kv)] : []),
  ];
  return [
    bf16(vocabulary, hidden),
    ...Array.from({ length: layers }, () => layer).flat(),
    bf16(hidden),
    bf16(vocabulary, hidden),
  ];
}

const R1_SHARDS = 163;
const R1_CONFIG = {
  architectures: ['DeepseekV3ForCausalLM'],
  model_type: 'deepseek_v3',
  num_hidden_layers: 61,
  hidden_size: 7168,
  num_attention_heads: 128,
  num_key_value_heads: 128,
  kv_lora_rank: 512,
  q_lora_rank: 1536,
  qk_nope_head_dim: 128,
  qk_rope_head_dim: 64,
  v_head_dim: 128,
  max_position_embeddings: 163_840,
  quantization_config: { quant_method: 'fp8', fmt: 'e4m3', weight_block_size: [128, 128] },
  auto_map: { AutoConfig: 'configuration_deepseek.DeepseekV3Config' },
};

function deepseekR1(route: 'vault' | 'hub'): Subject {
  const model = 'deepseek-ai/DeepSeek-R1';
  return subject({ model, config: R1_CONFIG, tensors: r1Tensors(), shards: R1_SHARDS, route, code: true });
}

/** R1 as files of a Hub: real headers, and 689 GB of zeros that are made when they are asked for. */
export function r1Files(): StandInFile[] {
  const tensors = r1Tensors();
  const shards = Array.from({ length: R1_SHARDS }, (_, number): StandInFile => {
    const from = Math.floor((number * tensors.length) / R1_SHARDS);
    const until = Math.floor(((number + 1) * tensors.length) / R1_SHARDS);
    const { path, facts } = shardFile(number, R1_SHARDS, tensors.slice(from, until));
    const named = facts.tensors.map(({ name, dtype, shape, begin, end }) => [
      `${number}.${name}`,
      { dtype, shape, data_offsets: [begin, end] },
    ]);
    const header = Buffer.from(JSON.stringify(Object.fromEntries(named)));
    const lead = Buffer.alloc(8);
    lead.writeBigUInt64LE(BigInt(header.length));
    const head = Buffer.concat([lead, header]);
    const make = (offset: number, length: number) =>
      offset < head.length
        ? head.subarray(offset, offset + length)
        : Buffer.alloc(Math.min(length, ZEROS_BYTES));
    const content = { kind: 'made', sizeBytes: head.length + facts.sizeBytes, make } as const;
    return { path, lfs: true, sha256: sha256(path), content };
  });
  const config = Buffer.from(JSON.stringify(R1_CONFIG));
  return [{ path: 'config.json', content: { kind: 'bytes', bytes: config } }, ...shards];
}

const ZEROS_BYTES = 1 << 16;

/** 61 layers and one that predicts the token after the next; three dense, the others of 256 experts and a shared one. */
function r1Tensors(): Shaped[] {
  const fp8 = (rows: number, columns: number): Shaped[] => [
    { dtype: 'F8_E4M3', shape: [rows, columns] },
    { dtype: 'F32', shape: [Math.ceil(rows / 128), Math.ceil(columns / 128)] },
  ];
  const bf16 = (...shape: number[]): Shaped => ({ dtype: 'BF16', shape });
  const feed = (width: number) => [...fp8(width, 7168), ...fp8(width, 7168), ...fp8(7168, width)];
  const attention = [
    ...fp8(1536, 7168),
    bf16(1536),
    ...fp8(24_576, 1536),
    ...fp8(576, 7168),
    bf16(512),
    ...fp8(32_768, 512),
    ...fp8(7168, 16_384),
    bf16(7168),
    bf16(7168),
  ];
  const expert = feed(2048);
  const experts = [
    bf16(256, 7168),
    { dtype: 'F32', shape: [256] } as const,
    ...expert,
    ...Array.from({ length: 256 }, () => expert).flat(),
  ];
  return [
    bf16(129_280, 7168),
    ...Array.from({ length: 62 }, (_, layer) => [
      ...attention,
      ...(layer < 3 ? feed(18_432) : experts),
    ]).flat(),
    ...[bf16(7168, 14_336), bf16(7168), bf16(7168), bf16(129_280, 7168), bf16(7168), bf16(129_280, 7168)],
    bf16(7168),
    bf16(129_280, 7168),
  ];
}

interface Made {
  readonly model: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: readonly Shaped[];
  readonly shards: number;
  readonly route: 'vault' | 'hub';
  readonly code: boolean;
}

function subject({ model: name, config, tensors, shards, route, code }: Made): Subject {
  const model = parseModelName(name);
  const files = Array.from({ length: shards }, (_, number) => {
    const from = Math.floor((number * tensors.length) / shards);
    const until = Math.floor(((number + 1) * tensors.length) / shards);
    return shardFile(number, shards, tensors.slice(from, until));
  });
  const text = JSON.stringify(config);
  const all = [
    { path: parseRepoPath('config.json'), sizeBytes: text.length, sha256: sha256(text) },
    ...files.map(({ path, sizeBytes }) => ({ path, sizeBytes, sha256: sha256(path) })),
  ];
  return {
    model,
    commit: COMMIT,
    files: all,
    sizeBytes: all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    weights: weightsOf(files.map(({ path, sizeBytes, facts }) => describeFile(path, sizeBytes, facts))),
    shape: shapeOfConfig(text),
    remoteCode: code,
    origin: route === 'vault' ? vaultOrigin(name) : HUB_ORIGIN,
  };
}

function shardFile(number: number, shards: number, tensors: readonly Shaped[]) {
  const path = parseRepoPath(
    shards === 1
      ? 'model.safetensors'
      : `model-${String(number + 1).padStart(5, '0')}-of-${String(shards).padStart(6, '0')}.safetensors`,
  );
  let end = 0;
  const placed = tensors.map(({ dtype, shape }, at) => {
    const begin = end;
    end += shape.reduce((product, size) => product * size, ITEM_BYTES[dtype]);
    return { name: `t${at}`, dtype, shape, begin, end };
  });
  const facts: SafetensorsFacts = {
    format: 'safetensors',
    parser: 'safetensors/2',
    sizeBytes: end,
    gaps: [],
    problems: [],
    headerBytes: 0,
    tensors: placed,
    metadata: {},
  };
  return { path, sizeBytes: end, facts };
}

function vaultOrigin(model: string): VaultOrigin {
  const settings = {
    bucket: 'acme-models',
    prefix: '',
    region: REGION,
    kmsKey: BUCKET_KEY,
    bucketOwner: ACCOUNT,
  };
  return {
    route: 'vault',
    vault: 'vault-1',
    location: s3Place(settings),
    ticket: { kind: 's3', settings },
    uri: `s3://acme-models/models/${model}/${COMMIT}/`,
    record: sha256('record'),
    manifest: sha256('manifest'),
    verifiedAt: '2026-11-28T00:00:00Z',
  };
}

const HUB_ORIGIN: HubOrigin = {
  route: 'hub',
  endpoint: 'https://huggingface.co',
  repoId: '678a',
  publisher: { name: 'deepseek-ai', kind: 'organisation', verified: true },
  scan: 'safe',
  gated: false,
};

export const IMAGE = `${ACCOUNT}.dkr.ecr.${REGION}.amazonaws.com/djl-inference@sha256:${'a'.repeat(64)}`;

/** An order with an image by digest; nothing in it reaches AWS. */
export function orderOf(subject: Subject, flags: Order['flags'] = {}): Order {
  return {
    subject,
    sizing: { contextTokens: undefined, concurrency: 4 },
    remoteCode: 'refused',
    flags: { image: IMAGE, region: REGION, account: ACCOUNT, ...flags },
    environment: {},
    aws: (_service, region) => ({ region, endpoint: 'http://127.0.0.1:9' }),
  };
}

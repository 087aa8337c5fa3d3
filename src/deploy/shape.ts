/**
 * Shape: the numbers of a model's configuration that decide how much memory answering takes. They come from config.json
 * (the names are those of transformers) or from the keys of a GGUF file (the names are those of llama.cpp), both of which
 * are hostile input: a number outside of its bounds counts as not known.
 */
import { z } from 'zod';
import type { GgufFacts } from '../formats/gguf.ts';

/** How keys and values of past tokens are kept. */
export type Attention =
  /** One key and one value a head; heads are dealt to GPUs. */
  | { readonly kind: 'heads'; readonly kvHeads: number; readonly headDim: number }
  /** Multi-head latent attention (DeepSeek-V3, R1): one latent vector a token, the same on every GPU. */
  | { readonly kind: 'latent'; readonly kvLoraRank: number; readonly ropeHeadDim: number };

export interface KnownShape {
  readonly kind: 'known';
  readonly modelType: string;
  readonly architectures: readonly string[];
  readonly layers: number;
  readonly attentionHeads: number;
  readonly attention: Attention;
  /** The longest context that the model was made for, in tokens. */
  readonly contextTokensMax: number;
  /** The method by which the weights are quantised, where they are. */
  readonly quantisation: string | undefined;
}

export interface UnknownShape {
  readonly kind: 'unknown';
  readonly why: string;
  readonly architectures: readonly string[];
}

export type Shape = KnownShape | UnknownShape;

/** Longest config.json that is read: real ones have some kilobytes, those of multimodal models some hundred. */
export const CONFIG_BYTES_MAX = 1 << 20;

/** Bounds of the numbers: a hundred times what any model has, and small enough that no product of them overflows. */
const LAYERS_MAX = 10_000;
const HEADS_MAX = 10_000;
const DIMENSION_MAX = 1_000_000;
const CONTEXT_TOKENS_MAX = 1_000_000_000;
const NAME_CHARS_MAX = 100;
const ARCHITECTURES_MAX = 16;

const upTo = (max: number) => z.int().min(1).max(max).optional().catch(undefined);
const name = z.string().min(1).max(NAME_CHARS_MAX);

const configSchema = z.object({
  model_type: name.optional().catch(undefined),
  architectures: z.array(name).max(ARCHITECTURES_MAX).optional().catch(undefined),
  num_hidden_layers: upTo(LAYERS_MAX),
  num_attention_heads: upTo(HEADS_MAX),
  num_key_value_heads: upTo(HEADS_MAX),
  head_dim: upTo(DIMENSION_MAX),
  hidden_size: upTo(DIMENSION_MAX),
  max_position_embeddings: upTo(CONTEXT_TOKENS_MAX),
  kv_lora_rank: upTo(DIMENSION_MAX),
  qk_rope_head_dim: upTo(DIMENSION_MAX),
  quantization_config: z.object({ quant_method: name }).optional().catch(undefined),
});

type Config = z.infer<typeof configSchema>;

/** The shape in a config.json. Never throws. */
export function shapeOfConfig(text: string): Shape {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { kind: 'unknown', why: 'config.json is not JSON', architectures: [] };
  }
  const outer = configSchema.safeParse(json);
  if (!outer.success) return { kind: 'unknown', why: 'config.json is not an object', architectures: [] };
  // Multimodal models keep the numbers of their language part one level down.
  const inner = configSchema.safeParse((json as { text_config?: unknown }).text_config);
  return shapeOf(inner.success ? { ...inner.data, ...known(outer.data) } : outer.data);
}

function shapeOf(config: Config): Shape {
  const { num_hidden_layers: layers, num_attention_heads: heads, architectures = [] } = config;
  const attention = attentionOf(config);
  const context = config.max_position_embeddings;
  const missing = [
    ...(layers === undefined ? ['num_hidden_layers'] : []),
    ...(heads === undefined ? ['num_attention_heads'] : []),
    ...(attention === undefined ? ['head_dim or hidden_size'] : []),
    ...(context === undefined ? ['max_position_embeddings'] : []),
  ];
  if (layers === undefined || heads === undefined || context === undefined || attention === undefined)
    return { kind: 'unknown', why: `config.json does not say ${missing.join(', ')}`, architectures };
  return {
    kind: 'known',
    modelType: config.model_type ?? '',
    architectures,
    layers,
    attentionHeads: heads,
    attention,
    contextTokensMax: context,
    quantisation: config.quantization_config?.quant_method,
  };
}

function attentionOf(config: Config): Attention | undefined {
  const { kv_lora_rank: kvLoraRank, qk_rope_head_dim: ropeHeadDim, num_attention_heads: heads } = config;
  if (kvLoraRank !== undefined && ropeHeadDim !== undefined)
    return { kind: 'latent', kvLoraRank, ropeHeadDim };
  if (heads === undefined) return undefined;
  const headDim = config.head_dim ?? (config.hidden_size && Math.ceil(config.hidden_size / heads));
  return headDim ? { kind: 'heads', kvHeads: config.num_key_value_heads ?? heads, headDim } : undefined;
}

/** The shape in the keys of a GGUF file (ggml's gguf.md, "LLM"). */
export function shapeOfGguf({ architecture = '', metadata }: GgufFacts): Shape {
  const number = (key: string, max: number) => {
    const value = metadata.find((entry) => entry.key === `${architecture}.${key}`)?.value;
    return upTo(max).parse(value);
  };
  const heads = number('attention.head_count', HEADS_MAX);
  const layers = number('block_count', LAYERS_MAX);
  const context = number('context_length', CONTEXT_TOKENS_MAX);
  const kvLoraRank = number('attention.kv_lora_rank', DIMENSION_MAX);
  const ropeHeadDim = number('rope.dimension_count', DIMENSION_MAX);
  const length = number('embedding_length', DIMENSION_MAX);
  const headDim =
    number('attention.key_length', DIMENSION_MAX) ?? (length && heads && Math.ceil(length / heads));
  const kvHeads = number('attention.head_count_kv', HEADS_MAX) ?? heads;
  if (!layers || !heads || !context || !headDim || !kvHeads)
    return {
      kind: 'unknown',
      why: 'the GGUF file does not say layers, heads and context',
      architectures: [],
    };
  const attention: Attention =
    kvLoraRank && ropeHeadDim
      ? { kind: 'latent', kvLoraRank, ropeHeadDim }
      : { kind: 'heads', kvHeads, headDim };
  return {
    kind: 'known',
    modelType: architecture,
    architectures: [],
    layers,
    attentionHeads: heads,
    attention,
    contextTokensMax: context,
    quantisation: 'gguf',
  };
}

/** Without the fields that are not there. */
function known(config: Config): Partial<Config> {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}

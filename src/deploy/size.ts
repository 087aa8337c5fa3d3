/**
 * Size: how much memory answering takes, by arithmetic that a person can check. *Weights* are counted from the tensors;
 * the *KV cache* keeps keys and values of every token under way; *head-room* is what the runtime itself takes.
 */
import { WeighlockError } from '../base/errors.ts';
import type { PlanLine, Subject } from './deploy.ts';
import type { Attention } from './shape.ts';

/** How much is to be answered at once. */
export interface Sizing {
  /** Tokens of one conversation; undefined: the default, or less where the model was made for less. */
  readonly contextTokens: number | undefined;
  /** Conversations at their full length at the same time. */
  readonly concurrency: number;
}

/** Enough for a long conversation; reasoning models want more, and their users know. */
export const CONTEXT_TOKENS_DEFAULT = 8192;
export const CONCURRENCY_DEFAULT = 4;
export const CONCURRENCY_MAX = 4096;

/** Runtimes keep the cache in 16 bits unless told otherwise. */
const KV_ITEM_BYTES = 2;

/** On each GPU, beside weights and cache: activations, graphs, the context of CUDA and of NCCL. */
export const HEADROOM_BYTES = 1 << 30;

/** The share of a GPU's memory that a runtime takes: the default of vLLM, set explicitly in what we plan. */
export const GPU_SHARE = 0.9;

export interface Need {
  readonly weightsBytes: number;
  /** Of one token, all heads together. */
  readonly kvBytesPerToken: number;
  readonly attention: Attention;
  readonly attentionHeads: number;
  readonly layers: number;
  readonly contextTokens: number;
  readonly concurrency: number;
  /** Whether the weights want a GPU that computes in FP8. */
  readonly fp8: boolean;
}

/** GPUs of one kind in one machine. */
export interface Accelerators {
  readonly gpus: number;
  readonly gpuMemoryBytes: number;
}

/** What each GPU holds. */
export interface Share {
  /** GPUs that share the model: a power of two by which the attention heads can be divided. */
  readonly gpus: number;
  readonly weightsBytes: number;
  readonly kvBytes: number;
  readonly totalBytes: number;
}

/**
 * What answering takes; undefined where the model's configuration does not say enough. Throws WL_USAGE for a context
 * longer than the model was made for.
 */
export function needOf({ weights, shape, model }: Subject, sizing: Sizing): Need | undefined {
  if (shape.kind === 'unknown' || weights.bytes === 0) return undefined;
  const { attention, layers, attentionHeads, contextTokensMax } = shape;
  const contextTokens = sizing.contextTokens ?? Math.min(CONTEXT_TOKENS_DEFAULT, contextTokensMax);
  if (contextTokens > contextTokensMax)
    throw new WeighlockError(
      'WL_USAGE',
      `--context ${contextTokens} is longer than ${model} was made for: ${contextTokensMax} tokens`,
    );
  return {
    weightsBytes: weights.bytes,
    kvBytesPerToken: layers * kvItems(attention) * KV_ITEM_BYTES,
    attention,
    attentionHeads,
    layers,
    contextTokens,
    concurrency: sizing.concurrency,
    fp8: weights.dtypes.some(({ dtype }) => dtype.startsWith('F8_')),
  };
}

/** What each of so many GPUs holds. A latent is kept whole on every GPU; heads are dealt out, at least one to each. */
export function shareOf(need: Need, gpus: number): Share {
  const parallel = parallelOf(need, gpus);
  const { attention, layers, contextTokens, concurrency } = need;
  const items =
    attention.kind === 'latent'
      ? kvItems(attention)
      : 2 * Math.ceil(attention.kvHeads / parallel) * attention.headDim;
  const weightsBytes = Math.ceil(need.weightsBytes / parallel);
  const kvBytes = layers * items * KV_ITEM_BYTES * contextTokens * concurrency;
  return { gpus: parallel, weightsBytes, kvBytes, totalBytes: weightsBytes + kvBytes + HEADROOM_BYTES };
}

export function fits(need: Need, { gpus, gpuMemoryBytes }: Accelerators): boolean {
  return shareOf(need, gpus).totalBytes <= gpuMemoryBytes * GPU_SHARE;
}

/** The arithmetic as lines: weights, KV cache, and each GPU's share where GPUs are given. */
export function sizeLines(subject: Subject, need: Need | undefined, on?: Accelerators): PlanLine[] {
  const { bytes, tensors, dtypes, exact, files } = subject.weights;
  const counted = exact
    ? `${gigabytes(bytes)} in ${grouped(tensors)} tensors (${dtypes.map((part) => `${part.dtype} ${gigabytes(part.bytes)}`).join(', ')})`
    : `about ${gigabytes(bytes)}, by the sizes of ${files.length} files`;
  const lines: PlanLine[] = [{ label: 'weights', text: counted }];
  if (!need) {
    const why = subject.shape.kind === 'unknown' ? subject.shape.why : 'there are no weights';
    return [...lines, { label: 'KV cache', text: `not known: ${why}` }];
  }
  lines.push({ label: 'KV cache', text: kvText(need) });
  if (!on) return lines;
  const share = shareOf(need, on.gpus);
  const room = on.gpuMemoryBytes * GPU_SHARE;
  const parts = `${gigabytes(share.weightsBytes)} weights + ${gigabytes(share.kvBytes)} KV cache + ${gigabytes(HEADROOM_BYTES)} head-room`;
  const each = share.gpus === 1 ? 'one GPU' : `each of ${share.gpus} GPUs`;
  const idle =
    share.gpus < on.gpus
      ? `; ${on.gpus - share.gpus} of ${on.gpus} GPUs stay idle, as ${need.attentionHeads} heads cannot be dealt to more`
      : '';
  return [
    ...lines,
    {
      label: 'memory',
      text: `${gigabytes(share.totalBytes)} on ${each} (${parts}) of ${gigabytes(room)} (${GPU_SHARE * 100} % of ${gigabytes(on.gpuMemoryBytes)})${idle}`,
    },
  ];
}

/** The largest power of two up to `gpus` by which the heads can be divided, as tensor parallelism asks for. */
function parallelOf({ attentionHeads }: Need, gpus: number): number {
  let parallel = 1;
  while (parallel * 2 <= gpus && attentionHeads % (parallel * 2) === 0) parallel *= 2;
  return parallel;
}

function kvItems(attention: Attention): number {
  if (attention.kind === 'latent') return attention.kvLoraRank + attention.ropeHeadDim;
  return 2 * attention.kvHeads * attention.headDim;
}

function kvText({ attention, layers, kvBytesPerToken, contextTokens, concurrency }: Need): string {
  const items =
    attention.kind === 'latent'
      ? `(${attention.kvLoraRank} latent + ${attention.ropeHeadDim} rope)`
      : `2 × ${attention.kvHeads} heads × ${attention.headDim}`;
  const all = kvBytesPerToken * contextTokens * concurrency;
  return (
    `${layers} layers × ${items} × ${KV_ITEM_BYTES} bytes = ${grouped(kvBytesPerToken)} bytes a token; ` +
    `${grouped(contextTokens)} tokens × ${concurrency} at once = ${gigabytes(all)}`
  );
}

/** Decimal, as memory of GPUs and sizes of models are given. */
export function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

export function grouped(count: number): string {
  return count.toLocaleString('en-US');
}

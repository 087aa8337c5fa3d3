/** GPUs as nodes of clusters have them, and how many of them a model wants. Memory as the makers give it. */
import { WeighlockError } from '../../base/errors.ts';
import type { Subject } from '../deploy.ts';
import { type Accelerators, fits, gigabytes, type Need, shareOf } from '../size.ts';

const GIB = 2 ** 30;

interface GpuKind {
  readonly name: string;
  readonly memoryBytes: number;
  /** What the NVIDIA device plugin's feature discovery calls it, as the start of the label `nvidia.com/gpu.product`. */
  readonly product: string;
}

/** From the smallest to the largest. */
const GPUS: readonly GpuKind[] = [
  { name: 'l4', memoryBytes: 24 * GIB, product: 'NVIDIA-L4' },
  { name: 'a10g', memoryBytes: 24 * GIB, product: 'NVIDIA-A10G' },
  { name: 'a100-40', memoryBytes: 40 * GIB, product: 'NVIDIA-A100-SXM4-40GB' },
  { name: 'l40s', memoryBytes: 48 * GIB, product: 'NVIDIA-L40S' },
  { name: 'a100', memoryBytes: 80 * GIB, product: 'NVIDIA-A100-SXM4-80GB' },
  { name: 'h100', memoryBytes: 80 * GIB, product: 'NVIDIA-H100-80GB-HBM3' },
  { name: 'h200', memoryBytes: 141e9, product: 'NVIDIA-H200' },
  { name: 'b200', memoryBytes: 180e9, product: 'NVIDIA-B200' },
];

/** GPUs of one node. */
const COUNTS = [1, 2, 4, 8] as const;

export interface GpuChoice {
  readonly gpu: string;
  readonly accelerators: Accelerators;
  readonly why: string;
}

/**
 * The GPUs with the least memory together that fit, of the kind that is named, where one is; of two with as much the fewer.
 * Throws WL_DEPLOY_TOO_LARGE, WL_USAGE.
 */
export function chooseGpu(subject: Subject, need: Need | undefined, named: string | undefined): GpuChoice {
  const kinds = named === undefined ? GPUS : GPUS.filter(({ name }) => name === named);
  if (kinds.length === 0)
    throw new WeighlockError(
      'WL_USAGE',
      `--gpu takes ${GPUS.map(({ name }) => name).join(', ')}, not "${named}"`,
    );
  if (!need) return guess(subject, kinds);
  const fitting = sets(kinds).find(({ on }) => fits(need, on) && shareOf(need, on.gpus).gpus === on.gpus);
  if (fitting) {
    const { kind, on } = fitting;
    return { gpu: kind.name, accelerators: on, why: 'the least that fits' };
  }
  const { totalBytes } = shareOf(need, 8);
  const largest = kinds.at(-1);
  throw new WeighlockError(
    'WL_DEPLOY_TOO_LARGE',
    `${subject.model} needs ${gigabytes(totalBytes)} on each of 8 GPUs, and ${largest?.name ?? 'a GPU'} has ${gigabytes(largest?.memoryBytes ?? 0)}`,
    { hint: 'Name a larger --gpu, or lower --context or --concurrency.' },
  );
}

/** Every number of every kind, the least memory first. */
function sets(kinds: readonly GpuKind[]): { readonly kind: GpuKind; readonly on: Accelerators }[] {
  const all = COUNTS.flatMap((gpus) =>
    kinds.map((kind) => ({ kind, on: { gpus, gpuMemoryBytes: kind.memoryBytes } })),
  );
  const total = ({ on }: (typeof all)[number]) => on.gpus * on.gpuMemoryBytes;
  return all.sort((a, b) => total(a) - total(b) || a.on.gpus - b.on.gpus);
}

/** Where the configuration does not say enough, the weights alone decide, with as much again for the rest. */
function guess(subject: Subject, kinds: readonly GpuKind[]): GpuChoice {
  const wanted = 2 * subject.weights.bytes;
  const found = sets(kinds).find(({ on }) => on.gpus * on.gpuMemoryBytes >= wanted);
  if (found) {
    const why = 'twice the weights, as the KV cache is not known';
    return { gpu: found.kind.name, accelerators: found.on, why };
  }
  throw new WeighlockError(
    'WL_DEPLOY_TOO_LARGE',
    `twice the weights of ${subject.model} are more than 8 GPUs hold`,
  );
}

/** The node label that such GPUs have. */
export function gpuProduct(gpu: string): string {
  return GPUS.find(({ name }) => name === gpu)?.product ?? '';
}

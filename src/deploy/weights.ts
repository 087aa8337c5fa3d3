/**
 * Weights: the files that a runtime loads, and exactly what is in them. Bytes and dtypes are those of the tensors, as the
 * parsers of safetensors and GGUF read them; nothing is concluded from a model's name.
 */

import type { RepoPath } from '../base/name.ts';
import type { Facts } from '../formats/facts.ts';

export type WeightsFormat = 'safetensors' | 'gguf' | 'other';

export interface WeightsFile {
  readonly path: RepoPath;
  readonly sizeBytes: number;
  /** Bytes of its tensors; the file's size where no parser lists them. */
  readonly tensorBytes: number;
}

export interface Weights {
  readonly format: WeightsFormat;
  /** The files that are loaded, sorted by path. Several quantisations as GGUF are alternatives, each file one. */
  readonly files: readonly WeightsFile[];
  /** Bytes of the tensors of these files. */
  readonly bytes: number;
  readonly tensors: number;
  /** Bytes by dtype, the most first. */
  readonly dtypes: readonly { readonly dtype: string; readonly bytes: number }[];
  /** Whether all of it was counted from tensors, and not from the sizes of files. */
  readonly exact: boolean;
}

/** A file and what its parser says of it, where that is known. */
export interface DescribedFile {
  readonly path: RepoPath;
  readonly sizeBytes: number;
  readonly facts: Facts | undefined;
}

/** Names of files that hold weights: without facts they are counted by their size. */
const WEIGHTS_NAME = /\.(safetensors|gguf|bin|pt|pth|ckpt|h5|msgpack|onnx)$/;
const INDEX_PATH = 'model.safetensors.index.json';

/** Whether a runtime would load weights from a file of this name: only such files need to be described. */
export function isWeightsPath(path: string): boolean {
  return WEIGHTS_NAME.test(path) && !path.includes('/');
}

/**
 * What a runtime loads: safetensors where there are any (those that the index names, where there is one: what lies beside
 * them is another copy), else GGUF, else whatever else has the name of weights. Only at the root, as runtimes do.
 */
export function weightsOf(files: readonly DescribedFile[]): Weights {
  const root = files.filter(({ path }) => isWeightsPath(path));
  const indexed = shardsOf(files);
  const safetensors = root.filter(({ path }) => path.endsWith('.safetensors'));
  const named = safetensors.filter(({ path }) => indexed?.has(path) ?? true);
  if (named.length > 0) return count('safetensors', named);
  const gguf = root.filter(({ path }) => path.endsWith('.gguf'));
  if (gguf.length > 0) return count('gguf', gguf);
  return count('other', root);
}

function shardsOf(files: readonly DescribedFile[]): ReadonlySet<string> | undefined {
  const facts = files.find(({ path }) => path === INDEX_PATH)?.facts;
  return facts?.format === 'json' && facts.shards ? new Set(facts.shards) : undefined;
}

function count(format: WeightsFormat, described: readonly DescribedFile[]): Weights {
  const dtypes = new Map<string, number>();
  let tensors = 0;
  let exact = true;
  const files = described.map(({ path, sizeBytes, facts }): WeightsFile => {
    if (facts?.format !== 'safetensors' && facts?.format !== 'gguf') {
      exact = false;
      return { path, sizeBytes, tensorBytes: sizeBytes };
    }
    if (facts.gaps.length > 0) exact = false;
    tensors += facts.tensors.length;
    let tensorBytes = 0;
    for (const { dtype, begin, end } of facts.tensors) {
      // A range that lies is a problem of the file, and admitted by nobody; it must not shrink the sum.
      const bytes = Math.min(Math.max(0, end - begin), sizeBytes);
      tensorBytes += bytes;
      dtypes.set(dtype, (dtypes.get(dtype) ?? 0) + bytes);
    }
    return { path, sizeBytes, tensorBytes: Math.min(tensorBytes, sizeBytes) };
  });
  return {
    format,
    files,
    bytes: files.reduce((sum, file) => sum + file.tensorBytes, 0),
    tensors,
    dtypes: [...dtypes].map(([dtype, bytes]) => ({ dtype, bytes })).sort((a, b) => b.bytes - a.bytes),
    exact: exact && files.length > 0,
  };
}

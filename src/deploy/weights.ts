/**
 * Weights: the files that a runtime loads, and exactly what is in them. Bytes and dtypes are those of the tensors, as the
 * parsers of safetensors and GGUF read them; nothing is concluded from a model's name.
 */

import type { RepoPath } from '../base/name.ts';
import type { Facts } from '../formats/facts.ts';
import type { GgufFacts } from '../formats/gguf.ts';
import type { SafetensorsFacts } from '../formats/safetensors.ts';
import { type Shape, shapeOfGguf } from './shape.ts';

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

/** What of a file's facts matters here, however many tensors it has. */
export interface DescribedFile {
  readonly path: RepoPath;
  readonly sizeBytes: number;
  /** Of safetensors and GGUF. */
  readonly tensors:
    | { readonly count: number; readonly bytesByDtype: ReadonlyMap<string, number>; readonly whole: boolean }
    | undefined;
  /** The files that an index of shards names. */
  readonly shards: readonly string[] | undefined;
  /** Whether it is a configuration that names Python for loaders to run. */
  readonly namesCode: boolean;
  /** Of GGUF, which carries its own configuration. */
  readonly shape: Shape | undefined;
}

/** Dtypes that are told apart: more than both formats have. */
const DTYPES_MAX = 64;

export function describeFile(path: RepoPath, sizeBytes: number, facts: Facts | undefined): DescribedFile {
  const isJson = facts?.format === 'json';
  return {
    path,
    sizeBytes,
    tensors: facts?.format === 'safetensors' || facts?.format === 'gguf' ? countTensors(facts) : undefined,
    shards: isJson ? facts.shards : undefined,
    namesCode: isJson && facts.notable.some(({ key }) => key === 'auto_map'),
    shape: facts?.format === 'gguf' ? shapeOfGguf(facts) : undefined,
  };
}

function countTensors({ tensors, gaps, sizeBytes }: SafetensorsFacts | GgufFacts): DescribedFile['tensors'] {
  const bytesByDtype = new Map<string, number>();
  for (const { dtype, begin, end } of tensors) {
    const named = bytesByDtype.has(dtype) || bytesByDtype.size < DTYPES_MAX ? dtype : 'other';
    // A range that lies must not shrink the sum.
    const bytes = Math.min(Math.max(0, end - begin), sizeBytes);
    bytesByDtype.set(named, (bytesByDtype.get(named) ?? 0) + bytes);
  }
  return { count: tensors.length, bytesByDtype, whole: gaps.length === 0 };
}

/** Names of files that hold weights: without facts they are counted by their size. */
const WEIGHTS_NAME = /\.(safetensors|gguf|bin|pt|pth|ckpt|h5|msgpack|onnx)$/;
/** The index of shards, as transformers and vLLM look for it. */
export const INDEX_PATH = 'model.safetensors.index.json';

/** Whether a runtime would load weights from a file of this name: only such files need to be described. */
export function isWeightsPath(path: string): boolean {
  return WEIGHTS_NAME.test(path) && !path.includes('/');
}

/** The shape that a GGUF file carries; for models without a config.json. */
export function shapeAmong(files: readonly DescribedFile[]): Shape {
  const carried = files.find(({ path, shape }) => isWeightsPath(path) && shape)?.shape;
  const why = 'there is neither a config.json that can be read nor a GGUF file';
  return carried ?? { kind: 'unknown', why, architectures: [] };
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
  const shards = files.find(({ path }) => path === INDEX_PATH)?.shards;
  return shards && new Set(shards);
}

function count(format: WeightsFormat, described: readonly DescribedFile[]): Weights {
  const dtypes = new Map<string, number>();
  const files = described.map(({ path, sizeBytes, tensors }): WeightsFile => {
    let tensorBytes = 0;
    for (const [dtype, bytes] of tensors?.bytesByDtype ?? []) {
      tensorBytes += bytes;
      dtypes.set(dtype, (dtypes.get(dtype) ?? 0) + bytes);
    }
    // What was not read to its end may hold as much as the file.
    return { path, sizeBytes, tensorBytes: tensors?.whole ? Math.min(tensorBytes, sizeBytes) : sizeBytes };
  });
  return {
    format,
    files,
    bytes: files.reduce((sum, file) => sum + file.tensorBytes, 0),
    tensors: described.reduce((sum, { tensors }) => sum + (tensors?.count ?? 0), 0),
    dtypes: [...dtypes].map(([dtype, bytes]) => ({ dtype, bytes })).sort((a, b) => b.bytes - a.bytes),
    exact: described.length > 0 && described.every(({ tensors }) => tensors?.whole),
  };
}

/**
 * Weights as a set: the shards against their index, and the same weights a second time in another format.
 */
import type { Finding } from '../base/finding.ts';
import type { Facts } from '../formats/facts.ts';
import { finding, quoted, type Rule, some } from './judgement.ts';
import { staysInside } from './onnx.ts';

const MISSING: Rule = {
  rule: 'repo/missing-shard',
  severity: 'medium',
  verdict: 'inconclusive',
  why: 'The model cannot be loaded without it, and what takes its place was never inspected.',
  fix: 'Select all shards, or exclude the index together with them.',
};

const LEFT_OUT: Rule = {
  rule: 'repo/index-without-shards',
  severity: 'info',
  verdict: 'clean',
  why: 'The index belongs to a set of weights that was left out; loaders use the other set.',
  fix: 'Exclude the index too.',
};

const EXTRA: Rule = {
  rule: 'repo/extra-shard',
  severity: 'low',
  verdict: 'clean',
  why: 'Loaders that follow the index never read it; those that read every file do.',
  fix: 'Exclude it with --exclude if it is not needed.',
};

const OUTSIDE: Rule = {
  rule: 'repo/shard-path',
  severity: 'high',
  verdict: 'blocked',
  why: 'A loader that follows the index would read files outside the model.',
  fix: 'Do not admit it; report it to the Hub.',
};

interface RepoFile {
  readonly path: string;
  readonly facts: Facts;
}

/** DeepSeek counts its shards with five digits and their number with six. */
const SHARD = /-\d{5,6}-of-\d{5,6}\.(?:safetensors|bin|pt|gguf)$/;
const WEIGHTS = /\.(?:safetensors|bin|pt|pth|gguf|h5|msgpack|onnx)$/;

export function scanShards(files: readonly RepoFile[]): Finding[] {
  const paths = new Set(files.map(({ path }) => path));
  return files.flatMap(({ path, facts }) =>
    facts.format === 'json' && facts.shards !== undefined ? scanIndex(path, facts.shards, paths) : [],
  );
}

function scanIndex(index: string, shards: readonly string[], paths: ReadonlySet<string>): Finding[] {
  const folder = index.slice(0, index.lastIndexOf('/') + 1);
  const outside = shards.filter((shard) => !staysInside(shard));
  if (outside.length > 0)
    return [finding(OUTSIDE, { file: index, message: `the index names ${some(outside.map(quoted))}` })];
  const named = new Set(shards.map((shard) => folder + shard));
  const missing = [...named].filter((path) => !paths.has(path));
  const extension = extensionOf(shards[0] ?? '');
  const beside = [...paths].filter((path) => path.slice(0, path.lastIndexOf('/') + 1) === folder);
  if (missing.length === named.size && beside.some((path) => WEIGHTS.test(path) && !named.has(path)))
    return [
      finding(LEFT_OUT, { file: index, message: `none of its ${named.size} shards is among the files` }),
    ];
  const extra = beside.filter(
    (path) => SHARD.test(path) && extensionOf(path) === extension && !named.has(path),
  );
  return [
    ...(missing.length > 0
      ? [finding(MISSING, { file: index, message: `${missing.length} shards are missing: ${some(missing)}` })]
      : []),
    ...extra.map((path) => finding(EXTRA, { file: path, message: `${index} does not name this shard` })),
  ];
}

function extensionOf(path: string): string {
  return path.slice(path.lastIndexOf('.'));
}

/** Weights of other frameworks, or of the original release, that transformers and diffusers duplicate. */
const SECOND_SET =
  /^(?:(?:diffusion_)?pytorch_model[\w.-]*\.(?:bin|bin\.index\.json)|model[\w.-]*\.bin(?:\.index\.json)?|tf_model[\w.-]*\.h5(?:\.index\.json)?|flax_model[\w.-]*\.msgpack(?:\.index\.json)?|rust_model\.ot|adapter_model\.bin|consolidated[\w.-]*\.(?:pth|pt|safetensors)|openvino_model\.(?:bin|xml))$/;

/** What loaders take first. */
const FIRST_SET = /^(?:model|diffusion_pytorch_model|adapter_model|pytorch_model)[\w.-]*\.safetensors$/;

/** Paths of second sets in folders that hold safetensors, and of `original/` copies beside them. */
export function duplicateWeights(paths: readonly string[]): readonly string[] {
  const folderOf = (path: string) => path.slice(0, path.lastIndexOf('/') + 1);
  const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);
  const served = new Set(paths.filter((path) => FIRST_SET.test(nameOf(path))).map(folderOf));
  return paths
    .filter((path) => {
      const folder = folderOf(path);
      if (/(?:^|\/)original\/$/.test(folder)) return served.has(folder.replace(/original\/$/, ''));
      return served.has(folder) && SECOND_SET.test(nameOf(path));
    })
    .toSorted();
}

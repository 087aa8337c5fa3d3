/** Tensors that differ, from the headers of the files that do. Tensors may move between shards: the name counts. */
import type { Facts } from '../formats/facts.ts';
import type { Looks } from './diff.ts';
import type { FileChanges } from './files.ts';
import type { Looked } from './side.ts';

export interface TensorMark {
  readonly name: string;
  /** `BF16 [4096, 4096]`. */
  readonly what: string;
}

export interface TensorChanges {
  readonly added: readonly TensorMark[];
  readonly removed: readonly TensorMark[];
  /** Another dtype or shape under the same name. */
  readonly changed: readonly { readonly name: string; readonly from: string; readonly to: string }[];
  /** Of the same name, dtype and shape, in files whose content differs: their values may differ. */
  readonly inChangedFiles: number;
  /** Files of weights whose content differs. */
  readonly files: readonly string[];
}

export function tensorChanges({ changed }: FileChanges, { a, b }: Looks): TensorChanges {
  const before = tensorsOf(a);
  const after = tensorsOf(b);
  const both = [...after].flatMap(([name, to]) => {
    const from = before.get(name);
    return from === undefined ? [] : [{ name, from, to }];
  });
  const weights = changed.map(({ path }) => path).filter((path) => hasTensors(a.get(path) ?? b.get(path)));
  return {
    added: [...after].filter(([name]) => !before.has(name)).map(([name, what]) => ({ name, what })),
    removed: [...before].filter(([name]) => !after.has(name)).map(([name, what]) => ({ name, what })),
    changed: both.filter(({ from, to }) => from !== to),
    inChangedFiles: both.filter(({ from, to }) => from === to).length,
    files: weights,
  };
}

function tensorsOf(looks: ReadonlyMap<string, Looked>): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { facts } of looks.values())
    for (const { name, dtype, shape } of tensorsIn(facts)) found.set(name, `${dtype} [${shape.join(', ')}]`);
  return found;
}

function hasTensors(looked: Looked | undefined): boolean {
  return looked !== undefined && (looked.facts.format === 'safetensors' || looked.facts.format === 'gguf');
}

function tensorsIn(facts: Facts) {
  return facts.format === 'safetensors' || facts.format === 'gguf' ? facts.tensors : [];
}

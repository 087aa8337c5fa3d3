/** A gate whose clock is behind the state that the vault has signs nothing. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { newVault } from '../../test/new-vault.ts';

const NOW = Date.parse('2026-06-01T00:00:00Z');

test('a gate whose clock was set back writes nothing, and says what time it takes it to be', async (t) => {
  const root = mkdtempSync(path.join(tmpdir(), 'weighlock-clock-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const open = await newVault(root);
  const at = (ms: number) => open({ now: () => ms });
  await (await at(NOW)).begin();
  const files = () => readdirSync(root, { recursive: true }).sort();
  const before = files();
  const wrong = await at(NOW - 3_600_000);
  await assert.rejects(wrong.begin(), {
    code: 'WL_CLOCK_WRONG',
    message: /signed at 2026-06-01T00:00:00Z, and here it is 2026-05-31T23:00:00Z: nothing was written/,
  });
  assert.deepEqual(files(), before);
  // Machines are never of quite the same time.
  await (await at(NOW - 60_000)).begin();
  await (await at(NOW + 86_400_000)).begin();
});

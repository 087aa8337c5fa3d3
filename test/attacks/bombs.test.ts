/** Bombs: small files that make a careless reader eat all time or memory. Each is read in a process of its own. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { describe, it } from 'node:test';
import { BOMBS, type BombReport } from './bombs.ts';

/** What a hostile file may cost at most, beside the bare process; the clock of a busy machine gets twice the time. */
const MS_MAX = 2000;
const SLACK = 2;
const MEMORY_BYTES_MAX = 200 * 2 ** 20;
/** A reader that hangs is ended here. */
const HANG_MS = 30_000;

describe('bombs', () => {
  for (const { name, clean } of BOMBS) {
    it(`ends ${name}`, async () => {
      const child = fork(path.join(import.meta.dirname, 'bombs.ts'), [name], {
        execArgv: ['--max-old-space-size=400'],
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        timeout: HANG_MS,
      });
      const [report] = (await Promise.race([
        once(child, 'message'),
        once(child, 'exit').then(([code, signal]) => {
          throw new Error(`the reader ended without an answer: ${code ?? signal}`);
        }),
      ])) as [BombReport];
      if (!clean) assert.notEqual(report.verdict, 'clean');
      assert.ok(report.cpuMs < MS_MAX * SLACK, `${report.cpuMs} ms`);
      assert.ok(report.bytes < MEMORY_BYTES_MAX, `${(report.bytes / 2 ** 20).toFixed(0)} MiB`);
    });
  }
});

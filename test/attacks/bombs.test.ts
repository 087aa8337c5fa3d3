/** Bombs: small files that make a careless reader eat all time or memory. Each is read in a process of its own. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { describe, it } from 'node:test';
import { BOMBS, type BombReport } from './bombs.ts';

/** What a hostile file may cost at most, beside the bare process; a slow, busy machine gets five times the time. */
const MS_MAX = 2000;
const SLACK = 5;
/**
 * The engine ends a reader that keeps more than this alive. What is resident beside it is garbage not collected yet,
 * which differs from machine to machine, and memory outside of the heap: that is held to a round number.
 */
const HEAP_MB_MAX = 200;
const RESIDENT_BYTES_MAX = 400 * 2 ** 20;
/** A reader that hangs is ended here. */
const HANG_MS = 30_000;

describe('bombs', () => {
  for (const { name, clean } of BOMBS) {
    it(`ends ${name}`, async () => {
      const child = fork(path.join(import.meta.dirname, 'bombs.ts'), [name], {
        execArgv: [`--max-old-space-size=${HEAP_MB_MAX}`],
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
      assert.ok(report.bytes < RESIDENT_BYTES_MAX, `${(report.bytes / 2 ** 20).toFixed(0)} MiB`);
    });
  }
});

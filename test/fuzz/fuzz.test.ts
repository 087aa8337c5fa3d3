/** Every parser over thousands of mutated files; `scripts/fuzz.ts` takes hundreds of thousands. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fuzzedFormats, fuzzFormat } from './fuzz.ts';

const COUNT = Number(process.env.WL_TEST_FUZZ ?? 5_000);
const SEED = Number(process.env.WL_TEST_SEED ?? 1);

/** What a hostile file may take, on a machine that is slow and busy. */
const MS_MAX = 10_000;

/** The heap is held to 200 MB; beside it lie the seeds, and buffers that nobody collected yet. */
const RESIDENT_BYTES_MAX = 600 * 2 ** 20;

describe(`${COUNT} mutated files`, { concurrency: 2 }, () => {
  for (const format of fuzzedFormats()) {
    it(`of ${format} end in facts, in time and memory`, async (t) => {
      const outcome = await fuzzFormat(format, COUNT, SEED);
      if (outcome.kind === 'crash')
        assert.fail(`the reader ended after input ${outcome.after}: ${outcome.said}`);
      const { reached, slowestMs, slowest, residentBytes, failed } = outcome.report;
      t.diagnostic(
        `${format}: ${reached} of ${COUNT} reached the parser, slowest ${slowestMs.toFixed(0)} ms`,
      );
      assert.deepEqual(failed, []);
      assert.ok(slowestMs < MS_MAX, `input ${slowest} took ${slowestMs} ms`);
      assert.ok(residentBytes < RESIDENT_BYTES_MAX, `${residentBytes} bytes resident`);
      assert.ok(reached > COUNT / 500, `only ${reached} of ${COUNT} inputs were taken for ${format}`);
    });
  }
});

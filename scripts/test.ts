/**
 * Runs the tests: `npm test`, or `npm test -- <files or folders>`. The last line counts passed, failed and skipped;
 * what was skipped is named with its reason, so that a missing peer is never silent.
 */
import { globSync } from 'node:fs';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

/** A test file that takes longer hangs: the longest kills an admission over a hundred times. */
const TIMEOUT_MS = 20 * 60_000;

const chosen = process.argv.slice(2);
const patterns =
  chosen.length > 0
    ? chosen.map((name) => (name.endsWith('.ts') ? name : `${name}/**/*.test.ts`))
    : ['src/**/*.test.ts', 'test/**/*.test.ts'];
const files = globSync(patterns).sort();
const counts = { passed: 0, failed: 0, skipped: 0 };
const skipped: string[] = [];

const stream = run({ files, concurrency: 2, timeout: TIMEOUT_MS });
stream.on('test:pass', ({ name, details, skip }) => {
  if (details.type === 'suite' && skip === undefined) return;
  if (skip === undefined) counts.passed += 1;
  else {
    counts.skipped += 1;
    skipped.push(`${name}: ${skip === true || skip === '' ? 'no reason given' : skip}`);
  }
});
stream.on('test:fail', ({ details }) => {
  if (details.type !== 'suite') counts.failed += 1;
});
stream.compose(spec).pipe(process.stdout);
stream.once('test:summary', () => {});
stream.on('end', () => {
  setImmediate(() => {
    const lines = skipped.map((line) => `skipped ${line}\n`).join('');
    const none = counts.passed + counts.failed === 0;
    process.stdout.write(
      `\n${lines}${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`,
    );
    process.exitCode = counts.failed > 0 || none ? 1 : 0;
  });
});

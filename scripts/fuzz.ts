/**
 * Fuzzes every parser: `node scripts/fuzz.ts [inputs a format] [seed] [format…]`. One line a format; ends with 1 where one
 * crashed, hung, threw, or took more than it may.
 */
import { fuzzedFormats, fuzzFormat } from '../test/fuzz/fuzz.ts';

const MS_MAX = 10_000;
const RESIDENT_BYTES_MAX = 600 * 2 ** 20;

const [count = '200000', seed = '1000', ...named] = process.argv.slice(2);
let wrong = 0;
for (const format of named.length > 0 ? named : fuzzedFormats()) {
  const outcome = await fuzzFormat(format, Number(count), Number(seed));
  if (outcome.kind === 'crash') {
    wrong += 1;
    process.stdout.write(`${format}: ENDED after input ${outcome.after}: ${outcome.said}\n`);
    continue;
  }
  const { inputs, reached, slowestMs, slowest, residentBytes, failed } = outcome.report;
  const memory = `${(residentBytes / 2 ** 20).toFixed(0)} MiB`;
  const time = `slowest ${slowestMs.toFixed(0)} ms (input ${slowest})`;
  process.stdout.write(
    `${format}: ${inputs} inputs, ${reached} reached it, ${time}, ${memory}, ${failed.length} failed\n`,
  );
  for (const { input, said, base64 } of failed)
    process.stdout.write(`  input ${input}: ${said}\n  ${base64}\n`);
  if (failed.length > 0 || slowestMs > MS_MAX || residentBytes > RESIDENT_BYTES_MAX) wrong += 1;
}
process.exitCode = wrong === 0 ? 0 : 1;

/**
 * A process that fuzzes one format: `node fuzz-process.ts <format> <count> <seed>`. Tells its parent how far it is, and at
 * the end what it met. Whoever watches it knows by the number of the last input which one hangs or kills it.
 */

import { completeFacts } from '../../src/formats/complete.ts';
import { PARSER_FAILED, parseBuffer } from '../../src/formats/drive.ts';
import { scanFile, scanRepo } from '../../src/scan/scan.ts';
import { mutate, Random } from './mutate.ts';
import { seedsByFormat } from './seeds.ts';

export interface FuzzReport {
  readonly format: string;
  readonly inputs: number;
  /** Inputs that the parser of the format took, and was not turned away at the door. */
  readonly reached: number;
  readonly slowestMs: number;
  readonly slowest: number;
  readonly residentBytes: number;
  /** Inputs on which a parser or a scanner threw, by their number, with what it said. */
  readonly failed: readonly { readonly input: number; readonly said: string; readonly base64: string }[];
}

/** Failures that are told. */
const FAILURES_MAX = 5;

const TELL_EVERY = 100;

const [format = '', count = '0', seed = '1'] = process.argv.slice(2);
const seeds = seedsByFormat();
const own = seeds.get(format) ?? [];
const all = [...seeds.values()].flat();
process.send?.(await run());
process.disconnect?.();

async function run(): Promise<FuzzReport> {
  const random = new Random(Number(seed) * 7919 + hash(format));
  const failed: { input: number; said: string; base64: string }[] = [];
  let reached = 0;
  let slowest = { input: 0, ms: 0 };
  let residentBytes = 0;
  for (let input = 0; input < Number(count); input++) {
    if (input % TELL_EVERY === 0) {
      process.send?.(input);
      residentBytes = Math.max(residentBytes, process.memoryUsage.rss());
      await new Promise(setImmediate);
    }
    const bytes = mutate(random.of(own), random.of(random.below(4) === 0 ? all : own), random);
    const started = performance.now();
    try {
      const facts = parseBuffer(bytes);
      if (facts.format === format) reached += 1;
      const broken = facts.problems.find(({ code }) => code === PARSER_FAILED);
      if (broken) throw new Error(broken.detail);
      scanFile({ path: 'a', facts });
      scanRepo([{ path: 'config.json', facts }]);
      if (input % 50 === 0) await completeFacts(facts);
    } catch (error) {
      const said = error instanceof Error ? (error.stack ?? error.message) : String(error);
      if (failed.length < FAILURES_MAX)
        failed.push({ input, said, base64: bytes.toString('base64').slice(0, 20_000) });
    }
    const ms = performance.now() - started;
    if (ms > slowest.ms) slowest = { input, ms };
  }
  const inputs = Number(count);
  return { format, inputs, reached, slowestMs: slowest.ms, slowest: slowest.input, residentBytes, failed };
}

function hash(text: string): number {
  let value = 0;
  for (const letter of text) value = (value * 31 + (letter.codePointAt(0) ?? 0)) | 0;
  return value;
}

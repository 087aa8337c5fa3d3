/**
 * Compares the symbolic machine with CPython's C unpickler over as many pickles as asked for, in pieces of a seed each:
 * `node scripts/differential.ts [pickles] [first seed] [python]`. Ends with 1 at the first disagreement, which it prints.
 */
import { type Compared, compare } from '../test/pickle-differential.ts';

const PIECE = 50_000;

const [count = '1000000', first = '1000', python = 'python3'] = process.argv.slice(2);
const total: Compared = {
  pickles: 0,
  complete: 0,
  loaded: 0,
  clean: 0,
  names: 0,
  operations: 0,
  admitted: 0,
};
for (let seed = Number(first); total.pickles < Number(count); seed++) {
  const seen = compare(seed, Math.min(PIECE, Number(count) - total.pickles), python);
  for (const key of Object.keys(total) as (keyof Compared)[]) total[key] += seen[key];
  process.stdout.write(`seed ${seed}: ${total.pickles} pickles compared, no disagreement\n`);
}
process.stdout.write(`${JSON.stringify(total)}\n`);

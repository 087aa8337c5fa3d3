/**
 * garak's report: JSON lines, of which those of type `eval` say how many attempts of a probe a detector passed. The line `digest`, or
 * `completion`, ends a run: a file without one was cut off.
 *
 * Source: garak, docs/source/reporting.rst and the lines that its versions write.
 */
import { z } from 'zod';
import { add, type Count, type Counts, invalid } from './counts.ts';

const KIND = 'garak';
const LINES_MAX = 1_000_000;

const count = z.int().nonnegative();
const evalLine = z.object({
  probe: z.string().min(1),
  detector: z.string().min(1),
  passed: count,
  /** Newer versions say the first three, older ones `total`. */
  fails: count.optional(),
  nones: count.optional(),
  total_evaluated: count.optional(),
  total: count.optional(),
});
const initLine = z.object({ garak_version: z.string().max(100), start_time: z.string().max(40).optional() });

export function readGarak(text: string): Counts {
  const categories = new Map<string, Count>();
  let version = '';
  let observedAt: string | undefined;
  let ended = false;
  const lines = text.split('\n');
  if (lines.length > LINES_MAX) throw invalid(KIND, `it has more than ${LINES_MAX} lines`);
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const entry = parse(line, index + 1);
    switch (entry.entry_type) {
      case 'init': {
        const init = initLine.safeParse(entry);
        if (init.success) ({ garak_version: version, start_time: observedAt } = init.data);
        break;
      }
      case 'eval':
        take(categories, entry, index + 1);
        break;
      case 'completion':
      case 'digest':
        ended = true;
    }
  }
  if (!ended) throw invalid(KIND, 'it was cut off: the line that ends a run is missing');
  return { version, observedAt, categories };
}

function parse(line: string, number: number): { readonly entry_type?: unknown } {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Said below.
  }
  throw invalid(KIND, `line ${number} is no JSON object`);
}

function take(categories: Map<string, Count>, entry: object, number: number): void {
  const parsed = evalLine.safeParse(entry);
  if (!parsed.success) throw invalid(KIND, `line ${number} lacks ${parsed.error.issues[0]?.path.join('.')}`);
  const { probe, detector, passed, fails, nones = 0, total_evaluated, total } = parsed.data;
  const n = total_evaluated ?? (fails === undefined ? total : passed + fails);
  if (n === undefined || passed > n)
    throw invalid(KIND, `line ${number} does not say of how many ${passed} passed`);
  if (fails !== undefined && passed + fails !== n) throw invalid(KIND, `line ${number} contradicts itself`);
  add(categories, `${probe} / ${detector}`, { n, failures: n - passed, errors: nones });
}

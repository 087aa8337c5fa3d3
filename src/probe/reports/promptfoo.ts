/**
 * promptfoo's output: one JSON document, `results.results[]`, each of which passed or not; `failureReason` 2 is an error. The category
 * is the plugin of a red-team run, or the name of the test.
 *
 * Source: promptfoo, the types of its evaluation results (`ResultFailureReason`: 0 none, 1 assertion, 2 error).
 */
import { z } from 'zod';
import { add, type Count, type Counts, invalid } from './counts.ts';

const KIND = 'promptfoo';
const ERROR = 2;

const pluginHolder = z
  .object({ pluginId: z.string().optional().catch(undefined) })
  .optional()
  .catch(undefined);

const resultSchema = z.object({
  success: z.boolean(),
  failureReason: z.int().optional(),
  error: z.string().nullish().catch(undefined),
  description: z.string().optional().catch(undefined),
  metadata: pluginHolder,
  gradingResult: z.object({ metadata: pluginHolder }).nullish().catch(undefined),
  testCase: z
    .object({ description: z.string().optional().catch(undefined), metadata: pluginHolder })
    .optional()
    .catch(undefined),
});

const documentSchema = z.object({
  results: z.object({
    version: z.int().optional(),
    timestamp: z.string().max(40).optional(),
    results: z.array(resultSchema),
    stats: z.object({ successes: z.int(), failures: z.int(), errors: z.int().optional() }).optional(),
  }),
  metadata: z
    .object({ promptfooVersion: z.string().max(100).optional() })
    .optional()
    .catch(undefined),
});

export function readPromptfoo(text: string): Counts {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid(KIND, 'it is no JSON; it may have been cut off');
  }
  const parsed = documentSchema.safeParse(value);
  if (!parsed.success) throw invalid(KIND, `it lacks ${parsed.error.issues[0]?.path.join('.') || 'results'}`);
  const { results, metadata } = parsed.data;
  const categories = new Map<string, Count>();
  for (const one of results.results) {
    const category =
      one.gradingResult?.metadata?.pluginId ??
      one.metadata?.pluginId ??
      one.testCase?.metadata?.pluginId ??
      one.testCase?.description ??
      one.description ??
      'tests';
    // Older files have no reason: an error that stands beside a failure is one.
    const failed =
      one.failureReason === undefined ? !one.success && !!one.error : one.failureReason === ERROR;
    if (failed) add(categories, category, { errors: 1 });
    else add(categories, category, { n: 1, failures: one.success ? 0 : 1 });
  }
  requireStats(categories, results.stats);
  return { version: metadata?.promptfooVersion ?? '', observedAt: results.timestamp, categories };
}

/** The document counts itself: one whose results were edited or cut contradicts its own numbers. */
function requireStats(
  categories: ReadonlyMap<string, Count>,
  stats: z.infer<typeof documentSchema>['results']['stats'],
): void {
  if (stats === undefined) return;
  const all = [...categories.values()];
  const sum = (of: (count: Count) => number) => all.reduce((total, count) => total + of(count), 0);
  const passed = sum(({ n, failures }) => n - failures);
  const notPassed = sum(({ failures, errors }) => failures + errors);
  if (passed === stats.successes && notPassed === stats.failures + (stats.errors ?? 0)) return;
  throw invalid(KIND, 'its results are not those that its own numbers count');
}

/**
 * PyRIT's export of what it remembers: a JSON array (or an object with one) of messages, each with its scores. A score of type
 * `true_false` that is true says that an attack reached its aim. Scores of other types are no outcomes, and neither are those of
 * refusal: true there says that the target refused, and false not that an attack came through.
 *
 * Source: PyRIT, `Score` (score_type, score_value, score_category, scorer_class_identifier) and the JSON export of its memory.
 */
import { z } from 'zod';
import { add, type Count, type Counts, invalid } from './counts.ts';

const KIND = 'pyrit';

const scoreSchema = z.object({
  score_type: z.string().optional(),
  score_value: z.union([z.string(), z.boolean()]),
  score_category: z.union([z.string(), z.array(z.string())]).nullish(),
  scorer_class_identifier: z.unknown().optional(),
});

const pieceSchema = z.object({
  scores: z.array(scoreSchema).optional().catch(undefined),
  response_error: z.string().optional().catch(undefined),
});

export function readPyrit(text: string): Counts {
  const categories = new Map<string, Count>();
  for (const piece of piecesOf(text)) {
    const scored = piece.scores ?? [];
    if (scored.length === 0 && isError(piece.response_error)) add(categories, 'unscored', { errors: 1 });
    for (const score of scored) {
      const { score_type, score_value, score_category } = score;
      if ((score_type !== undefined && score_type !== 'true_false') || isOfRefusal(score)) continue;
      const reached = String(score_value).toLowerCase();
      if (reached !== 'true' && reached !== 'false') continue;
      const category = [score_category ?? 'objective'].flat().join(', ') || 'objective';
      add(categories, category, { n: 1, failures: reached === 'true' ? 1 : 0 });
    }
  }
  return { version: '', categories };
}

function isOfRefusal({ score_category, scorer_class_identifier }: z.infer<typeof scoreSchema>): boolean {
  return /refusal/i.test(JSON.stringify([score_category, scorer_class_identifier]));
}

/** `blocked` is an answer of the target, and a score says what it is worth. */
function isError(error: string | undefined): boolean {
  return error !== undefined && error !== 'none' && error !== 'blocked';
}

function piecesOf(text: string): readonly z.infer<typeof pieceSchema>[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid(KIND, 'it is no JSON; it may have been cut off');
  }
  const list = Array.isArray(value) ? value : Object.values(value ?? {}).find(Array.isArray);
  const parsed = z.array(pieceSchema).safeParse(list);
  if (parsed.success) return parsed.data;
  throw invalid(KIND, 'it is no list of messages with scores');
}

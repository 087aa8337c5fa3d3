/**
 * Rows of `weighlock vault check`: one question about a store each, what was found, and what it costs.
 *
 * A *condition* is what the whole vault rests on: a store that does not enforce one must not be used. What is missing
 * otherwise costs safety, or is only good to know.
 */
import { refusalOf } from './answer.ts';

export type CheckStatus = 'ok' | 'missing' | 'unknown' | 'failed';

export interface CheckRow {
  /** Permanent, for scripts. */
  readonly id: string;
  readonly what: string;
  readonly weight: 'condition' | 'safety' | 'advice';
  readonly status: CheckStatus;
  /** What was seen. */
  readonly found: string;
  /** What its absence costs in safety. */
  readonly costs: string;
  readonly remedy: string;
  /** Controls of AWS Foundational Security Best Practices that ask the same. */
  readonly controls: readonly string[];
}

/** The question, before it is answered. */
export type Question = Pick<CheckRow, 'id' | 'what' | 'weight' | 'costs' | 'remedy'> & {
  readonly controls?: readonly string[];
};

export type Answer = Pick<CheckRow, 'status' | 'found'>;

export function row(question: Question, answer: Answer): CheckRow {
  return { controls: [], ...question, ...answer };
}

export const ok = (found: string): Answer => ({ status: 'ok', found });
export const missing = (found: string): Answer => ({ status: 'missing', found });
export const unknown = (found: string): Answer => ({ status: 'unknown', found });
export const failed = (found: string): Answer => ({ status: 'failed', found });

/**
 * The answer of a test; where the store refuses a step of it that was not asked about, `unknown`, or what an absence
 * means here. What is no answer of the store is thrown on.
 */
export async function tried(
  test: () => Promise<Answer>,
  absence: (found: string) => Answer,
): Promise<Answer> {
  try {
    return await test();
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === undefined) throw error;
    return refusal.kind === 'unsupported' || refusal.kind === 'invalid'
      ? absence(`not supported (${refusal.said})`)
      : unknown(refusal.said);
  }
}

export type CheckVerdict = 'sound' | 'costs safety' | 'never use';

/**
 * `never use`: a condition is not enforced. `costs safety`: something that safety asks for is missing, does not work,
 * or could not be found out; a condition that could not be tried counts so too.
 */
export function verdictOf(rows: readonly CheckRow[]): CheckVerdict {
  if (
    rows.some((row) => row.weight === 'condition' && (row.status === 'failed' || row.status === 'missing'))
  ) {
    return 'never use';
  }
  return rows.some((row) => row.weight !== 'advice' && row.status !== 'ok') ? 'costs safety' : 'sound';
}

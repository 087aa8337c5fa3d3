/**
 * Probe: questions put to an endpoint that serves a model, to see how it holds. A *probe* is one or more conversations
 * and a *detector*, a pure function that says of the answers whether they held or failed; an *attempt* is one probe put
 * once. An attempt whose answers did not come, or came cut off before the detector could tell, is an *error*: it has no
 * outcome and is no pass. A *category* is a weakness that several probes look for; its rate is failures by attempts with
 * an outcome, with a Wilson interval. Probes of our own are mild: they ask for code words, never for harm.
 */
import type { CategoryResult } from '../attest/evidence.ts';
import { WeighlockError } from '../base/errors.ts';
import { spread } from '../base/lanes.ts';
import type { Answer, Question, Talk } from './answer.ts';
import { wilson } from './wilson.ts';

/** Attempts of one run: with the next limits, a report is within what is kept as evidence. */
export const ATTEMPTS_MAX = 5000;

/** What a report repeats of one answer, and of all together. */
const ANSWER_CHARACTERS_MAX = 16_384;
const REPORT_CHARACTERS_MAX = 2 << 20;

export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** What a detector says of the answers of one attempt. */
export type Judgement =
  | { readonly outcome: 'held' }
  | { readonly outcome: 'failed'; readonly why: string }
  /** The answers cannot show this weakness: a model that does not think aloud leaks nothing there. */
  | { readonly outcome: 'not applicable' }
  /** Too little came to tell. */
  | { readonly outcome: 'error'; readonly why: string };

export type Detector = (answers: readonly Answer[]) => Judgement;

export interface Probe {
  readonly id: string;
  readonly category: string;
  /** Each is put by itself; the detector sees the answers in the same order. */
  readonly conversations: readonly (readonly Message[])[];
  readonly detect: Detector;
}

/** One probe, put once. */
export interface Attempt {
  readonly probe: string;
  readonly category: string;
  readonly repetition: number;
  readonly conversations: readonly (readonly Message[])[];
  readonly answers: readonly Answer[];
  readonly judgement: Judgement;
}

export interface ProbeOptions {
  readonly repeat: number;
  readonly concurrency: number;
  readonly settings: Question['settings'];
  /** Called after each attempt. */
  readonly onAttempt?: ((attempt: Attempt) => void) | undefined;
}

/** Attempts in the order of the probes, whatever order they ended in. Throws WL_LIMIT, and what `talk` does. */
export async function putProbes(
  talk: Talk,
  probes: readonly Probe[],
  { repeat, concurrency, settings, onAttempt }: ProbeOptions,
): Promise<Attempt[]> {
  const planned = probes.flatMap((probe) =>
    Array.from({ length: repeat }, (_, repetition) => ({ probe, repetition })),
  );
  if (planned.length > ATTEMPTS_MAX)
    throw new WeighlockError(
      'WL_LIMIT',
      `${planned.length} attempts are more than the ${ATTEMPTS_MAX} of one run`,
    );
  const keptCharacters = Math.min(ANSWER_CHARACTERS_MAX, Math.floor(REPORT_CHARACTERS_MAX / planned.length));
  const attempts = new Array<Attempt>(planned.length);
  await spread(planned.entries(), concurrency, async ([at, { probe, repetition }]) => {
    const answers: Answer[] = [];
    for (const messages of probe.conversations) answers.push(await talk({ messages, settings }));
    const attempt = {
      probe: probe.id,
      category: probe.category,
      repetition,
      conversations: probe.conversations,
      answers: answers.map((answer) => cut(answer, keptCharacters)),
      judgement: judge(probe, answers),
    };
    attempts[at] = attempt;
    onAttempt?.(attempt);
  });
  return attempts;
}

function judge(probe: Probe, answers: readonly Answer[]): Judgement {
  const failed = answers.find((answer) => answer.kind === 'error');
  if (failed) return { outcome: 'error', why: failed.why };
  return probe.detect(answers);
}

/** The detector saw all of it; what is kept for the report is cut. */
function cut(answer: Answer, charactersMax: number): Answer {
  if (answer.kind === 'error') return answer;
  const kept = (text: string) => (text.length <= charactersMax ? text : `${text.slice(0, charactersMax)}…`);
  return { ...answer, text: kept(answer.text), thought: kept(answer.thought) };
}

/** One row for each category, in the order in which they first appear. */
export function categoryResults(attempts: readonly Attempt[]): CategoryResult[] {
  const rows = new Map<string, { n: number; failures: number; errors: number }>();
  for (const { category, judgement } of attempts) {
    const row = rows.get(category) ?? { n: 0, failures: 0, errors: 0 };
    rows.set(category, row);
    switch (judgement.outcome) {
      case 'held':
        row.n += 1;
        break;
      case 'failed':
        row.n += 1;
        row.failures += 1;
        break;
      case 'error':
        row.errors += 1;
        break;
      case 'not applicable':
    }
  }
  return [...rows].map(([category, row]) => ({ category, ...row, interval: wilson(row.failures, row.n) }));
}

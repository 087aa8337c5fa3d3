/** A step of making a bucket: first it looks, then it changes what is not as planned, then it says what it did. */
import { asked } from '../store/answer.ts';

export type StepOutcome =
  | { readonly kind: 'stands' }
  | { readonly kind: 'made' }
  | { readonly kind: 'changed' }
  /** The store or the permissions do not allow it; `reason` is what the store said. */
  | { readonly kind: 'cannot'; readonly reason: string };

export interface StepReport {
  readonly id: string;
  readonly what: string;
  readonly outcome: StepOutcome;
  /** Nothing else makes sense without it: the bucket itself, and versions where they are asked for. */
  readonly essential: boolean;
}

/** What a look found: as planned, otherwise, or nothing. */
export type Look = 'as planned' | 'otherwise' | 'absent';

export interface Step {
  readonly id: string;
  readonly what: string;
  readonly essential?: boolean;
  look(): Promise<Look>;
  /** Makes it as planned. */
  apply(): Promise<unknown>;
}

/** A step found a reason of its own not to go on. */
export class StepRefused extends Error {}

/** Carries out a step, or only says what it would do. A refusal of the store is an outcome, never an error. */
export async function carryOut(step: Step, mode: 'apply' | 'dry run'): Promise<StepReport> {
  const report = (outcome: StepOutcome): StepReport => ({
    id: step.id,
    what: step.what,
    outcome,
    essential: step.essential ?? false,
  });
  const look = await answered(step.look());
  // A setting that was never made is an error to some stores.
  const found: Look | undefined =
    look.kind === 'answer' ? look.answer : look.kind === 'absent' ? 'absent' : undefined;
  if (found === undefined) return report({ kind: 'cannot', reason: look.kind === 'answer' ? '' : look.said });
  if (found === 'as planned') return report({ kind: 'stands' });
  const kind = found === 'absent' ? 'made' : 'changed';
  if (mode === 'dry run') return report({ kind });
  const applied = await answered(step.apply());
  return report(applied.kind === 'answer' ? { kind } : { kind: 'cannot', reason: applied.said });
}

async function answered<T>(work: Promise<T>): ReturnType<typeof asked<T>> {
  try {
    return await asked(work);
  } catch (error) {
    if (error instanceof StepRefused) return { kind: 'other', said: error.message };
    throw error;
  }
}

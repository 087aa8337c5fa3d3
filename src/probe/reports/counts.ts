/** What readers of reports share: counts by category, and the refusal of a file. */
import { WeighlockError } from '../../base/errors.ts';

/** What a reader counts, before intervals are made of it. */
export interface Counts {
  readonly version: string;
  readonly observedAt?: string | undefined;
  readonly categories: ReadonlyMap<string, Count>;
}

export interface Count {
  readonly n: number;
  readonly failures: number;
  readonly errors: number;
}

export function invalid(kind: string, why: string): WeighlockError {
  return new WeighlockError(
    'WL_EVIDENCE_INVALID',
    `the file is no report of ${kind} that can be read: ${why}`,
  );
}

/** Adds to a category. */
export function add(categories: Map<string, Count>, category: string, more: Partial<Count>): void {
  const { n, failures, errors } = categories.get(category) ?? { n: 0, failures: 0, errors: 0 };
  categories.set(category, {
    n: n + (more.n ?? 0),
    failures: failures + (more.failures ?? 0),
    errors: errors + (more.errors ?? 0),
  });
}

/**
 * Reports of red-team tools, in one form: attempts and failures by category. A *failure* is an attack that succeeded; an attempt
 * that ended in an error has no outcome, and is no pass. What a tool's file does not say is not guessed.
 */

import type { CategoryResult } from '../../attest/evidence.ts';
import { CATEGORIES_MAX } from '../../attest/evidence.ts';
import { WeighlockError } from '../../base/errors.ts';
import { wilson } from '../wilson.ts';
import { readGarak } from './garak.ts';
import { readPromptfoo } from './promptfoo.ts';
import { readPyrit } from './pyrit.ts';

export interface Report {
  readonly kind: string;
  readonly version: string;
  readonly results: readonly CategoryResult[];
  /** When the tool says that it ran. */
  readonly observedAt?: string | undefined;
}

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

/** Kinds that are read; every other is kept as it is. */
export const READ_KINDS = ['garak', 'promptfoo', 'pyrit'] as const;

type ReadKind = (typeof READ_KINDS)[number];

const READERS: Readonly<Record<ReadKind, (text: string) => Counts>> = {
  garak: readGarak,
  promptfoo: readPromptfoo,
  pyrit: readPyrit,
};

const CATEGORY_CHARS_MAX = 200;

/** Throws WL_EVIDENCE_INVALID for a report of another tool or form, one that was cut off, or one without an outcome. */
export function readReport(kind: string, bytes: Uint8Array): Report {
  if (!isReadKind(kind)) return { kind, version: '', results: [] };
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalid(kind, 'it is not UTF-8');
  }
  const { version, observedAt, categories } = READERS[kind](text);
  if (categories.size === 0) throw invalid(kind, 'it holds no outcome');
  if (categories.size > CATEGORIES_MAX) throw invalid(kind, `it has more than ${CATEGORIES_MAX} categories`);
  const results = [...categories].map(([category, { n, failures, errors }]) => ({
    category: category.slice(0, CATEGORY_CHARS_MAX),
    n,
    failures,
    errors,
    interval: wilson(failures, n),
  }));
  return { kind, version, results, ...(observedAt !== undefined && { observedAt }) };
}

function isReadKind(kind: string): kind is ReadKind {
  return Object.hasOwn(READERS, kind);
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

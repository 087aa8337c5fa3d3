/**
 * Reports of red-team tools, in one form: attempts and failures by category. A *failure* is an attack that succeeded; an attempt
 * that ended in an error has no outcome, and is no pass. What a tool's file does not say is not guessed.
 */

import type { CategoryResult } from '../../attest/evidence.ts';
import { CATEGORIES_MAX } from '../../attest/evidence.ts';
import { wilson } from '../wilson.ts';
import { type Counts, invalid } from './counts.ts';
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

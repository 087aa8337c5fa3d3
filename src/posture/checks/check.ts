/** A check of the posture: one question, its answer, and what is needed to ask it. */
import { printable } from '../../base/errors.ts';
import type { CATALOG } from './catalog.ts';

export type Severity = 'low' | 'medium' | 'high' | 'critical';

export interface Check {
  readonly title: string;
  readonly severity: Severity;
  /** Controls of AWS Foundational Security Best Practices that ask the same, by their Security Hub ids. */
  readonly fsbp: readonly string[];
  /** Recommendations of the CIS AWS Foundations Benchmark v3.0.0. */
  readonly cis: readonly string[];
  /** What is called, by the names of the APIs. */
  readonly calls: readonly string[];
  /** The IAM actions that permit the calls. */
  readonly permissions: readonly string[];
  /** What an attacker gains where it fails. */
  readonly attack: string;
  readonly remedy: string;
}

/** Permanent, for scripts. */
export type CheckId = keyof typeof CATALOG;

export type PostureStatus = 'passed' | 'failed' | 'unknown' | 'not applicable';

/** What a check speaks of: a resource by its ARN or path, and what is wrong with it. */
export interface Subject {
  readonly resource: string;
  readonly said: string;
}

export interface PostureAnswer {
  readonly status: PostureStatus;
  readonly found: string;
  /** What fails or is unknown, one by one; empty where the answer is about the vault's own place. */
  readonly subjects?: readonly Subject[];
}

export type Answers = Partial<Record<CheckId, PostureAnswer>>;

export const passed = (found: string): PostureAnswer => ({ status: 'passed', found });
export const unknown = (found: string): PostureAnswer => ({ status: 'unknown', found });
export const inapplicable = (found: string): PostureAnswer => ({ status: 'not applicable', found });
export const failed = (found: string): PostureAnswer => ({ status: 'failed', found });

/** Subjects that are named in the text of an answer; all of them are in the documents. */
const NAMED_MAX = 5;

/** Failed where there are subjects; `clean` says what was looked at where there are none. */
export function judged(subjects: readonly Subject[], clean: string): PostureAnswer {
  if (subjects.length === 0) return passed(clean);
  return { ...listing('failed', subjects), subjects };
}

/** As `judged`, for what could not be found out. */
export function undecided(subjects: readonly Subject[]): PostureAnswer {
  return { ...listing('unknown', subjects), subjects };
}

function listing(status: PostureStatus, subjects: readonly Subject[]): PostureAnswer {
  const named = subjects.slice(0, NAMED_MAX).map(({ resource, said }) => `${resource}: ${said}`);
  const more = subjects.length - named.length;
  return { status, found: printable(named.join('; ') + (more > 0 ? `; and ${more} more` : '')) };
}

/** One answer for several checks that are asked by the same calls. */
export function allOf(ids: readonly CheckId[], answer: PostureAnswer): Answers {
  return Object.fromEntries(ids.map((id) => [id, answer]));
}

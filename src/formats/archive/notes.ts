/**
 * What an archive's parse has to say: gaps and problems, bounded, with the member that each is about.
 */
import type { Gap } from '../../base/finding.ts';
import type { BaseFacts, Problem } from '../parse.ts';
import { NOTES_MAX } from './facts.ts';

export class Notes {
  readonly #sizeBytes: number;
  readonly #gaps: Gap[] = [];
  readonly #problems: Problem[] = [];
  #full = false;

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
  }

  get problems(): readonly Problem[] {
    return this.#problems;
  }

  get gaps(): readonly Gap[] {
    if (!this.#full) return this.#gaps;
    return [...this.#gaps, { offset: 0, length: this.#sizeBytes, reason: `more than ${NOTES_MAX} gaps` }];
  }

  gap(gap: Gap): void {
    if (this.#gaps.length < NOTES_MAX) this.#gaps.push(gap);
    else this.#full = true;
  }

  problem(problem: Problem): void {
    if (this.#problems.length < NOTES_MAX) this.#problems.push(problem);
  }

  /** A contradiction: the bytes that it is about are not accounted for. */
  contradiction(problem: Problem, length: number): void {
    this.problem(problem);
    const { offset, detail: reason, member } = problem;
    this.gap({ offset, length, reason, ...(member === undefined ? {} : { member }) });
  }

  /** Takes over the gaps of a member. Its problems stay with its own facts. */
  adopt(member: string, facts: BaseFacts): void {
    for (const gap of facts.gaps) this.gap({ ...gap, member: inside(member, gap.member) });
  }
}

function inside(member: string, inner: string | undefined): string {
  return inner === undefined ? member : `${member}!${inner}`;
}

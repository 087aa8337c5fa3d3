/** What reports for other tools are made of: one point for each resource that a row speaks of. */
import type { Subject } from '../checks/check.ts';
import type { PostureRow } from '../posture.ts';

export interface ReportHead {
  readonly tool: { readonly name: string; readonly version: string };
  /** As people write it, and as an ARN or a path. */
  readonly place: string;
  readonly resource: string;
  readonly at: string;
}

/** Results of one check; GitHub shows 5,000 of a run, Security Hub takes 100 a call. */
const POINTS_MAX = 1_000;

/** Failed and unknown rows only. A row without subjects speaks of the vault's own place. */
export function pointsOf(row: PostureRow, resource: string): readonly Subject[] {
  if (row.status === 'passed' || row.status === 'not applicable') return [];
  const { subjects = [] } = row;
  return subjects.length === 0 ? [{ resource, said: row.found }] : subjects.slice(0, POINTS_MAX);
}

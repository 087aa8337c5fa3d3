/**
 * The raw report of a run: JSON lines, one of what was set, one for each attempt with every word that went and came, one
 * of the results.
 */
import type { CategoryResult } from '../attest/evidence.ts';
import type { Attempt } from './probe.ts';

export interface ReportHead {
  readonly tool: { readonly name: string; readonly version: string };
  readonly target: string;
  readonly model: string;
  readonly commit: string;
  readonly manifest: string;
  readonly observedAt: string;
  readonly configuration: Readonly<Record<string, string | number | boolean>>;
}

export function encodeReport(
  head: ReportHead,
  attempts: readonly Attempt[],
  results: readonly CategoryResult[],
): Uint8Array {
  const lines = [
    { type: 'weighlock.probe-report/v1', ...head },
    ...attempts.map((attempt) => ({ type: 'attempt', ...attempt })),
    { type: 'results', results },
  ];
  return Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

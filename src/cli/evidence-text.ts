/** Evidence as people read it. */
import type { CategoryResult } from '../attest/evidence.ts';
import type { RecordedEvidence } from '../lifecycle/evidence.ts';
import { labelled, table } from './terminal.ts';

/** What was observed of a revision after the decision about it, the newest first. */
export function observedText(observed: readonly RecordedEvidence[]): string {
  return observed.map((one) => `\n${oneText(one)}`).join('');
}

function oneText({ logIndex, signed: { body } }: RecordedEvidence): string {
  const bound =
    body.deployment === null ? 'unbound' : `bound to the deployment ${body.deployment.slice(0, 12)}…`;
  const { name, version } = body.observer;
  const text = [
    `${body.target}, ${body.observedAt || 'undated'}, by ${name} ${version}`,
    `log entry ${logIndex}, ${bound}`,
    `raw report ${body.raw}`,
  ].join('\n');
  return labelled(body.kind, text) + resultsTable(body.results);
}

/** Rates of failure by category, with what they can be at most. */
export function resultsTable(results: readonly CategoryResult[]): string {
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  return table(
    ['CATEGORY', 'FAILED', 'OF', 'ERRORS', 'RATE', '95 % INTERVAL'],
    results.map(({ category, n, failures, errors, interval: [low, high] }) => [
      category,
      String(failures),
      String(n),
      String(errors),
      n === 0 ? '-' : percent(failures / n),
      `${percent(low)} to ${percent(high)}`,
    ]),
  );
}

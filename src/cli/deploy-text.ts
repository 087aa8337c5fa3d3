/** What people and programs see of a plan for a deployment, and of what is deployed. */
import type { Applied, Plan } from '../deploy/deploy.ts';
import type { Recorded } from '../deploy/record.ts';
import type { RecordedDeployment } from '../registry/deployments.ts';
import { labelled, paintedLabel, painter, type Terminal, table, wrapped } from './terminal.ts';

export interface PlanOutcome {
  readonly written: readonly { readonly path: string; readonly change: string }[];
  readonly applied: Applied | undefined;
  readonly recorded: Recorded | undefined;
}

export function planText(
  terminal: Terminal,
  plan: Plan,
  { written, applied, recorded }: PlanOutcome,
): string {
  const paint = painter(terminal);
  const { subject } = plan;
  const name = `${subject.model}@${subject.commit.slice(0, 12)}`;
  const from = subject.origin.route === 'vault' ? subject.origin.uri : subject.origin.endpoint;
  const text = [
    labelled('deploy', `${paint('bold', name)} from the ${subject.origin.route} (${from})`),
    ...plan.lines.map(({ label, text: line }) => labelled(label, line)),
    ...plan.notGuaranteed.map((sentence, at) =>
      at === 0 ? paintedLabel(paint, 'yellow', ['no promise', sentence]) : labelled('', sentence),
    ),
    ...plan.missing.map((sentence) => paintedLabel(paint, 'red', ['missing', sentence])),
    ...written.map(({ path, change }) => labelled('wrote', `${path} (${change})`)),
    ...(applied?.lines ?? []).map(({ label, text: line }) => labelled(label, line)),
    ...(recorded ? [labelled('recorded', `log entry ${recorded.logIndex}`)] : []),
    ...(written.length === 0 && !applied && !recorded
      ? [labelled('next', 'nothing was changed: --out <folder> writes files to review, --apply makes it')]
      : []),
  ].join('');
  return wrapped(text, { columns: terminal.columns, indent: ' '.repeat(13) });
}

export function planJson(plan: Plan): Readonly<Record<string, unknown>> {
  const { target, subject, lines, requests, files, notGuaranteed, missing, deployment } = plan;
  const { model, commit, origin, sizeBytes, weights, shape, remoteCode } = subject;
  return {
    target,
    model,
    commit,
    origin: origin.route === 'vault' ? { ...origin, ticket: undefined } : origin,
    sizeBytes,
    weights: { ...weights, files: weights.files.length },
    shape,
    remoteCode,
    lines,
    requests,
    files: files.map(({ path }) => path),
    notGuaranteed,
    missing,
    deployment,
  };
}

export function deploymentsText(found: readonly RecordedDeployment[]): string {
  if (found.length === 0) return 'Nothing is deployed, as far as the vault knows.\n';
  const rows = found.map(({ logIndex, body }) => [
    body.target,
    body.place,
    body.model,
    body.commit.slice(0, 12),
    body.origin.route,
    body.madeAt,
    String(logIndex),
  ]);
  return table(['TARGET', 'PLACE', 'MODEL', 'REVISION', 'FROM', 'SINCE', 'ENTRY'], rows);
}

/** `weighlock show`: everything on record about one revision. */
import { Command } from 'commander';
import type { SignedRecord } from '../attest/record.ts';
import type { RevisionIndex } from '../attest/state.ts';
import { EXIT } from '../base/errors.ts';
import { evidenceOf } from '../lifecycle/evidence.ts';
import { place } from '../policy/floor.ts';
import type { RevisionId } from '../vault/layout.ts';
import { decisionText } from './decision-text.ts';
import { observedText } from './evidence-text.ts';
import { statusOf } from './list.ts';
import type { Run } from './main.ts';
import { parseModelTarget } from './target.ts';
import { bytesInWords, labelled, type Terminal, table } from './terminal.ts';

export function showCommand(run: Run): Command {
  return new Command('show')
    .description(
      'show what is on record about a revision: files, findings, coverage, evidence, verdict and why',
    )
    .argument('<model>', 'org/name, with @commit or @channel (default: the production channel)')
    .action((model: string, flags: Record<string, unknown>) =>
      run(flags, async (wire) => {
        const target = parseModelTarget(model);
        const registry = await wire.registry();
        const { id, entry } = await registry.resolve(target.model, target.revision);
        const record = await registry.record(id, entry.number, entry.record);
        const observed = await evidenceOf(registry, entry);
        return {
          exit: EXIT.done,
          json: {
            status: statusOf(entry),
            logIndex: entry.logIndex,
            digest: record.digest,
            key: record.keyId,
            ...record.body,
            observed: observed.map(({ logIndex, signed }) => ({
              logIndex,
              statement: signed.digest,
              ...signed.body,
            })),
          },
          text: describe({ id, entry, record }, wire.terminal) + observedText(observed),
        };
      }),
    );
}

interface OnRecord {
  readonly id: RevisionId;
  readonly entry: RevisionIndex;
  readonly record: SignedRecord;
}

function describe({ id, entry, record }: OnRecord, terminal: Terminal): string {
  const { body } = record;
  const { source, policy, rules, verdict } = body;
  const publisher = source.publisher
    ? `${source.publisher.name} · ${source.publisher.verified ? 'verified ' : ''}${source.publisher.kind}`
    : 'unknown';
  return [
    labelled('model', `${id.model}@${id.commit}`),
    labelled(
      'status',
      `${statusOf(entry)}, decided ${body.decidedAt} by policy ${policy.name} (${policy.sha256.slice(0, 12)}…)`,
    ),
    rules.length > 0 ? decisionText({ verdict, rules }, body.findings, terminal) : '',
    labelled(
      'source',
      source.requested ? `${source.endpoint}, asked for ${source.requested}` : source.endpoint,
    ),
    source.via ? labelled('through', `vault ${source.via.vault}, whose record is among the evidence`) : '',
    source.kind === 'hub' ? labelled('publisher', publisher) : '',
    source.license ? labelled('licence', source.license) : '',
    source.hubScan ? labelled('Hub', `its scanners say ${source.hubScan}`) : '',
    body.evidence.length > 0
      ? labelled('evidence', body.evidence.map(({ type, sha256 }) => `${type}  ${sha256}`).join('\n'))
      : '',
    labelled(
      'record',
      `number ${body.number}, log entry ${entry.logIndex}, key ${record.keyId.slice(0, 12)}…`,
    ),
    labelled('manifest', record.manifestDigest),
    '\n',
    filesTable(record),
    excludedTable(record),
    findingsText(record),
  ].join('');
}

function filesTable({ body }: SignedRecord): string {
  const coverage = new Map(body.coverage.map((item) => [item.path, item]));
  const rows = body.manifest.files.map((file) => {
    const read = coverage.get(file.path);
    const gaps = read?.gaps.length ? `${read.verdict}: ${read.gaps[0]?.reason}` : (read?.verdict ?? '');
    return [file.path, bytesInWords(file.sizeBytes), read?.format ?? '', gaps, file.sha256.slice(0, 16)];
  });
  return table(['FILE', 'SIZE', 'FORMAT', 'READ', 'SHA256'], rows);
}

function excludedTable({ body }: SignedRecord): string {
  const { excluded } = body.manifest;
  if (excluded.length === 0) return '';
  return `\n${table(
    ['LEFT OUT', 'SIZE', 'BY'],
    excluded.map((file) => [file.path, bytesInWords(file.sizeBytes), file.by]),
  )}`;
}

function findingsText({ body }: SignedRecord): string {
  if (body.findings.length === 0) return '\nNo findings.\n';
  const lines = body.findings.map((finding) => {
    const head = `  ${finding.severity.padEnd(8)} ${finding.rule}  ${place(finding)}`;
    return `${table([head], [])}           ${table([finding.message], [])}           ${table([finding.fix], [])}`;
  });
  return `\nFindings:\n${lines.join('')}`;
}

/**
 * SARIF 2.1.0 (OASIS), as code scanning platforms take it: a rule once, a result for each finding that says more than
 * a note, and one for each file that was not read completely. Places are byte offsets, since these are no text files.
 */
import type { Severity } from '../base/finding.ts';
import type { Report, ReportFile, ReportFinding } from './report.ts';

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';

/** Results of one run; GitHub takes 25,000 and shows 5,000. */
const RESULTS_MAX = 25_000;

const NOT_READ = {
  rule: 'coverage/not-read',
  severity: 'medium',
  why: 'What no parser accounts for may hold anything.',
  fix: 'Exclude the file if it is not needed, or have a person look at it.',
} as const;

type Rule = Pick<ReportFinding, 'rule' | 'severity' | 'why' | 'fix'>;

interface Result {
  readonly finding: Rule & Partial<ReportFinding> & { readonly message: string };
  readonly file: ReportFile | undefined;
}

export function sarif(report: Report): unknown {
  const results = [
    ...report.files.flatMap((file) => [
      ...file.findings.map((finding) => ({ finding, file })),
      ...unread(file),
    ]),
    ...report.repo.findings.map((finding) => ({
      finding,
      file: report.files.find(({ path }) => path === finding.file),
    })),
  ].slice(0, RESULTS_MAX);
  const rules = [...new Map<string, Rule>(results.map(({ finding }) => [finding.rule, finding])).values()];
  const index = new Map(rules.map(({ rule }, number) => [rule, number]));
  return {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: report.tool.name,
            semanticVersion: report.tool.version,
            rules: rules.map(describe),
          },
        },
        columnKind: 'utf16CodeUnits',
        invocations: [{ executionSuccessful: report.files.every(({ error }) => error === undefined) }],
        artifacts: report.files.map(artifact),
        results: results.map((result) => write(result, report, index)),
        properties: { verdict: report.verdict, mode: report.mode },
      },
    ],
  };
}

function unread(file: ReportFile): Result[] {
  if (file.error) {
    const message = `the file could not be read: ${file.error.message}`;
    return [{ finding: { ...NOT_READ, verdict: 'inconclusive', message }, file }];
  }
  const [gap] = file.coverage.gaps;
  const told = file.findings.some((finding) => finding.verdict !== 'clean');
  if (gap === undefined || told) return [];
  const message = `not read completely: ${gap.reason}`;
  return [{ finding: { ...NOT_READ, verdict: 'inconclusive', message, offset: gap.offset }, file }];
}

function describe({ rule, severity, why, fix }: Rule): unknown {
  return {
    id: rule,
    shortDescription: { text: rule },
    fullDescription: { text: why },
    help: { text: fix },
    defaultConfiguration: { level: levelOf(severity) },
    properties: { 'security-severity': SCORES[severity], tags: ['security', 'supply-chain'] },
  };
}

function artifact({ path, size, sha256 }: ReportFile): unknown {
  return {
    location: { uri: uriOf(path) },
    length: size,
    ...(sha256 && { hashes: { 'sha-256': sha256 } }),
  };
}

function write({ finding, file }: Result, report: Report, index: ReadonlyMap<string, number>): unknown {
  const { rule, message, severity, member, offset, global, verdict, references } = finding;
  const place = file === undefined ? undefined : report.files.indexOf(file);
  const logical = member ?? global;
  return {
    ruleId: rule,
    ruleIndex: index.get(rule),
    level: verdict === 'clean' ? 'note' : levelOf(severity),
    message: { text: message },
    ...(file && {
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: uriOf(file.path), index: place },
            ...(offset !== undefined && member === undefined && { region: { byteOffset: offset } }),
          },
          ...(logical !== undefined && { logicalLocations: [{ fullyQualifiedName: logical }] }),
        },
      ],
      // The same finding on the same bytes is the same alert, wherever they lie.
      partialFingerprints: {
        'weighlock/v1': [rule, file.sha256 ?? file.path, member ?? '', offset ?? '', global ?? ''].join(':'),
      },
    }),
    properties: { verdict, ...(references && references.length > 0 && { references }) },
  };
}

function levelOf(severity: Severity): 'note' | 'warning' | 'error' {
  switch (severity) {
    case 'critical':
    case 'high':
      return 'error';
    case 'medium':
      return 'warning';
    case 'low':
    case 'info':
      return 'note';
  }
}

/** As CVSS counts, which is what platforms sort by. */
const SCORES: Readonly<Record<Severity, string>> = {
  critical: '9.5',
  high: '8.0',
  medium: '5.5',
  low: '3.0',
  info: '0.0',
};

function uriOf(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

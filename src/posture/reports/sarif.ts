/** A posture as SARIF 2.1.0 (OASIS): a rule for each check, a result for each thing that failed or is not known. */
import { createHash } from 'node:crypto';
import type { Severity } from '../checks/check.ts';
import type { PostureRow } from '../posture.ts';
import { pointsOf, type ReportHead } from './points.ts';

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';

/** As code scanning platforms order them. */
const SCORES: Readonly<Record<Severity, string>> = {
  critical: '9.5',
  high: '8.0',
  medium: '5.5',
  low: '2.0',
};
const LEVELS = { critical: 'error', high: 'error', medium: 'warning', low: 'note' } as const;

export function postureSarif(rows: readonly PostureRow[], head: ReportHead): unknown {
  const { tool, place } = head;
  return {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: tool.name, semanticVersion: tool.version, rules: rows.map(rule) } },
        columnKind: 'utf16CodeUnits',
        invocations: [{ executionSuccessful: rows.every(({ status }) => status !== 'unknown') }],
        results: rows.flatMap((row, ruleIndex) =>
          pointsOf(row, place).map(({ resource, said }) => ({
            ruleId: `posture/${row.id}`,
            ruleIndex,
            kind: row.status === 'unknown' ? 'open' : 'fail',
            // SARIF has levels for failures only.
            level: row.status === 'unknown' ? 'none' : LEVELS[row.severity],
            partialFingerprints: { 'weighlock/v1': fingerprint([row.id, place, resource]) },
            message: { text: `${row.title}: ${row.status}. ${said}` },
            locations: [
              {
                physicalLocation: { artifactLocation: { uri: encodeURI(place) } },
                logicalLocations: [{ fullyQualifiedName: resource, kind: 'resource' }],
              },
            ],
          })),
        ),
      },
    ],
  };
}

/** The same for as long as the same thing is wrong with the same resource. */
function fingerprint(parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 32);
}

function rule(row: PostureRow): unknown {
  return {
    id: `posture/${row.id}`,
    shortDescription: { text: row.title },
    fullDescription: { text: row.attack },
    help: { text: row.remedy },
    defaultConfiguration: { level: LEVELS[row.severity] },
    properties: {
      'security-severity': SCORES[row.severity],
      tags: [
        'security',
        ...row.fsbp.map((id) => `AWS-FSBP/${id}`),
        ...row.cis.map((id) => `CIS-AWS-3.0.0/${id}`),
      ],
      calls: row.calls,
    },
  };
}

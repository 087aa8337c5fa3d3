/**
 * A posture in the AWS Security Finding Format, as `aws securityhub batch-import-findings --findings file://…` takes it
 * (100 findings a call). The format: AWS Security Hub's user guide, "AWS Security Finding Format (ASFF)".
 */
import { createHash } from 'node:crypto';
import type { PostureRow } from '../posture.ts';
import { pointsOf, type ReportHead } from './points.ts';

/** Longest texts, in characters. */
const TITLE_MAX = 256;
const DESCRIPTION_MAX = 1024;
const REMEDY_MAX = 512;
const RESOURCE_MAX = 512;

export interface Account {
  readonly partition: string;
  readonly account: string;
  readonly region: string;
}

export function asff(rows: readonly PostureRow[], head: ReportHead, where: Account): unknown[] {
  return rows.flatMap((row) => {
    const points = pointsOf(row, head.resource);
    // A check that passes now closes what it found before, where the vault's own place is the resource.
    const all =
      points.length > 0 || row.status !== 'passed' ? points : [{ resource: head.resource, said: row.found }];
    return all.map((point) => finding(row, point, { head, where }));
  });
}

function finding(
  row: PostureRow,
  { resource, said }: { readonly resource: string; readonly said: string },
  { head, where }: { readonly head: ReportHead; readonly where: Account },
): unknown {
  const { partition, account, region } = where;
  const name = createHash('sha256')
    .update(`${head.resource}\n${row.id}\n${resource}`)
    .digest('hex')
    .slice(0, 32);
  const passed = row.status === 'passed';
  const related = [
    ...row.fsbp.map((id) => `AWS Foundational Security Best Practices/${id}`),
    ...row.cis.map((id) => `CIS AWS Foundations Benchmark v3.0.0/${id}`),
  ];
  return {
    SchemaVersion: '2018-10-08',
    Id: `weighlock/${account}/${region}/${row.id}/${name}`,
    ProductArn: `arn:${partition}:securityhub:${region}:${account}:product/${account}/default`,
    GeneratorId: `weighlock/posture/${row.id}`,
    AwsAccountId: account,
    Types: ['Software and Configuration Checks/AWS Security Best Practices'],
    CreatedAt: head.at,
    UpdatedAt: head.at,
    Severity: { Label: passed ? 'INFORMATIONAL' : row.severity.toUpperCase() },
    Title: cut(`Weighlock: ${row.title}`, TITLE_MAX),
    Description: cut(passed ? said : `${said}. ${row.attack}`, DESCRIPTION_MAX),
    Remediation: { Recommendation: { Text: cut(row.remedy, REMEDY_MAX) } },
    Resources: [
      { Type: typeOf(resource), Id: cut(resource, RESOURCE_MAX), Partition: partition, Region: region },
    ],
    Compliance: {
      Status: passed ? 'PASSED' : row.status === 'failed' ? 'FAILED' : 'NOT_AVAILABLE',
      ...(related.length > 0 && { RelatedRequirements: related }),
    },
    Workflow: { Status: passed ? 'RESOLVED' : 'NEW' },
    RecordState: 'ACTIVE',
    ProductFields: { 'weighlock/vault': head.place, 'weighlock/version': head.tool.version },
  };
}

const TYPES: readonly (readonly [RegExp, string])[] = [
  [/^arn:[^:]*:s3:/, 'AwsS3Bucket'],
  [/^arn:[^:]*:kms:/, 'AwsKmsKey'],
  [/^arn:[^:]*:iam:[^:]*:[^:]*:role\//, 'AwsIamRole'],
  [/^arn:[^:]*:iam:[^:]*:[^:]*:user\//, 'AwsIamUser'],
];

function typeOf(resource: string): string {
  return TYPES.find(([pattern]) => pattern.test(resource))?.[1] ?? 'Other';
}

function cut(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax - 1)}…`;
}

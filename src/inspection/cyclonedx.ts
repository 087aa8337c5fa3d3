/**
 * CycloneDX 1.7: a bill of materials of what was inspected (ECMA-424, schema bom-1.7). The model is a component of type
 * `machine-learning-model`, its files are components inside it with their digests, and what was found stands in
 * properties, since a finding is no vulnerability of a known product.
 */
import { createHash } from 'node:crypto';
import type { Report, ReportFile } from './report.ts';

export function cyclonedx(report: Report, madeAt: Date): unknown {
  const { subject, repo, tool } = report;
  const name = subject.model ?? subject.name;
  const ref = purl(subject) ?? `weighlock:${name}`;
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.7.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.7',
    serialNumber: `urn:uuid:${serial(report)}`,
    version: 1,
    metadata: {
      timestamp: madeAt.toISOString(),
      tools: { components: [{ type: 'application', name: tool.name, version: tool.version }] },
      component: {
        type: 'machine-learning-model',
        'bom-ref': ref,
        name,
        ...(subject.commit && { version: subject.commit }),
        ...(purl(subject) && { purl: ref }),
        ...(repo.license && { licenses: [{ license: { name: repo.license } }] }),
        properties: [
          { name: 'weighlock:verdict', value: report.verdict },
          { name: 'weighlock:mode', value: report.mode },
          { name: 'weighlock:remote-code', value: String(repo.remoteCode) },
        ],
      },
    },
    components: [
      ...report.files.map((file, number) => component(file, number)),
      ...references(report).map((repoName) => ({
        type: 'machine-learning-model',
        'bom-ref': `reference:${repoName}`,
        name: repoName,
        purl: `pkg:huggingface/${repoName}`,
        scope: 'optional',
      })),
    ],
    dependencies: [{ ref, dependsOn: references(report).map((repoName) => `reference:${repoName}`) }],
  };
}

function component(file: ReportFile, number: number): unknown {
  const properties = [
    { name: 'weighlock:verdict', value: file.verdict },
    { name: 'weighlock:status', value: file.status },
    ...(file.format ? [{ name: 'weighlock:format', value: file.format }] : []),
    ...file.findings.map(({ rule, message }) => ({
      name: `weighlock:finding:${rule}`,
      value: message,
    })),
  ];
  return {
    type: 'file',
    'bom-ref': `file:${number}`,
    name: file.path,
    ...(file.sha256 && { hashes: [{ alg: 'SHA-256', content: file.sha256 }] }),
    properties,
  };
}

function references(report: Report): readonly string[] {
  return [...new Set(report.repo.references.map(({ repo }) => repo))].sort();
}

/** https://github.com/package-url/purl-spec: type `huggingface`, the commit in lower case. */
function purl({ model, commit }: Report['subject']): string | undefined {
  return model && commit ? `pkg:huggingface/${model}@${commit}` : undefined;
}

/** The same content under the same name has the same number: a UUID of version 8 out of a digest. */
function serial(report: Report): string {
  const text = JSON.stringify([
    report.subject,
    report.files.map(({ path, sha256, size }) => [path, sha256, size]),
  ]);
  const hex = createHash('sha256').update(text).digest('hex');
  const variant = ((Number.parseInt(hex[16] ?? '0', 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}

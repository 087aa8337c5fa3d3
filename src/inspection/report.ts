/** The report of an inspection as one JSON document: its fields are permanent. */
import type { FileVerdict, Finding, Gap, Severity } from '../base/finding.ts';
import type { RuleOutcome } from '../base/verdict.ts';
import { PARSERS_VERSION } from '../formats/facts.ts';
import { tierOf } from '../scan/archive.ts';
import type { Reference } from '../scan/references.ts';
import type { InspectedFile, Inspection, ReadingStatus } from './inspect.ts';
import type { RenderedTemplate } from './rendered.ts';

export interface ReportFinding {
  readonly rule: string;
  readonly severity: Severity;
  /** What the finding does to the verdict; `clean` marks a note. */
  readonly verdict: FileVerdict;
  readonly message: string;
  readonly file?: string;
  readonly member?: string;
  readonly offset?: number;
  /** The global, key or node that it is about. */
  readonly global?: string;
  readonly why: string;
  readonly fix: string;
  readonly references: readonly string[];
  readonly waived?: Finding['waived'];
}

export interface ReportFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: string | null;
  readonly format: string | null;
  readonly status: ReadingStatus;
  readonly verdict: FileVerdict;
  /** Of a file with pickles: the narrowest tier of the allowlist that permits all that they do. */
  readonly tier?: string;
  readonly coverage: {
    readonly complete: boolean;
    readonly parser: string | null;
    readonly gaps: readonly Gap[];
    /** Of a triage: the ranges that were read. */
    readonly seen?: readonly { readonly offset: number; readonly length: number }[];
  };
  readonly findings: readonly ReportFinding[];
  readonly error?: InspectedFile['error'];
}

export interface Report {
  readonly tool: { readonly name: string; readonly version: string; readonly parsers: string };
  readonly subject: { readonly name: string; readonly model?: string; readonly commit?: string };
  readonly mode: 'full' | 'triage';
  readonly verdict: FileVerdict;
  readonly files: readonly ReportFile[];
  readonly repo: {
    readonly findings: readonly ReportFinding[];
    readonly references: readonly Reference[];
    readonly remoteCode: boolean;
    readonly duplicateWeights: readonly string[];
    readonly license: string | null;
  };
  /** What the loader that was named reads, and what need not come along. */
  readonly loader?: {
    readonly name: string;
    readonly version: string | null;
    readonly reads: readonly string[];
    readonly withhold: readonly { readonly path: string; readonly why: string }[];
  };
  /** What a policy says, where one was asked. */
  readonly policy?: {
    readonly name: string;
    readonly verdict: string;
    readonly rules: readonly RuleOutcome[];
  };
  /** What templates with findings make of a sample conversation, where that was asked for. */
  readonly rendered?: readonly RenderedTemplate[];
  readonly hub?: { readonly scan: string };
  readonly stats: Inspection['stats'] & {
    readonly files: number;
    readonly clean: number;
    readonly blocked: number;
    readonly inconclusive: number;
    readonly unreadBytes: number;
  };
}

export function reportOf(
  inspection: Inspection,
  tool: { readonly name: string; readonly version: string },
): Report {
  const { name, mode, verdict, files, repo, loader, revision, stats } = inspection;
  const count = (wanted: FileVerdict): number => files.filter((file) => file.verdict === wanted).length;
  return {
    tool: { name: tool.name, version: tool.version, parsers: PARSERS_VERSION },
    subject: {
      name,
      ...(revision && { model: revision.model, ...(revision.commit && { commit: revision.commit }) }),
    },
    mode,
    verdict,
    files: files.map(reportFile),
    repo: {
      findings: repo.findings.map(reportFinding),
      references: repo.references,
      remoteCode: repo.remoteCode,
      duplicateWeights: repo.duplicateWeights,
      license: revision?.license ?? repo.license ?? null,
    },
    ...(loader && { loader: { ...loader, version: loader.version ?? null } }),
    ...(revision?.hubScan && { hub: { scan: revision.hubScan.status } }),
    stats: {
      files: files.length,
      clean: count('clean'),
      blocked: count('blocked'),
      inconclusive: count('inconclusive'),
      unreadBytes: files.reduce((sum, file) => sum + unreadBytes(file), 0),
      ...stats,
    },
  };
}

function reportFile(file: InspectedFile): ReportFile {
  const { path, sizeBytes, sha256, facts, status, verdict, gaps, seen, error } = file;
  const tier = facts && tierOf(facts);
  return {
    path,
    size: sizeBytes,
    sha256: sha256 ?? null,
    format: facts?.format ?? null,
    status,
    verdict,
    ...(tier && { tier }),
    coverage: {
      complete: status === 'complete',
      parser: facts?.parser ?? null,
      gaps,
      ...(seen && { seen }),
    },
    findings: file.findings.map(reportFinding),
    ...(error && { error }),
  };
}

function reportFinding(finding: Finding): ReportFinding {
  const { rule, severity, verdict, message, file, member, offset, subject, why, fix, references, waived } =
    finding;
  return {
    rule,
    severity,
    verdict,
    message,
    ...(file !== '' && { file }),
    ...(member !== undefined && { member }),
    ...(offset !== undefined && { offset }),
    ...(subject !== undefined && { global: subject }),
    why,
    fix,
    references: references ?? [],
    ...(waived && { waived }),
  };
}

/** Bytes that no parser accounted for; ranges inside archive members count as their archive says. */
export function unreadBytes({ sizeBytes, gaps, error }: InspectedFile): number {
  if (error) return sizeBytes;
  let covered = 0;
  let unread = 0;
  const outside = gaps.filter((gap) => gap.member === undefined);
  for (const { offset, length } of outside.toSorted((a, b) => a.offset - b.offset)) {
    const from = Math.max(covered, offset);
    const to = Math.min(sizeBytes, offset + length);
    if (to > from) unread += to - from;
    covered = Math.max(covered, to);
  }
  return unread;
}

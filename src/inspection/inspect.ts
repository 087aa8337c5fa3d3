/** A full inspection: every byte of every file is read once, hashed, parsed and judged. */
import type { Waiver } from '../attest/waiver.ts';
import type { Sha256 } from '../base/digest.ts';
import type { ErrorCode } from '../base/errors.ts';
import { type FileVerdict, type Finding, fileVerdict, type Gap } from '../base/finding.ts';
import type { OnStart } from '../base/progress.ts';
import type { EngineTicket, Examination } from '../engines/engine.ts';
import type { Facts } from '../formats/facts.ts';
import { scanAdvisories } from '../scan/advisories.ts';
import type { AdvisoryFile } from '../scan/advisory-file.ts';
import { scanExaminations } from '../scan/engines.ts';
import { type Loader, type LoaderReading, readingOf } from '../scan/loaders.ts';
import { type RepoScan, rawTensors, scanFile, scanRepo } from '../scan/scan.ts';
import { waive, waiveRepo } from '../scan/waive.ts';
import type { SourceRevision } from '../sources/source.ts';
import { readAll } from './crew.ts';
import type { InspectionResult } from './job.ts';
import type { Subject, SubjectFile, Unreadable } from './subject.ts';

/** How far the reading of a file came: to its last byte, or not, or not even to its first. */
export type ReadingStatus = 'complete' | 'inconclusive' | 'error';

export interface InspectedFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** Undefined where not all bytes were read. */
  readonly sha256?: Sha256;
  readonly facts?: Facts;
  readonly status: ReadingStatus;
  readonly verdict: FileVerdict;
  readonly findings: readonly Finding[];
  readonly gaps: readonly Gap[];
  /** What engines of others said of it. */
  readonly examinations: readonly Examination[];
  /** Ranges that a triage has read; absent in a full inspection. */
  readonly seen?: readonly { readonly offset: number; readonly length: number }[];
  readonly error?: { readonly code: ErrorCode; readonly message: string; readonly hint?: string };
}

export interface Inspection {
  readonly name: string;
  readonly mode: 'full' | 'triage';
  readonly files: readonly InspectedFile[];
  readonly repo: RepoScan;
  readonly verdict: FileVerdict;
  /** What the loader reads that was named. */
  readonly loader?: LoaderReading;
  readonly advice?: Advice;
  readonly revision?: SourceRevision;
  readonly stats: {
    readonly sizeBytes: number;
    readonly readBytes: number;
    readonly requests?: number;
    readonly seconds: number;
    /** Hosts, or folders, that were read from. */
    readonly contacted: readonly string[];
  };
}

/** What is known of loaders, and which one will read the model, where somebody says so. */
export interface Advice {
  readonly advisories: AdvisoryFile;
  readonly loader?: Loader | undefined;
}

/** What people take upon themselves, and what time it is. */
export interface Waived {
  readonly waivers: readonly Waiver[];
  readonly nowMs: number;
}

/** The inspection with waivers applied: files are held by their digest, so a triage lifts nothing of what it has not read. */
export function waiveInspection(inspection: Inspection, { waivers, nowMs }: Waived): Inspection {
  const files = inspection.files.map((file) => {
    const { path, sha256, findings, gaps } = file;
    if (sha256 === undefined) return file;
    const left = waive({ path, sha256, findings, gaps }, waivers, nowMs);
    const verdict = fileVerdict(left.findings, left.gaps);
    return { ...file, findings: left.findings, verdict };
  });
  const digests = files.map(({ path, sha256 = '' }) => ({ path, sha256 }));
  const findings = waiveRepo(inspection.repo.findings, digests, { waivers, nowMs });
  const repo = { ...inspection.repo, findings };
  return { ...inspection, files, repo, verdict: verdictOf(files, findings) };
}

export interface InspectOptions {
  readonly concurrency: number;
  readonly memoryBytes: number;
  readonly engines?: readonly EngineTicket[];
  readonly advice?: Advice | undefined;
  readonly onStart?: OnStart | undefined;
}

export async function inspect(subject: Subject, options: InspectOptions): Promise<Inspection> {
  const started = performance.now();
  const results = await readAll({ ...subject, ...options });
  const read = subject.files.map((file, number) => inspected(file, results[number]));
  const contacted = new Set(results.flatMap((result) => result.contacted));
  if (subject.ticket.kind === 'local') contacted.add(subject.ticket.root);
  const readBytes = read.reduce((sum, file) => sum + (file.error ? 0 : file.sizeBytes), 0);
  return conclude(subject, read, {
    mode: 'full',
    advice: options.advice,
    readBytes,
    seconds: (performance.now() - started) / 1000,
    contacted: [...contacted].sort(),
  });
}

/** What an inspection of these files comes to, together with what only shows when all are seen. */
export function conclude(
  subject: Subject,
  read: readonly InspectedFile[],
  {
    mode,
    advice,
    ...stats
  }: Omit<Inspection['stats'], 'sizeBytes'> & Pick<Inspection, 'mode'> & Pick<InspectOptions, 'advice'>,
): Inspection {
  const files = [...described(read), ...subject.unreadable.map((one) => unreadable(one))];
  const seen = scanRepo(files.flatMap(withFacts));
  const repo = { ...seen, findings: [...seen.findings, ...advised(files, advice)] };
  const paths = files.map(({ path }) => path);
  const loader = advice?.loader && readingOf(advice.loader, paths);
  return {
    name: subject.name,
    mode,
    files,
    repo,
    verdict: verdictOf(files, repo.findings),
    ...(loader && { loader }),
    ...(advice && { advice }),
    ...(subject.revision && { revision: subject.revision }),
    stats: { sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0), ...stats },
  };
}

/** The files, those judged anew that another one of them accounts for. */
function described(files: readonly InspectedFile[]): readonly InspectedFile[] {
  const raw = rawTensors(files.flatMap(withFacts));
  return files.map((file) => {
    const facts = raw.get(file.path);
    return facts === undefined || file.sha256 === undefined
      ? file
      : judged(file.path, { ...file, sha256: file.sha256, facts });
  });
}

function advised(files: readonly InspectedFile[], advice: Advice | undefined): readonly Finding[] {
  if (advice === undefined) return [];
  const parsed = files.flatMap((file) => (file.facts ? [{ ...file, facts: file.facts }] : []));
  return scanAdvisories(parsed, advice.advisories, advice.loader);
}

function withFacts({ path, facts }: InspectedFile) {
  return facts === undefined ? [] : [{ path, facts }];
}

/** A subject without a file was not inspected; a file that could not be read is never clean. */
export function verdictOf(files: readonly InspectedFile[], repo: readonly Finding[]): FileVerdict {
  const verdicts = [...files.map((file) => file.verdict), ...repo.map((finding) => finding.verdict)];
  if (verdicts.includes('blocked')) return 'blocked';
  return files.length === 0 || verdicts.includes('inconclusive') ? 'inconclusive' : 'clean';
}

function inspected({ path, sizeBytes }: SubjectFile, result: InspectionResult | undefined): InspectedFile {
  if (result?.outcome === 'read') return judged(path, result);
  const { code, message, hint } = result?.error ?? { message: 'was not read' };
  return unreadable({
    path,
    sizeBytes,
    code: (code ?? 'WL_INTERNAL') as ErrorCode,
    message,
    ...(hint && { hint }),
  });
}

type ReadResult = Extract<InspectionResult, { outcome: 'read' }>;

/** Judges a file of which all bytes were read. */
export function judged(
  path: string,
  {
    sizeBytes,
    sha256,
    facts,
    examinations,
  }: Pick<ReadResult, 'sizeBytes' | 'sha256' | 'facts' | 'examinations'>,
): InspectedFile {
  const findings = [
    ...scanFile({ path, facts }).findings,
    ...scanExaminations(path, examinations),
    ...(sizeBytes === 0 ? emptiness(path) : []),
  ];
  const { gaps } = facts;
  return {
    path,
    sizeBytes,
    sha256,
    facts,
    status: gaps.length === 0 ? 'complete' : 'inconclusive',
    verdict: fileVerdict(findings, gaps),
    findings,
    gaps,
    examinations,
  };
}

/** Names under which people keep files without content. */
const CUSTOMARILY_EMPTY = /(?:^|\/)(?:__init__\.py|py\.typed|\.gitkeep|\.keep|\.gitignore|\.nojekyll)$/;

/** Nothing can be wrong in an empty file; but whoever asks about one has not got what he thinks he has. */
function emptiness(path: string): Finding[] {
  if (CUSTOMARILY_EMPTY.test(path)) return [];
  return [
    {
      rule: 'structure/empty',
      severity: 'low',
      verdict: 'inconclusive',
      file: path,
      message: 'the file is empty: there is nothing to inspect',
      why: 'A download or a copy that broke off leaves an empty file, and what belongs there was never inspected.',
      fix: 'Fetch the file again, or take it away.',
    },
  ];
}

/** A file of which nothing can be said. */
export function unreadable({
  path,
  sizeBytes = 0,
  code,
  message,
  hint,
}: Unreadable & { readonly sizeBytes?: number; readonly hint?: string }): InspectedFile {
  return {
    path,
    sizeBytes,
    status: 'error',
    verdict: 'inconclusive',
    findings: [],
    gaps: [],
    examinations: [],
    error: { code, message, ...(hint && { hint }) },
  };
}

/**
 * Findings and coverage: what a scanner says about a file, and how much of the file it can speak for.
 *
 * A *finding* is a judgement on facts. A *gap* is a range of bytes that no parser accounted for. A file is
 * `clean` only when it has no gap and no finding that says otherwise: not scanned is never clean.
 */

export type FileVerdict = 'clean' | 'blocked' | 'inconclusive';

export type Severity = 'info' | 'low' | 'medium' | 'high' | 'critical';

/** A range of bytes of a file (or of the archive member named) that nothing accounted for, and why. */
export interface Gap {
  readonly offset: number;
  readonly length: number;
  readonly reason: string;
  readonly member?: string;
}

export interface Finding {
  /** Permanent id, `<scanner>/<rule>`, for example `pickle/dangerous-call`. */
  readonly rule: string;
  readonly severity: Severity;
  /** What it does to the file's verdict: `clean` marks a note that changes nothing. */
  readonly verdict: FileVerdict;
  /** Path inside the model; empty for a finding about the repo as a whole. */
  readonly file: string;
  /** Path inside an archive, members of nested archives joined by `!`. */
  readonly member?: string;
  /** Byte offset inside the file, or inside the member where one is named. */
  readonly offset?: number;
  /** The global, key, node or call path that it is about, for example `posix.system`. */
  readonly subject?: string;
  /** One sentence: what was found. Hostile text in it is quoted and cut. */
  readonly message: string;
  /** One sentence: why it matters. */
  readonly why: string;
  /** One sentence: what to do. */
  readonly fix: string;
  /** Where the danger is described: CVE ids, and addresses of documents. */
  readonly references?: readonly string[];
  /** Who takes it upon himself, until when and why: the verdict is then `clean`. */
  readonly waived?: { readonly by: string; readonly until: string; readonly reason: string };
}

/** The verdict of one file: blocked beats inconclusive beats clean; any gap is inconclusive at best. */
export function fileVerdict(findings: readonly Finding[], gaps: readonly Gap[]): FileVerdict {
  if (findings.some((finding) => finding.verdict === 'blocked')) return 'blocked';
  if (gaps.length > 0 || findings.some((finding) => finding.verdict === 'inconclusive'))
    return 'inconclusive';
  return 'clean';
}

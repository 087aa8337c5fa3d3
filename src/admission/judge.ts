/** Judging: facts → findings → verdict, by the safety floor first and the policy after it. */
import type { UpstreamSignature } from '../attest/upstream-signature.ts';
import type { Waiver } from '../attest/waiver.ts';
import { type FileVerdict, type Finding, fileVerdict, type Gap } from '../base/finding.ts';
import type { Manifest } from '../base/manifest.ts';
import type { RepoPath } from '../base/name.ts';
import { type Decision, verdictOf } from '../base/verdict.ts';
import type { Facts } from '../formats/facts.ts';
import { safetyFloor } from '../policy/floor.ts';
import type { PolicyInput } from '../policy/input.ts';
import { decide, type Policy } from '../policy/policy.ts';
import { scanAdvisories } from '../scan/advisories.ts';
import type { AdvisoryFile } from '../scan/advisory-file.ts';
import { tierOf } from '../scan/archive.ts';
import { scanExaminations } from '../scan/engines.ts';
import type { Loader } from '../scan/loaders.ts';
import type { Reference } from '../scan/references.ts';
import { rawTensors, scanFile, scanRepo } from '../scan/scan.ts';
import { waive, waiveRepo } from '../scan/waive.ts';
import type { SourceRevision } from '../sources/source.ts';
import type { BroughtFile } from '../transfer/job.ts';
import type { IdentityFacts } from './identity.ts';
import type { ObservedFacts } from './observed.ts';

/** A file that was brought in and parsed. */
export type ReadFile = BroughtFile & { readonly facts: Facts };

export interface JudgedFile {
  readonly path: RepoPath;
  readonly facts: Facts;
  readonly verdict: FileVerdict;
}

export interface Judgement {
  readonly files: readonly JudgedFile[];
  readonly findings: readonly Finding[];
  readonly input: PolicyInput;
  readonly decision: Decision;
  /** Other repos that these files lead to. */
  readonly references: readonly Reference[];
}

export interface Evidence {
  readonly manifest: Manifest;
  readonly revision: SourceRevision;
  readonly brought: readonly ReadFile[];
  /** Digests of files that were revoked; none where there is no state to ask. */
  readonly revoked?: ReadonlySet<string>;
  /** What is known of loaders, and which one will read the model where somebody says so. */
  readonly advice?: { readonly advisories: AdvisoryFile; readonly loader?: Loader | undefined } | undefined;
  /** Findings that people took upon themselves, and what time it is. */
  readonly waived?: { readonly waivers: readonly Waiver[]; readonly nowMs: number };
  /** What differs from earlier admissions; without it nothing is known of any. */
  readonly identity?: IdentityFacts;
  /** What came of the publisher's own signature. */
  readonly signature?: UpstreamSignature;
  /** What is on record as evidence. */
  readonly observed?: ObservedFacts;
  /** Findings of an earlier judgement that cannot be made again from facts. */
  readonly carried?: readonly Finding[];
}

export function judge(evidence: Evidence, policy: Policy): Judgement {
  const raw = rawTensors(evidence.brought.map(({ file, facts }) => ({ path: file.path, facts })));
  const brought = evidence.brought.map((one) => ({ ...one, facts: raw.get(one.file.path) ?? one.facts }));
  const parsed = brought.map(({ file, facts }) => ({ path: file.path, facts }));
  const scanned = brought.map((file) => scanBrought(file, evidence.waived));
  const seen = scanRepo(parsed);
  const { advice } = evidence;
  const advised = advice ? scanAdvisories(scanned, advice.advisories, advice.loader) : [];
  const together = [...seen.findings, ...advised];
  const digests = evidence.brought.map(({ file, sha256 }) => ({ path: file.path, sha256 }));
  const waived = (some: readonly Finding[]) => waiveRepo(some, digests, evidence.waived ?? NOTHING_WAIVED);
  const repo = { ...seen, findings: waived(together) };
  const findings = [
    ...scanned.flatMap((file) => file.findings),
    ...repo.findings,
    ...waived(evidence.carried ?? []),
  ];
  const files = scanned.map(({ path, facts, verdict }) => ({ path, facts, verdict }));
  const input = policyInput(evidence, { files, findings, repo });
  const judged = scanned.map(({ path, gaps }) => ({ path, gaps }));
  const gone = evidence.manifest.files.filter(({ sha256 }) => evidence.revoked?.has(sha256));
  const floor = safetyFloor(
    judged,
    findings,
    gone.map(({ path }) => path),
  );
  const rules = [...floor, ...decide(policy, input)];
  const { references } = seen;
  return { files, findings, input, references, decision: { verdict: verdictOf(rules), rules } };
}

interface ScannedFile extends JudgedFile {
  readonly findings: readonly Finding[];
  /** What nobody read, and nobody answers for. */
  readonly gaps: readonly Gap[];
}

const NOTHING_WAIVED: NonNullable<Evidence['waived']> = { waivers: [], nowMs: 0 };

function scanBrought(
  { file, sha256, facts, examinations = [] }: ReadFile,
  waived = NOTHING_WAIVED,
): ScannedFile {
  const { path } = file;
  const findings = [...scanFile({ path, facts }).findings, ...scanExaminations(path, examinations)];
  const { waivers, nowMs } = waived;
  const left = waive({ path, sha256, findings, gaps: facts.gaps }, waivers, nowMs);
  return {
    path,
    facts,
    verdict: fileVerdict(left.findings, left.gaps),
    findings: left.findings,
    gaps: left.gaps,
  };
}

const UNSIGNED: UpstreamSignature = { status: 'none' };

/** As at the first admission of a model. */
const FIRST: IdentityFacts = { ownerChanged: false, newAuthor: false, newCode: [] };

function policyInput(
  { manifest, revision, identity = FIRST, observed = [], signature = UNSIGNED }: Evidence,
  scan: {
    readonly files: readonly JudgedFile[];
    readonly findings: readonly Finding[];
    readonly repo: ReturnType<typeof scanRepo>;
  },
): PolicyInput {
  const known = new Map(manifest.files.map((file) => [file.path, file]));
  const { model } = manifest;
  const { publisher, license, gated, hubScan } = revision;
  return {
    files: scan.files.map(({ path, facts, verdict }) => ({
      path,
      size: known.get(path)?.sizeBytes ?? facts.sizeBytes,
      sha256: known.get(path)?.sha256 ?? '',
      format: facts.format,
      verdict,
      tier: tierOf(facts) ?? '',
    })),
    findings: scan.findings.map(({ rule, severity, verdict, file }) => ({ rule, severity, verdict, file })),
    repo: {
      name: model,
      namespace: model.includes('/') ? model.slice(0, model.indexOf('/')) : '',
      license: license ?? scan.repo.license,
      remoteCode: scan.repo.remoteCode,
      gated,
      tags: revision.tags,
      references: [...new Set(scan.repo.references.map((reference) => reference.repo))].sort(),
      sizeBytes: manifest.files.reduce((sum, file) => sum + file.sizeBytes, 0),
      newCode: identity.newCode,
    },
    source: { kind: revision.kind, endpoint: revision.endpoint },
    publisher: {
      name: publisher?.name,
      kind: publisher?.kind,
      verified: publisher?.verified,
      plan: publisher?.plan,
      followers: publisher?.followers,
      id: publisher?.id,
      changed: identity.ownerChanged,
      before: identity.ownerBefore,
      authors: revision.authors ?? [],
      newAuthor: identity.newAuthor,
    },
    hub: { scan: hubScan?.status },
    signature: { status: signature.status, key: 'key' in signature ? signature.key : undefined },
    evidence: observed,
  };
}

/** What a policy would say of what was inspected, if it were to be admitted as it is. */
import { judge } from '../admission/judge.ts';
import type { GitBlobSha1 } from '../base/digest.ts';
import { type Commit, parseModelName, parseRepoPath } from '../base/name.ts';
import type { Decision } from '../base/verdict.ts';
import type { Policy } from '../policy/policy.ts';
import type { SourceRevision } from '../sources/source.ts';
import type { InspectedFile, Inspection, Waived } from './inspect.ts';

/** Nothing here depends on it: a scan has no git names. */
const NO_BLOB = '0'.repeat(40) as GitBlobSha1;

/** Of files that were read completely; what was not is held by the safety floor. Names that are no safe path throw. */
export function decideInspection(inspection: Inspection, policy: Policy, waived: Waived): Decision {
  const read = inspection.files.flatMap(brought);
  const unread = inspection.files.length - read.length;
  const revision = inspection.revision ?? here(inspection);
  const manifest = {
    vault: 'scan',
    model: revision.model,
    commit: revision.commit ?? ('0'.repeat(40) as Commit),
    files: read.map(({ file, sizeBytes, sha256 }) => ({ path: file.path, sizeBytes, sha256 })),
    excluded: [],
  };
  const { decision } = judge(
    { manifest, revision, brought: read, waived, advice: inspection.advice },
    policy,
  );
  if (unread === 0 || decision.verdict !== 'admitted') return decision;
  const because = `${unread} of ${inspection.files.length} files could not be read, or were not read completely`;
  return { verdict: 'held', rules: [{ rule: 'floor/not-fully-read', outcome: 'hold', because }] };
}

function brought({ path, sizeBytes, sha256, facts, examinations }: InspectedFile) {
  if (facts === undefined || sha256 === undefined) return [];
  const file = { path: parseRepoPath(path), sizeBytes, declared: { kind: 'none' } } as const;
  return [{ file, sizeBytes, sha256, gitBlobSha1: NO_BLOB, facts, examinations, from: 'source' } as const];
}

function here({ name }: Inspection): SourceRevision {
  const model = parseModelName('local/scan');
  return { kind: 'directory', endpoint: name, model, requested: '', commit: undefined, tags: [], files: [] };
}

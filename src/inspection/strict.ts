/**
 * The strict view: clean means weights and text alone. Classes that are known and harmless to construct, and notes of
 * weight (code that somebody may run, a template that reaches for more than text) count as inconclusive.
 */
import { type Finding, fileVerdict } from '../base/finding.ts';
import { tierOf } from '../scan/archive.ts';
import { type InspectedFile, type Inspection, verdictOf } from './inspect.ts';

const KNOWN_CLASSES = {
  rule: 'strict/more-than-weights',
  severity: 'low',
  verdict: 'inconclusive',
  why: 'Whoever loads the file constructs objects of the named tier, and a library may change what they do.',
  fix: 'Ask for safetensors, or scan without --strict.',
} as const;

export function strictly(inspection: Inspection): Inspection {
  const files = inspection.files.map(strictFile);
  const findings = inspection.repo.findings.map(strictFinding);
  const repo = { ...inspection.repo, findings };
  return { ...inspection, files, repo, verdict: verdictOf(files, findings) };
}

function strictFile(file: InspectedFile): InspectedFile {
  if (file.error) return file;
  const tier = file.facts && tierOf(file.facts);
  const beyond = tier !== undefined && tier !== 'weights-only' && file.verdict === 'clean';
  const findings = [
    ...file.findings.map(strictFinding),
    ...(beyond ? [{ ...KNOWN_CLASSES, file: file.path, message: `its pickles need the tier ${tier}` }] : []),
  ];
  return { ...file, findings, verdict: fileVerdict(findings, file.verdict === 'clean' ? [] : file.gaps) };
}

function strictFinding(one: Finding): Finding {
  const weighty = one.severity === 'high' || one.severity === 'critical';
  return one.verdict === 'clean' && weighty && one.waived === undefined
    ? { ...one, verdict: 'inconclusive' }
    : one;
}

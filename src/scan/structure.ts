/**
 * What contradicts its own format, and what nobody read: never clean.
 */
import type { Finding } from '../base/finding.ts';
import type { Facts } from '../formats/facts.ts';
import { finding, type Rule } from './judgement.ts';

const MALFORMED: Rule = {
  rule: 'structure/malformed',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'A file that contradicts its own format is read differently by different loaders, and what one skips another may run.',
  fix: 'Ask the publisher for an intact file; admit it only after a person looked at the bytes named here.',
};

const POLYGLOT: Rule = {
  rule: 'structure/polyglot',
  severity: 'critical',
  verdict: 'inconclusive',
  why: 'The file is two formats at once: it passes a scan as the one and is loaded as the other.',
  fix: 'Do not admit it; tell the publisher, and treat the repo with suspicion.',
};

const UNREAD: Rule = {
  rule: 'structure/not-read',
  severity: 'medium',
  verdict: 'inconclusive',
  why: 'What no parser accounts for may hold anything.',
  fix: 'Exclude the file with --exclude if it is not needed, or have a person look at it.',
};

const EXECUTABLE: Rule = {
  rule: 'structure/executable',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'A model needs no program of its own; whoever starts it runs code that nobody inspected.',
  fix: 'Exclude the file with --exclude.',
};

/** Problems kept of one file: the first tell the story. */
const FINDINGS_MAX = 20;

export function scanStructure(file: string, facts: Facts): Finding[] {
  const findings = facts.problems.slice(0, FINDINGS_MAX).map((problem) =>
    finding(problem.code.startsWith('polyglot-') ? POLYGLOT : MALFORMED, {
      file,
      offset: problem.offset,
      member: problem.member,
      subject: problem.code,
      message: `${facts.format}: ${problem.detail}`,
    }),
  );
  if (facts.format === 'opaque') {
    const rule = facts.executable ? EXECUTABLE : UNREAD;
    const what = facts.seems === 'unknown' ? 'content that no parser knows' : facts.seems;
    if (facts.sizeBytes > 0) findings.push(finding(rule, { file, message: `the file is ${what}` }));
    return findings;
  }
  const [gap] = facts.gaps;
  if (gap !== undefined && findings.length === 0) {
    const { offset, member, length } = gap;
    const message = `${length} bytes were not accounted for: ${gap.reason}`;
    findings.push(finding(UNREAD, { file, offset, member, message }));
  }
  if (facts.format === 'text' && facts.shebang !== undefined)
    findings.push(finding(EXECUTABLE, { file, message: `the file is a script (${facts.shebang})` }));
  return findings;
}

/**
 * The safety floor: what no policy file removes. What was revoked, and what runs code when it is loaded, is refused;
 * what was not read completely, or remains unclear, is held: a gap in a file, or any finding, also about the repo as a
 * whole, that says so. (Digests that do not match never get as far as a decision.)
 */
import type { Finding, Gap } from '../base/finding.ts';
import type { RuleOutcome } from '../base/verdict.ts';

export interface ReadFile {
  readonly path: string;
  readonly gaps: readonly Gap[];
}

/** `revoked` are the paths of files that no revision may hold any more. */
export function safetyFloor(
  files: readonly ReadFile[],
  findings: readonly Finding[],
  revoked: readonly string[] = [],
): RuleOutcome[] {
  const rules: RuleOutcome[] = [];
  const [gone] = revoked;
  if (gone !== undefined)
    rules.push({
      rule: 'floor/revoked',
      outcome: 'refuse',
      because: `${gone} was revoked${others(revoked.length - 1, 'file')}`,
    });
  const blocking = findings.filter((finding) => finding.verdict === 'blocked');
  const [worst] = blocking;
  if (worst) {
    rules.push({
      rule: 'floor/code-execution',
      outcome: 'refuse',
      because: `${place(worst)}: ${worst.message}${others(blocking.length - 1, 'finding')}`,
    });
  }
  const unread = files.flatMap(({ path, gaps }) => (gaps[0] ? [`${path}: ${gaps[0].reason}`] : []));
  const open = findings.filter((finding) => finding.verdict === 'inconclusive');
  const reasons = [...unread, ...open.map((finding) => `${place(finding)}: ${finding.message}`)];
  const [first] = reasons;
  if (first) {
    const because = `${first}${others(reasons.length - 1, 'reason')}`;
    rules.push({ rule: 'floor/not-fully-read', outcome: 'hold', because });
  }
  return rules;
}

/** `file, member, byte n`, as messages name a place. */
export function place(finding: Pick<Finding, 'file' | 'member' | 'offset'>): string {
  const parts = [finding.file || 'the repo'];
  if (finding.member) parts.push(finding.member);
  if (finding.offset !== undefined) parts.push(`byte ${finding.offset}`);
  return parts.join(', ');
}

function others(count: number, noun: string): string {
  return count > 0 ? ` (and ${count} more ${noun}${count > 1 ? 's' : ''})` : '';
}

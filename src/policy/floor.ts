/**
 * The safety floor: what no policy file removes. What runs code when it is loaded is refused; what was not read
 * completely is held. (Digests that do not match never get as far as a decision.)
 */
import type { FileVerdict, Finding, Gap } from '../base/finding.ts';
import type { RuleOutcome } from '../base/verdict.ts';

export interface JudgedFile {
  readonly path: string;
  readonly verdict: FileVerdict;
  readonly gaps: readonly Gap[];
}

export function safetyFloor(files: readonly JudgedFile[], findings: readonly Finding[]): RuleOutcome[] {
  const rules: RuleOutcome[] = [];
  const blocking = findings.filter((finding) => finding.verdict === 'blocked');
  const [worst] = blocking;
  if (worst) {
    rules.push({
      rule: 'floor/code-execution',
      outcome: 'refuse',
      because: `${place(worst)}: ${worst.message}${others(blocking.length - 1, 'finding')}`,
    });
  }
  const unread = files.filter((file) => file.verdict === 'inconclusive');
  const [sample] = unread;
  if (sample) {
    rules.push({
      rule: 'floor/not-fully-read',
      outcome: 'hold',
      because: `${sample.path}: ${reason(sample, findings)}${others(unread.length - 1, 'file')}`,
    });
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

function reason(file: JudgedFile, findings: readonly Finding[]): string {
  const [gap] = file.gaps;
  if (gap) return gap.reason;
  const finding = findings.find((item) => item.file === file.path && item.verdict === 'inconclusive');
  return finding?.message ?? 'not read completely';
}

function others(count: number, noun: string): string {
  return count > 0 ? ` (and ${count} more ${noun}${count > 1 ? 's' : ''})` : '';
}

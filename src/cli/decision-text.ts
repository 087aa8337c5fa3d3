/** A decision in words: which rules led to it, and where. */
import type { Finding } from '../base/finding.ts';
import type { Decision, RuleOutcome } from '../base/verdict.ts';
import { place } from '../policy/floor.ts';
import { labelled, painter, type Terminal } from './terminal.ts';

/** Findings that are printed; the record has them all. */
const FINDINGS_SHOWN_MAX = 5;

const FLOOR: Readonly<Record<string, string>> = {
  'floor/code-execution': 'the safety floor: a file runs code when it is loaded',
  'floor/not-fully-read': 'the safety floor: something was not read completely or remains unclear',
};

export function decisionText(
  decision: Decision,
  findings: readonly Finding[],
  terminal: Pick<Terminal, 'colour'>,
): string {
  const paint = painter(terminal);
  if (decision.verdict === 'admitted') return labelled('admitted', 'no rule speaks against it');
  const style = decision.verdict === 'refused' ? 'red' : 'yellow';
  const rules =
    decision.verdict === 'refused'
      ? decision.rules.filter((rule) => rule.outcome === 'refuse')
      : decision.rules;
  const lines = rules.flatMap((rule) => [`by ${ruleText(rule)}`, ...evidenceOf(rule, findings)]);
  const text = labelled(
    decision.verdict,
    lines.map((line) => painter({ colour: false })('bold', line)).join('\n'),
  );
  return text.replace(decision.verdict, paint(style, decision.verdict));
}

function ruleText(rule: RuleOutcome): string {
  return FLOOR[rule.rule] ?? `rule ${rule.rule}: ${rule.because}`;
}

/** The findings behind a rule of the floor; its own reason where it is about gaps. */
function evidenceOf(rule: RuleOutcome, findings: readonly Finding[]): string[] {
  if (!FLOOR[rule.rule]) return [];
  const wanted = rule.outcome === 'refuse' ? 'blocked' : 'inconclusive';
  const behind = findings.filter((finding) => finding.verdict === wanted);
  const all = behind.map((finding) => `${place(finding)}: ${finding.message}`);
  if (!all.some((line) => rule.because.startsWith(line))) all.unshift(rule.because);
  return all.length > FINDINGS_SHOWN_MAX
    ? [...all.slice(0, FINDINGS_SHOWN_MAX), `and ${all.length - FINDINGS_SHOWN_MAX} more`]
    : all;
}

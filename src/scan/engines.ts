/** What engines of others recognised, as findings; and that one did not look is a finding too. */
import type { Finding } from '../base/finding.ts';
import type { EngineMatch, Examination } from '../engines/engine.ts';
import { finding, quoted, type Rule } from './judgement.ts';

const MALWARE: Rule = {
  rule: 'malware/recognised',
  severity: 'critical',
  verdict: 'blocked',
  why: 'A scanner of known malware recognises these bytes.',
  fix: 'Do not load or keep the file; report it to the Hub.',
};

const REVIEW: Rule = {
  rule: 'malware/to-review',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'A rule that you configured matches, and asks for a look.',
  fix: 'Have a person look at the place, and waive the rule for this file if it is harmless.',
};

const NOTE: Rule = { ...REVIEW, rule: 'malware/note', severity: 'info', verdict: 'clean' };

const NOT_EXAMINED: Rule = {
  rule: 'malware/not-examined',
  severity: 'medium',
  verdict: 'inconclusive',
  why: 'A scanner that you configured did not see the file, so nothing can be said in its name.',
  fix: 'See that the scanner runs and can be reached, then scan again.',
};

const LEFT: Rule = {
  rule: 'malware/not-all-examined',
  severity: 'info',
  verdict: 'clean',
  why: 'Scanners of known malware are shown the first bytes of large files; our own parsers read all of them.',
  fix: 'Nothing is to be done, unless the file is no model.',
};

/** Matches of one engine that are told. */
const MATCHES_MAX = 20;

export function scanExaminations(file: string, examinations: readonly Examination[]): Finding[] {
  return examinations.flatMap((one) => {
    const { engine, matches, failed, leftBytes, examinedBytes } = one;
    if (failed !== undefined)
      return [finding(NOT_EXAMINED, { file, subject: engine, message: `${engine} did not look: ${failed}` })];
    const left =
      leftBytes > 0
        ? [
            finding(LEFT, {
              file,
              subject: engine,
              message: `${engine} saw ${examinedBytes} bytes, and ${leftBytes} not`,
            }),
          ]
        : [];
    return [...matches.slice(0, MATCHES_MAX).map((match) => recognised(file, engine, match)), ...left];
  });
}

function recognised(file: string, engine: string, match: EngineMatch): Finding {
  const { name, weight, description, offset } = match;
  const rule = weight === 'block' ? MALWARE : weight === 'review' ? REVIEW : NOTE;
  const about = description === undefined ? '' : `: ${description}`;
  return finding(rule, {
    file,
    offset,
    subject: name,
    message: `${engine} recognises ${quoted(name)}${about}`,
  });
}

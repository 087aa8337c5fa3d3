/**
 * PDF: papers are read by people, and a paper that acts when it is opened is not just a paper.
 */
import type { Finding } from '../base/finding.ts';
import type { PdfFacts } from '../formats/pdf.ts';
import { finding, type Rule } from './judgement.ts';

const ACTS: Rule = {
  rule: 'pdf/active-content',
  severity: 'medium',
  verdict: 'inconclusive',
  why: 'A reader program may run it when somebody opens the file.',
  fix: 'Exclude the file with --exclude.',
};

/** `/OpenAction` alone only says on which page to open: LaTeX writes it into most papers. */
const HARMLESS: ReadonlySet<string> = new Set(['/OpenAction']);

export function scanPdf(file: string, facts: PdfFacts): Finding[] {
  const actions = facts.actions.filter((action) => !HARMLESS.has(action));
  if (actions.length === 0) return [];
  return [finding(ACTS, { file, subject: actions[0], message: `the PDF holds ${actions.join(', ')}` })];
}

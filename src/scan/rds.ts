/**
 * R: values that are more than data.
 */
import type { Finding } from '../base/finding.ts';
import type { RdsCode, RdsFacts } from '../formats/rds.ts';
import { finding, type Rule, some } from './judgement.ts';

const PROMISE: Rule = {
  rule: 'r/promise',
  severity: 'critical',
  verdict: 'blocked',
  why: 'R evaluates a promise as soon as somebody looks at the value, with whatever it says (CVE-2024-27322).',
  fix: 'Do not admit it; report it to the Hub.',
};

const CODE: Rule = {
  rule: 'r/code',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'The file holds functions, expressions or environments besides data, and what they do was not analysed.',
  fix: 'Ask the publisher for the data alone, or review the functions in a session without access to anything.',
};

const NAMES: Readonly<Record<RdsCode, string>> = {
  promise: 'promises',
  bytecode: 'bytecode',
  closure: 'functions',
  language: 'expressions',
  environment: 'environments',
  pointer: 'pointers',
  builtin: 'functions of R itself',
  compact: 'compact vectors',
};

export function scanRds(file: string, facts: RdsFacts): Finding[] {
  // A compact vector is a range or a text that R has not spelled out: data.
  const code = facts.code.filter(({ kind }) => kind !== 'compact');
  if (code.length === 0) return [];
  const rule = code.some(({ kind }) => kind === 'promise') ? PROMISE : CODE;
  const message = `the file holds ${some(
    code.map(({ kind, count }) => `${count} ${NAMES[kind]}`),
    8,
  )}`;
  return [finding(rule, { file, message })];
}

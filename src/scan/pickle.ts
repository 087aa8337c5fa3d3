/**
 * Judging pickles: an operation on a global is either permitted by a tier of the allowlist, or dangerous, or
 * unknown. Only a pickle whose every operation is permitted, and which was read completely, is clean.
 */
import { printable } from '../base/errors.ts';
import type { Finding } from '../base/finding.ts';
import type { PickleFacts, PickleGlobal } from '../formats/pickle/facts.ts';
import { allowedTier } from './pickle-allowed.ts';
import { dangerOf, neverByItself } from './pickle-dangerous.ts';

/** From the narrowest to what must not pass; the worst operation decides. */
const PICKLE_TIERS = ['weights-only', 'training-state', 'known-classes', 'unknown', 'dangerous'] as const;

export type PickleTier = (typeof PICKLE_TIERS)[number];

/** Findings kept of one pickle, the worst first: one is enough to decide. */
const FINDINGS_MAX = 50;

interface Judgement {
  readonly tier: PickleTier;
  readonly rule: string;
  readonly why: string;
}

/** The tier of a pickle with all that is nested in it. What was not followed completely is `unknown` at best. */
export function pickleTier(facts: PickleFacts): PickleTier {
  const tiers = facts.globals.map((global) => judge(global).tier);
  for (const nested of facts.nested)
    tiers.push(pickleTier(nested.shadow ? imported(nested.facts) : nested.facts));
  if (facts.gaps.length + facts.problems.length + facts.persistentIds.oddCount > 0) tiers.push('unknown');
  return worst(tiers);
}

/** The worst of tiers; `weights-only` where there is none. */
export function worst(tiers: readonly PickleTier[]): PickleTier {
  const ranks = tiers.map((tier) => PICKLE_TIERS.indexOf(tier));
  return PICKLE_TIERS[ranks.reduce((high, rank) => Math.max(high, rank), 0)] ?? 'dangerous';
}

/** The findings on a pickle, worst first, calls before imports. `member` names the archive member that it is, `!` between archives. */
export function scanPickle(file: string, facts: PickleFacts, member?: string): Finding[] {
  const findings = collect({ file, ...(member === undefined ? {} : { member }) }, facts);
  return findings.sort((a, b) => rank(a) - rank(b)).slice(0, FINDINGS_MAX);
}

const WORST_FIRST = [
  'pickle/dangerous-call',
  'pickle/patches-import',
  'pickle/dangerous-import',
  'pickle/unknown-call',
];

function rank({ rule }: Finding): number {
  const at = WORST_FIRST.indexOf(rule);
  return at === -1 ? WORST_FIRST.length : at;
}

interface Place {
  readonly file: string;
  readonly member?: string;
}

function collect(place: Place, facts: PickleFacts): Finding[] {
  const findings: Finding[] = [];
  const judged = facts.globals
    .map((global) => ({ global, judgement: judge(global) }))
    .filter(({ judgement: { tier } }) => tier === 'unknown' || tier === 'dangerous');
  // What is called was imported before: the call says it all.
  const called = new Set(
    judged.filter(({ global }) => !isName(global)).map(({ global }) => subjectOf(global)),
  );
  for (const { global, judgement } of judged)
    if (!isName(global) || !called.has(subjectOf(global))) findings.push(finding(place, global, judgement));
  for (const { offset, facts: nested, shadow } of facts.nested) {
    const inner = shadow ? imported(nested) : nested;
    const member = place.member === undefined ? `bytes at ${offset}` : `${place.member}!bytes at ${offset}`;
    findings.push(...collect({ file: place.file, member }, inner));
  }
  const [problem] = facts.problems;
  if (problem !== undefined) {
    findings.push({
      ...place,
      rule: 'pickle/not-followed',
      severity: 'medium',
      verdict: 'inconclusive',
      offset: problem.offset,
      message: printable(problem.detail),
      why: 'What a pickle does behind such a place cannot be known without running it.',
      fix: 'Ask the publisher for safetensors, or convert the file in a sandbox.',
    });
  }
  const [odd] = facts.persistentIds.odd;
  if (odd !== undefined) {
    findings.push({
      ...place,
      rule: 'pickle/persistent-id',
      severity: 'medium',
      verdict: 'inconclusive',
      offset: odd.offset,
      message: `the persistent id ${odd.preview} does not name a tensor storage`,
      why: 'The loader decides what a persistent id means, so what is loaded is not in the file.',
      fix: 'Find out which loader the file is for, and admit it with a waiver if that loader is yours.',
    });
  }
  return findings;
}

/**
 * Without what the bytes of an honest array of objects import for other loaders: a name `dtype`, taken from a module
 * that has none, which ends their reading. Where importing that module alone is dangerous, it stays.
 */
function imported(facts: PickleFacts): PickleFacts {
  const globals = facts.globals.filter(
    ({ module, name, operation }) =>
      operation !== 'import' || name !== 'dtype' || dangerOf(module, name) !== undefined,
  );
  return { ...facts, globals };
}

function isName({ operation }: PickleGlobal): boolean {
  return operation === 'import' || operation === 'pass';
}

function judge(global: PickleGlobal): Judgement {
  const { module, name, operation, on } = global;
  const danger =
    dangerOf(module, name) ?? (global.written && dangerOf(global.written.module, global.written.name));
  const tier = allowedTier(global);
  // The allowlist names single operations, the families whole modules: the narrower one counts.
  if (tier !== undefined) return { tier, rule: 'pickle/allowed', why: '' };
  if (danger !== undefined) {
    const rule =
      operation === 'import' || operation === 'pass' ? 'pickle/dangerous-import' : 'pickle/dangerous-call';
    return { tier: 'dangerous', rule, why: `It ${danger}, as soon as the file is loaded.` };
  }
  if (module !== '' && on === 'itself' && ['build', 'append', 'setitem', 'additems'].includes(operation))
    return {
      tier: 'dangerous',
      rule: 'pickle/patches-import',
      why: 'It changes an imported module or class for the whole process.',
    };
  if (neverByItself(module, name)) {
    const calledAgain = on === 'result' && operation !== 'build';
    return {
      tier: calledAgain ? 'dangerous' : 'unknown',
      rule: calledAgain ? 'pickle/dangerous-call' : 'pickle/never-by-itself',
      why: 'What it does depends on code or names that are given to it, so it can reach anything.',
    };
  }
  if (isName(global))
    return {
      tier: 'unknown',
      rule: 'pickle/unknown-import',
      why: 'Importing a module runs it, and this one is not known to be harmless.',
    };
  return {
    tier: 'unknown',
    rule: 'pickle/unknown-call',
    why: 'A pickle can call anything that can be imported, and this is not known to be harmless.',
  };
}

function finding(place: Place, global: PickleGlobal, { tier, rule, why }: Judgement): Finding {
  const blocked = tier === 'dangerous';
  const subject = printable(subjectOf(global));
  return {
    ...place,
    rule,
    severity: blocked ? 'critical' : global.operation === 'import' ? 'medium' : 'high',
    verdict: blocked ? 'blocked' : 'inconclusive',
    offset: global.offset,
    subject,
    message: deed(global, subject),
    why,
    fix: blocked
      ? 'Do not load this file. Use a safetensors version of the model, and report the file to the Hub.'
      : 'Ask for safetensors; if you know this class and its package, waive this name.',
  };
}

/** Longest name shown in full. */
const SUBJECT_CHARS_MAX = 160;

function subjectOf({ module, name }: PickleGlobal): string {
  const whole = module === '' ? name : `${module}.${name}`;
  return whole.length > SUBJECT_CHARS_MAX ? `${whole.slice(0, SUBJECT_CHARS_MAX)}…` : whole;
}

function deed(global: PickleGlobal, subject: string): string {
  const target = global.on === 'result' ? `what ${subject} returned` : subject;
  const given = global.preview.startsWith('(') ? global.preview : `(${global.preview})`;
  switch (global.operation) {
    case 'import':
      return `imports ${subject}`;
    case 'pass':
      return `hands on ${subject} to be called`;
    case 'reduce':
      return global.on === 'result'
        ? `REDUCE calls ${target} with ${given}`
        : `REDUCE calls ${subject}${given}`;
    case 'newobj':
    case 'obj':
    case 'inst':
      return `${global.operation.toUpperCase()} makes an instance of ${target}${global.on === 'result' ? '' : given}`;
    case 'build':
      return `BUILD sets the state of ${target}`;
    case 'append':
    case 'setitem':
    case 'additems':
      return `${global.operation.toUpperCase()} adds to ${target}`;
    case 'ext':
      return `uses the ${subject.replace(/[<>]/g, '')}, whose meaning is not in the file`;
  }
}

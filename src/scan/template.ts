/**
 * Templates: what a chat template needs is loops, conditions and text. What reaches for Python's internals is
 * server-side template injection, which ran code in loaders that render without a sandbox (CVE-2024-34359) and,
 * through gaps of the sandbox, in those that do (CVE-2024-56326, CVE-2025-27516).
 */
import type { Finding } from '../base/finding.ts';
import type { TemplateUse } from '../formats/template.ts';
import { finding, quoted, type Rule, some } from './judgement.ts';
import { scanTexts } from './template-texts.ts';

const INJECTION: Rule = {
  rule: 'template/injection',
  severity: 'critical',
  verdict: 'blocked',
  why: 'Such attributes lead from a template to any Python object, and so to running commands on the server.',
  fix: 'Do not admit it; report it to the Hub.',
};

const COMPUTED: Rule = {
  rule: 'template/computed-attribute',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'What a template puts together at run time cannot be checked before, and attributes are the way out of it.',
  fix: 'Have a person read the template, or set another one when serving.',
};

const GLOBALS: Rule = {
  rule: 'template/framework-object',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'No chat template needs objects of a web framework or of Jinja itself; exploits do.',
  fix: 'Have a person read the template, or set another one when serving.',
};

const UNPARSED: Rule = {
  rule: 'template/not-parsed',
  severity: 'medium',
  verdict: 'inconclusive',
  why: 'What the template does is not known.',
  fix: 'Have a person read the template, or set another one when serving.',
};

const HUGE: Rule = {
  rule: 'template/huge',
  severity: 'medium',
  verdict: 'inconclusive',
  why: 'A template is rendered for every request: a loop or a text of this size takes the server down.',
  fix: 'Have a person read the template, or set another one when serving.',
};

/** Attributes of frames, generators and functions that need no underscore. */
const ESCAPES: ReadonlySet<string> = new Set([
  'func_globals',
  'func_code',
  'gi_frame',
  'gi_code',
  'cr_frame',
  'cr_code',
  'ag_frame',
  'f_globals',
  'f_locals',
  'f_builtins',
  'f_back',
  'tb_frame',
  'mro',
  'environment',
]);

/** Filters and methods that reach attributes by text. */
const BY_TEXT: ReadonlySet<string> = new Set(['attr', '.format', '.format_map', '.?', 'format']);

const FRAMEWORK: ReadonlySet<string> = new Set([
  'lipsum',
  'self',
  'request',
  'config',
  'url_for',
  'get_flashed_messages',
  'g',
  'session',
  'application',
  'settings',
  'handler',
]);

const DUNDER = /__\w+__/;

export function scanTemplate(file: string, use: TemplateUse): Finding[] {
  const where = use.where === '' ? '' : `${use.where}: `;
  const seen = (rule: Rule, message: string, subject?: string) =>
    finding(rule, { file, message: `${where}${message}`, subject });
  const findings: Finding[] = [];
  // A leading underscore is what Jinja's own sandbox refuses, too.
  const escapes = use.attributes.filter((name) => name.startsWith('_') || ESCAPES.has(name));
  const dunders = use.dunderStrings.filter((text) => DUNDER.test(text));
  const byText = [...use.filters, ...use.calls].filter((name) => BY_TEXT.has(name));
  if (escapes.length > 0)
    findings.push(
      seen(INJECTION, `the template reads the attribute ${some(escapes.map(quoted))}`, escapes[0]),
    );
  if (dunders.length > 0)
    findings.push(seen(INJECTION, `the template spells ${some(dunders.map(quoted))}`, dunders[0]));
  if (byText.includes('attr') || byText.includes('.?'))
    findings.push(seen(INJECTION, 'the template reads an attribute by text (attr)', 'attr'));
  else if (byText.length > 0 || use.attributes.includes('?'))
    findings.push(
      seen(COMPUTED, 'the template puts attribute names or formats together', byText[0] ?? '[…]'),
    );
  const framework = use.names.filter((name) => FRAMEWORK.has(name));
  if (framework.length > 0)
    findings.push(seen(GLOBALS, `the template refers to ${some(framework.map(quoted))}`, framework[0]));
  if (use.huge.length > 0)
    findings.push(seen(HUGE, `the template counts as far as ${some(use.huge.map(quoted))}`, use.huge[0]));
  if (!use.parsed || use.truncated || use.adds.more)
    findings.push(seen(UNPARSED, `the template cannot be read: ${use.error ?? 'too many names or texts'}`));
  findings.push(...scanTexts(file, use));
  return findings;
}

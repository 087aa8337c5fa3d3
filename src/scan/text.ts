/**
 * Text that is neither code nor configuration by its form, and may still be one to its reader.
 */
import type { Finding } from '../base/finding.ts';
import type { TemplateUse } from '../formats/template.ts';
import type { LfsPointerFacts, PlainFacts } from '../formats/text.ts';
import { scanNotable } from './json.ts';
import { finding, quoted, type Rule, some } from './judgement.ts';
import { judgeClassName } from './keras.ts';
import { scanTemplate } from './template.ts';
import { scanOperations } from './tensorflow.ts';

const YAML_OBJECT: Rule = {
  rule: 'yaml/python-object',
  severity: 'critical',
  verdict: 'blocked',
  why: 'A YAML loader that builds Python objects calls what the tag names.',
  fix: 'Do not admit it; report it to the Hub.',
};

const YAML_MENTION: Rule = { ...YAML_OBJECT, severity: 'medium', verdict: 'inconclusive' };

const ACTIVE_SVG: Rule = {
  rule: 'image/active-content',
  severity: 'medium',
  verdict: 'inconclusive',
  why: 'A browser that shows the picture runs what stands in it.',
  fix: 'Exclude the picture with --exclude.',
};

const ENTITY: Rule = {
  rule: 'markup/external-entity',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'A reader that resolves the entity reads files of the machine, or asks another host, and puts it into the model.',
  fix: 'Exclude the file with --exclude, or ask the publisher to write the entity out.',
};

const CUSTOM_LAYERS: Rule = {
  rule: 'openvino/custom-layers',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'A runtime can run them only with a native library that is not part of the model.',
  fix: 'Find out which library it needs and whether you trust that one.',
};

const POINTER: Rule = {
  rule: 'structure/lfs-pointer',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'The file that belongs here was never inspected, and no runtime can load the pointer.',
  fix: 'Fetch the content (git lfs pull) in the directory, or admit the model from the Hub.',
};

export function scanPlain(file: string, facts: PlainFacts): Finding[] {
  const findings = facts.notable.flatMap(({ key, value, line }) => {
    const at = `${key} (line ${line})`;
    if (key !== 'class_name') return scanNotable(file, { key, value, path: at });
    const rule = judgeClassName(value);
    return rule === undefined
      ? []
      : [finding(rule, { file, subject: at, message: `${at} is ${quoted(value)}` })];
  });
  if (facts.kind === 'yaml' && facts.template !== undefined)
    findings.push(...scanQuoted(file, facts.template));
  const [tag] = facts.yamlTags;
  if (tag !== undefined) {
    const harmless =
      /^(?:!!|!<?tag:yaml\.org,2002:)python\/(?:tuple|str|unicode|int|float|bool|none|list|dict|complex|long|bytes)$/i;
    const dangerous = facts.yamlTags.filter((name) => !harmless.test(name));
    const rule = facts.kind === 'yaml' ? YAML_OBJECT : YAML_MENTION;
    if (dangerous.length > 0)
      findings.push(
        finding(rule, { file, subject: dangerous[0], message: `the tag ${quoted(dangerous[0] ?? tag)}` }),
      );
  }
  if (facts.operations !== undefined) findings.push(...scanOperations(file, facts.operations));
  if (facts.customLayers !== undefined) {
    const message = `the model has layers that OpenVINO does not: ${some(facts.customLayers.map(quoted))}`;
    findings.push(finding(CUSTOM_LAYERS, { file, subject: facts.customLayers[0], message }));
  }
  if (facts.active.length > 0)
    findings.push(
      facts.kind === 'svg'
        ? finding(ACTIVE_SVG, { file, message: `the SVG holds ${some(facts.active.map(quoted))}` })
        : finding(ENTITY, { file, message: `the document declares ${some(facts.active.map(quoted))}` }),
    );
  return findings;
}

/** Some servers take chat templates from YAML; workflows and charts have their own `{{ }}`, which need not be Jinja. */
function scanQuoted(file: string, template: TemplateUse): Finding[] {
  return scanTemplate(file, template).filter(({ verdict }) => verdict === 'blocked');
}

export function scanPointer(file: string, facts: LfsPointerFacts): Finding[] {
  const message = `a git LFS pointer stands where ${facts.pointsToBytes} bytes of content should be`;
  return [finding(POINTER, { file, message, subject: facts.sha256 })];
}

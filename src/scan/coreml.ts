/**
 * CoreML: classes that the application must bring, and files beside the model.
 */
import type { Finding } from '../base/finding.ts';
import type { CoremlFacts } from '../formats/coreml/parse.ts';
import { finding, quoted, type Rule, some } from './judgement.ts';
import { staysInside } from './onnx.ts';

const CUSTOM: Rule = {
  rule: 'coreml/custom-class',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'The runtime hands its data to a class of the application, which is not part of the model.',
  fix: 'Find out which library has the class and whether you trust that one.',
};

const OUTSIDE: Rule = {
  rule: 'coreml/path',
  severity: 'critical',
  verdict: 'blocked',
  why: 'The model takes its weights, or another model, from a file outside of its own folder.',
  fix: 'Do not admit it; report it to the Hub.',
};

/** How a model names its own folder. */
const OWN_FOLDER = /^(?:@model_path\/|\$BUNDLE_MAIN\/)/;

export function scanCoreml(file: string, facts: CoremlFacts): Finding[] {
  const custom = [...facts.customClasses, ...facts.operations.filter((name) => /^custom/i.test(name))];
  const outside = facts.files.filter((path) => !staysInside(path.replace(OWN_FOLDER, '')));
  const say = (rule: Rule, found: readonly string[], what: string): Finding[] =>
    found.length === 0
      ? []
      : [finding(rule, { file, subject: found[0], message: `${what} ${some(found.map(quoted))}` })];
  return [...say(CUSTOM, custom, 'the model needs'), ...say(OUTSIDE, outside, 'the model reads')];
}

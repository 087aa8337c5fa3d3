/**
 * Configuration that makes a loader run Python: noted, not condemned. Whether code from the repo may come in is
 * the policy's decision (`repo.remoteCode`); what the code does is the Python scanner's.
 */
import type { Finding } from '../base/finding.ts';
import type { JsonFacts, Notable } from '../formats/json.ts';
import type { TextBase } from '../formats/text-base.ts';
import { finding, quoted, type Rule } from './judgement.ts';
import { scanKeras } from './keras.ts';
import { scanTemplate } from './template.ts';

const note = (rule: string, why: string, fix: string): Rule => ({
  rule,
  severity: 'high',
  verdict: 'clean',
  why,
  fix,
});

const REVIEW = 'Review the code and approve, or admit without it: --exclude @code.';

const AUTO_MAP = note(
  'remote-code/auto-map',
  'Loaders that are told to trust remote code import the named module and run it.',
  REVIEW,
);
const FOREIGN_AUTO_MAP = note(
  'remote-code/other-repo',
  'The code comes from another repo, which is not part of what was inspected and may change.',
  'Admit the other repo too and point the configuration at it, or refuse the model.',
);
const TRUST = note(
  'remote-code/trust-remote-code',
  'The configuration itself asks loaders to trust remote code, which only the operator should decide.',
  'Remove the key, or approve after a review of the code.',
);
const CUSTOM_PIPELINE = note(
  'remote-code/custom-pipeline',
  'A custom pipeline is Python that the loader downloads and runs.',
  REVIEW,
);
const TARGET = note(
  'remote-code/target',
  'Hydra and its kin call whatever dotted name stands here, with arguments from the same file.',
  'Check that it names a class of the library that reads this file.',
);
const ATTENTION = note(
  'remote-code/attention-kernel',
  'Loaders fetch the kernel from the named repo and run it.',
  'Admit the kernel too, or set another attention implementation.',
);
const MODULE = note(
  'remote-code/module',
  'sentence-transformers imports the module that is named here; outside its own package it is code of the repo.',
  REVIEW,
);
const MXNET: Rule = {
  rule: 'mxnet/custom-operator',
  severity: 'critical',
  verdict: 'inconclusive',
  why: 'MXNet calls a Python class by the name that stands here, or code at an address that the file gives.',
  fix: 'Ask the publisher for a model of MXNet operators only.',
};
const DANGEROUS_TARGET: Rule = {
  rule: 'remote-code/dangerous-target',
  severity: 'critical',
  verdict: 'blocked',
  why: 'Reading the configuration as it is meant to be read runs this function with arguments of the publisher.',
  fix: 'Do not admit it; report it to the Hub.',
};
const DUPLICATE: Rule = {
  rule: 'json/duplicate-key',
  severity: 'low',
  verdict: 'clean',
  why: 'Readers differ in which of two equal keys counts; all values were judged here.',
  fix: 'Tell the publisher.',
};

/** Judges JSON as a file, or as text inside of another format. */
export function scanJson(file: string, facts: Omit<JsonFacts, keyof TextBase>): Finding[] {
  const findings = facts.notable.flatMap((notable) => scanNotable(file, notable));
  findings.push(...scanKeras(file, facts.keras ?? []));
  for (const template of facts.templates) findings.push(...scanTemplate(file, template));
  if (facts.duplicateKeys.length > 0) {
    const message = `keys stand twice: ${facts.duplicateKeys.slice(0, 5).map(quoted).join(', ')}`;
    findings.push(finding(DUPLICATE, { file, message }));
  }
  return findings;
}

/** Names that no configuration has a good reason to call. */
const DANGEROUS_NAMES =
  /^(?:os|posix|subprocess|builtins|__builtin__|sys|shutil|runpy|importlib|pty|socket|ctypes|pickle|marshal|code|webbrowser)\./;

/** The findings on one notable key; shared with the `key: value` lines of YAML. */
export function scanNotable(file: string, { key, path, value }: Notable): Finding[] {
  const say = (rule: Rule): Finding[] => [
    finding(rule, { file, subject: path, message: `${path} is ${quoted(String(value))}` }),
  ];
  switch (key) {
    case 'auto_map':
      return typeof value === 'string' ? say(value.includes('--') ? FOREIGN_AUTO_MAP : AUTO_MAP) : [];
    case 'trust_remote_code':
      return value === true || /^(?:true|yes|on|1)$/i.test(String(value)) ? say(TRUST) : [];
    case 'custom_pipeline':
    case 'custom_pipelines':
    case 'custom_generate':
      return value === '' || value === false ? [] : say(CUSTOM_PIPELINE);
    case '_target_':
      return say(DANGEROUS_NAMES.test(String(value)) ? DANGEROUS_TARGET : TARGET);
    case 'mxnet_op':
      return say(MXNET);
    case 'experts_implementation':
    case '_attn_implementation':
    case '_attn_implementation_internal':
    case 'attn_implementation':
      return String(value).includes('/') ? say(ATTENTION) : [];
    case 'type':
      return /^(?:sentence_transformers|pylate|torch\.nn)\./.test(String(value)) ? [] : say(MODULE);
    default:
      return [];
  }
}

/**
 * Models for phones: TensorFlow Lite and ExecuTorch, by the operators that the runtime must bring along.
 */
import type { Finding } from '../base/finding.ts';
import type { ExecutorchFacts } from '../formats/executorch.ts';
import type { TfliteFacts } from '../formats/tflite.ts';
import { finding, quoted, type Rule, some } from './judgement.ts';
import { outwardOperations } from './tensorflow.ts';

const CUSTOM: Rule = {
  rule: 'tflite/custom-operators',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'A runtime can run them only with a native library or a delegate that is not part of the model.',
  fix: 'Find out which library it needs and whether you trust that one.',
};

const REACHES_OUT: Rule = {
  rule: 'tflite/reaches-out',
  severity: 'critical',
  verdict: 'blocked',
  why: 'Whoever runs the model reads or writes files, or talks to other hosts, as the file says.',
  fix: 'Do not admit it; ask the publisher for a model that only computes.',
};

const PROGRAM: Rule = {
  rule: 'executorch/program',
  severity: 'medium',
  verdict: 'inconclusive',
  why: 'An ExecuTorch program is run by its runtime and its backends, and what it does was not analysed.',
  fix: 'Have a person look at the operators and backends, or build the program from weights that were admitted.',
};

/** Operators by name that the runtime itself brings. */
const OWN: ReadonlySet<string> = new Set([
  'NumericVerify',
  'Mfcc',
  'AudioSpectrogram',
  'TFLite_Detection_PostProcess',
]);

/** The largest number of a builtin operator (schema of TensorFlow 2.21), with room for a few that are to come. */
const BUILTIN_MAX = 255;

export function scanTflite(file: string, facts: TfliteFacts): Finding[] {
  const flex = facts.customs.filter((name) => name.startsWith('Flex')).map((name) => name.slice(4));
  const outward = outwardOperations(flex);
  if (outward.length > 0) {
    const message = `the model uses ${some(outward.map(quoted))} of TensorFlow`;
    return [finding(REACHES_OUT, { file, subject: outward[0], message })];
  }
  const foreign = [
    ...facts.customs.filter((name) => !OWN.has(name)).map(quoted),
    ...facts.builtins.filter((code) => code > BUILTIN_MAX).map((code) => `number ${code}`),
  ];
  if (foreign.length === 0) return [];
  const message = `the model needs operators that the runtime does not bring: ${some(foreign)}`;
  return [finding(CUSTOM, { file, subject: facts.customs[0], message })];
}

export function scanExecutorch(file: string, facts: ExecutorchFacts): Finding[] {
  const backends =
    facts.delegates.length > 0 ? `, for the backends ${some(facts.delegates.map(quoted))}` : '';
  const message = `an ExecuTorch program of ${facts.operators.length} operators${backends}`;
  return [finding(PROGRAM, { file, message })];
}

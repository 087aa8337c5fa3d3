/**
 * TensorFlow graphs: operations that reach out of the graph, and operations that TensorFlow does not have.
 */
import type { Finding } from '../base/finding.ts';
import type { TensorflowFacts } from '../formats/tensorflow/parse.ts';
import { scanJson } from './json.ts';
import { finding, quoted, type Rule, some } from './judgement.ts';
import { TENSORFLOW_OPERATIONS } from './tensorflow-operations.ts';

const REACHES_OUT: Rule = {
  rule: 'tensorflow/reaches-out',
  severity: 'critical',
  verdict: 'blocked',
  why: 'Whoever runs the graph reads or writes files, or talks to other hosts, as the file says.',
  fix: 'Do not admit it; ask the publisher for a model that only computes.',
};

const PYTHON: Rule = {
  rule: 'tensorflow/python',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'The operation calls a Python function of the process, and which one does not stand in the file.',
  fix: 'Ask the publisher for a model that only computes.',
};

const UNKNOWN: Rule = {
  rule: 'tensorflow/operations',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'The operation is not one of those that only compute: it reads data from outside, or needs a native library.',
  fix: 'Find out what it does and whether you trust where it comes from.',
};

const PATHS: Rule = {
  rule: 'tensorflow/path',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'A graph that saves or restores with a path of its own reads or writes where the file says, not where its user does.',
  fix: 'Have a person look at what uses the path.',
};

const OUTWARD =
  /^(?:ReadFile|WriteFile|MatchingFiles|WholeFileReader\w*|FileSystemSetConfiguration|Rpc\w+|DataServiceDataset\w*|SqlDataset|ExperimentalSqlDataset|DebugNanCount|DebugNumericSummary\w*|CreateSummaryDbWriter|ImportEvent|DumpTensor)$/;

const CALLS_PYTHON = /^(?:Eager)?PyFunc(?:Stateless)?$/;

const FILES = new Set([
  'SaveV2',
  'Save',
  'SaveSlices',
  'RestoreV2',
  'Restore',
  'RestoreSlice',
  'MergeV2Checkpoints',
]);

export function scanTensorflow(file: string, facts: TensorflowFacts): Finding[] {
  const own = new Set(facts.functions);
  const names = facts.operations.map(({ name }) => name);
  const say = (rule: Rule, found: readonly string[], what: string): Finding[] =>
    found.length === 0
      ? []
      : [finding(rule, { file, subject: found[0], message: `${what} ${some(found.map(quoted))}` })];
  const outward = outwardOperations(names);
  const python = names.filter((name) => CALLS_PYTHON.test(name));
  const unknown = names.filter(
    (name) =>
      !(TENSORFLOW_OPERATIONS.has(name) || OUTWARD.test(name) || CALLS_PYTHON.test(name) || own.has(name)),
  );
  const saves = names.some((name) => FILES.has(name));
  return [
    ...say(REACHES_OUT, outward, 'the graph uses'),
    ...say(PYTHON, python, 'the graph uses'),
    ...say(UNKNOWN, unknown, 'the graph uses'),
    ...say(PATHS, saves ? facts.paths : [], 'the graph saves or restores and holds'),
    ...facts.configs.flatMap((config) => scanJson(file, config)),
  ];
}

/** Those of the operations that read or write files, or open connections. */
export function outwardOperations(names: readonly string[]): readonly string[] {
  return names.filter((name) => OUTWARD.test(name));
}

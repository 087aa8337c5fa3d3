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
  const names = facts.operations.map(({ name }) => name);
  const saves = names.some((name) => FILES.has(name));
  return [
    ...scanOperations(file, names, new Set(facts.functions)),
    ...say(PATHS, { file, names: saves ? facts.paths : [], what: 'the graph saves or restores and holds' }),
    ...facts.configs.flatMap((config) => scanJson(file, config)),
  ];
}

/** Judges the operations of a graph; `own` are functions that it defines itself, whose nodes are judged too. */
export function scanOperations(
  file: string,
  names: readonly string[],
  own: ReadonlySet<string> = new Set(),
): Finding[] {
  const what = 'the graph uses';
  const outward = outwardOperations(names);
  const python = names.filter((name) => CALLS_PYTHON.test(name));
  const known = (name: string) =>
    TENSORFLOW_OPERATIONS.has(name) || OUTWARD.test(name) || CALLS_PYTHON.test(name) || own.has(name);
  return [
    ...say(REACHES_OUT, { file, names: outward, what }),
    ...say(PYTHON, { file, names: python, what }),
    ...say(UNKNOWN, { file, names: names.filter((name) => !known(name)), what }),
  ];
}

function say(
  rule: Rule,
  { file, names, what }: { readonly file: string; readonly names: readonly string[]; readonly what: string },
): Finding[] {
  if (names.length === 0) return [];
  return [finding(rule, { file, subject: names[0], message: `${what} ${some(names.map(quoted))}` })];
}

/** Those of the operations that read or write files, or open connections. */
export function outwardOperations(names: readonly string[]): readonly string[] {
  return names.filter((name) => OUTWARD.test(name));
}

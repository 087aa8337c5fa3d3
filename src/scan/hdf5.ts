/**
 * HDF5: ways that lead out of the file, and what stands in its attributes: configurations and pickles.
 */
import type { Finding } from '../base/finding.ts';
import type { Hdf5Facts, WayOut } from '../formats/hdf5/facts.ts';
import { scanJson } from './json.ts';
import { finding, quoted, type Rule, some } from './judgement.ts';
import { scanPickle } from './pickle.ts';

const OUTSIDE: Rule = {
  rule: 'hdf5/outside',
  severity: 'critical',
  verdict: 'blocked',
  why: 'A loader that opens it reads another file of the machine as if it were weights (CVE-2026-1669).',
  fix: 'Do not admit it; report it to the Hub.',
};

const PYTABLES_OBJECTS: Rule = {
  rule: 'hdf5/pickled-objects',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'PyTables unpickles such values when they are read, and what the pickles do was not followed.',
  fix: 'Ask the publisher for plain arrays.',
};

const WAYS: Readonly<Record<WayOut['kind'], string>> = {
  'external-link': 'links into another file',
  'external-data': 'keeps its data in another file',
  'virtual-dataset': 'is put together from datasets of other files',
  'foreign-link': 'is linked by code of an application',
};

export function scanHdf5(file: string, facts: Hdf5Facts): Finding[] {
  const findings: Finding[] = [];
  const [way] = facts.waysOut;
  if (way !== undefined) {
    const all = facts.waysOut.map(
      ({ kind, path, target }) => `${quoted(path)} ${WAYS[kind]} (${quoted(target)})`,
    );
    findings.push(finding(OUTSIDE, { file, subject: way.target, message: `the object ${some(all, 3)}` }));
  }
  for (const { path, json } of facts.configs)
    findings.push(...scanJson(file, json).map((one) => ({ ...one, member: path })));
  for (const { path, pickle } of facts.pickles) findings.push(...scanPickle(file, pickle, path));
  const objects = facts.attributes.find(
    ({ path, value }) => path.endsWith('@PSEUDOATOM') && value === 'object',
  );
  if (objects !== undefined)
    findings.push(
      finding(PYTABLES_OBJECTS, { file, message: `${quoted(objects.path)} says that values are pickles` }),
    );
  return findings;
}

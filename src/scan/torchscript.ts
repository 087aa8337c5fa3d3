/**
 * Judging the program of a TorchScript archive: by the operators that it names, by a path or as a member of a value,
 * which are all that it can reach. It runs in an interpreter of PyTorch's own, which has no other way to files, processes or the network.
 */
import { printable } from '../base/errors.ts';
import type { Finding } from '../base/finding.ts';
import type { NamePlace, ProgramFacts } from '../formats/torchscript/parse.ts';
import { isOutsideMember, isValueMember, kindOfOperator } from './torchscript-operators.ts';

/** Findings kept of one program. */
const FINDINGS_MAX = 20;

/** `outside` is put before the names of members, where the archive lies in another one. */
export function scanProgram(file: string, program: ProgramFacts, outside: string): readonly Finding[] {
  const findings: Finding[] = [];
  for (const place of program.operators) {
    switch (kindOfOperator(place.name)) {
      case 'computes':
        break;
      case 'files':
        findings.push(opensFiles(file, place, outside));
        break;
      case 'unknown':
        findings.push(notKnown(file, place, outside));
        break;
    }
  }
  for (const place of program.members)
    if (isOutsideMember(place.name) || !(place.declared || isValueMember(place.name)))
      findings.push(notKnown(file, place, outside));
  if (program.bytecode) findings.push(bytecode(file, outside));
  if (program.sources === 0) findings.push(noSources(file, outside));
  // What blocks must not be cut off.
  return findings
    .sort((a, b) => Number(b.verdict === 'blocked') - Number(a.verdict === 'blocked'))
    .slice(0, FINDINGS_MAX);
}

function opensFiles(file: string, { name, member, line }: NamePlace, outside: string): Finding {
  return {
    rule: 'torchscript/opens-files',
    severity: 'high',
    verdict: 'blocked',
    file,
    member: outside + member,
    subject: printable(name),
    message: `line ${line}: the program uses ${printable(name)}, which opens files of the machine that runs it`,
    why: 'The program of a model computes; one that reads or writes files takes data along or changes the machine.',
    fix: 'Do not use this file. Ask the publisher for weights, or for a program without file access.',
  };
}

function notKnown(file: string, { name, member, line }: NamePlace, outside: string): Finding {
  return {
    ...program(file, outside + member),
    subject: printable(name),
    message: `line ${line}: the program uses ${printable(name)}, of which it is not known that it only computes`,
    why: 'Operators of other libraries, and rare ones of PyTorch itself, may do anything that their native code does.',
  };
}

function bytecode(file: string, outside: string): Finding {
  return {
    ...program(file, `${outside}bytecode.pkl`),
    message: 'the archive holds bytecode for the mobile interpreter beside its sources',
    why: 'On a phone this bytecode runs and not the sources, and it was not analysed.',
  };
}

function noSources(file: string, outside: string): Finding {
  return {
    ...program(file, outside === '' ? undefined : outside),
    message: 'the archive is TorchScript, but holds no source of a program',
    why: 'PyTorch would look for code that was not seen here.',
  };
}

function program(file: string, member: string | undefined): Omit<Finding, 'message' | 'why'> {
  return {
    rule: 'archive/torchscript',
    severity: 'high',
    verdict: 'inconclusive',
    file,
    ...(member === undefined ? {} : { member }),
    fix: 'Use weights with code that you reviewed, or waive this file after a review of its code/ folder.',
  };
}

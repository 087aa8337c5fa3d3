/**
 * Judging archives: what contradicts itself in the container, and each member by the scanner of what it holds.
 */
import { printable } from '../base/errors.ts';
import type { Finding } from '../base/finding.ts';
import type { ArchiveFacts } from '../formats/archive/facts.ts';
import type { CompressedFacts } from '../formats/compressed/facts.ts';
import { CONTENT } from '../formats/compressed/parse.ts';
import type { NumpyFacts } from '../formats/numpy/parse.ts';
import type { BaseFacts, Problem } from '../formats/parse.ts';
import type { PickleFacts } from '../formats/pickle/facts.ts';
import type { ZipFacts } from '../formats/zip/facts.ts';
import { type PickleTier, pickleTier, scanPickle, worst } from './pickle.ts';
import { scanSkops } from './skops.ts';
import { scanProgram } from './torchscript.ts';

/** Scans the facts of one member with the scanner for its format. */
export type MemberScanner = (file: string, facts: BaseFacts, member: string) => readonly Finding[];

/** Whatever holds other files: members, or the one content of a compressed stream. */
export type ContainerFacts = ZipFacts | ArchiveFacts | CompressedFacts;

/** Findings kept of one archive. */
const FINDINGS_MAX = 200;

/** Contradictions by which one reader is made to see another archive than the next. */
const TWO_STORIES = new Set([
  'headers-differ',
  'end-records-differ',
  'duplicate-member',
  'members-overlap',
  'bad-descriptor',
  'directory-misplaced',
  'entry-count',
  'trailing-data',
]);

/**
 * The findings on an archive: of its structure, then of its members, which `scanMember` judges by their facts.
 * `member` names the archive where it lies inside of another one.
 */
export function scanArchive(
  file: string,
  facts: ContainerFacts,
  { scanMember, member }: { readonly scanMember: MemberScanner; readonly member?: string },
): Finding[] {
  const findings: Finding[] = [];
  const outside = member === undefined ? '' : `${member}!`;
  for (const problem of facts.problems) findings.push(structural(file, problem, outside));
  const program = isZipFacts(facts) ? facts.pytorch?.program : undefined;
  if (program !== undefined) findings.push(...scanProgram(file, program, outside));
  if (isZipFacts(facts) && facts.skops !== undefined)
    findings.push(...scanSkops(file, facts.skops, `${outside}schema.json`));
  for (const inner of membersOf(facts)) {
    if (findings.length >= FINDINGS_MAX) break;
    const ofMember = scanMember(file, inner.facts, `${outside}${inner.name}`);
    findings.push(...(program !== undefined ? ofMember.filter((one) => !isProgramClass(one)) : ofMember));
  }
  return findings.slice(0, FINDINGS_MAX);
}

/** The worst tier of the pickles in a file, at any depth; undefined where it holds none. */
export function tierOf(facts: BaseFacts): PickleTier | undefined {
  if (isPickleFacts(facts)) return pickleTier(facts);
  if (isNumpyFacts(facts)) return facts.pickle === undefined ? undefined : pickleTier(facts.pickle);
  if (!isContainerFacts(facts)) return undefined;
  const tiers = membersOf(facts).flatMap(({ facts: inner }) => tierOf(inner) ?? []);
  return tiers.length === 0 ? undefined : worst(tiers);
}

/** The findings on an `.npy` file: those of its pickle, where its array holds Python objects. */
export function scanNumpy(file: string, facts: NumpyFacts, member?: string): Finding[] {
  return facts.pickle === undefined ? [] : scanPickle(file, facts.pickle, member);
}

export function isPickleFacts(facts: BaseFacts): facts is PickleFacts {
  return facts.format === 'pickle';
}

export function isNumpyFacts(facts: BaseFacts): facts is NumpyFacts {
  return facts.format === 'numpy';
}

export function isZipFacts(facts: BaseFacts): facts is ZipFacts {
  return facts.format === 'zip' || facts.format === 'pytorch';
}

export function isContainerFacts(facts: BaseFacts): facts is ContainerFacts {
  return (
    isZipFacts(facts) || facts.format === 'tar' || facts.format === '7z' || facts.format === 'compressed'
  );
}

/** What lies in a container, with the names that it has there. */
export function membersOf(
  facts: ContainerFacts,
): readonly { readonly name: string; readonly facts: BaseFacts }[] {
  if (facts.format !== 'compressed') return facts.members;
  return facts.content === undefined ? [] : [{ name: CONTENT, facts: facts.content }];
}

/** Classes that a TorchScript archive brings itself: its program is judged as one. Those made in C++ are not its own. */
function isProgramClass({ subject, verdict }: Finding): boolean {
  if (verdict !== 'inconclusive' || subject === undefined) return false;
  return subject.startsWith('__torch__.') && !subject.startsWith('__torch__.torch.classes.');
}

function structural(file: string, { code, offset, detail, member }: Problem, outside: string): Finding {
  const name = member === undefined ? undefined : `${outside}${member}`;
  const twoStories = TWO_STORIES.has(code);
  return {
    rule: `archive/${code}`,
    severity: twoStories ? 'high' : 'medium',
    verdict: 'inconclusive',
    file,
    ...(name === undefined ? {} : { member: name }),
    offset,
    message: printable(detail),
    why: twoStories
      ? 'Readers of such an archive see different content, which is how a scanner is shown something harmless.'
      : 'What the archive holds here was not read, so nothing can be said of it.',
    fix: 'Ask the publisher for a file as PyTorch or a zip tool writes it, or for safetensors.',
  };
}

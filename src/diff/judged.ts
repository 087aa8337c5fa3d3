/** What scanners say of the files that differ: findings, and what pickles would import and call. */
import type { Finding } from '../base/finding.ts';
import type { BaseFacts } from '../formats/parse.ts';
import type { PickleFacts } from '../formats/pickle/facts.ts';
import { isContainerFacts, isNumpyFacts, isPickleFacts, membersOf } from '../scan/archive.ts';
import type { Looks } from './diff.ts';
import type { Looked } from './side.ts';

export interface FindingChanges {
  readonly added: readonly Finding[];
  readonly removed: readonly Finding[];
}

export function findingChanges({ a, b }: Looks): FindingChanges {
  const before = findingsOf(a);
  const after = findingsOf(b);
  return {
    added: [...after].filter(([name]) => !before.has(name)).map(([, finding]) => finding),
    removed: [...before].filter(([name]) => !after.has(name)).map(([, finding]) => finding),
  };
}

/** By what they are about: places move when a file changes. */
function findingsOf(looks: ReadonlyMap<string, Looked>): ReadonlyMap<string, Finding> {
  const found = new Map<string, Finding>();
  for (const { findings } of looks.values())
    for (const one of findings)
      found.set(JSON.stringify([one.rule, one.file, one.member, one.subject, one.verdict]), one);
  return found;
}

export interface GlobalChanges {
  /** `torch._utils._rebuild_tensor_v2 (call)`. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

export function globalChanges({ a, b }: Looks): GlobalChanges {
  const before = globalsOf(a);
  const after = globalsOf(b);
  return {
    added: [...after].filter((name) => !before.has(name)).sort(),
    removed: [...before].filter((name) => !after.has(name)).sort(),
  };
}

function globalsOf(looks: ReadonlyMap<string, Looked>): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { facts } of looks.values()) {
    for (const { globals } of picklesIn(facts))
      for (const { module, name, operation } of globals) found.add(`${module}.${name} (${operation})`);
  }
  return found;
}

/** The pickles of a file, at any depth: archives are nested four deep at the most. */
function* picklesIn(facts: BaseFacts): Generator<PickleFacts> {
  if (isPickleFacts(facts)) {
    yield facts;
    for (const { facts: inner } of facts.nested) yield* picklesIn(inner);
  } else if (isNumpyFacts(facts)) {
    if (facts.pickle) yield* picklesIn(facts.pickle);
  } else if (isContainerFacts(facts)) {
    for (const { facts: inner } of membersOf(facts)) yield* picklesIn(inner);
  }
}

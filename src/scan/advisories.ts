/**
 * Judging by advisories: whether a model is of the kind that a known weakness of a loader takes. Where nobody says
 * which loader will read it, that is a note; where the loader and its version are named, those that have the weakness
 * make the file unclear, and those that do not have it say nothing.
 */
import type { Finding } from '../base/finding.ts';
import type { Facts } from '../formats/facts.ts';
import type { BaseFacts } from '../formats/parse.ts';
import type { Advisory, AdvisoryFile, AdvisoryTest } from './advisory-file.ts';
import { isContainerFacts, membersOf, tierOf } from './archive.ts';
import { finding, some } from './judgement.ts';
import type { Loader } from './loaders.ts';
import { inRange, rangeInWords } from './versions.ts';

export interface AdvisedFile {
  readonly path: string;
  readonly facts: Facts;
  /** What the scanners found in it. */
  readonly findings: readonly Finding[];
}

/** Deepest archives that are looked into: as deep as they are parsed. */
const DEPTH_MAX = 8;

/** Notes about all files together where no loader is named; findings on each file where one is. */
export function scanAdvisories(
  files: readonly AdvisedFile[],
  { advisories, brings }: Pick<AdvisoryFile, 'advisories' | 'brings'>,
  loader?: Loader,
): Finding[] {
  const views = files.map((file) => new View(file));
  return advisories.flatMap((advisory) => {
    if (loader !== undefined && !concerns(advisory, loader, brings)) return [];
    const fitting = views.filter((view) => applies(advisory, view)).map(({ file }) => file);
    if (fitting.length === 0) return [];
    return loader === undefined
      ? [note(advisory, fitting)]
      : fitting.map((file) => affected(advisory, file.path, loader));
  });
}

/** Whether the loader, or a library that it brings, has the weakness. The versions of what it brings are unknown. */
export function concerns(
  { loader: weak, affected: ranges }: Pick<Advisory, 'loader' | 'affected'>,
  { name, version }: Loader,
  brings: AdvisoryFile['brings'],
): boolean {
  if (weak !== name) return brings[name]?.includes(weak) ?? false;
  return version === undefined || ranges.some((range) => inRange(version, range));
}

function note(advisory: Advisory, files: readonly AdvisedFile[]): Finding {
  const [first] = files;
  const only = files.length === 1 ? first?.path : undefined;
  const where = only === undefined ? ` (${some(files.map(({ path }) => path))})` : '';
  return {
    ...finding(
      {
        rule: ruleOf(advisory),
        severity: 'info',
        verdict: 'clean',
        why: advisory.summary,
        fix: `Load it with ${advisory.loader} of another version; --loader says which one you have.`,
      },
      {
        file: only ?? '',
        subject: advisory.loader,
        message: `${advisory.id} (${advisory.severity}) concerns ${versionsOf(advisory)}${where}`,
      },
    ),
    references: referencesOf(advisory),
  };
}

function affected(advisory: Advisory, file: string, { name, version }: Loader): Finding {
  const { loader: weak, severity } = advisory;
  const grave = severity === 'high' || severity === 'critical';
  const which =
    weak === name
      ? version === undefined
        ? `${name}, whose version is not named, may be affected`
        : `${name} ${version} is affected`
      : `${weak}, which ${name} brings in a version that is not known, may be affected`;
  return {
    ...finding(
      {
        rule: ruleOf(advisory),
        severity,
        verdict: grave ? 'inconclusive' : 'clean',
        why: advisory.summary,
        fix: `Take a version of ${weak} that does not have it, and name it with --loader.`,
      },
      {
        file,
        subject: weak,
        message: `${advisory.id}: ${which}; it concerns ${versionsOf(advisory)}`,
      },
    ),
    references: referencesOf(advisory),
  };
}

function ruleOf({ id }: Advisory): string {
  return `advisory/${id}`;
}

function referencesOf({ id, references }: Advisory): readonly string[] {
  return [id, ...references];
}

/** The affected versions in words. */
export function versionsOf({ loader, affected: ranges }: Pick<Advisory, 'loader' | 'affected'>): string {
  return `${loader} ${ranges.map(rangeInWords).join(', ')}`;
}

/** A file as tests ask for it; what lies in it is found out once. */
class View {
  readonly file: AdvisedFile;
  #inside: readonly Inner[] | undefined;
  #tier: string | undefined;

  constructor(file: AdvisedFile) {
    this.file = file;
  }

  get inside(): readonly Inner[] {
    this.#inside ??= inside(this.file.facts);
    return this.#inside;
  }

  /** Empty where there is no pickle. */
  get tier(): string {
    this.#tier ??= tierOf(this.file.facts) ?? '';
    return this.#tier;
  }
}

function applies({ when }: Advisory, view: View): boolean {
  return when.some((group) => group.every((test) => holds(test, view)));
}

function holds(test: AdvisoryTest, view: View): boolean {
  const { path, facts, findings } = view.file;
  if ('formats' in test) return view.inside.some(({ facts: { format } }) => test.formats.includes(format));
  if ('names' in test) return test.names.some((pattern) => fits(pattern, lastPart(path)));
  if ('members' in test)
    return view.inside.some(({ name }) => name !== undefined && test.members.includes(lastPart(name)));
  if ('tiers' in test) return test.tiers.includes(view.tier);
  if ('rules' in test)
    return findings.some(
      ({ rule, subject = '', message }) =>
        test.rules.some((wanted) => fits(wanted, rule)) &&
        (test.about?.some((part) => subject.includes(part) || message.includes(part)) ?? true),
    );
  if ('keys' in test) return keysOf(facts).some((key) => keyHolds(test, key));
  if ('externalData' in test) return facts.format === 'onnx' && facts.externalFiles.length > 0;
  return view.inside.some(({ facts: one }) => hasTemplate(one));
}

function keyHolds(
  test: Extract<AdvisoryTest, { keys: unknown }>,
  { key, value }: { readonly key: string; readonly value: string },
): boolean {
  if (!test.keys.includes(key)) return false;
  if (test.is !== undefined && !test.is.includes(value.toLowerCase())) return false;
  return test.holds?.some((part) => value.includes(part)) ?? true;
}

function keysOf(facts: Facts): readonly { readonly key: string; readonly value: string }[] {
  if (facts.format !== 'json' && facts.format !== 'text') return [];
  return facts.notable.map(({ key, value }) => ({ key, value: String(value) }));
}

function hasTemplate(facts: BaseFacts): boolean {
  if (facts.format === 'template') return true;
  return 'templates' in facts && Array.isArray(facts.templates) && facts.templates.length > 0;
}

interface Inner {
  readonly name?: string;
  readonly facts: BaseFacts;
}

/** The file and what lies in it. */
function inside(facts: BaseFacts): readonly Inner[] {
  const levels: (readonly Inner[])[] = [[{ facts }]];
  for (let depth = 0; depth < DEPTH_MAX; depth += 1) {
    const level = (levels[depth] ?? []).flatMap(({ facts: outer }) =>
      isContainerFacts(outer) ? membersOf(outer) : [],
    );
    if (level.length === 0) break;
    levels.push(level);
  }
  return levels.flat();
}

/** Whether a text is as the pattern says, in which one `*` stands for any characters. */
function fits(pattern: string, text: string): boolean {
  const star = pattern.indexOf('*');
  if (star < 0) return text === pattern;
  const [begin, end] = [pattern.slice(0, star), pattern.slice(star + 1)];
  return text.length >= begin.length + end.length && text.startsWith(begin) && text.endsWith(end);
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/**
 * The modules of a repo together: what one imports of another runs where it is called, and the finding names the way
 * through both. A module is found as Python finds it, by its path from the one that imports it or from the folders
 * above; what no file of the repo answers to belongs to a library.
 */
import type { Finding } from '../base/finding.ts';
import type { Facts } from '../formats/facts.ts';
import type { PythonFacts, PythonUse } from '../formats/python.ts';
import { finding, quoted, type Rule } from './judgement.ts';

/** Calls between modules that are followed in one repo, and the depth of a way through them. */
const CALLS_MAX = 2000;
const MODULES_DEEP_MAX = 8;

/** Findings kept. */
const FINDINGS_MAX = 30;

const ACROSS: Rule = {
  rule: 'python/runs-at-import',
  severity: 'critical',
  verdict: 'blocked',
  why: 'It happens as soon as a loader imports the module, before any model exists.',
  fix: 'Do not admit it; report it to the Hub.',
};

const REACHES_OUT: Rule = {
  rule: 'python/acts-at-import',
  severity: 'high',
  verdict: 'inconclusive',
  why: 'It happens as soon as a loader imports the module; model code has no need for it there.',
  fix: 'Have a person read the module, or admit without it: --exclude @code.',
};

type Outside = PythonFacts['outside'][number];

interface Open {
  readonly file: string;
  readonly call: Outside;
  /** The way to the call. */
  readonly way: string;
  readonly start: string;
  readonly line: number;
  readonly depth: number;
}

/** What importing one module of the repo makes another one do. */
export function scanModules(files: readonly { readonly path: string; readonly facts: Facts }[]): Finding[] {
  const modules = new Map<string, PythonFacts>();
  for (const { path, facts } of files) if (facts.format === 'python') modules.set(path, facts);
  if (modules.size < 2) return [];
  const open: Open[] = [];
  for (const [file, facts] of modules) {
    for (const call of facts.outside) {
      if (call.when === 'import' && open.length < CALLS_MAX)
        open.push({ file, call, way: call.path, start: file, line: call.line, depth: 0 });
    }
  }
  const findings: Finding[] = [];
  const seen = new Set<string>();
  for (const at of open) {
    const target = find(at, modules);
    const facts = target && modules.get(target.file);
    if (target === undefined || facts === undefined || at.depth >= MODULES_DEEP_MAX) continue;
    const key = `${at.start} ${at.line} ${target.file} ${target.name}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const way = `${at.way} → ${target.name}() in ${target.file}`;
    const leads = (one: Outside | PythonUse) => one.entrances?.includes(target.name) === true;
    for (const use of facts.uses.filter(leads)) {
      const rule = ruleOf(use);
      if (rule !== undefined && findings.length < FINDINGS_MAX) findings.push(say(rule, { at, use, way }));
    }
    for (const call of facts.outside.filter(leads)) {
      if (open.length < CALLS_MAX) open.push({ ...at, file: target.file, call, way, depth: at.depth + 1 });
    }
  }
  return findings;
}

function ruleOf({ family, called }: PythonUse): Rule | undefined {
  switch (family) {
    case 'process':
      return called ? ACROSS : REACHES_OUT;
    case 'code':
    case 'network':
    case 'deserialise':
    case 'native':
    case 'machine':
    case 'reflection':
      return REACHES_OUT;
    case 'files':
    case 'decode':
      return undefined;
  }
}

function say(
  rule: Rule,
  { at, use, way }: { readonly at: Open; readonly use: PythonUse; readonly way: string },
): Finding {
  const message = `line ${at.line} leads to ${quoted(use.name)} when the module is imported: ${way} → ${use.name}`;
  return finding(rule, { file: at.start, subject: use.name, message });
}

/** The file and the definition that a dotted name means, seen from another file. */
function find(
  { file, call }: Open,
  modules: ReadonlyMap<string, unknown>,
): { readonly file: string; readonly name: string } | undefined {
  const dots = /^\.*/.exec(call.name)?.[0].length ?? 0;
  const parts = call.name.slice(dots).split('.');
  const folders = file.split('/').slice(0, -1);
  // `.` is the folder of the file, each further point one above; without a point, any folder may be on the path.
  const bases = dots > 0 ? [folders.slice(0, folders.length - dots + 1)] : [folders, []];
  if (dots > folders.length + 1) return undefined;
  for (const base of bases) {
    for (let length = parts.length - 1; length > 0; length -= 1) {
      const module = [...base, ...parts.slice(0, length)].join('/');
      const name = parts[length] ?? '';
      for (const candidate of [`${module}.py`, `${module}/__init__.py`])
        if (candidate !== file && modules.has(candidate)) return { file: candidate, name };
    }
    const inside = [...base, '__init__.py'].join('/');
    if (dots > 0 && parts.length === 1 && inside !== file && modules.has(inside))
      return { file: inside, name: parts[0] ?? '' };
  }
  return undefined;
}

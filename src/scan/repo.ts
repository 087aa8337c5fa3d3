/**
 * The repo as a whole: which code a loader will run, which other repos it leads to, whether the weights are all
 * there and there only once, and whether names tell the truth about content.
 */
import type { Finding } from '../base/finding.ts';
import type { Facts } from '../formats/facts.ts';
import { finding, type Rule, some } from './judgement.ts';
import { scanLicenses } from './licenses.ts';
import { scanNames } from './names.ts';
import { scanModules } from './python-modules.ts';
import { type PlacedKey, type Reference, referencesOf } from './references.ts';
import { duplicateWeights, scanShards } from './shards.ts';

export interface RepoFile {
  readonly path: string;
  readonly facts: Facts;
}

export interface RepoScan {
  /** Findings about files together. One that is `inconclusive` speaks for its file, or for all where it names none. */
  readonly findings: readonly Finding[];
  readonly references: readonly Reference[];
  /** Whether loading the given files as their configuration asks for runs Python of the repo or of another. */
  readonly remoteCode: boolean;
  /** Python files among the given ones. */
  readonly remoteCodeFiles: readonly string[];
  /** Weights that stand here a second time in another format. */
  readonly duplicateWeights: readonly string[];
  readonly templates: readonly { readonly file: string; readonly where: string; readonly sha256: string }[];
  /** As the model card declares it. */
  readonly license?: string;
}

/** Judges the given files together: the selected ones, since what is left out does not come in. */
export function scanRepo(files: readonly RepoFile[]): RepoScan {
  const paths = new Set(files.map(({ path }) => path));
  const notables = files.flatMap(notablesOf);
  const code = notables.map((notable) => codeOf(notable, paths));
  const remoteCodeFiles = files.filter(isCode).map(({ path }) => path);
  const remoteCode = remoteCodeFiles.length > 0 || code.some(({ runs }) => runs);
  const absent = code.flatMap(({ absent: file }) => file ?? []);
  const license = files.find(({ path, facts }) => path === 'README.md' && cardOf(facts) !== undefined);
  const declared = license === undefined ? undefined : cardOf(license.facts)?.license;
  return {
    findings: [
      ...scanNames(files),
      ...scanShards(files),
      ...scanLicenses(files),
      ...scanModules(files),
      ...noteCode(remoteCodeFiles),
      ...noteAbsent(absent),
    ],
    references: referencesOf(files, notables),
    remoteCode,
    remoteCodeFiles,
    duplicateWeights: duplicateWeights(files.map(({ path }) => path)),
    templates: files.flatMap(({ path, facts }) =>
      templatesOf(facts).map(({ where, sha256 }) => ({ file: path, where, sha256 })),
    ),
    ...(declared === undefined ? {} : { license: declared }),
  };
}

const BRINGS_CODE: Rule = {
  rule: 'remote-code/python-files',
  severity: 'medium',
  verdict: 'clean',
  why: 'Loaders that trust remote code, custom handlers and people run what lies beside the weights.',
  fix: 'Review the code and approve, or admit without it: --exclude @code.',
};

const ABSENT: Rule = {
  rule: 'remote-code/absent',
  severity: 'info',
  verdict: 'clean',
  why: 'Loaders that do not trust remote code are unaffected; those that do will not find the module.',
  fix: 'Serve the model with an architecture that the runtime brings itself.',
};

function noteCode(files: readonly string[]): Finding[] {
  if (files.length === 0) return [];
  return [finding(BRINGS_CODE, { file: '', message: `the repo brings Python: ${some(files)}` })];
}

function noteAbsent(files: readonly string[]): Finding[] {
  if (files.length === 0) return [];
  const message = `the configuration names modules that are not among the files: ${some([...new Set(files)])}`;
  return [finding(ABSENT, { file: '', message })];
}

/** Python by its name (what an import finds), unless there is nothing in it. */
function isCode({ path, facts }: RepoFile): boolean {
  if (!/\.pyw?$/i.test(path)) return false;
  return !(facts.format === 'text' && facts.onlyComments && facts.shebang === undefined);
}

function notablesOf({ path: file, facts }: RepoFile): readonly PlacedKey[] {
  if (facts.format === 'json')
    return facts.notable.map(({ key, value, path: where }) => ({ file, key, value, where }));
  if (facts.format === 'text')
    return facts.notable.map(({ key, value }) => ({ file, key, value, where: key }));
  return [];
}

function templatesOf(facts: Facts) {
  if (facts.format === 'json' || facts.format === 'gguf') return facts.templates;
  return facts.format === 'template' ? [facts.template] : [];
}

function cardOf(facts: Facts) {
  return facts.format === 'text' ? facts.card : undefined;
}

/** Whether a key makes a loader run code that is here or elsewhere, or names a module that is not here. */
function codeOf(
  { file, key, value, where }: PlacedKey,
  paths: ReadonlySet<string>,
): { readonly runs: boolean; readonly absent?: string } {
  const text = String(value);
  switch (key) {
    case 'auto_map':
      return typeof value === 'string' ? moduleOf(file, text, paths) : { runs: false };
    case 'type': {
      if (/^(?:sentence_transformers|torch)\./.test(text)) return { runs: false };
      return moduleOf(file, text, paths);
    }
    // diffusers: a pipeline of the repo's own is `[module, class]`.
    case '_class_name':
      return /\.0$/.test(where) && text !== 'diffusers' ? moduleOf(file, `${text}.`, paths) : { runs: false };
    case 'trust_remote_code':
      return { runs: value === true || /^(?:true|yes|on|1)$/i.test(text) };
    case 'custom_pipeline':
    case 'custom_pipelines':
    case 'custom_generate':
      return { runs: value !== '' && value !== false };
    case '_target_':
      return { runs: !LIBRARIES.test(text) };
    case 'experts_implementation':
    case '_attn_implementation':
    case '_attn_implementation_internal':
    case 'attn_implementation':
      return { runs: text.includes('/') };
    default:
      return { runs: false };
  }
}

/** Libraries whose classes a configuration may name without bringing code of its own. */
const LIBRARIES =
  /^(?:torch|torchaudio|torchvision|transformers|diffusers|peft|accelerate|omegaconf|hydra|lightning|pytorch_lightning|nemo|timm|open_clip|monai|audiocraft)\.[A-Za-z_]/;

/** `module.Class` beside the configuration, or `org/repo--module.Class` in another repo. */
function moduleOf(from: string, text: string, paths: ReadonlySet<string>) {
  if (text.includes('--')) return { runs: true };
  const module = text.slice(0, text.lastIndexOf('.')).replaceAll('.', '/');
  if (module === '') return { runs: false };
  const folder = from.includes('/') ? from.slice(0, from.lastIndexOf('/') + 1) : '';
  const candidates = [`${folder}${module}.py`, `${module}.py`, `${folder}${module}/__init__.py`];
  return candidates.some((candidate) => paths.has(candidate))
    ? { runs: true }
    : { runs: false, absent: `${folder}${module}.py` };
}
